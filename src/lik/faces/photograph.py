"""Photographs brought into the frame of the run that is to read them."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lik.core.errors import UnusableInput
from lik.faces.crop.cropping import (
    CELEBA_HEIGHT,
    CELEBA_WIDTH,
    AlignedCrop,
    CropRule,
    FaceCrop,
    FixedCrop,
    PaperCrop,
    Picture,
    Square,
    crop_rule,
    needs_detection,
)
from lik.faces.detect.detection import Finder
from lik.faces.detect.finding import finder_for
from lik.faces.io.folder import Folder
from lik.faces.io.pictures import Encoded, NotAPicture
from lik.faces.set.extraction import NO_FACE, Plan, extract


@dataclass(frozen=True)
class PhotographedFace:
    """A face of a photograph: the square it was cut from, and its pixels (S, S, 3)."""

    square: Square
    pixels: NDArray[np.uint8]


@dataclass(frozen=True)
class Photograph:
    """A photograph with its faces, the largest first.

    Attributes:
        pixels: all of it, upright, (H, W, 3).
        widen: by how much the crops are wider than the reference frame.
        a_crop: whether it is of the run's size, and was taken whole for a crop.
    """

    pixels: Picture
    faces: list[PhotographedFace]
    widen: float = 1.0
    a_crop: bool = False


def crop_picture(path: Path, rule: dict[str, Any], size: int) -> NDArray[np.uint8]:
    """The largest face of a picture file, (size, size, 3).

    A picture that is size×size already is taken as it is. Rules that suit aligned sets alone give
    way to ``aligned``, which cuts to the same frame, where the picture is not of CelebA's form.

    Raises:
        UnusableInput: the file is missing, no picture, or has no face that can be cut out.
    """
    folder, encoded = _opened(path)
    try:
        if (encoded.width, encoded.height) == (size, size):
            return encoded.decode()
    except NotAPicture as error:
        raise UnusableInput(f"{path} cannot be used: {error}.") from error
    fitting = _rule_for(rule, encoded.width, encoded.height)
    return _faces(path, folder, fitting, size, None, every=False)[0].pixels


def open_photograph(
    path: Path, rule: dict[str, Any], size: int, finder: Finder | None = None
) -> Photograph:
    """A picture file with all of its faces, cut as `crop_picture` cuts the largest.

    ``finder`` looks for them; without one, that which suits the rule.

    Raises:
        UnusableInput: the file is missing, no picture, or has no face that can be cut out.
    """
    folder, encoded = _opened(path)
    try:
        pixels = encoded.decode()
    except NotAPicture as error:
        raise UnusableInput(f"{path} cannot be used: {error}.") from error
    if (encoded.width, encoded.height) == (size, size):
        whole = PhotographedFace(Square(0, 0, size), pixels)
        return Photograph(pixels, [whole], _widened(rule), a_crop=True)
    fitting = _rule_for(rule, encoded.width, encoded.height)
    faces = _faces(path, folder, fitting, size, finder, every=True)
    return Photograph(pixels, faces, _widened(rule))


def _opened(path: Path) -> tuple[Folder, Encoded]:
    path = Path(path)
    if not path.is_file():
        raise UnusableInput(f"there is no picture at {path}.")
    folder = Folder(path.parent)
    try:
        return folder, folder.open(path.name)
    except NotAPicture as error:
        raise UnusableInput(f"{path} cannot be used: {error}.") from error


def _faces(
    path: Path, folder: Folder, rule: CropRule, size: int, finder: Finder | None, every: bool
) -> list[PhotographedFace]:
    if not needs_detection(rule):
        finder = None
    elif finder is None:
        finder = _finder(rule.kind)
    result = extract(folder, Path(path).name, Plan(rule, size, finder, every))
    if not result.faces:
        reason = result.left_out[0].reason
        reason = "no face was found in it" if reason == NO_FACE else reason
        raise UnusableInput(f"{path} cannot be used: {reason}.")
    return [PhotographedFace(face.square, face.pixels) for face in result.faces]


def _widened(rule: dict[str, Any]) -> float:
    """By how much the run's crops are wider than the reference frame."""
    return float(rule.get("widen", 1.0))


def _rule_for(stored: dict[str, Any], width: int, height: int) -> CropRule:
    rule = crop_rule(stored, "the run's crop rule") if stored else FaceCrop()
    like_celeba = abs(width / height - CELEBA_WIDTH / CELEBA_HEIGHT) < 0.01
    if isinstance(rule, FaceCrop | AlignedCrop):
        return rule
    if isinstance(rule, FixedCrop | PaperCrop) and like_celeba:
        return rule
    if isinstance(rule, PaperCrop):
        return FaceCrop()
    return AlignedCrop(widen=rule.widen if isinstance(rule, FixedCrop) else 1)


@cache
def _finder(kind: str) -> Finder:
    return finder_for(kind)
