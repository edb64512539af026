"""Options that several verbs share, each declared once."""

import csv
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from lik.core.errors import UnusableInput


def option(default: Any, help: str, metavar: str | None = None, *names: str, **more: Any) -> Any:
    """An option: its default, what it says of itself, its value, and names of its own."""
    return typer.Option(default, *names, help=help, metavar=metavar, **more)


def flag(name: str, help: str) -> Any:
    """A switch that is off by default."""
    return typer.Option(False, name, help=help)


def argument(default: Any, help: str, metavar: str | None = None, **more: Any) -> Any:
    """An argument, likewise."""
    return typer.Argument(default, help=help, metavar=metavar, **more)


def required(help: str, metavar: str | None = None) -> Any:
    """What an argument that must be given says of itself; it is no empty text."""
    return typer.Argument(help=help, metavar=metavar, callback=_not_empty)


def _not_empty(context: typer.Context, parameter: Any, given: Any) -> Any:
    """Refuse the empty text, such as of an unset variable of the shell, which is no path here."""
    texts = given if isinstance(given, list) else [given]
    if any(isinstance(text, str) and not text.strip() for text in texts):
        raise UnusableInput(f"{parameter.metavar or parameter.name} is empty: name one.")
    return given


def _shared(help: str, metavar: str | None = None, *names: str, **more: Any) -> Any:
    """An option that verbs share, and of which each says the default."""
    return typer.Option(*names, help=help, metavar=metavar, **more)


Run = Annotated[str, required("A run, made by lik train, or hf://owner/name.", "RUN")]
RunOrNone = Annotated[
    str | None, required("A run, hf://owner/name, or one that ships (default: faces).", "RUN")
]
Given = Annotated[
    list[str] | None,
    required(
        "Pictures, a folder of pictures, or a face set (default: the run's own).",
        "PICTURES or FACES",
    ),
]
Photographs = Annotated[list[str] | None, required("Photographs, or folders of them.", "PHOTO")]
Networks = Annotated[
    list[str] | None,
    _shared(
        "An attribute classifier of lik train-classifier; for guided edits there may be "
        "several: they take turns.",
        "NET",
        "--classifier",
    ),
]
EditMethod = Annotated[
    str | None,
    _shared(
        "Directions of lik fit-directions, or guided, where each face finds its own way.",
        "NAME",
        "--method",
        show_default="joint",
    ),
]
Invert = Annotated[
    int | None,
    _shared(
        "Steps of fitting codes to the pictures, for a better likeness; 0 for none.",
        "STEPS",
        "--invert",
        min=0,
        show_default="20 for photographs, where the run has the network it was trained with",
    ),
]
FaceSetGiven = Annotated[str | None, required("A face set (default: the run's own).", "FACES")]
Faces = Annotated[str | None, _shared("The face set (default: the run's own).", "FACES")]
Split = Annotated[str, _shared("Which faces: train, validation, test, or all.", "SPLIT")]
Count = Annotated[
    int, _shared("How many faces (of pictures given by name: all).", "N", "--count", "-n")
]
CountOrAll = Annotated[
    int | None,
    _shared(
        "How many faces of the face set, or of a folder.",
        "N",
        "--count",
        "-n",
        show_default="all",
        min=1,
    ),
]
Seed = Annotated[int, _shared("Decides what is drawn.", "N", min=0)]
Temperature = Annotated[
    float | None,
    _shared("How far from their mean codes are drawn, of usual; less than 1 is tamer.", "T", min=0),
]
FittedPrior = Annotated[
    str | None,
    _shared("Draw from this prior of lik fit-prior (default: standard normal).", "NAME", "--prior"),
]
Having = Annotated[
    list[str] | None,
    _shared("Attributes the faces have; repeat it, or put commas between.", "A,B", "--with"),
]
Lacking = Annotated[
    list[str] | None, _shared("Attributes they lack, likewise.", "A,B", "--without")
]
Columns = Annotated[int, _shared("Faces in a row.", "N", min=1)]
Device = Annotated[str, _shared("Where the model runs: auto, cpu, cuda, or cuda:1.", "DEVICE")]
Threads = Annotated[int | None, _shared("Processor threads to use.", "N", show_default="all")]
NewRun = Annotated[str, required("The folder of the run; an existing one goes on.", "RUN")]
KeyValues = Annotated[list[str] | None, required("Settings to change, as epochs=100.", "KEY=VALUE")]
Json = Annotated[bool, _shared("Print the answer as JSON.", None, "--json")]


Keep = Annotated[
    list[str] | None,
    _shared(
        "Attributes that shall stay: every direction is turned to be at right angles to theirs.",
        "A,B",
    ),
]


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


def eyes_of(given: Sequence[str]) -> tuple[tuple[float, float, float, float], ...]:
    """The values of an option: two eyes each, as ``X,Y,X,Y``.

    Raises:
        UnusableInput: a value of another form.
    """
    eyes = []
    for word in given:
        try:
            a, b, c, d = (float(number) for number in word.split(","))
        except ValueError:
            raise UnusableInput(
                f"--eyes {word} is not of the form X,Y,X,Y, such as 410,300,520,305."
            ) from None
        eyes.append((a, b, c, d))
    return tuple(eyes)


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
    str | None, _shared("The PNG to write.", "PNG", "--out", "-o", callback=file_of(".png"))
]
Arrays = Annotated[
    str | None, _shared("Also write the arrays, as NumPy .npz.", "NPZ", callback=file_of(".npz"))
]
