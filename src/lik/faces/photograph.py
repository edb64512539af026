"""Photographs brought into the frame of the run that is to read them."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from functools import cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from lik.core.errors import UnusableInput
from lik.core.reference import Point, eyes_in_crop
from lik.faces.crop.cropping import (
    AlignedCrop,
    CropRule,
    FaceCrop,
    FixedCrop,
    PaperCrop,
    Picture,
    Square,
    WholeCrop,
    crop_rule,
    cut,
    needs_detection,
    resized,
    square_of,
)
from lik.faces.detect.eyes import CUT, EyeNetwork
from lik.faces.detect.finding import Detection, Finder, finder_for
from lik.faces.io.files import Folder, InMemory
from lik.faces.io.pictures import Container, NotAPicture
from lik.faces.set.extraction import NO_FACE, Plan, extract

IN_PLACE, A_FACE = 0.06, 0.5
"""A picture is aligned where the alignment network sees both eyes nearer than this to where they
belong, in sides of the frame, and is surer than this that it sees a face. So are 99.7 % of
CelebA's pictures, and none of 300 photographs."""


PictureGiven = str | Path | InMemory
"""A picture file: where it lies, or its bytes."""

Eyes = tuple[float, float, float, float]
"""Two eyes of a face: x and y of the left one as one looks at the picture, and of the right one."""


class FoundBy(Enum):
    """How the faces of a picture were found, as is said where it is not what everybody expects."""

    size = "of the run's size: taken as a face as it is"
    frame = "framed as the run's own pictures are: cut by their square, without detection"
    detection = "not framed as the run's own pictures are: the faces in it were detected"
    eyes = "its faces are where their eyes were shown"


@dataclass(frozen=True)
class PhotographedFace:
    """A face of a photograph: the square it was cut from, and its pixels (S, S, 3)."""

    square: Square
    pixels: NDArray[np.uint8]


@dataclass(frozen=True)
class Photograph:
    """A photograph with its faces, the largest first."""

    pixels: Picture  # all of it, upright, (H, W, 3)
    faces: list[PhotographedFace]
    widen: float = 1.0  # by how much the crops are wider than the reference frame
    found_by: FoundBy = FoundBy.detection
    notice: str = ""  # how they were found, where it is not what everybody expects

    @property
    def a_crop(self) -> bool:
        """Whether it is of the run's size, and was taken whole for a crop."""
        return self.found_by is FoundBy.size


def crop_picture(path: Path, rule: dict[str, Any], size: int) -> NDArray[np.uint8]:
    """Cut the largest face out of a picture file, (size, size, 3), as `open_photograph` does."""
    return open_photograph(path, rule, size, every=False).faces[0].pixels


def open_photograph(
    given: PictureGiven,
    rule: dict[str, Any],
    size: int,
    finder: Finder | None = None,
    every: bool = True,
    eyes: Sequence[Eyes] = (),
) -> Photograph:
    """Open a picture file, which may be in memory, and find and cut its faces as those of a run.

    A picture that is size×size is taken as it is. The square of a run whose own pictures were not
    detected is cut only from pictures that are framed as they were: those in which the alignment
    network sees the eyes where the reference frame has them, and for a square of the run's own
    those of the size that it was given for. In all others faces are detected, and cut to the
    reference frame.

    Args:
        rule: the crop rule of the run, as plain values; empty where it has none.
        size: side of its faces.
        finder: looks for faces; by default that which suits the rule.
        every: all faces; else the largest.
        eyes: of the faces that are meant, where a person has shown them, in pixels of the upright
            picture; nothing is then looked for, and faces are cut to the reference frame.

    Raises:
        UnusableInput: the file is missing, no picture, or has no face that can be cut out; or eyes
            that lie outside of it, or two in one place.
    """
    container, name = _place_of(given)
    pixels = read_picture(given)
    height, width = pixels.shape[:2]
    own = crop_rule(rule, "the run's crop rule") if rule else FaceCrop()
    if eyes:
        shown = _ShownEyes(_shares_of(eyes, width, height, str(given)))
        aligned = Plan(AlignedCrop(widen=_widened(own)), size, shown, every=True)
        found = extract(container, name, aligned).faces
        faces = [PhotographedFace(face.square, face.pixels) for face in found]
        return Photograph(pixels, faces, _widened(own), FoundBy.eyes)
    if (width, height) == (size, size):
        whole = PhotographedFace(Square(0, 0, size), pixels)
        notice = "" if isinstance(own, WholeCrop) else f"{given}: {FoundBy.size.value}."
        return Photograph(pixels, [whole], _widened(own), FoundBy.size, notice)
    fitting = _rule_for(own, pixels)
    found_by = FoundBy.detection if needs_detection(fitting) else FoundBy.frame
    usual = needs_detection(own) and fitting == own
    notice = "" if usual else f"{given}: {found_by.value}."
    if found_by is FoundBy.detection:
        finder = finder or _finder(fitting.kind)
    result = extract(container, name, Plan(fitting, size, finder, every))
    if not result.faces:
        reason = result.left_out[0].reason
        reason = "no face was found in it" if reason == NO_FACE else reason
        needs = "shown eyes" if result.left_out[0].reason == NO_FACE else None
        raise UnusableInput(f"{given} cannot be used: {reason}.", needs)
    faces = [PhotographedFace(face.square, face.pixels) for face in result.faces]
    return Photograph(pixels, faces, _widened(own), found_by, notice)


