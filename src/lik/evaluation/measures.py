"""The measures of an evaluation: a new one is a function here, and a line in `MEASURES`.

A measure is given a `Measurement` and yields what it finds: metrics, means by name for those who
read ``metrics.json``, probes, and notes on what could not be measured and why.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lik.core.errors import UnusableInput
from lik.core.pixels import to_float
from lik.core.randomness import derive, numpy_stream, torch_stream
from lik.evaluation.evaluator import Measurement
from lik.evaluation.fidelity import SCALE, measure_fidelity, standard_error, summary
from lik.evaluation.importance import bits_per_dimension, importance_weighted_bound
from lik.evaluation.networks import embed, feature_distance
from lik.evaluation.report import Conditions, Evaluation, Metric, Network, sorted_out
from lik.evaluation.representation import (
    Probe,
    dci,
    factor_vae_score,
    linear_probes,
    mutual_information_gap,
    separated_attribute_predictability,
)
from lik.evaluation.sets import OF_HALVES, RealFaces, metrics_of_set
from lik.objectives.likelihood import likelihood
from lik.training.feature_networks import remark_on_teacher
from lik.training.journal import ACTIVE

Found = Iterator[Metric | Probe | dict[str, Any] | str]

OF_FACES = "standard error over faces"


def conditions(given: Measurement) -> Found:
    """Note what makes the numbers of a run others than they seem."""
    name, session, faces = given.name, given.session, given.subject.faces
    missing = {"encoder", "decoder"} - set(session.parts)
    if missing:
        yield f"{name} has no {missing.pop()}: measured is what needs none."
    learned, crop = (
        {key: value for key, value in (rule or {}).items() if value is not None}
        for rule in (session.metadata.get("crop"), faces.crop)
    )
    # What the one leaves open, the other may have filled in.
    same = all(crop[key] == value for key, value in learned.items() if key in crop)
    if session.metadata.get("hash") != faces.hash and not same:
        kind, own = learned.get("kind"), crop["kind"]
        yield f"{name} learned faces of another " + (
            f"{own} crop." if kind == own else f"crop ({kind}) than it is measured on ({own})."
        )
    for network in (real.network for real in given.subject.references):
        if remark := remark_on_teacher(name, session.metadata, network.name, network.sha256):
            yield remark


def active_units(given: Measurement) -> Found:
    """Dimensions in use, by their KL and by the variance of their means."""
    kl = given.posteriors.kl_per_dimension()
    yield Metric(
        "active_units", f"active units (KL > {ACTIVE:g} nats)", "code",
        float((kl > ACTIVE).sum()), given.count, f"of {len(kl)}", digits=0,
    )  # fmt: skip
    means = given.posteriors.means.astype(np.float64)
    if given.count > 1:
        yield Metric(
            "active_means", "active units (Var of means > 0.01)", "code",
            float((means.var(axis=0, ddof=1) > 0.01).sum()), given.count,
            f"of {means.shape[1]}", digits=0,
        )  # fmt: skip


def fidelity(given: Measurement) -> Found:
    """The paper's loss parts, and how near each reconstruction comes to its original."""
    seed = given.request.seed
    found = measure_fidelity(given.session, given.subject.pictures, seed, given.progress)
    yield {"scale": SCALE, **summary(found), "seed": seed}
    nats: dict[str, Any] = {"unit": "nats", "better": "lower"}
    yield _mean("loss", "loss", "loss", found["loss"], seed=seed, **nats)
    sampled = found["reconstruction"]
    yield _mean("reconstruction", "reconstruction (one sample)", "loss", sampled, seed=seed, **nats)
    yield _mean("kl", "KL", "loss", found["kl"], unit="nats")
    yield _mean(
        "reconstruction_from_mean", "reconstruction from the mean", "loss",
        found["reconstruction_from_mean"], **nats,
    )  # fmt: skip
    for key, label, unit, digits in (
        ("psnr", "PSNR", "dB", 2), ("ssim", "SSIM", "", 4), ("ms_ssim", "MS-SSIM", "", 4),
    ):  # fmt: skip
        if key in found:
            yield _mean(
                key, label, "likeness", found[key], unit=unit, digits=digits, better="higher"
            )


def kl_alone(given: Measurement) -> Found:
    """KL where there is no decoder: `fidelity` has it elsewhere."""
    if "decoder" not in given.session.parts:
        kl = given.posteriors.kl.sum(axis=1, dtype=np.float64)
        yield _mean("kl", "KL", "loss", kl, unit="nats")


