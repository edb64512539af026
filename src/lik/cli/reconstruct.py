"""lik reconstruct: faces, and what the model makes of them."""

from lik.app.opened import OpenedRun
from lik.app.pretrained import run_and_rest
from lik.app.selection import Selection, open_given
from lik.app.views import draw_reconstructions
from lik.cli.options import (
    Arrays,
    Columns,
    Count,
    Device,
    Faces,
    Given,
    Invert,
    Out,
    RunOrNone,
    Seed,
    Split,
)
from lik.cli.output import note, save_figure


def reconstruct(
    run: RunOrNone = None,
    given: Given = None,
    faces: Faces = None,
    split: Split = "test",
    count: Count = 24,
    columns: Columns = 8,
    seed: Seed = 0,
    invert: Invert = 0,
    out: Out = None,
    arrays: Arrays = None,
    device: Device = "auto",
) -> None:
    """Draw reconstructions under their originals.

    Without pictures, faces of the test split of the run's own set are taken.

    Example: lik reconstruct runs/first holiday.jpg -o holiday.png
    """
    run, given = run_and_rest(run, given)
    opened = OpenedRun(run, device, notify=note)
    selection = Selection(split, count=count, seed=seed)
    shown = open_given(opened, selection, given or [], faces, note)
    save_figure(opened, draw_reconstructions(opened, shown, columns, invert or 0), out, arrays)
