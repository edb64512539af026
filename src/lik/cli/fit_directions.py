"""lik fit-directions: directions in latent space, fitted once and kept beside the run."""

from collections.abc import Mapping
from pathlib import Path

from lik.app.directions import ALL_METHODS, DEFAULT, FitRequest, fit_directions
from lik.app.guiding import distil_guide, fit_guided
from lik.app.run import Run as OpenRun
from lik.cli.options import Device, FaceSetGiven, Keep, Networks, Run, Seed, names_of, option
from lik.cli.output import note, progress, say, table
from lik.core.errors import UnusableInput
from lik.latent.directions.direction import Calibration, DirectionSet
from lik.latent.guided import GUIDED


def fit_directions_(
    run: Run,
    faces: FaceSetGiven = None,
    method: str = option(DEFAULT, f"How: {', '.join(ALL_METHODS)}.", "METHOD"),
    classifier: Networks = None,
    keep: Keep = None,
    examples_with: list[str] | None = option(
        None, "Pictures, or a folder of them, with a trait of your own.", "DIR"
    ),
    examples_without: list[str] | None = option(
        None, "Pictures, or a folder of them, without it.", "DIR"
    ),
    name: str | None = option(None, "What the set is called (default: the method).", "NAME"),
    count: int = option(10, "Directions of pca and jacobian.", None, "--count", "-n", min=1),
    distil: bool = option(
        False, "With --method guided: teach a small network to read codes, which then guides."
    ),
    seed: Seed = 0,
    device: Device = "auto",
) -> None:
    """Fit directions on the training faces and keep them in RUN/directions.

    With --classifier, strength 1 is what nine of ten faces without a trait need until it is plain
    in their pictures, as in most faces that have it; of several networks, until all say so.

    --method guided fits no directions: it keeps by what guided edits are measured, with those
    networks, which may be several. With --distil it takes a quarter of an hour, and guided edits
    then take milliseconds: a small network learns to read from a code what those see in its
    decoding, and their strength 1 is found like that of directions.

    Example: lik fit-directions runs/first --method joint --classifier networks/attributes
    """
    opened, networks = OpenRun(run, device, notify=note), classifier or []
    with progress() as step:
        if method == GUIDED:
            if keep or name or examples_with or examples_without:
                raise UnusableInput("--method guided takes no --keep, --name or examples.")
            if distil:
                statistics, explained = distil_guide(opened, networks, faces, step, note)
            else:
                statistics, explained = fit_guided(opened, networks, faces, step), {}
            say(f"{opened.path / 'directions' / 'guided.json'}")
            if explained:
                _show_explained(opened.folder.guide, explained)
                _show_strengths("strength", statistics.calibrations)
                _show_strengths("strength", statistics.away, "-1")
                return
            say(f"{len(statistics.stds)} networks guide, which know {len(statistics.attributes)} "
                "attributes.")  # fmt: skip
            return
        if distil:
            raise UnusableInput("--distil goes with --method guided.")
        request = FitRequest(
            method, name, faces, networks, names_of(keep),
            examples_with or [], examples_without or [], count, seed,
        )  # fmt: skip
        fitted = fit_directions(opened, request, step, note)
    _show(fitted)
    say(str(opened.path / "directions" / f"{fitted.name}.safetensors"))


def _show_explained(guide: Path, explained: dict[str, float]) -> None:
    say(str(guide))
    worst = min(explained, key=lambda name: explained[name])
    mean = sum(explained.values()) / len(explained)
    say(
        f"It reads {len(explained)} attributes from codes, and explains {100 * mean:.0f} % of how "
        f"networks differ about their decodings; of {worst}, which it reads worst, "
        f"{100 * explained[worst]:.0f} %."
    )


def _show(fitted: DirectionSet) -> None:
    if not fitted.calibrations:
        say(f"{len(fitted.directions)} directions: {', '.join(fitted.directions)}")
        note("no network calibrated them: strength 1 is what the method gives.")
        return
    _show_strengths("length, σ", fitted.calibrations)


def _show_strengths(
    length: str, calibrations: Mapping[str, Calibration], strength: str = "1"
) -> None:
    rows = [
        (
            name,
            f"{found.length:.2f}",
            f"{found.without:.2f}",
            f"{found.having:.2f}",
            f"{found.reached:.2f}",
            "" if found.person is None else f"{found.person:.2f}",
            "" if found.complete else "not reached",
        )
        for name, found in calibrations.items()
    ]
    if not rows:
        return
    table((f"strength {strength} of", length, "without", "with", "moved", "person", ""), rows)
    seen = "see the trait" if strength == "1" else "do not see it"
    say(f"without, with, moved: the share of pictures in which the networks {seen}; person: "
        "how far people move, in distances between two photographs of one.")  # fmt: skip
