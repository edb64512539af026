"""lik merge: the shards of one preparation → the face set."""

from pathlib import Path
from typing import Annotated

import typer


def merge(
    shards: Annotated[
        list[Path],
        typer.Argument(help="All shards, made by lik prepare --shard.", metavar="SHARD"),
    ],
    out: Annotated[Path, typer.Argument(help="The folder of the face set.", metavar="OUT")],
) -> None:
    """Put the shards of a preparation together: the same bytes as without any.

    Example: lik merge faces/part-1 faces/part-2 faces/celeba
    """
    from lik.cli.prepare import show_prepared
    from lik.faces.set.faceset import FaceSet
    from lik.faces.set.merging import merge as merge_shards

    show_prepared(merge_shards(shards, out), FaceSet.open(out))
