"""lik prepare: pictures → face set."""

from pathlib import Path
from typing import Annotated

from lik.app.preparing import MAX_PADDING, Crop, Faces, Place, PrepareRequest, save_contact_sheet
from lik.app.preparing import prepare as prepare_faces
from lik.cli.options import option, required
from lik.cli.output import command_line, progress, say
from lik.core.configuration import validated
from lik.core.errors import UnusableInput
from lik.faces.set.quality import Limits

LIMITS = "Limits (a face that does not meet them is left out, with the reason)"
FINDING = "Finding faces"
SCALE = "Scale"


Limit = float | None


def prepare(
    sources: Annotated[
        list[str],
        required(
            "CelebA's zip or folder; any folder, zip, tar or Parquet of pictures; drawn:N. "
            "Several make one set.",
            "SOURCE",
        ),
    ],
    out: Annotated[Path, required("The folder of the face set.", "OUT")],
    crop: Crop = option(
        Crop.face,
        "face: around the detected face, in proportion to it; aligned: turned and scaled "
        "until the eyes lie where CelebA's do; paper: 128 of 178 pixels around the middle of "
        "the detection; fixed: one square for all, without detection.",
    ),
    square: str | None = option(
        None,
        "The square of --crop fixed, in pixels of the pictures "
        "(default: CelebA's reference frame in proportion).",
        "X,Y,SIDE",
    ),
    widen: float = option(
        1.0, "How much larger than the reference frame --crop aligned or fixed cuts.", "FACTOR"
    ),
    size: int = option(64, "Side of the faces, in pixels.", "N"),
    labels: Path | None = option(
        None, "A CSV of attributes: file names in the first column, a column for each.", "CSV"
    ),
    faces: Faces = option(
        Faces.largest, "Which faces of a picture are kept.", rich_help_panel=FINDING
    ),
    yunet: Path | None = option(
        None,
        "YuNet's model file, for --crop aligned (lik doctor says where it is looked for).",
        "ONNX",
        rich_help_panel=FINDING,
    ),
    aligner: Path | None = option(
        None,
        "An alignment network made by lik train-aligner, in place of Lik's own.",
        "ONNX",
        rich_help_panel=FINDING,
    ),
    min_score: Limit = option(None, "Least score of a detection.", rich_help_panel=LIMITS),
    min_detected: Limit = option(
        None,
        "Least side of a detection, in pixels of the picture.",
        "PIXELS",
        rich_help_panel=LIMITS,
    ),
    min_sharpness: Limit = option(
        None, "Least sharpness (0 is blurred, 0.5 usual).", rich_help_panel=LIMITS
    ),
    min_brightness: Limit = option(None, "Least mean brightness, 0 to 1.", rich_help_panel=LIMITS),
    max_brightness: Limit = option(None, "Most mean brightness, 0 to 1.", rich_help_panel=LIMITS),
    max_padding: Limit = option(
        None,
        "Largest share of the crop, 0 to 1, that may lie outside of the picture and be "
        "filled by reflection.",
        rich_help_panel=LIMITS,
        show_default=f"{MAX_PADDING} for --crop aligned",
    ),
    workers: int | None = option(
        None, "Processes.", "N", rich_help_panel=SCALE, show_default="one per core"
    ),
    shard: str | None = option(
        None,
        "Do part I of N only, such as 1/4; lik merge puts the parts together.",
        "I/N",
        rich_help_panel=SCALE,
    ),
    engine: Place = option(Place.local, "Where the work is done.", rich_help_panel=SCALE),
    ray_address: str | None = option(
        None,
        "The Ray cluster of --engine ray (default: one on this machine).",
        "ADDRESS",
        rich_help_panel=SCALE,
    ),
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
    with progress() as step:
        prepared = prepare_faces(sources, out, request, step, say)
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
