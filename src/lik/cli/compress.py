"""lik compress: faces as a few dozen bytes each."""

from pathlib import Path
from typing import Annotated

import typer

from lik.app.compressing import CompressRequest
from lik.app.compressing import compress as compress_faces
from lik.app.opened import OpenedRun
from lik.app.pretrained import run_and_rest
from lik.app.selection import Selection
from lik.cli.options import (
    CountOrAll,
    Device,
    Faces,
    Given,
    Json,
    RunOrNone,
    Seed,
    Split,
    file_of,
    flag,
    option,
)
from lik.cli.output import note, progress, save_figure, say, say_json
from lik.core.artifacts import require_room

OUT = "faces.lik"


def compress(
    run: RunOrNone = None,
    given: Given = None,
    out: Annotated[
        str,
        typer.Option(
            "--out", "-o", help="The file to write.", metavar="LIK", callback=file_of(".lik")
        ),
    ] = OUT,
    faces: Faces = None,
    split: Split = "test",
    count: CountOrAll = None,
    precision: float | None = option(
        None,
        "Of the codes: 0.5, 1 or 2; more bytes, more likeness.",
        "P",
        show_default="1, or 2 with --lossless",
    ),
    lossless: bool = flag("--lossless", "Keep every pixel of the cut faces."),
    no_names: bool = flag("--no-names", "Leave out what the pictures are called."),
    invert: int = option(
        0, "Steps of fitting codes to the pictures first, for a better likeness.", "STEPS", min=0
    ),
    seed: Seed = 0,
    sheet: str | None = option(
        None, "Also draw the first faces, and what is expanded.", "PNG", callback=file_of(".png")
    ),
    json: Json = False,
    device: Device = "auto",
) -> None:
    """Write faces into a file of a few dozen bytes each; lik expand gives them back.

    Of a photograph the largest face is kept. To expand them, the run is needed again.

    Example: lik compress faces holiday/ -o holiday.lik --sheet holiday.png
    """
    run, given = run_and_rest(run, given)
    require_room(Path(out))
    opened = OpenedRun(run, device, notify=note)
    selection = Selection(split, count=count, seed=seed)
    request = CompressRequest(precision, invert, lossless, names=not no_names)
    with progress() as step:
        found = compress_faces(opened, given or [], faces, selection, request, step, note)
    found.save(out)
    if json:
        say_json({"file": out, **found.metrics})
    else:
        say(str(found))
        say(out)
    if sheet is not None:
        save_figure(opened, found.draw(), sheet, quietly=json)