def reconstructions_as_set(given: Measurement) -> Found:
    """Reconstructions against the faces: each from its own, and all as a set."""
    for real in given.subject.references:
        network = real.network
        given.progress(f"reconstructions ({network.name})", 0, 1)
        if network.maps is not None:
            found = feature_distance(given.subject.pictures, given.reconstructions, network.maps)
            yield _mean(
                f"feature_distance_{network.name}", f"feature distance ({network.name})",
                "likeness", found, digits=4, better="lower",
                network=Network(network.name, network.sha256),
            )  # fmt: skip
        yield from _compared(
            given, real, "reconstructions", [embed(network, given.reconstructions)]
        )


def samples_as_set(given: Measurement) -> Found:
    """Samples of the prior as a set of faces."""
    references, request = given.subject.references, given.request
    count = request.samples or given.count
    sets: list[list[NDArray[np.float32]]] = [[] for _ in references]
    for draw in range(request.repeats if references else 0):
        given.progress("samples", draw, request.repeats)
        seed = derive(request.seed, "samples", draw)
        pictures = given.session.generate(count, seed)
        for real, drawn in zip(references, sets, strict=True):
            drawn.append(embed(real.network, pictures))
    for real, drawn in zip(references, sets, strict=True):
        yield from _compared(given, real, "samples", drawn)


def bound_on_likelihood(given: Measurement) -> Found:
    """The importance-weighted bound on log p(x), where the objective is a likelihood."""
    codes, metadata = given.request.importance, given.session.metadata
    if not codes:
        return
    objective, gaussian = metadata.get("objective"), given.posteriors.gaussian()
    if gaussian is None:
        yield "No likelihood: it is known of Gaussian codes alone."
        return
    try:
        found = likelihood(
            objective or {"reconstruction": "sse"}, metadata.get("objective_state") or {}
        )
    except UnusableInput as error:
        yield f"No likelihood: {error}"
        return
    if not objective:
        yield (
            f"{given.name} does not say its objective: the likelihood is taken for that of the "
            f"published scale ({found.name})."
        )
    device, seed = given.session.device, given.request.seed
    images = to_float(given.subject.pictures).to(device)
    stream = torch_stream(seed, "importance", device=device)
    bound = importance_weighted_bound(
        images, gaussian, given.session.model.decode, found.log_density, codes, stream,
        given.progress,
    )  # fmt: skip
    pixels = images[0].numel()
    lower: dict[str, Any] = {"better": "lower", "seed": seed}
    for key, label, nats in (
        ("negative_elbo", "−ELBO", -bound.elbo),
        (f"nll_{codes}", f"−log p(x) by {codes:,} codes", -bound.importance_weighted),
    ):
        values = nats.cpu().numpy()
        bits = np.array([bits_per_dimension(-v, pixels, found.discrete) for v in values])
        yield _mean(key, f"{label} ({found.name})", "likelihood", values, unit="nats", **lower)
        yield _mean(
            f"{key}_bits", label, "likelihood", bits, unit="bits/dimension", digits=4, **lower
        )
    yield Metric(
        "effective_codes", "effective codes of it", "likelihood", float(bound.effective.mean()),
        given.count, f"of {codes:,}", better="higher", digits=1, seed=seed,
    )  # fmt: skip


def probes(given: Measurement) -> Found:
    """How well linear probes read the attributes from the code."""
    faces, chosen = given.subject.faces, given.subject.chosen
    train = faces.indices("train")
    if not faces.attribute_names:
        yield "The face set has no attributes, so there are no linear probes."
        return
    if not len(train):
        yield "Without a train split there are no linear probes."
        return
    given.progress("linear probes", 0, 1)
    found = linear_probes(
        given.training_codes, faces.attributes[train],
        given.posteriors.means, faces.attributes[chosen], faces.attribute_names,
    )  # fmt: skip
    if not found:
        yield "No attribute is both had and lacked by enough faces for a probe."
        return
    if np.isin(train, chosen).any():
        yield "The linear probes are tried on faces that they were fitted to."
    yield from found
    hits = np.stack([probe.hits for probe in found])
    per_face = np.nanmean(hits[:, ~np.isnan(hits).all(axis=0)], axis=0)
    label = f"{len(found)} linear probes"
    more: dict[str, Any] = {"count": given.count, "unit": "%", "better": "higher"}
    error = standard_error(100 * per_face)
    yield Metric(
        "probe_accuracy", f"{label}, accuracy", "code",
        100 * float(np.mean([probe.accuracy for probe in found])), spread=error,
        spread_of="" if error is None else OF_FACES, **more,
    )  # fmt: skip
    yield Metric(
        "probe_majority", "the same by saying the majority", "code",
        100 * float(np.mean([probe.majority for probe in found])), given.count, "%",
    )  # fmt: skip
    balanced = [probe.balanced for probe in found if probe.balanced is not None]
    if balanced:
        yield Metric(
            "probe_balanced", f"{label}, balanced accuracy", "code",
            100 * float(np.mean(balanced)), **more,
        )  # fmt: skip


