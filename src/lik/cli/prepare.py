"""lik prepare: pictures → face set."""

import os
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lik.cli.terminal import command_line, counting, say

if TYPE_CHECKING:
    from lik.faces.cropping import CropRule
    from lik.faces.faceset import FaceSet


class Crop(StrEnum):
    """The crop rules that can be asked for."""

    face = "face"
    paper = "paper"
    fixed = "fixed"


def prepare(
    source: Annotated[
        str, typer.Argument(help="CelebA's zip or folder, any folder or zip, or drawn:N.")
    ],
    out: Annotated[Path, typer.Argument(help="The folder of the face set.")],
    crop: Annotated[
        Crop,
        typer.Option(
            help="face: around the detected face, in proportion to it; paper: 128 of 178 pixels "
            "around its middle; fixed: one square for all, without detection."
        ),
    ] = Crop.face,
    square: Annotated[
        str | None,
        typer.Option(
            help="The square of --crop fixed, in pixels of the pictures "
            "(default: CelebA's reference frame in proportion).",
            metavar="X,Y,SIDE",
            show_default=False,
        ),
    ] = None,
    size: Annotated[int, typer.Option(help="Side of the faces, in pixels.", metavar="N")] = 64,
    workers: Annotated[
        int | None, typer.Option(help="Processes.", metavar="N", show_default="one per core")
    ] = None,
) -> None:
    """Find, crop and scale the faces of a set of pictures.

    The same command goes on where it was left.

    Example: lik prepare celeba/ faces/celeba --crop fixed
    """
    prepare_faces(source, out, _rule(crop, square), size, workers)


def prepare_faces(
    source: str, out: Path, rule: "CropRule", size: int, workers: int | None = None
) -> "FaceSet":
    """Prepare with a bar, say what became of the pictures, draw the contact sheet."""
    from lik.faces.faceset import FaceSet
    from lik.faces.preparation import prepare as prepare_set
    from lik.faces.sources import open_source

    opened = open_source(source, size)
    with counting("preparing") as step:
        report = prepare_set(opened, out, rule, size, workers or _cores(), step)
    faces = FaceSet.open(out)
    if report.already_done:
        say(f"{out} is prepared already.")
    say(f"{report.pictures:,} pictures, {report.found:,} faces found, {report.kept:,} kept.")
    for reason, count in report.reasons.items():
        say(f"  left out {count:>7,}  {reason}")
    splits = ", ".join(f"{len(faces.indices(s)):,} {s}" for s in ("train", "validation", "test"))
    say(f"  splits: {splits}; attributes: {len(faces.attribute_names)}")
    sheet = out / "contact-sheet.png"
    if not sheet.is_file():
        draw_contact_sheet(faces, sheet)
    say(f"  look at {sheet}")
    return faces


def draw_contact_sheet(faces: "FaceSet", path: Path, count: int = 64) -> None:
    """Draw faces taken evenly from the whole set."""
    import numpy as np

    from lik.figures.grids import rows_of, sheet
    from lik.figures.png import save_png

    chosen = np.unique(np.linspace(0, len(faces) - 1, count).round().astype(int))
    crop = faces.crop["kind"]
    image = sheet(
        rows_of(np.asarray(faces.images[chosen]), 8),
        f"{faces.path.name}: {len(faces):,} faces",
        f"{len(chosen)} of them, evenly from the first to the last. "
        f"Source: {faces.description['source']}; crop: {crop}; {faces.size}×{faces.size} pixels.",
        tile=96,
    )
    save_png(path, image, command=command_line())


def _rule(crop: Crop, square: str | None) -> "CropRule":
    from lik.core.errors import UnusableInput
    from lik.faces.cropping import FaceCrop, FixedCrop, PaperCrop

    if square is not None and crop is not Crop.fixed:
        raise UnusableInput("--square goes with --crop fixed.")
    if crop is Crop.face:
        return FaceCrop()
    if crop is Crop.paper:
        return PaperCrop()
    if square is None:
        return FixedCrop()
    try:
        x, y, side = (int(part) for part in square.split(","))
    except ValueError:
        raise UnusableInput(
            f"--square {square} is not of the form X,Y,SIDE, as 24,52,128."
        ) from None
    if min(x, y) < 0 or side < 1:
        raise UnusableInput(f"--square {square}: X and Y start at 0, SIDE at 1.")
    return FixedCrop(x=x, y=y, side=side)


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
