"""lik prepare: pictures → face set."""

import os
import re
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lik.cli.output import command_line, counting, say

if TYPE_CHECKING:
    from lik.faces.crop.cropping import CropRule
    from lik.faces.io.labels import Labelled
    from lik.faces.set.engines import Engine
    from lik.faces.set.extraction import Plan
    from lik.faces.set.faceset import FaceSet
    from lik.faces.set.preparation import Preparation, Shard
    from lik.faces.set.quality import Limits

LIMITS = "Limits (a face that does not meet them is left out, with the reason)"
FINDING = "Finding faces"
SCALE = "Scale"

MOST_INVENTED = 0.3
"""The share of a crop that --crop aligned may fill by reflection, unless something else is said."""


class Crop(StrEnum):
    """The crop rules that can be asked for."""

    face = "face"
    paper = "paper"
    fixed = "fixed"
    aligned = "aligned"


class Faces(StrEnum):
    """Which faces of a picture are kept."""

    largest = "largest"
    all = "all"


class Where(StrEnum):
    """Where the work is done."""

    local = "local"
    ray = "ray"


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
        typer.Option(
            help="face: around the detected face, in proportion to it; aligned: turned and scaled "
            "until the eyes lie where CelebA's do; paper: 128 of 178 pixels around the middle of "
            "the detection; fixed: one square for all, without detection."
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
    widen: Annotated[
        float,
        typer.Option(
            help="How much larger than the reference frame --crop aligned or fixed cuts.",
            metavar="FACTOR",
            min=0.1,
        ),
    ] = 1.0,
    size: Annotated[int, typer.Option(help="Side of the faces, in pixels.", metavar="N")] = 64,
    labels: Annotated[
        Path | None,
        typer.Option(
            help="A CSV of attributes: file names in the first column, a column for each.",
            metavar="CSV",
            show_default=False,
        ),
    ] = None,
    faces: Annotated[
        Faces,
        typer.Option(help="Which faces of a picture are kept.", rich_help_panel=FINDING),
    ] = Faces.largest,
    yunet: Annotated[
        Path | None,
        typer.Option(
            help="YuNet's model file, for --crop aligned (lik doctor says where it is looked for).",
            metavar="ONNX",
            show_default=False,
            rich_help_panel=FINDING,
        ),
    ] = None,
    aligner: Annotated[
        Path | None,
        typer.Option(
            help="An alignment network made by lik train-aligner, in place of Lik's own.",
            metavar="ONNX",
            show_default=False,
            rich_help_panel=FINDING,
        ),
    ] = None,
    min_score: Annotated[
        float | None, typer.Option(help="Least score of a detection.", rich_help_panel=LIMITS)
    ] = None,
    min_detected: Annotated[
        float | None,
        typer.Option(
            help="Least side of a detection, in pixels of the picture.",
            metavar="PIXELS", rich_help_panel=LIMITS,
        ),
    ] = None,
    min_sharpness: Annotated[
        float | None,
        typer.Option(help="Least sharpness (0 is blurred, 0.5 usual).", rich_help_panel=LIMITS),
    ] = None,
    min_brightness: Annotated[
        float | None, typer.Option(help="Least mean brightness, 0 to 1.", rich_help_panel=LIMITS)
    ] = None,
    max_brightness: Annotated[
        float | None, typer.Option(help="Most mean brightness, 0 to 1.", rich_help_panel=LIMITS)
    ] = None,
    max_invented: Annotated[
        float | None,
        typer.Option(
            help="Largest share of the crop, 0 to 1, that may lie outside of the picture and be "
            "filled by reflection.",
            show_default=f"{MOST_INVENTED} for --crop aligned",
            rich_help_panel=LIMITS,
        ),
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option(
            help="Processes.", metavar="N", min=1, show_default="one per core",
            rich_help_panel=SCALE,
        ),
    ] = None,
    shard: Annotated[
        str | None,
        typer.Option(
            help="Do part I of N only, such as 1/4; lik merge puts the parts together.",
            metavar="I/N", show_default=False, rich_help_panel=SCALE,
        ),
    ] = None,
    engine: Annotated[
        Where, typer.Option(help="Where the work is done.", rich_help_panel=SCALE)
    ] = Where.local,
    ray_address: Annotated[
        str | None,
        typer.Option(
            help="The Ray cluster of --engine ray (default: one on this machine).",
            metavar="ADDRESS", show_default=False, rich_help_panel=SCALE,
        ),
    ] = None,
) -> None:  # fmt: skip
    """Find, crop and scale the faces of a set of pictures.

    The same command goes on where it was left. What is left out stands in rejected.csv.

    Example: lik prepare celeba/ faces/celeba --crop fixed

    Example: lik prepare holiday/ wedding.zip faces/ours --crop aligned --faces all
    """
    from lik.faces.set.quality import Limits

    limits = Limits(
        min_score=min_score, min_detected=min_detected, min_sharpness=min_sharpness,
        min_brightness=min_brightness, max_brightness=max_brightness, max_invented=max_invented,
    )  # fmt: skip
    rule = _rule(crop, square, widen)
    plan = plan_of(rule, size, limits, faces is Faces.all, yunet, aligner)
    how = Scale(_engine(engine, ray_address, workers or _cores()), _shard(shard))
    if how.shard is None:
        prepare_faces(sources, out, plan, labels, how)
        return
    _say_counts(_prepared(sources, out, plan, labels, how))
    say(f"  this is shard {how.shard}: lik merge puts all of them together")