def true_factors(given: Measurement) -> Found:
    """Whether dimensions stand for factors, where the true ones are known."""
    faces, request = given.subject.faces, given.request
    if faces.factors is None:
        return
    given.progress("true factors", 0, 1)
    codes, factors = given.posteriors.means, faces.factors[given.subject.chosen]
    more: dict[str, Any] = {"count": given.count, "better": "higher", "digits": 3}
    try:
        for key, label, score in (
            ("mig", "MIG", mutual_information_gap),
            ("sap", "SAP", separated_attribute_predictability),
        ):
            halves = _over_halves(score, codes, factors, request.seed, key, request.repeats)
            yield Metric(
                key, label, "factors", score(codes, factors), seed=request.seed,
                repeats=len(halves) or None, **_std(halves, OF_HALVES), **more,
            )  # fmt: skip
        draws = [
            factor_vae_score(codes, factors, derive(request.seed, "votes", draw))
            for draw in range(request.repeats)
        ]
        yield Metric(
            "factor_vae", "FactorVAE score", "factors", float(np.mean(draws)), seed=request.seed,
            repeats=len(draws), **_std(draws, "standard deviation over draws of votes"), **more,
        )  # fmt: skip
        train = faces.indices("train")
        if not len(train):
            yield "DCI needs a train split."
            return
        found = dci(given.training_codes, faces.factors[train], codes, factors)
        for key in ("disentanglement", "completeness", "informativeness"):
            yield Metric(f"dci_{key}", f"DCI {key}", "factors", getattr(found, key), **more)
    except UnusableInput as error:
        yield f"Not all is told of the true factors: {error}"


@dataclass(frozen=True)
class Measure:
    """A function that measures, and which halves of a model it needs."""

    function: Callable[[Measurement], Found]
    needs: tuple[str, ...] = ("encoder", "decoder")


MEASURES = (
    Measure(conditions, ()),
    Measure(active_units, ("encoder",)),
    Measure(fidelity),
    Measure(kl_alone, ("encoder",)),
    Measure(reconstructions_as_set),
    Measure(bound_on_likelihood),
    Measure(probes, ("encoder",)),
    Measure(true_factors, ("encoder",)),
    Measure(samples_as_set, ("decoder",)),
)
"""Everything that is measured, in order."""


def measure(given: Measurement) -> Evaluation:
    """Every measure of `MEASURES` that a run has the halves for."""
    found = [
        one
        for kind in MEASURES
        if set(kind.needs) <= set(given.session.parts)
        for one in kind.function(given)
    ]
    metrics, notes = sorted_out([one for one in found if isinstance(one, Metric)])
    faces = given.subject.faces
    return Evaluation(
        given.name,
        Conditions(faces.path.name, faces.hash, given.request.split, faces.crop),
        given.count,
        metrics,
        given.subject.baseline,
        tuple(one.as_json() for one in found if isinstance(one, Probe)),
        tuple([one for one in found if isinstance(one, str)] + notes),
        {key: value for one in found if isinstance(one, dict) for key, value in one.items()},
    )


def _mean(key: str, label: str, group: str, values: NDArray[np.floating], **more: Any) -> Metric:
    """A mean over the faces (N,), with its standard error."""
    error = standard_error(values)
    return Metric(
        key, label, group, float(values.mean()), len(values), spread=error,
        spread_of="" if error is None else OF_FACES, **more,
    )  # fmt: skip


def _compared(
    given: Measurement, real: RealFaces, group: str, sets: list[NDArray[np.float32]]
) -> Found:
    try:
        yield from metrics_of_set(real, group, sets, given.request.seed, given.request.repeats)
    except UnusableInput as error:
        yield f"No distances of {group} ({real.network.name}): {error}"


def _over_halves(
    score: Callable[[Any, Any], float], codes: Any, factors: Any, seed: int, key: str, repeats: int
) -> list[float]:
    """A score of random halves of the faces; none of fewer than 40."""
    stream = numpy_stream(seed, "halves", key)
    halves = [stream.permutation(len(codes))[: len(codes) // 2] for _ in range(repeats)]
    return [score(codes[half], factors[half]) for half in halves] if len(codes) >= 40 else []


def _std(values: list[float], what: str) -> dict[str, Any]:
    if len(values) < 2:
        return {}
    return {"spread": float(np.std(values, ddof=1)), "spread_of": what}