def _rule_for(own: CropRule, pixels: Picture) -> CropRule:
    """The run's own rule, or one that detects where the picture is not such as that one is for."""
    if isinstance(own, FaceCrop | AlignedCrop) or is_framed(pixels, own):
        return own
    return FaceCrop() if isinstance(own, PaperCrop) else AlignedCrop(widen=_widened(own))


def is_framed(pixels: Picture, rule: CropRule) -> bool:
    """Whether a picture (H, W, 3) is framed as those that a rule without detection is for."""
    height, width = pixels.shape[:2]
    if isinstance(rule, FixedCrop) and rule.own:
        return rule.pictures == (width, height)
    frame = rule if isinstance(rule, WholeCrop) else FixedCrop()
    square = square_of(frame, width, height, None)
    if not square.inside(width, height):
        return False
    grey = cv2.cvtColor(cut(pixels, square, CUT), cv2.COLOR_RGB2GRAY)
    seen = _network().find(np.asarray(grey, np.uint8))
    left, right = eyes_in_crop()
    off = max(math.dist(seen.left, left), math.dist(seen.right, right))
    return off < IN_PLACE and seen.confidence > A_FACE


def read_picture(given: PictureGiven, longest: int | None = None) -> Picture:
    """Read a picture file or its bytes, uint8 (H, W, 3), upright.

    Its longer side has ``longest`` pixels at most.

    Raises:
        UnusableInput: the file is missing or no picture.
    """
    container, name = _place_of(given)
    try:
        pixels = container.open(name).decode()
    except NotAPicture as error:
        raise UnusableInput(f"{given} cannot be used: {error}.") from error
    scale = longest / max(pixels.shape[:2]) if longest else 1.0
    return resized(pixels, scale) if scale < 1 else pixels


def _place_of(given: PictureGiven) -> tuple[Container, str]:
    """What reads a picture, and its name there; UnusableInput where no file is."""
    if isinstance(given, InMemory):
        return given, given.name
    path = Path(given)
    if not path.is_file():
        raise UnusableInput(f"there is no picture at {path}.")
    return Folder(path.parent), path.name


def _widened(rule: CropRule) -> float:
    return rule.widen if isinstance(rule, FixedCrop | AlignedCrop) else 1.0


@dataclass(frozen=True)
class _ShownEyes:
    """A finder that was told where the eyes are, in shares of the picture's width and height."""

    eyes: Sequence[Eyes]

    description = {"kind": "shown"}  # noqa: RUF012

    def find(self, picture: Picture, every: bool = False) -> list[Detection]:
        height, width = picture.shape[:2]
        pairs: list[tuple[Point, Point]] = [
            ((a * width, b * height), (c * width, d * height)) for a, b, c, d in self.eyes
        ]
        return [Detection(None, pair, None) for pair in pairs]


def _shares_of(eyes: Sequence[Eyes], width: int, height: int, name: str) -> list[Eyes]:
    for a, b, c, d in eyes:
        inside = all(0 <= x <= width and 0 <= y <= height for x, y in ((a, b), (c, d)))
        if not inside or math.dist((a, b), (c, d)) < 1:
            raise UnusableInput(
                f"the eyes {a:g},{b:g},{c:g},{d:g} are no two places in {name}, which has "
                f"{width}×{height} pixels."
            )
    return [(a / width, b / height, c / width, d / height) for a, b, c, d in eyes]


@cache
def _finder(kind: str) -> Finder:
    return finder_for(kind)


@cache
def _network() -> EyeNetwork:
    return EyeNetwork()
