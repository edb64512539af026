"""lik average: the mean face of a set, or of those with a trait and without another."""

from typing import Annotated

import typer

from lik.app.opened import OpenedRun
from lik.app.selection import Selection
from lik.app.views import draw_average
from lik.cli.options import Arrays, Device, Faces, Having, Lacking, Out, Run, Split, names_of
from lik.cli.output import save_figure, stages


def average(
    run: Run,
    having: Having = None,
    lacking: Lacking = None,
    pixels: Annotated[
        bool, typer.Option("--pixels", help="Beside it, the mean of the faces' pixels.")
    ] = False,
    faces: Faces = None,
    split: Split = "all",
    out: Out = None,
    arrays: Arrays = None,
    device: Device = "auto",
) -> None:
    """Draw the mean face: the mean of the codes, decoded.

    Example: lik average runs/first --with Smiling --without Eyeglasses --pixels
    """
    opened = OpenedRun(run, device)
    selection = Selection(split, names_of(having), names_of(lacking))
    with stages() as progress:
        drawn = draw_average(opened, selection, faces, pixels, progress)
    save_figure(opened, drawn, out, arrays)
