"""lik average: the mean face of a set, or of those with a trait and without another."""

from lik.app.opened import OpenedRun
from lik.app.selection import Selection
from lik.app.views import draw_average
from lik.cli.options import Arrays, Device, Faces, Having, Lacking, Out, Run, Split, flag, names_of
from lik.cli.output import note, progress, save_figure


def average(
    run: Run,
    having: Having = None,
    lacking: Lacking = None,
    pixels: bool = flag("--pixels", "Beside it, the mean of the faces' pixels."),
    faces: Faces = None,
    split: Split = "all",
    out: Out = None,
    arrays: Arrays = None,
    device: Device = "auto",
) -> None:
    """Draw the mean face: the mean of the codes, decoded.

    Example: lik average runs/first --with Smiling --without Eyeglasses --pixels
    """
    opened = OpenedRun(run, device, notify=note)
    selection = Selection(split, names_of(having), names_of(lacking))
    with progress() as step:
        drawn = draw_average(opened, selection, faces, pixels, step)
    save_figure(opened, drawn, out, arrays)
