"""lik morph: what lies between two faces, or four."""

from typing import Annotated

from lik.app.opened import OpenedRun
from lik.app.pretrained import run_and_rest
from lik.app.views import draw_morph, film_morph, open_ends
from lik.cli.options import (
    Device,
    FittedPrior,
    RunOrNone,
    Temperature,
    file_of,
    flag,
    option,
    required,
)
from lik.cli.output import note, save_figure, say


def morph(
    run: RunOrNone = None,
    ends: Annotated[
        list[str] | None,
        required(
            "Two faces, or four for a square: photographs, FACES:NAME for a face of a face "
            "set, or seed:N for a generated one.",
            "A B [C D]",
        ),
    ] = None,
    path: str = option("straight", "The path between codes: straight, or spherical.", "PATH"),
    steps: int = option(7, "Faces in a row.", "N", min=2),
    seconds: float = option(3.0, "Length of a film, to and fro.", "S", min=0.2, max=60),
    rate: int = option(20, "Pictures a second of a film.", "N", min=2, max=60),
    side: int = option(256, "Side of a face in pixels.", "PX", min=16, max=2048),
    plain: bool = flag("--plain", "The decodings alone, without the ends' own pixels."),
    temperature: Temperature = None,
    prior: FittedPrior = None,
    out: str | None = option(
        None,
        "What to write: PNG (strip or square), GIF or MP4 (film).",
        "FILE",
        "--out",
        "-o",
        callback=file_of(".png", ".gif", ".mp4"),
    ),
    device: Device = "auto",
) -> None:
    """Morph between faces: a strip of two, a square of four, or a film.

    Example: lik morph runs/first one.jpg other.jpg -o morph.gif
    """
    run, faces_given = run_and_rest(run, ends)
    opened = OpenedRun(run, device, notify=note)
    faces = open_ends(opened, faces_given, side, plain, prior, temperature, note)
    if out is not None and not out.lower().endswith(".png"):
        film_morph(opened, faces, out, path, side, seconds, rate)
        say(out)
    else:
        save_figure(opened, draw_morph(opened, faces, path, side, steps), out)
