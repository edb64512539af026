"""lik fit-prior: what the codes of faces are really like, for better draws."""

from typing import Any

from lik.app import sampling
from lik.app.opened import OpenedRun
from lik.cli.options import Device, FaceSetGiven, Having, Lacking, Run, Seed, flag, names_of, option
from lik.cli.output import note, progress, say


def fit_prior(
    run: Run,
    faces: FaceSetGiven = None,
    prior: str = option("gmm", f"What: {', '.join(sampling.PRIORS)}.", "PRIOR"),
    having: Having = None,
    lacking: Lacking = None,
    name: str | None = option(None, "What it is called (default: the kind).", "NAME"),
    components: int | None = option(
        None, "Components of the mixture (default: as held-out codes like best).", "K", min=1
    ),
    steps: int = option(4000, "Training steps of the flow.", min=1),
    means: bool = flag("--means", "Fit the means alone, not draws from the posteriors."),
    spread: float = option(
        1.0, "How many times as far from their centre its codes lie as those of faces.", "TIMES"
    ),
    seed: Seed = 0,
    device: Device = "auto",
) -> None:
    """Fit a prior to the codes of the training faces and keep it in RUN/priors.

    Example: lik fit-prior runs/first --prior flow; lik generate runs/first --prior flow
    """
    wanted = names_of(having), names_of(lacking)
    request = sampling.PriorRequest(
        prior, *wanted, name, components, steps, means, seed, spread=spread
    )
    with progress() as step:
        fitted = sampling.fit_prior(OpenedRun(run, device, notify=note), request, faces, step)
    say(f"{prior} fitted to the codes of {fitted.faces:,} faces{_in_words(fitted.found)}")
    say(str(fitted.path))


def _in_words(found: dict[str, Any]) -> str:
    if "components" not in found:
        return "."
    scores = ", ".join(f"{count}: {score:.2f}" for count, score in found["held_out"].items())
    compared = f" (held-out nats per code, {scores})" if scores else ""
    noun = "component" if found["components"] == 1 else "components"
    return f": {found['components']} {noun}{compared}."
