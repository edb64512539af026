"""Which square of a picture becomes a face: pure geometry.

Pixels are counted from the upper left corner; a square holds the pixels x ≤ u < x + side.
The reference frame is the paper's: x 24…152, y 52…180 of a CelebA picture of 178×218.
"""

from dataclasses import dataclass
from typing import Annotated, Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from lik.core.configuration import Settings, validated

Picture = NDArray[np.uint8]

CELEBA_WIDTH, CELEBA_HEIGHT = 178, 218
FRAME_X, FRAME_Y, FRAME_SIDE = 24, 52, 128


@dataclass(frozen=True)
class Square:
    """A square of whole pixels."""

    x: int
    y: int
    side: int

    def inside(self, width: int, height: int) -> bool:
        """Whether the whole square lies in a picture of this size."""
        x_fits = self.x >= 0 and self.x + self.side <= width
        return x_fits and self.y >= 0 and self.y + self.side <= height and self.side > 0


@dataclass(frozen=True)
class Box:
    """Where a detector saw a face, in pixels, with its score."""

    x: float
    y: float
    side: float
    score: float


class FaceCrop(Settings):
    """A square in proportion to the detected box, so that the size of the picture does not matter.

    ``factor``: its side in sides of the box; ``right`` and ``down``: how far its middle lies from
    the middle of the box, in sides of the box. The defaults are medians over CelebA against the
    reference frame, measured by benchmarks/calibrate_crop.py.
    """

    kind: Literal["face"] = "face"
    factor: float = Field(1.2075, gt=0)
    right: float = -0.0085
    down: float = -0.0790


class PaperCrop(Settings):
    """The paper's rule: 128 of 178 pixels of the width, around the middle of the detection."""

    kind: Literal["paper"] = "paper"


class FixedCrop(Settings):
    """The same square for all pictures, without detection: for sets that are aligned already.

    ``x``, ``y``, ``side`` in pixels of the picture; without them, the reference frame in
    proportion to the picture's size.
    """

    kind: Literal["fixed"] = "fixed"
    x: int | None = Field(None, ge=0)
    y: int | None = Field(None, ge=0)
    side: int | None = Field(None, ge=1)


class WholeCrop(Settings):
    """The largest square in the middle: for pictures that are square faces already."""

    kind: Literal["whole"] = "whole"


CropRule = FaceCrop | PaperCrop | FixedCrop | WholeCrop


class _Wrapped(Settings):
    crop: Annotated[CropRule, Field(discriminator="kind")]


def crop_rule(description: dict[str, Any], where: str) -> CropRule:
    """The rule that a face set or a run has stored."""
    return validated(_Wrapped, {"crop": description}, where).crop


def needs_detection(rule: CropRule) -> bool:
    """Whether the rule depends on where a face was found."""
    return isinstance(rule, FaceCrop | PaperCrop)


def square_of(rule: CropRule, width: int, height: int, box: Box | None) -> Square:
    """The square that ``rule`` cuts from a picture of ``width`` × ``height``.

    It may leave the picture; ``box`` is needed by the rules that detect.
    """
    if isinstance(rule, WholeCrop):
        side = min(width, height)
        return Square((width - side) // 2, (height - side) // 2, side)
    if isinstance(rule, FixedCrop):
        if rule.x is not None and rule.y is not None and rule.side is not None:
            return Square(rule.x, rule.y, rule.side)
        return Square(
            round(width * FRAME_X / CELEBA_WIDTH),
            round(height * FRAME_Y / CELEBA_HEIGHT),
            round(width * FRAME_SIDE / CELEBA_WIDTH),
        )
    assert box is not None, "this rule needs a detection"
    middle_x, middle_y = box.x + box.side / 2, box.y + box.side / 2
    if isinstance(rule, PaperCrop):
        return _around(middle_x, middle_y, width * FRAME_SIDE / CELEBA_WIDTH)
    return _around(
        middle_x + rule.right * box.side, middle_y + rule.down * box.side, rule.factor * box.side
    )


def cut(picture: Picture, square: Square, size: int) -> Picture:
    """The square of a picture (H, W, 3), scaled to (size, size, 3); unscaled where it fits."""
    part = picture[square.y : square.y + square.side, square.x : square.x + square.side]
    if square.side == size:
        return np.ascontiguousarray(part)
    filter_ = cv2.INTER_AREA if square.side > size else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(part, (size, size), interpolation=filter_), np.uint8)


def _around(middle_x: float, middle_y: float, side: float) -> Square:
    whole = round(side)
    return Square(round(middle_x - whole / 2), round(middle_y - whole / 2), whole)
