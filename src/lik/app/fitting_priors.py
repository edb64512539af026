"""Priors fitted to the codes of faces and kept beside the run, for better draws."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lik.app.opened import OpenedRun
from lik.app.selection import LEARN, Selection
from lik.core.errors import UnusableInput
from lik.core.events import Progress, no_progress
from lik.latent.flow import fit_flow
from lik.latent.priors import (
    Prior,
    aggregated,
    fit_gaussian,
    fit_mixture,
    prior_path,
)
from lik.latent.session import Codes

PRIORS = ("gaussian", "gmm", "flow")


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
    """

    kind: str = "gmm"
    having: Sequence[str] = ()
    lacking: Sequence[str] = ()
    name: str | None = None
    components: int | None = None
    steps: int = 4000
    means: bool = False
    seed: int = 0


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
            the same, a name that cannot be that of a file, or a run that is a single file.
    """
    if request.kind not in PRIORS:
        raise UnusableInput(f"there is no prior '{request.kind}': give one of {', '.join(PRIORS)}.")
    name = request.name or request.kind
    prior_path(run.require_folder(), name)  # refuses a bad name before the work begins
    face_set = run.faces(faces)
    chosen = Selection(LEARN, request.having, request.lacking).of(face_set)
    if len(chosen) < 2:
        raise UnusableInput("one training face alone is too few to fit a prior to: ask for less.")
    posteriors = run.session.posteriors(face_set.images[chosen])
    codes = posteriors.means if request.means else aggregated(posteriors, 2, request.seed)
    prior, found = _fit(request, codes, progress)
    made = {
        "model_sha256": run.sha256,
        "faces_sha256": face_set.hash,
        "faces": len(chosen),
        "with": list(request.having),
        "without": list(request.lacking),
        "means": request.means,
        "seed": request.seed,
        **found,
    }
    path = run.save_prior(name, prior, made)
    return FittedPrior(prior, path, len(chosen), found)


def _fit(request: PriorRequest, codes: Codes, progress: Progress) -> tuple[Prior, dict[str, Any]]:
    if request.kind == "gaussian":
        return fit_gaussian(codes), {}
    if request.kind == "flow":
        flow = fit_flow(codes, request.steps, request.seed, progress=progress)
        return flow, {"steps": request.steps}
    mixture, tried = fit_mixture(codes, request.components, request.seed)
    return mixture, {"components": len(mixture.weights), "held_out": tried}
