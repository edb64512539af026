"""Options that several verbs share: which faces, and where figures go."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lik.cli.terminal import command_line, say

if TYPE_CHECKING:
    from PIL import Image

Run = Annotated[str, typer.Argument(help="A run, made by lik train.", metavar="RUN")]
Given = Annotated[
    list[str] | None,
    typer.Argument(
        help="Pictures, a folder of pictures, or a face set (default: the run's own).",
        metavar="PICTURES or FACES",
        show_default=False,
    ),
]
FaceSetGiven = Annotated[
    str | None,
    typer.Argument(
        help="A face set (default: the run's own).", metavar="FACES", show_default=False
    ),
]
Faces = Annotated[
    str | None,
    typer.Option(
        help="The face set (default: the run's own).", metavar="FACES", show_default=False
    ),
]
Split = Annotated[
    str, typer.Option(help="Which faces: train, validation, test, or all.", metavar="SPLIT")
]
Count = Annotated[
    int,
    typer.Option(
        "--count", "-n", help="How many faces (of pictures given by name: all).", metavar="N"
    ),
]
Seed = Annotated[int, typer.Option(help="Decides what is drawn.", metavar="N", min=0)]
Temperature = Annotated[float, typer.Option(help="Spread of generated codes.", metavar="T", min=0)]
FittedPrior = Annotated[
    str | None,
    typer.Option(
        "--prior", help="Draw from this prior of lik fit-prior (default: standard normal).",
        metavar="NAME", show_default=False,
    ),
]  # fmt: skip
Columns = Annotated[int, typer.Option(help="Faces in a row.", metavar="N", min=1)]


def save_figure(image: "Image.Image", out: str | None, run: str, name: str) -> Path:
    """Write a figure of a run to ``out``, or into the run's figures, and say where."""
    from lik.figures.png import save_png

    path = Path(out) if out else figure_path(run, name)
    save_png(path, image, command=command_line(), run=Path(run).resolve().name)
    say(str(path))
    return path


def figure_path(run: str, name: str) -> Path:
    """Where a figure of a run lies by default."""
    folder = Path(run)
    return (folder if folder.is_dir() else folder.parent) / "figures" / name


def save_arrays(path: str | None, **arrays: Any) -> None:
    """Write arrays as .npz, whole or not at all, where the user asked for them."""
    if path is None:
        return
    import numpy as np

    from lik.core.artifacts import replacing

    with replacing(Path(path)) as temporary, open(temporary, "wb") as file:
        np.savez_compressed(file, **arrays)
    say(path)
