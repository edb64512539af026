"""lik merge: the shards of one preparation → the face set."""

from pathlib import Path
from typing import Annotated

from lik.app.preparing import merge as merge_shards
from lik.app.preparing import save_contact_sheet
from lik.cli.options import required
from lik.cli.output import command_line, say


def merge(
    shards: Annotated[list[Path], required("All shards, made by lik prepare --shard.", "SHARD")],
    out: Annotated[Path, required("The folder of the face set.", "OUT")],
) -> None:
    """Put the shards of a preparation together: the same bytes as without any.

    Example: lik merge faces/part-1 faces/part-2 faces/celeba
    """
    merged = merge_shards(shards, out)
    for line in merged.lines():
        say(line)
    assert merged.faces is not None
    say(f"  look at {save_contact_sheet(merged.faces, command_line())}")
