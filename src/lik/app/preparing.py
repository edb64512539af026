"""Preparing: pictures → face set."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import numpy as np
from pydantic import Field

from lik.core.configuration import Settings
from lik.core.errors import UnusableInput
from lik.core.events import Notify, Progress, no_notices, no_progress
from lik.core.processors import processors
from lik.faces.crop.cropping import AlignedCrop, CropRule, FaceCrop, FixedCrop, PaperCrop
from lik.faces.detect.finding import finder_for
from lik.faces.io.labels import with_labels
from lik.faces.io.pictures import NotAPicture, Source
from lik.faces.io.sources import open_sources
from lik.faces.set.extraction import Engine, Plan, here, processes, ray_cluster
from lik.faces.set.faceset import FaceSet
from lik.faces.set.preparation import Preparation, Shard
from lik.faces.set.preparation import merge as merge_shards
from lik.faces.set.preparation import prepare as prepare_set
from lik.faces.set.quality import Limits
from lik.figures.grids import rows_of, sheet
from lik.figures.png import save_png

MAX_PADDING = 0.3
"""The share of an aligned crop that may be filled by reflection, unless something else is said."""
SHOWN = 64
"""Faces of a contact sheet."""


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


class Place(StrEnum):
    """Where the work is done."""

    local = "local"
    ray = "ray"


class PrepareRequest(Settings):
    """How pictures become faces.

    Attributes:
        crop: the rule; ``square`` (x, y, side) is that of ``fixed``, in pixels; ``widen`` how much
            larger than the reference frame ``fixed`` and ``aligned`` cut.
        size: side of the faces, in pixels.
        labels: a CSV of attributes.
        faces: the largest of a picture, or all.
        yunet, aligner: models that find faces and eyes in place of Lik's own.
        limits: what a face must meet to be kept.
        workers: processes; None for one per core. shard: do this part only.
        engine: where the work is done; ``ray_address`` is that of its cluster.
    """

    crop: Crop = Crop.face
    square: tuple[int, int, int] | None = None
    widen: float = Field(1.0, ge=0.1, le=10)
    size: int = Field(64, ge=8, le=4096)
    labels: Path | None = None
    faces: Faces = Faces.largest
    yunet: Path | None = None
    aligner: Path | None = None
    limits: Limits = Limits()
    workers: int | None = Field(None, ge=1, le=4096)
    shard: str | None = None
    engine: Place = Place.local
    ray_address: str | None = None


@dataclass(frozen=True, repr=False)
class Prepared:
    """A face set and what became of the pictures; ``faces`` is None for a shard of one."""

    counts: Preparation
    faces: FaceSet | None

    def __repr__(self) -> str:
        return "\n".join(self.lines())

    def lines(self) -> list[str]:
        """The same for people, a line each."""
        counts = self.counts
        lines = [
            f"{counts.pictures:,} pictures, {counts.found:,} faces found, {counts.kept:,} kept."
        ]
        lines += [f"  left out {count:>7,}  {reason}" for reason, count in counts.reasons.items()]
        if self.faces is None:
            return [*lines, f"  this is shard {counts.shard}: merge all of them."]
        splits = self.faces.description["splits"]
        shown = ", ".join(f"{splits.get(s, 0):,} {s}" for s in ("train", "validation", "test"))
        return [*lines, f"  splits: {shown}; attributes: {len(self.faces.attribute_names)}"]


def prepare(
    sources: Sequence[str],
    out: str | Path,
    request: PrepareRequest | None = None,
    progress: Progress = no_progress,
    notify: Notify = no_notices,
) -> Prepared:
    """Find, crop and scale the faces of pictures, or go on where it was left.

    Args:
        sources: what the pictures lie in, see docs/sources.md. out: the folder of the face set.
        request: how; by default an upright square around the largest face of each picture.
        progress: told how many pictures are done. notify: told of labels, repairs and the like.

    Raises:
        UnusableInput: what is asked for does not go together, the pictures cannot be used, or
            ``out`` holds something else or is being prepared by another process.
        FailedOnTheWay: writing failed; the same call goes on from there.
    """
    out, request = Path(out), request or PrepareRequest()
    shard = Shard.parse(request.shard) if request.shard is not None else None
    _require_rule(request)
    engine = _engine(request)
    _require_outside(out, sources)
    source = open_sources(list(sources), request.size, notify)
    if request.labels is not None:
        labelled = with_labels(source, request.labels)
        source = labelled.source
        parts = [f"{labelled.matched:,} pictures have labels"]
        parts += [f"{labelled.unlabelled:,} have none"] if labelled.unlabelled else []
        parts += [f"{labelled.unmatched:,} rows are for no picture"] if labelled.unmatched else []
        notify(f"{request.labels}: {', '.join(parts)}.")
    counts = prepare_set(source, out, _plan(request, source), engine, progress, notify, shard)
    if counts.already_done:
        notify(f"{out} is prepared already.")
    return Prepared(counts, None if shard else FaceSet.open(out))


def merge(shards: Sequence[Path], out: Path) -> Prepared:
    """Put the shards of one preparation together: the same bytes as without any.

    Raises:
        UnusableInput: a shard is missing, given twice, unfinished, damaged, or of another job.
        FailedOnTheWay: writing failed; the same call begins again.
    """
    return Prepared(merge_shards(shards, out), FaceSet.open(out))


def save_contact_sheet(faces: FaceSet, command: str, path: Path | None = None) -> Path:
    """Draw faces taken evenly from the whole set, by default into its folder, if not yet there."""
    path = path or faces.path / "contact-sheet.png"
    if not path.is_file():
        chosen = np.unique(np.linspace(0, len(faces) - 1, SHOWN).round().astype(int))
        image = sheet(
            rows_of(np.asarray(faces.images[chosen]), 8),
            f"{faces.path.name}: {len(faces):,} faces",
            f"{len(chosen)} of them, evenly from the first to the last. "
            f"Source: {faces.description['source']}; crop: {faces.crop['kind']}; "
            f"{faces.size}×{faces.size} pixels.",
            tile=96,
        )
        save_png(path, image, command=command)
    return path


def _require_rule(request: PrepareRequest) -> None:
    """Refuse what does not go together."""
    crop, square = request.crop, request.square
    widened, models = request.widen != 1, request.yunet or request.aligner
    frame = crop in (Crop.fixed, Crop.aligned)
    elsewhere = request.ray_address is not None and request.engine is not Place.ray
    faults = {
        "a square of one's own goes with the crop fixed": square and crop is not Crop.fixed,
        "the corner of a square must be 0, 0 or more": square and min(square) < 0,
        "the side of a square must be at least 1 pixel": square and square[2] < 1,
        "widening goes with the crops aligned and fixed": widened and not frame,
        "widening the reference frame does not go with a square of one's own": widened and square,
        "all faces, YuNet and an alignment network need a crop that detects": crop is Crop.fixed
        and (request.faces is Faces.all or models),
        "YuNet goes with the crop aligned, and not together with an alignment network": (
            request.yunet and (request.aligner or crop is not Crop.aligned)
        ),
        "an alignment network goes with the crops aligned and face": request.aligner
        and crop is Crop.paper,
        "the address of a Ray cluster goes with the engine ray": elsewhere,
    }
    for sentence, fault in faults.items():
        if fault:
            raise UnusableInput(f"{sentence}.")


def _plan(request: PrepareRequest, source: Source) -> Plan:
    """What is done with every picture, with the finder and the limits that suit the rule."""
    rule, limits = _rule(request, source), request.limits
    if limits.max_padding is None and request.crop is Crop.aligned:
        limits = limits.model_copy(update={"max_padding": MAX_PADDING})
    if request.crop is Crop.fixed:
        return Plan(rule, request.size, limits=limits)
    finder = finder_for(request.crop, request.yunet, request.aligner)
    return Plan(rule, request.size, finder, request.faces is Faces.all, limits)


def _rule(request: PrepareRequest, source: Source) -> CropRule:
    match request.crop:
        case Crop.face:
            return FaceCrop()
        case Crop.paper:
            return PaperCrop()
        case Crop.aligned:
            return AlignedCrop(widen=request.widen)
        case _ if request.square is not None:
            x, y, side = request.square
            return FixedCrop(x=x, y=y, side=side, pictures=_size_of(source))
    return FixedCrop(widen=request.widen)


def _size_of(source: Source) -> tuple[int, int] | None:
    """Width and height of the first picture that can be opened."""
    for name in source.names:
        try:
            picture = source.container.open(name)
        except NotAPicture:
            continue
        return picture.width, picture.height
    return None


def _engine(request: PrepareRequest) -> Engine:
    if request.engine is Place.ray:
        return ray_cluster(request.ray_address)
    workers = request.workers or processors()
    return here if workers == 1 else processes(workers)


def _require_outside(out: Path, sources: Sequence[str]) -> None:
    """Refuse to write where pictures are read from: the next time, they would be others."""
    inside = [out.resolve(), *out.resolve().parents]
    for source in sources:
        if Path(source).is_dir() and Path(source).resolve() in inside:
            raise UnusableInput(
                f"{out} lies inside of {source}, whose pictures are read: choose a folder beside "
                "it."
            )
