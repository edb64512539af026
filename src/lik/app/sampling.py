"""New faces: codes from a prior, which may have been fitted to faces, decoded."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from lik.app.opened import OpenedRun, logit_column
from lik.app.selection import LEARN, Selection, require_some
from lik.core.errors import UnusableInput
from lik.core.events import Notify, Progress, no_notices, no_progress
from lik.core.pixels import Pictures, to_float
from lik.core.randomness import derive
from lik.figures.grids import Row, rows_of, sheet
from lik.figures.png import Drawn, ShownAsPicture, png_bytes
from lik.latent.flow import fit_flow
from lik.latent.priors import (
    Prior,
    aggregated,
    fit_gaussian,
    fit_mixture,
    load_prior,
    prior_path,
    sample_tempered,
    save_prior,
    saved_priors,
)
from lik.latent.session import BATCH, Codes, logits_of

PRIORS = ("gaussian", "gmm", "flow")
TAME = 0.8
"""Temperature of generated faces that something is done to: tamer than all that there are."""
AT_ONCE, TURNS = 512, 100
"""Codes drawn at once until enough have the attributes asked for, and how often at most."""
MOST_SPREAD = 10
"""Times as far from their centre as codes of faces that a prior may draw its own."""
NEAREST = 3
"""Training faces shown beside each sample."""


USUAL_PRIOR = "faces"
"""A prior of this name is drawn from where nothing else is asked for."""


@dataclass(frozen=True)
class CodeSource:
    """What codes are drawn from: called with a count and a seed, it gives codes (count, D)."""

    draw: Callable[[int, int], Codes]
    described: str

    def __call__(self, count: int, seed: int) -> Codes:
        require_some(count)
        return self.draw(count, seed)


@dataclass(frozen=True, repr=False)
class Samples(ShownAsPicture):
    """New faces: codes (N, D), pictures uint8 (N, S, S, 3), and what they were drawn from, by whom.

    ``run`` is the name of the run.
    """

    codes: Codes
    pictures: Pictures
    described: str
    run: str = ""

    @property
    def arrays(self) -> dict[str, NDArray[np.generic]]:
        """What is kept of them beside a figure."""
        return {"pictures": self.pictures, "codes": self.codes}

    def __repr__(self) -> str:
        return f"{len(self.codes):,} faces drawn by “{self.run}”: {self.described}"

    def png(self) -> bytes:
        image = sheet(rows_of(self.pictures, 8), tile=96)
        return png_bytes(image, command=None, run=self.run)


def code_source(
    run: OpenedRun,
    prior: str | None = None,
    temperature: float | None = None,
    usual: float = 1.0,
    notify: Notify = no_notices,
) -> CodeSource:
    """Choose what codes of new faces are drawn from: N(0, temperature² I), or a fitted prior.

    Args:
        prior: the name of a prior that is kept beside the run; by default `USUAL_PRIOR`, where
            there is one of that name.
        temperature: standard deviation of the codes of the standard normal prior; how many times as
            far from the centre of a fitted one they lie.
        usual: the temperature where none is given.

    Raises:
        UnusableInput: there is no such prior, or a temperature that is no number from 0 on.
    """
    kept = saved_priors(run.path)
    if prior is None and temperature is None and USUAL_PRIOR in kept:
        prior = USUAL_PRIOR
    if prior is None:
        if kept:
            notify(
                f"{run.path} has priors fitted to faces: likelier ones are drawn from "
                f"{' or '.join(kept)}."
            )
        std = usual if temperature is None else temperature
        return CodeSource(
            lambda count, seed: run.session.draw(count, seed, std), f"temperature {std:g}"
        )
    fitted, described = load_prior(run.path, prior, run.encoder_sha256), f"prior “{prior}”"
    if temperature is None:
        return CodeSource(fitted.sample, described)
    return CodeSource(
        lambda count, seed: sample_tempered(fitted, count, seed, temperature),
        f"{described}, temperature {temperature:g}",
    )


def sample(
    run: OpenedRun,
    count: int,
    seed: int = 0,
    temperature: float | None = None,
    prior: str | None = None,
    *,
    having: Sequence[str] = (),
    lacking: Sequence[str] = (),
    classifier: str | Path | None = None,
    progress: Progress = no_progress,
    notify: Notify = no_notices,
) -> Samples:
    """Draw ``count`` new faces; the same for the same seed.

    With attributes that they shall have or lack, faces are drawn until there are enough of which
    the attribute classifier at ``classifier`` says so.

    Raises:
        UnusableInput: attributes without a classifier, or that it does not know, or that hardly
            any face has; or what `code_source` refuses.
    """
    source = code_source(run, prior, temperature, notify=notify)
    codes = source(count, seed)
    if having or lacking:
        if classifier is None:
            raise UnusableInput(
                "an attribute classifier must tell which faces have what; or draw from a prior "
                "that was fitted to such faces.",
                needs="classifier",
            )
        fits = _test(run, classifier, having, lacking)
        codes = _draw_until(source, fits, count, seed, progress)
    conditions = [f"with {','.join(having)}"] if having else []
    conditions += [f"without {','.join(lacking)}"] if lacking else []
    described = ", ".join([source.described, f"seed {seed}", *conditions])
    return Samples(codes, run.session.decode(codes), described, run.name)


def draw_samples(run: OpenedRun, samples: Samples, columns: int = 8) -> Drawn:
    """Draw new faces in rows."""
    image = sheet(
        rows_of(samples.pictures, columns),
        f"Faces generated by the run “{run.name}”",
        f"None of these is of a person: codes of {run.latent} random numbers, decoded; "
        f"{samples.described}.",
        tile=96,
    )
    return Drawn(image, "generated.png", samples.arrays, run.name)


def draw_beside_nearest(
    run: OpenedRun,
    samples: Samples,
    faces: str | Path | None = None,
    classifier: str | Path | None = None,
) -> Drawn:
    """Draw new faces, beside each the training faces nearest to it, which are real people.

    Near is near in pixels, or in the embedding of an attribute classifier.
    """
    face_set = run.faces(faces)
    chosen = face_set.to_learn_from()
    network = None if classifier is None else run.classifier(classifier).network

    def embed(pictures: Pictures) -> NDArray[np.floating]:
        if network is None:
            return np.asarray(pictures, np.float32).reshape(len(pictures), -1) / 255
        with torch.no_grad():
            embedding: NDArray[np.floating] = (
                network.embedding(to_float(pictures).to(run.session.device)).cpu().numpy()
            )
        return embedding

    parts = (chosen[start : start + BATCH] for start in range(0, len(chosen), BATCH))
    others = (embed(face_set.images[part]) for part in parts)
    found = nearest_of(embed(samples.pictures), others, min(NEAREST, len(chosen)))
    rows = [
        Row(np.stack([picture, *face_set.images[chosen[near]]]))
        for picture, near in zip(samples.pictures, found, strict=True)
    ]
    space = "pixels" if network is None else "embeddings of the network"
    count = ("", "one", "two", "three")[found.shape[1]]
    image = sheet(
        rows,
        f"Faces generated by the run “{run.name}”",
        f"Left, none of a person: {samples.described}. Beside each the {count} nearest of "
        f"{len(chosen):,} training faces, by {space}: these are real people.",
        ["generated", "nearest", "second", "third"][: 1 + found.shape[1]],
        tile=96,
    )
    return Drawn(image, "generated-nearest.png", samples.arrays, run.name)


def nearest_of(
    points: NDArray[np.floating], others: Iterable[NDArray[np.floating]], count: int
) -> NDArray[np.int64]:
    """For each of ``points`` (N, F), find the ``count`` nearest of ``others``, nearest first.

    ``others`` come in parts (B, F), so that pictures need not all lie in memory; the answer, of
    indices (N, count), counts through all parts.
    """
    wanted = torch.from_numpy(np.asarray(points, np.float64))
    best = torch.full((len(points), count), torch.inf, dtype=torch.float64)
    where = torch.full((len(points), count), -1)
    seen = 0
    for part in others:
        distances = torch.cdist(wanted, torch.from_numpy(np.asarray(part, np.float64)))
        numbers = torch.arange(seen, seen + len(part)).expand(len(points), -1)
        best, order = torch.cat([best, distances], 1).topk(count, largest=False)
        where = torch.cat([where, numbers], 1).gather(1, order)
        seen += len(part)
    return where.numpy()


@dataclass(frozen=True)
class PriorRequest:
    """A prior to fit.

    Attributes:
        kind: gaussian, gmm (a mixture of Gaussians), or flow.
        having, lacking: attributes of the training faces that it is fitted to.
        name: what it is called; by default its kind.
        components: of a mixture; by default, as many as held-out codes like best.
        steps: training steps of a flow.
        means: whether to fit the means of the posteriors alone, not draws from them.
        spread: how many times as far from their centre as codes of faces lie those that it draws.
    """

    kind: str = "gmm"
    having: Sequence[str] = ()
    lacking: Sequence[str] = ()
    name: str | None = None
    components: int | None = None
    steps: int = 4000
    means: bool = False
    seed: int = 0
    spread: float = 1.0


@dataclass(frozen=True)
class FittedPrior:
    """A prior that was fitted to so many faces, where it lies, and what was found on the way.

    Of a mixture, ``found`` has its ``components``, and ``held_out``: number of components → the
    log likelihood of held-out codes, in nats per code.
    """

    prior: Prior
    path: Path
    faces: int
    found: dict[str, Any] = field(default_factory=dict)


def fit_prior(
    run: OpenedRun,
    request: PriorRequest = PriorRequest(),
    faces: str | Path | None = None,
    progress: Progress = no_progress,
) -> FittedPrior:
    """Fit a prior to the codes of the training faces and keep it in the run's folder.

    Raises:
        UnusableInput: there is no such kind, attribute or face, too few faces, codes that are all
            the same, a spread that is no such number, a name that cannot be that of a file, or a
            run that is a single file.
    """
    if request.kind not in PRIORS:
        raise UnusableInput(f"there is no prior '{request.kind}': give one of {', '.join(PRIORS)}.")
    if not 0 < request.spread <= MOST_SPREAD:
        raise UnusableInput(
            f"the spread must be a number above 0, at most {MOST_SPREAD}, not {request.spread:g}."
        )
    name = request.name or request.kind
    folder = run.require_folder()
    prior_path(folder, name)  # refuses a bad name before the work begins
    face_set = run.faces(faces)
    chosen = Selection(LEARN, request.having, request.lacking).of(face_set)
    if len(chosen) < 2:
        raise UnusableInput("one training face alone is too few to fit a prior to: ask for less.")
    posteriors = run.session.posteriors(face_set.images[chosen])
    codes = posteriors.means if request.means else aggregated(posteriors, 2, request.seed)
    if request.spread != 1:
        centre = codes.mean(axis=0)
        codes = np.asarray(centre + request.spread * (codes - centre), np.float32)
    prior, found = _fit(request, codes, progress)
    made = {
        "encoder_sha256": run.encoder_sha256,
        "faces_sha256": face_set.hash,
        "faces": len(chosen),
        "with": list(request.having),
        "without": list(request.lacking),
        "means": request.means,
        "spread": request.spread,
        "seed": request.seed,
        **found,
    }
    return FittedPrior(prior, save_prior(folder, name, prior, made), len(chosen), found)


def _fit(request: PriorRequest, codes: Codes, progress: Progress) -> tuple[Prior, dict[str, Any]]:
    if request.kind == "gaussian":
        return fit_gaussian(codes), {}
    if request.kind == "flow":
        flow = fit_flow(codes, request.steps, request.seed, progress=progress)
        return flow, {"steps": request.steps}
    mixture, tried = fit_mixture(codes, request.components, request.seed)
    return mixture, {"components": len(mixture.weights), "held_out": tried}


def _test(
    run: OpenedRun, classifier: str | Path, having: Sequence[str], lacking: Sequence[str]
) -> Callable[[Codes], NDArray[np.bool_]]:
    """A test of codes (N, D): whether the classifier sees in their decodings what is wanted."""
    loaded = run.classifier(classifier)
    signs = np.zeros(
        len(loaded.network.attributes), np.int64
    )  # 1: logit above 0, −1: below, 0: any
    for names, sign in ((having, 1), (lacking, -1)):
        for name in names:
            column = logit_column(loaded, name)
            if signs[column] == -sign:
                raise UnusableInput(f"no face is both with {name} and without it.")
            signs[column] = sign

    def fits(codes: Codes) -> NDArray[np.bool_]:
        logits = logits_of(run.session, loaded.network, codes)
        met = (logits * signs > 0) | (signs == 0)
        return np.asarray(met.all(axis=1))

    return fits


def _draw_until(
    source: CodeSource,
    fits: Callable[[Codes], NDArray[np.bool_]],
    count: int,
    seed: int,
    progress: Progress,
) -> Codes:
    """Draw until ``count`` codes fit; refuse where hardly any do."""
    kept: list[Codes] = []
    drawn = fitting = 0
    for turn in range(TURNS):
        codes = source(AT_ONCE, derive(seed, "rejection", turn))
        kept.append(codes[fits(codes)])
        drawn, fitting = drawn + len(codes), fitting + len(kept[-1])
        progress("drawing", min(fitting, count), count)
        if fitting >= count:
            return np.concatenate(kept)[:count]
        if drawn >= 10_000 and fitting < count * drawn / 100_000:
            break
    raise UnusableInput(
        f"of {drawn:,} faces drawn, {fitting} are as wanted: ask for fewer, or draw from a prior "
        "that was fitted to such faces."
    )