@dataclass(frozen=True)
class Scale:
    """Where the work is done, and which part of it."""

    engine: "Engine"
    shard: "Shard | None" = None


def prepare_faces(
    sources: list[str],
    out: Path,
    plan: "Plan",
    labels: Path | None = None,
    scale: Scale | None = None,
) -> "FaceSet":
    """Prepare with a bar, say what became of the pictures, draw the contact sheet."""
    from lik.faces.set.faceset import FaceSet

    return show_prepared(_prepared(sources, out, plan, labels, scale), FaceSet.open(out))


def _prepared(
    sources: list[str], out: Path, plan: "Plan", labels: Path | None, scale: Scale | None
) -> "Preparation":
    from lik.faces.io.labels import with_labels
    from lik.faces.io.sources import open_sources
    from lik.faces.set.preparation import prepare as prepare_set

    scale = scale or Scale(_engine(Where.local, None, _cores()))
    _require_outside(out, sources)
    opened = open_sources(sources, plan.size)
    if labels is not None:
        labelled = with_labels(opened, labels)
        opened = labelled.source
        say(f"{labels}: {_of_labels(labelled)}.")
    with counting("preparing") as step:
        report = prepare_set(opened, out, plan, scale.engine, step, scale.shard)
    if report.already_done:
        say(f"{out} is prepared already.")
    return report


def show_prepared(report: "Preparation", faces: "FaceSet") -> "FaceSet":
    """Say what became of the pictures of a set, and draw its contact sheet."""
    _say_counts(report)
    splits = ", ".join(f"{len(faces.indices(s)):,} {s}" for s in ("train", "validation", "test"))
    say(f"  splits: {splits}; attributes: {len(faces.attribute_names)}")
    sheet = faces.path / "contact-sheet.png"
    if not sheet.is_file():
        draw_contact_sheet(faces, sheet)
    say(f"  look at {sheet}, or at all of it with lik inspect {faces.path}")
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


def _require_outside(out: Path, sources: list[str]) -> None:
    """Refuse to write where pictures are read from: the next time, they would be others."""
    from lik.core.errors import UnusableInput

    for source in sources:
        if Path(source).is_dir() and Path(source).resolve() in [
            out.resolve(),
            *out.resolve().parents,
        ]:
            raise UnusableInput(
                f"{out} lies inside of {source}, whose pictures are read: choose an OUT beside it."
            )


