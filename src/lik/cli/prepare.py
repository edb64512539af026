"""lik prepare: pictures → face set."""

from pathlib import Path
from typing import Annotated, Any

import typer

from lik.app.preparing import (
    MAX_PADDING,
    Crop,
    Faces,
    Place,
    PrepareRequest,
    save_contact_sheet,
)
from lik.app.preparing import prepare as prepare_faces
from lik.cli.output import command_line, say, stages
from lik.core.configuration import validated
from lik.core.errors import UnusableInput
from lik.faces.set.quality import Limits

LIMITS = "Limits (a face that does not meet them is left out, with the reason)"
FINDING = "Finding faces"
SCALE = "Scale"


def _option(help_: str, metavar: str | None = None, panel: str | None = None, **more: Any) -> Any:
    return typer.Option(help=help_, metavar=metavar, rich_help_panel=panel, **more)


Limit = float | None


def prepare(
    sources: Annotated[
        list[str],
        typer.Argument(
            help="CelebA's zip or folder; any folder, zip, tar or Parquet of pictures; drawn:N. "
            "Several make one set.",
            metavar="SOURCE",
        ),
    ],
    out: Annotated[Path, typer.Argument(help="The folder of the face set.", metavar="OUT")],
    crop: Annotated[
        Crop,
        _option(
            "face: around the detected face, in proportion to it; aligned: turned and scaled "
            "until the eyes lie where CelebA's do; paper: 128 of 178 pixels around the middle of "
            "the detection; fixed: one square for all, without detection."
        ),
    ] = Crop.face,
    square: Annotated[
        str | None,
        _option(
            "The square of --crop fixed, in pixels of the pictures "
            "(default: CelebA's reference frame in proportion).",
            "X,Y,SIDE",
        ),
    ] = None,
    widen: Annotated[
        float,
        _option("How much larger than the reference frame --crop aligned or fixed cuts.", "FACTOR"),
    ] = 1.0,
    size: Annotated[int, _option("Side of the faces, in pixels.", "N")] = 64,
    labels: Annotated[
        Path | None,
        _option("A CSV of attributes: file names in the first column, a column for each.", "CSV"),
    ] = None,
    faces: Annotated[
        Faces, _option("Which faces of a picture are kept.", panel=FINDING)
    ] = Faces.largest,
    yunet: Annotated[
        Path | None,
        _option(
            "YuNet's model file, for --crop aligned (lik doctor says where it is looked for).",
            "ONNX",
            FINDING,
        ),
    ] = None,
    aligner: Annotated[
        Path | None,
        _option(
            "An alignment network made by lik train-aligner, in place of Lik's own.",
            "ONNX",
            FINDING,
        ),
    ] = None,
    min_score: Annotated[Limit, _option("Least score of a detection.", panel=LIMITS)] = None,
    min_detected: Annotated[
        Limit, _option("Least side of a detection, in pixels of the picture.", "PIXELS", LIMITS)
    ] = None,
    min_sharpness: Annotated[
        Limit, _option("Least sharpness (0 is blurred, 0.5 usual).", panel=LIMITS)
    ] = None,
    min_brightness: Annotated[
        Limit, _option("Least mean brightness, 0 to 1.", panel=LIMITS)
    ] = None,
    max_brightness: Annotated[Limit, _option("Most mean brightness, 0 to 1.", panel=LIMITS)] = None,
    max_padding: Annotated[
        Limit,
        _option(
            "Largest share of the crop, 0 to 1, that may lie outside of the picture and be "
            "filled by reflection.",
            panel=LIMITS,
            show_default=f"{MAX_PADDING} for --crop aligned",
        ),
    ] = None,
    workers: Annotated[
        int | None, _option("Processes.", "N", SCALE, show_default="one per core")
    ] = None,
    shard: Annotated[
        str | None,
        _option(
            "Do part I of N only, such as 1/4; lik merge puts the parts together.", "I/N", SCALE
        ),
    ] = None,
    engine: Annotated[Place, _option("Where the work is done.", panel=SCALE)] = Place.local,
    ray_address: Annotated[
        str | None,
        _option(
            "The Ray cluster of --engine ray (default: one on this machine).", "ADDRESS", SCALE
        ),
    ] = None,
) -> None:
    """Find, crop and scale the faces of a set of pictures.

    The same command goes on where it was left. What is left out stands in rejected.csv.

    Example: lik prepare celeba/ faces/celeba --crop fixed

    Example: lik prepare holiday/ wedding.zip faces/ours --crop aligned --faces all
    """
    options = dict(locals())  # named as the fields of the request and of its limits
    given = {key: options[key] for key in PrepareRequest.model_fields if key in options}
    given["limits"] = {key: options[key] for key in Limits.model_fields}
    given["square"] = _square(square)
    request = validated(PrepareRequest, given, "prepare")
    with stages() as progress:
        prepared = prepare_faces(sources, out, request, progress, say)
    for line in prepared.lines():
        say(line)
    if prepared.faces is not None:
        sheet = save_contact_sheet(prepared.faces, command_line())
        say(f"  look at {sheet}, or at all of it with lik inspect {out}")


def _square(text: str | None) -> tuple[int, ...] | None:
    if text is None:
        return None
    try:
        x, y, side = (int(part) for part in text.split(","))
    except ValueError:
        raise UnusableInput(f"--square {text} is not of the form X,Y,SIDE, as 24,52,128.") from None
    return x, y, side
