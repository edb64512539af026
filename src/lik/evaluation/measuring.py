"""Measuring a run: every figure that it and the face set allow, and a note for each other.

A run without an encoder or without a decoder (imported ones) is measured as far as it goes.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, SupportsFloat

import numpy as np
import torch
from numpy.typing import NDArray

from lik.core.errors import UnusableInput
from lik.core.gaussian import DiagonalGaussian
from lik.core.pixels import to_float
from lik.core.randomness import derive, numpy_stream, torch_stream
from lik.evaluation.disentanglement import (
    dci,
    factor_vae_score,
    mutual_information_gap,
    separated_attribute_predictability,
)
from lik.evaluation.feature_distance import feature_distance
from lik.evaluation.fidelity import Fidelity, measure_fidelity
from lik.evaluation.likelihood import bits_per_dimension, importance_weighted_bound
from lik.evaluation.networks import embed
from lik.evaluation.probes import linear_probes
from lik.evaluation.report import Conditions, Evaluation, Figure, Network, sorted_out
from lik.evaluation.sets import Judge, figures_of_set
from lik.evaluation.subject import Plan, Progressed, Subject
from lik.latent.session import Posteriors, Session
from lik.objectives.likelihood import likelihood
from lik.training.feature_networks import remark_on_teacher
from lik.training.journal import ACTIVE

STANDARD_ERROR = "standard error over faces"


@dataclass(frozen=True)
class Measured:
    """An evaluation, and the fidelity of it that `metrics.json` has always held, if any."""

    evaluation: Evaluation
    fidelity: Fidelity | None


class Evaluator:
    """Measures one run on one subject; each method gives the figures of one part."""

    def __init__(
        self, session: Session, subject: Subject, plan: Plan, progressed: Progressed
    ) -> None:
        self.session, self.subject, self.plan = session, subject, plan
        self.progressed = progressed
        self.count = len(subject.chosen)
        self.parts = session.metadata.get("parts", ["encoder", "decoder"])
        self.figures: list[Figure] = []
        self.notes: list[str] = []
        self.probes: list[dict[str, Any]] = []
        self.fidelity: Fidelity | None = None

    def evaluate(self, floor: tuple[Figure, ...]) -> Measured:
        """Measure everything that can be."""
        encodes, decodes = "encoder" in self.parts, "decoder" in self.parts
        missing = [part for part, there in (("encoder", encodes), ("decoder", decodes))
                   if not there]  # fmt: skip
        if missing:
            self.notes.append(
                f"{self.session.name} has no {missing[0]}: measured is what needs none."
            )
        self._note_crop()
        self._note_teacher()
        if encodes:
            self.progressed("encoding", 0, 1)
            posteriors = self.session.posteriors(self.subject.pictures)
            self._code(posteriors)
            if decodes:
                self._fidelity()
                self._sets_of_reconstructions(posteriors)
                if self.plan.importance:
                    self._likelihood(posteriors)
            else:
                self._rate(posteriors)
            self._probes(posteriors)
            self._factors(posteriors)
        if decodes:
            self._sets_of_samples()
        figures, notes = sorted_out(self.figures)
        faces = self.subject.faces
        conditions = Conditions(faces.path.name, faces.hash, self.plan.split, faces.crop)
        evaluation = Evaluation(
            self.session.name, conditions, figures, floor, tuple(self.probes),
            tuple(self.notes + notes),
        )  # fmt: skip
        return Measured(evaluation, self.fidelity)

    def _note_crop(self) -> None:
        learned, given = (
            {key: value for key, value in (rule or {}).items() if value is not None}
            for rule in (self.session.metadata.get("crop"), self.subject.faces.crop)
        )
        # What the one leaves open, the other may have filled in.
        same = all(given[key] == value for key, value in learned.items() if key in given)
        if self.session.metadata.get("hash") != self.subject.faces.hash and not same:
            self.notes.append(
                f"{self.session.name} learned faces of another crop ({learned.get('kind')}) than "
                f"it is measured on ({given['kind']})."
                if learned.get("kind") != given["kind"]
                else f"{self.session.name} learned faces of another {given['kind']} crop."
            )

    def _note_teacher(self) -> None:
        for judge in self.subject.judges:
            found = remark_on_teacher(
                self.session.name, self.session.metadata, judge.network.name, judge.network.sha256
            )
            self.notes += [found] if found else []

    def _add(self, key: str, label: str, group: str, value: SupportsFloat, **more: Any) -> None:
        self.figures.append(
            Figure(key, label, group, float(value), **({"count": self.count} | more))
        )

    def _mean(
        self,
        key: str,
        label: str,
        group: str,
        value: SupportsFloat,
        error: float | None,
        **more: Any,
    ) -> None:
        """A mean over the faces with its standard error."""
        said = "" if error is None else STANDARD_ERROR
        self._add(key, label, group, value, spread=error, spread_of=said, **more)

    def _fidelity(self) -> None:
        self.progressed("reconstructions", 0, 1)
        found = measure_fidelity(self.session, self.subject.pictures, self.plan.seed)
        self.fidelity = found
        nats = {"unit": "nats", "better": "lower"}
        self._mean("loss", "loss", "loss", found.loss, found.loss_error, seed=found.seed, **nats)
        self._mean("reconstruction", "reconstruction (one sample)", "loss", found.reconstruction,
                   found.reconstruction_error, seed=found.seed, **nats)  # fmt: skip
        self._mean("kl", "KL", "loss", found.kl, found.kl_error, unit="nats")
        self._add("reconstruction_from_mean", "reconstruction from the mean", "loss",
                  found.reconstruction_from_mean, **nats)  # fmt: skip
        higher = {"better": "higher"}
        self._mean("psnr", "PSNR", "likeness", found.psnr, found.psnr_error, unit="dB", **higher)
        self._mean("ssim", "SSIM", "likeness", found.ssim, found.ssim_error, digits=4, **higher)
        if found.ms_ssim is not None:
            self._mean("ms_ssim", "MS-SSIM", "likeness", found.ms_ssim, found.ms_ssim_error,
                       digits=4, **higher)  # fmt: skip

    def _rate(self, posteriors: Posteriors) -> None:
        """KL alone, where there is no decoder."""
        kl = _gaussian(posteriors).kl_to_standard().double().numpy()
        self._mean("kl", "KL", "loss", kl.mean(), _standard_error(kl), unit="nats")

    def _code(self, posteriors: Posteriors) -> None:
        kl = posteriors.kl_per_dimension()
        self._add("active_units", f"active units (KL > {ACTIVE:g} nats)", "code",
                  (kl > ACTIVE).sum(), unit=f"of {len(kl)}", digits=0)  # fmt: skip
        if self.count > 1:
            variances = posteriors.means.astype(np.float64).var(axis=0, ddof=1)
            self._add("active_means", "active units (Var of means > 0.01)", "code",
                      (variances > 0.01).sum(), unit=f"of {len(kl)}", digits=0)  # fmt: skip

    def _likelihood(self, posteriors: Posteriors) -> None:
        metadata = self.session.metadata
        objective = metadata.get("objective")
        try:
            found = likelihood(
                objective or {"reconstruction": "sse"}, metadata.get("objective_state") or {}
            )
        except UnusableInput as error:
            self.notes.append(f"No likelihood: {error}")
            return
        if not objective:
            self.notes.append(
                f"{self.session.name} does not say its objective: the likelihood is taken for "
                f"that of the published scale ({found.name})."
            )
        device, codes = self.session.device, self.plan.importance
        images = to_float(self.subject.pictures).to(device)
        gaussian = _gaussian(posteriors)
        bound = importance_weighted_bound(
            images,
            DiagonalGaussian(gaussian.mean.to(device), gaussian.log_variance.to(device)),
            self.session.model.decode,
            found.log_density,
            codes,
            torch_stream(self.plan.seed, "importance", device=device),
            lambda done, total: self.progressed("importance sampling", done, total),
        )
        weighted = -bound.importance_weighted.cpu().numpy()
        alone = -bound.elbo.cpu().numpy()
        pixels = images[0].numel()
        said: dict[str, Any] = {"group": "likelihood", "better": "lower", "seed": self.plan.seed}
        for key, label, values in (
            ("negative_elbo", "−ELBO", alone),
            (f"nll_{codes}", f"−log p(x) by {codes:,} codes", weighted),
        ):
            mean, spread = float(values.mean()), _standard_error(values)
            self._mean(
                key, f"{label} ({found.name})", value=mean, error=spread, unit="nats", **said
            )
            self._mean(
                f"{key}_bits", label, value=bits_per_dimension(-mean, pixels, found.discrete),
                error=None if spread is None else spread / (pixels * np.log(2)),
                unit="bits/dimension", digits=4, **said,
            )  # fmt: skip
        self._add("effective_codes", "effective codes of it", "likelihood",
                  bound.effective.mean(), unit=f"of {codes:,}", digits=1, better="higher",
                  seed=self.plan.seed)  # fmt: skip

    def _sets_of_reconstructions(self, posteriors: Posteriors) -> None:
        if not self.subject.judges:
            return
        decoded = self.session.decode(posteriors.means)
        for judge in self.subject.judges:
            name = judge.network.name
            self.progressed(f"reconstructions ({name})", 0, 1)
            if judge.network.maps is not None:
                found = feature_distance(self.subject.pictures, decoded, judge.network.maps)
                self._mean(
                    f"feature_distance_{name}", f"feature distance ({name})", "likeness",
                    found.mean(), _standard_error(found), digits=4, better="lower",
                    network=Network(name, judge.network.sha256),
                )  # fmt: skip
            self._compare(judge, "reconstructions", [embed(judge.network, decoded)])

    def _sets_of_samples(self) -> None:
        count, repeats = self.plan.samples or self.count, self.plan.repeats
        sets: list[list[NDArray[np.float32]]] = [[] for _ in self.subject.judges]
        for draw in range(repeats if self.subject.judges else 0):
            self.progressed("samples", draw, repeats)
            pictures = self.session.generate(count, derive(self.plan.seed, "samples", draw))
            for judge, drawn in zip(self.subject.judges, sets, strict=True):
                drawn.append(embed(judge.network, pictures))
        for judge, drawn in zip(self.subject.judges, sets, strict=True):
            self._compare(judge, "samples", drawn)

    def _compare(self, judge: Judge, group: str, sets: list[NDArray[np.float32]]) -> None:
        try:
            self.figures += figures_of_set(judge, group, sets, self.plan.seed, self.plan.repeats)
        except UnusableInput as error:
            self.notes.append(f"No distances of {group} ({judge.network.name}): {error}")

    def _probes(self, posteriors: Posteriors) -> None:
        faces, chosen = self.subject.faces, self.subject.chosen
        train = faces.indices("train")
        if not faces.attribute_names:
            self.notes.append("The face set has no attributes, so there are no linear probes.")
            return
        if not len(train):
            self.notes.append("Without a train split there are no linear probes.")
            return
        self.progressed("linear probes", 0, 1)
        probes = linear_probes(
            self.session.encode(faces.images[train]), faces.attributes[train],
            posteriors.means, faces.attributes[chosen], faces.attribute_names,
        )  # fmt: skip
        if not probes:
            self.notes.append("No attribute is both had and lacked by enough faces for a probe.")
            return
        self.probes = [
            {"attribute": probe.attribute, "images": probe.images, "accuracy": probe.accuracy,
             "majority": probe.majority, "balanced": probe.balanced}
            for probe in probes
        ]  # fmt: skip
        hits = np.stack([probe.hits for probe in probes])
        per_face = np.nanmean(hits[:, ~np.isnan(hits).all(axis=0)], axis=0)
        said = f"{len(probes)} linear probes"
        if np.isin(train, chosen).any():
            self.notes.append("The linear probes are tried on faces that they were fitted to.")
        self._mean("probe_accuracy", f"{said}, accuracy", "code",
                   100 * np.mean([probe.accuracy for probe in probes]),
                   _scaled(_standard_error(per_face)), unit="%", better="higher")  # fmt: skip
        self._add("probe_majority", "the same by saying the majority", "code",
                  100 * np.mean([probe.majority for probe in probes]), unit="%")  # fmt: skip
        balanced = [probe.balanced for probe in probes if probe.balanced is not None]
        if balanced:
            self._add("probe_balanced", f"{said}, balanced accuracy", "code",
                      100 * np.mean(balanced), unit="%", better="higher")  # fmt: skip

    def _factors(self, posteriors: Posteriors) -> None:
        faces, seed = self.subject.faces, self.plan.seed
        if faces.factors is None:
            return
        self.progressed("true factors", 0, 1)
        codes, factors = posteriors.means, faces.factors[self.subject.chosen]
        train = faces.indices("train")
        higher: dict[str, Any] = {"better": "higher", "digits": 3}
        try:
            self._spread("mig", "MIG", mutual_information_gap, codes, factors, **higher)
            self._spread("sap", "SAP", separated_attribute_predictability, codes, factors, **higher)
            draws = [factor_vae_score(codes, factors, derive(seed, "votes", draw))
                     for draw in range(self.plan.repeats)]  # fmt: skip
            self._add("factor_vae", "FactorVAE score", "factors", np.mean(draws), seed=seed,
                      spread=np.std(draws, ddof=1) if len(draws) > 1 else None,
                      spread_of="standard deviation over draws of votes",
                      repeats=len(draws), **higher)  # fmt: skip
            if not len(train):
                self.notes.append("DCI needs a train split.")
                return
            found = dci(
                self.session.encode(faces.images[train]), faces.factors[train], codes, factors
            )
            for key in ("disentanglement", "completeness", "informativeness"):
                self._add(f"dci_{key}", f"DCI {key}", "factors", getattr(found, key), **higher)
        except UnusableInput as error:
            self.notes.append(f"Not all is told of the true factors: {error}")

    def _spread(
        self, key: str, label: str, score: Callable[[Any, Any], float], codes: Any, factors: Any,
        **more: Any,
    ) -> None:  # fmt: skip
        """A score of codes and factors, with its standard error from random halves."""
        stream = numpy_stream(self.plan.seed, "halves", key)
        halves = [stream.permutation(len(codes))[: len(codes) // 2]
                  for _ in range(self.plan.repeats)]  # fmt: skip
        value = score(codes, factors)
        over = [score(codes[half], factors[half]) for half in halves] if len(codes) >= 40 else []
        self._add(key, label, "factors", value, seed=self.plan.seed, repeats=len(over) or None,
                  spread=float(np.std(over, ddof=1)) if len(over) > 1 else None,
                  spread_of="standard deviation over random halves" if len(over) > 1 else "",
                  **more)  # fmt: skip


def _gaussian(posteriors: Posteriors) -> DiagonalGaussian:
    return DiagonalGaussian(
        torch.from_numpy(posteriors.means), torch.from_numpy(posteriors.log_variances)
    )


def _standard_error(values: NDArray[np.floating]) -> float | None:
    return float(values.std(ddof=1) / len(values) ** 0.5) if len(values) > 1 else None


def _scaled(error: float | None) -> float | None:
    return None if error is None else 100 * error
