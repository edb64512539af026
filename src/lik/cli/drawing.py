"""Codes of new faces: from the standard normal prior, or from one that lik fit-prior has kept."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from lik.cli.output import note
from lik.core.errors import UnusableInput

if TYPE_CHECKING:
    from lik.latent.session import Codes, Session

GENERATED_TEMPERATURE = 0.8
"""Spread of the codes of generated faces that are changed: tamer than all that there are."""

Source = Callable[[int, int], "Codes"]
"""How many, and the seed → codes (N, D)."""


def code_source(
    session: "Session", run: str, prior: str | None, temperature: float, usual: float
) -> tuple[Source, str]:
    """What draws codes, and what it is called; ``usual`` is the temperature when none is given.

    Raises:
        UnusableInput: there is no such prior, or a temperature was given with one.
    """
    from lik.cli.networks import model_hash
    from lik.cli.opening import require_count
    from lik.latent.priors import load_prior, saved_priors

    if prior is None:
        kept = saved_priors(Path(run))
        if kept:
            note(f"{run} has priors fitted to faces: --prior draws from {' or '.join(kept)}.")
        kind = f"temperature {temperature:g}"
        return (lambda count, seed: session.draw(count, seed, temperature)), kind
    if temperature != usual:
        raise UnusableInput("--temperature goes with the standard normal prior, not with --prior.")
    fitted = load_prior(Path(run), prior, model_hash(run))
    return (lambda count, seed: fitted.sample(require_count(count), seed)), f"prior “{prior}”"
