"""lik expand: the faces that a file of lik compress holds."""

from pathlib import Path
from typing import Annotated

import typer

from lik.app.compressed import require_free
from lik.app.compressing import expand as expand_file
from lik.app.opened import OpenedRun
from lik.cli.options import Device, Json
from lik.cli.output import note, progress, say, say_json
from lik.core.errors import UnusableInput


def expand(
    given: Annotated[
        list[str],
        typer.Argument(
            help="The run that wrote the file, which may be left out if it ships; the file; "
            "and the folder to write.",
            metavar="[RUN] FILE OUT",
        ),
    ],
    json: Json = False,
    device: Device = "auto",
) -> None:
    """Write the faces of a compressed file as PNG, by their names.

    Example: lik expand holiday.lik holiday-again/
    """
    if len(given) not in (2, 3):
        raise UnusableInput("name the file and the folder to write, and before them the run.")
    *run, file, out = given
    require_free(Path(out))
    opened = OpenedRun(run[0], device, notify=note) if run else None
    with progress() as step:
        found = expand_file(file, opened, device, step, note)
    found.save(out)
    if json:
        say_json({"folder": out, "names": [f"{name}.png" for name in found.names], **found.metrics})
    else:
        say(str(found))
        say(out)