def _of_labels(labelled: "Labelled") -> str:
    parts = [f"{labelled.matched:,} pictures have labels"]
    if labelled.unlabelled:
        parts.append(f"{labelled.unlabelled:,} have none")
    if labelled.unmatched:
        parts.append(f"{labelled.unmatched:,} rows are for no picture")
    return ", ".join(parts)


def _say_counts(report: "Preparation") -> None:
    say(f"{report.pictures:,} pictures, {report.found:,} faces found, {report.kept:,} kept.")
    for reason, count in report.reasons.items():
        say(f"  left out {count:>7,}  {reason}")


def _rule(crop: Crop, square: str | None, widen: float) -> "CropRule":
    from lik.core.errors import UnusableInput
    from lik.faces.crop.cropping import AlignedCrop, FaceCrop, FixedCrop, PaperCrop

    if square is not None and crop is not Crop.fixed:
        raise UnusableInput("--square goes with --crop fixed.")
    if widen != 1 and crop not in (Crop.fixed, Crop.aligned):
        raise UnusableInput("--widen goes with --crop aligned or fixed.")
    if widen != 1 and square is not None:
        raise UnusableInput("--widen widens the reference frame: it does not go with --square.")
    if crop is Crop.face:
        return FaceCrop()
    if crop is Crop.paper:
        return PaperCrop()
    if crop is Crop.aligned:
        return AlignedCrop(widen=widen)
    if square is None:
        return FixedCrop(widen=widen)
    try:
        x, y, side = (int(part) for part in square.split(","))
    except ValueError:
        raise UnusableInput(
            f"--square {square} is not of the form X,Y,SIDE, as 24,52,128."
        ) from None
    if min(x, y) < 0 or side < 1:
        raise UnusableInput(f"--square {square}: X and Y start at 0, SIDE at 1.")
    return FixedCrop(x=x, y=y, side=side)


def plan_of(
    rule: "CropRule",
    size: int = 64,
    limits: "Limits | None" = None,
    every: bool = False,
    yunet: Path | None = None,
    aligner: Path | None = None,
) -> "Plan":
    """What is done with every picture, with the finder and the limits that suit the rule."""
    from lik.core.errors import UnusableInput
    from lik.faces.crop.cropping import needs_detection
    from lik.faces.detect.finding import finder_for
    from lik.faces.set.extraction import Plan
    from lik.faces.set.quality import Limits

    limits = limits or Limits()
    if limits.max_invented is None and rule.kind == "aligned":
        limits = limits.model_copy(update={"max_invented": MOST_INVENTED})
    if not needs_detection(rule):
        if every or yunet or aligner:
            raise UnusableInput("--faces all, --yunet and --aligner need a crop that detects.")
        return Plan(rule, size, limits=limits)
    if yunet and (aligner or rule.kind != "aligned"):
        raise UnusableInput("--yunet goes with --crop aligned, and not together with --aligner.")
    if aligner and rule.kind == "paper":
        raise UnusableInput("--aligner goes with --crop aligned or face.")
    return Plan(rule, size, finder_for(rule.kind, yunet, aligner), every, limits)


def _engine(where: Where, address: str | None, workers: int) -> "Engine":
    from lik.core.errors import UnusableInput
    from lik.faces.set.engines import here, processes, ray_cluster

    if where is Where.ray:
        return ray_cluster(address)
    if address:
        raise UnusableInput("--ray-address goes with --engine ray.")
    return here if workers == 1 else processes(workers)


def _shard(text: str | None) -> "Shard | None":
    from lik.core.errors import UnusableInput
    from lik.faces.set.preparation import Shard

    if text is None:
        return None
    match = re.fullmatch(r"(\d+)/(\d+)", text)
    if not match or not 1 <= int(match[1]) <= int(match[2]):
        raise UnusableInput(f"--shard {text} is not of the form I/N with I from 1 to N, as 1/4.")
    return Shard(int(match[1]), int(match[2]))


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
