"""Options that several verbs share, each declared once."""

import csv
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated

import typer

from lik.core.errors import UnusableInput

Run = Annotated[str, typer.Argument(help="A run, made by lik train.", metavar="RUN")]
Given = Annotated[
    list[str] | None,
    typer.Argument(
        help="Pictures, a folder of pictures, or a face set (default: the run's own).",
        metavar="PICTURES or FACES",
        show_default=False,
    ),
]
Photographs = Annotated[
    list[str] | None,
    typer.Argument(help="Photographs, or folders of them.", metavar="PHOTO", show_default=False),
]
Networks = Annotated[
    list[str] | None,
    typer.Option(
        "--classifier", metavar="NET", show_default=False,
        help="An attribute classifier of lik train-classifier; for guided edits there may be "
        "several: they take turns.",
    ),
]  # fmt: skip
EditMethod = Annotated[
    str | None,
    typer.Option(
        "--method", metavar="NAME", show_default="joint",
        help="Directions of lik fit-directions, or guided, where each face finds its own way.",
    ),
]  # fmt: skip
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
Temperature = Annotated[
    float | None,
    typer.Option(
        help="Standard deviation of generated codes; less than 1 is tamer.", metavar="T", min=0
    ),
]
FittedPrior = Annotated[
    str | None,
    typer.Option(
        "--prior", help="Draw from this prior of lik fit-prior (default: standard normal).",
        metavar="NAME", show_default=False,
    ),
]  # fmt: skip
Having = Annotated[
    list[str] | None,
    typer.Option(
        "--with", help="Attributes the faces have; repeat it, or put commas between.",
        metavar="A,B", show_default=False,
    ),
]  # fmt: skip
Lacking = Annotated[
    list[str] | None,
    typer.Option(
        "--without", help="Attributes they lack, likewise.", metavar="A,B", show_default=False
    ),
]
Columns = Annotated[int, typer.Option(help="Faces in a row.", metavar="N", min=1)]
Device = Annotated[
    str, typer.Option(help="Where the model runs: auto, cpu, cuda, or cuda:1.", metavar="DEVICE")
]
Threads = Annotated[
    int | None, typer.Option(help="Processor threads to use.", metavar="N", show_default="all")
]
NewRun = Annotated[
    str, typer.Argument(help="The folder of the run; an existing one goes on.", metavar="RUN")
]
KeyValues = Annotated[
    list[str] | None,
    typer.Argument(help="Settings to change, as epochs=100.", metavar="KEY=VALUE"),
]
Json = Annotated[bool, typer.Option("--json", help="Print the answer as JSON.")]


Keep = Annotated[
    list[str] | None,
    typer.Option(
        help="Attributes that shall stay: every direction is turned to be at right angles to "
        "theirs.", metavar="A,B", show_default=False,
    ),
]  # fmt: skip


def names_of(given: Sequence[str] | None) -> list[str]:
    """The names in all values of an option, each a line of CSV: ``A,B`` or ``"A, with comma"``.

    Raises:
        UnusableInput: a quote that does not end.
    """
    names = []
    for line in given or ():
        try:
            row = next(csv.reader([line], skipinitialspace=True, strict=True), [])
        except csv.Error as error:
            raise UnusableInput(
                f"'{line}' is no list of names ({error}): put commas between them, and a name that "
                "has a comma or a quote in double quotes, as in 'A,\"B, C\"'."
            ) from None
        names += [name.strip() for name in row if name.strip()]
    return names


def file_of(*suffixes: str) -> Callable[[str | None], str | None]:
    """A check of an output's name before the work begins: it must end in one of ``suffixes``."""

    def checked(name: str | None) -> str | None:
        if name is not None and Path(name).is_dir():
            raise UnusableInput(
                f"{name} is a folder: name the file to write, such as "
                f"{Path(name) / 'a'}{suffixes[0]}."
            )
        if name is not None and Path(name).suffix.lower() not in suffixes:
            raise UnusableInput(
                f"{name} does not end in {' or '.join(suffixes)}, and that is what is written: "
                "name it so."
            )
        return name

    return checked


Out = Annotated[
    str | None,
    typer.Option(
        "--out", "-o", help="The PNG to write.", metavar="PNG", show_default=False,
        callback=file_of(".png"),
    ),
]  # fmt: skip
Arrays = Annotated[
    str | None,
    typer.Option(
        help="Also write the arrays, as NumPy .npz.", metavar="NPZ", show_default=False,
        callback=file_of(".npz"),
    ),
]  # fmt: skip
