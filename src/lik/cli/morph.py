"""lik morph: what lies between two faces, or four."""

from typing import Annotated

import typer

from lik.app.opened import OpenedRun
from lik.app.views import draw_morph, film_morph, open_ends
from lik.cli.options import Device, FittedPrior, Run, Temperature, file_of
from lik.cli.output import note, save_figure, say


def morph(
    run: Run,
    ends: Annotated[
        list[str],
        typer.Argument(
            help="Two faces, or four for a square: photographs, FACES:NAME for a face of a face "
            "set, or seed:N for a generated one.",
            metavar="A B [C D]",
        ),
    ],
    path: Annotated[
        str, typer.Option(help="The path between codes: straight, or spherical.", metavar="PATH")
    ] = "straight",
    steps: Annotated[int, typer.Option(help="Faces in a row.", metavar="N", min=2)] = 7,
    seconds: Annotated[
        float, typer.Option(help="Length of a film, to and fro.", metavar="S", min=0.2, max=60)
    ] = 3.0,
    rate: Annotated[
        int, typer.Option(help="Pictures a second of a film.", metavar="N", min=2, max=60)
    ] = 20,
    side: Annotated[
        int, typer.Option(help="Side of a face in pixels.", metavar="PX", min=16, max=2048)
    ] = 256,
    plain: Annotated[
        bool, typer.Option("--plain", help="The decodings alone, without the ends' own pixels.")
    ] = False,
    temperature: Temperature = None,
    prior: FittedPrior = None,
    out: Annotated[
        str | None,
        typer.Option(
            "--out",
            "-o",
            help="What to write: PNG (strip or square), GIF or MP4 (film).",
            metavar="FILE",
            callback=file_of(".png", ".gif", ".mp4"),
        ),
    ] = None,
    device: Device = "auto",
) -> None:
    """Morph between faces: a strip of two, a square of four, or a film.

    Example: lik morph runs/first one.jpg other.jpg -o morph.gif
    """
    opened = OpenedRun(run, device)
    faces = open_ends(opened, ends, side, plain, prior, temperature, note)
    if out is not None and not out.lower().endswith(".png"):
        film_morph(opened, faces, out, path, side, seconds, rate)
        say(out)
    else:
        save_figure(opened, draw_morph(opened, faces, path, side, steps), out)
