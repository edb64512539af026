"""Which square of a picture becomes a face: pure geometry.

Coordinates are continuous, counted from the upper left corner, x to the right and y down: pixel i
covers i…i + 1. Angles are in degrees, clockwise as one looks at the picture.
The reference frame is the paper's: x 24…152, y 52…180 of a CelebA picture of 178×218. In it, the
eyes of CelebA's faces lie at (69.5, 111.5) and (108.5, 111.5) of the picture.
"""

import math
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from lik.core.configuration import Settings, validated
from lik.core.reference import Point, eyes_in_crop

Picture = NDArray[np.uint8]

CELEBA_WIDTH, CELEBA_HEIGHT = 178, 218
FRAME_X, FRAME_Y, FRAME_SIDE = 24, 52, 128


@dataclass(frozen=True)
class Square:
    """A square of a picture: its corner that comes upper left in the face, side, and turn."""

    x: float
    y: float
    side: float
    angle: float = 0.0

    @property
    def whole(self) -> bool:
        """Whether it is upright and consists of whole pixels."""
        return self.angle == 0 and all(float(v).is_integer() for v in (self.x, self.y, self.side))

    def point(self, share: Point) -> Point:
        """The point of the picture at ``share`` (0…1 right, 0…1 down) of the square."""
        cosine, sine = self._turn()
        u, v = share[0] * self.side, share[1] * self.side
        return self.x + cosine * u - sine * v, self.y + sine * u + cosine * v

    def corners(self) -> NDArray[np.float32]:
        """The four corners (4, 2), clockwise from the upper left one."""
        return np.array([self.point(s) for s in ((0, 0), (1, 0), (1, 1), (0, 1))], np.float32)

    def inside(self, width: float, height: float) -> bool:
        """Whether the whole square lies in a picture of this size."""
        corners = self.corners()
        return bool((corners >= 0).all() and (corners <= (width, height)).all() and self.side > 0)

    def padding_fraction(self, width: float, height: float) -> float:
        """The share of the square, 0…1, that lies outside of a picture of this size."""
        if self.inside(width, height):
            return 0.0
        picture = np.array([(0, 0), (width, 0), (width, height), (0, height)], np.float32)
        area, _ = cv2.intersectConvexConvex(self.corners(), picture)
        return float(min(max(1 - area / self.side**2, 0.0), 1.0))

    def scaled(self, factor: float) -> "Square":
        """The same square of a picture that is ``factor`` times as large."""
        return Square(self.x * factor, self.y * factor, self.side * factor, self.angle)

    def widened(self, factor: float) -> "Square":
        """A square ``factor`` times as wide about the same middle, turned the same way."""
        x, y = self.point((0.5 - factor / 2, 0.5 - factor / 2))
        return Square(x, y, self.side * factor, self.angle)

    def _turn(self) -> tuple[float, float]:
        if self.angle == 0:
            return 1.0, 0.0
        radians = math.radians(self.angle)
        return math.cos(radians), math.sin(radians)


@dataclass(frozen=True)
class Box:
    """Where a detector saw a face, as a square of the picture, with its score."""

    x: float
    y: float
    side: float
    score: float
    angle: float = 0.0

    @property
    def square(self) -> Square:
        return Square(self.x, self.y, self.side, self.angle)

    def scaled(self, factor: float) -> "Box":
        """The same box of a picture that is ``factor`` times as large."""
        return Box(self.x * factor, self.y * factor, self.side * factor, self.score, self.angle)


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

    ``x``, ``y``, ``side`` in pixels of the picture, and ``pictures``, the width and height of the
    pictures that this square was chosen for, where they are known; without a square, the reference
    frame in proportion to the picture's size, enlarged about its middle by the factor ``widen``.
    """

    kind: Literal["fixed"] = "fixed"
    x: int | None = Field(None, ge=0)
    y: int | None = Field(None, ge=0)
    side: int | None = Field(None, ge=1)
    widen: float = Field(1.0, gt=0)
    pictures: tuple[int, int] | None = None

    @property
    def own(self) -> "Square | None":
        """The square in pixels; None where it is the reference frame."""
        if self.x is None or self.y is None or self.side is None:
            return None
        return Square(self.x, self.y, self.side)


class AlignedCrop(Settings):
    """Every face turned, scaled and shifted until its eyes lie where CelebA's do.

    ``widen``: the reference frame is enlarged about its middle by this factor. What lies outside
    of the picture is filled by reflection.
    """

    kind: Literal["aligned"] = "aligned"
    widen: float = Field(1.0, gt=0)


class WholeCrop(Settings):
    """The largest square in the middle: for pictures that are square faces already."""

    kind: Literal["whole"] = "whole"


CropRule = FaceCrop | PaperCrop | FixedCrop | AlignedCrop | WholeCrop


class _Wrapped(Settings):
    crop: Annotated[CropRule, Field(discriminator="kind")]


def crop_rule(description: dict[str, Any], where: str) -> CropRule:
    """The rule that a face set or a run has stored."""
    return validated(_Wrapped, {"crop": description}, where).crop


def needs_detection(rule: CropRule) -> bool:
    """Whether the rule depends on where a face was found."""
    return isinstance(rule, FaceCrop | PaperCrop | AlignedCrop)


def square_of(rule: CropRule, width: int, height: int, box: Box | None) -> Square:
    """The square that ``rule`` cuts from a picture of ``width`` × ``height``.

    It may leave the picture; ``box`` is needed by the rules that detect. For ``aligned`` it is the
    first guess, before anybody has looked for the eyes.
    """
    if isinstance(rule, WholeCrop):
        side = min(width, height)
        return Square((width - side) // 2, (height - side) // 2, side)
    if isinstance(rule, FixedCrop):
        return _fixed_square(rule, width, height)
    assert box is not None, "this rule needs a detection"
    if isinstance(rule, PaperCrop):
        return _around(*box.square.point((0.5, 0.5)), width * FRAME_SIDE / CELEBA_WIDTH)
    if isinstance(rule, AlignedCrop):
        return _face_square(FaceCrop(), box)
    square = _face_square(rule, box)
    return _around(*square.point((0.5, 0.5)), square.side)


def square_of_eyes(left: Point, right: Point, widen: float = 1.0) -> Square:
    """The square in which two eyes of a picture come to lie where the crop has them.

    It is the similarity transform that takes two points to two points; of no extent where the
    eyes coincide.
    """
    in_crop_left, in_crop_right = eyes_in_crop(widen)
    across, down = right[0] - left[0], right[1] - left[1]
    side = math.hypot(across, down) / (in_crop_right[0] - in_crop_left[0])
    angle = math.degrees(math.atan2(down, across))
    reach_x, reach_y = Square(0, 0, side, angle).point(in_crop_left)
    return Square(left[0] - reach_x, left[1] - reach_y, side, angle)


def eyes_under(rule: CropRule) -> tuple[Point, Point] | None:
    """Where the eyes lie in crops by ``rule``, as shares of the side; None where it does not say.

    Exact for ``aligned``; for ``face`` that of the median detection; for ``fixed`` that of sets
    that are aligned as CelebA is. The paper's rule, a fixed square in pixels, and whole pictures
    do not say: there it depends on the picture.
    """
    if isinstance(rule, AlignedCrop):
        return eyes_in_crop(rule.widen)
    if isinstance(rule, FixedCrop):
        return None if rule.own else eyes_in_crop(rule.widen)
    if not isinstance(rule, FaceCrop):
        return None
    # The calibrated rule shows the reference frame; both squares are known against the box.
    frame, other = (_face_square(each, Box(0, 0, 1, 0)) for each in (FaceCrop(), rule))
    left, right = (
        ((x - other.x) / other.side, (y - other.y) / other.side)
        for x, y in map(frame.point, eyes_in_crop())
    )
    return left, right


def cut(picture: Picture, square: Square, size: int) -> Picture:
    """The square of a picture (H, W) or (H, W, 3), scaled to ``size``; unscaled where it fits.

    What the square holds of the outside is the picture reflected at its border.
    """
    height, width = picture.shape[:2]
    if not (square.whole and square.inside(width, height)):
        return _warped(picture, square, size)
    x, y, side = int(square.x), int(square.y), int(square.side)
    part = picture[y : y + side, x : x + side]
    if side == size:
        return np.ascontiguousarray(part)
    filter_ = cv2.INTER_AREA if side > size else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(part, (size, size), interpolation=filter_), np.uint8)


def resized(picture: Picture, zoom: float) -> Picture:
    """A picture (H, W, 3) of ``zoom`` times the size, averaged; at least one pixel each way."""
    height, width = picture.shape[:2]
    size = max(1, round(width * zoom)), max(1, round(height * zoom))
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)


MOST_SAMPLES = 4
"""Samples a side for each pixel of a crop; larger faces are reduced before they are turned."""


def _warped(picture: Picture, square: Square, size: int) -> Picture:
    """A square that is turned, or not of whole pixels, or partly outside."""
    reduction = square.side / size
    if reduction > MOST_SAMPLES:
        return _warped(*_reduced(picture, square, reduction / 2), size)
    samples = max(1, math.ceil(reduction - 0.05))
    steps = size * samples
    # From the index of a sample to the index of the picture; both count from a pixel's middle.
    cosine, sine = square._turn()
    step = square.side / steps
    start_x, start_y = square.point((0.5 / steps, 0.5 / steps))
    across, down = (cosine, -sine, start_x - 0.5), (sine, cosine, start_y - 0.5)
    matrix = np.array([across, down]) * (step, step, 1)
    filter_ = cv2.INTER_LINEAR if reduction >= 1 else cv2.INTER_CUBIC
    flags = filter_ | cv2.WARP_INVERSE_MAP
    warped = cv2.warpAffine(
        picture, matrix, (steps, steps), flags=flags, borderMode=cv2.BORDER_REFLECT
    )
    if samples > 1:
        warped = cv2.resize(warped, (size, size), interpolation=cv2.INTER_AREA)
    return np.asarray(warped, np.uint8)


def _reduced(picture: Picture, square: Square, factor: float) -> tuple[Picture, Square]:
    """The part of a picture around a square, averaged down by about ``factor``."""
    height, width = picture.shape[:2]
    low, high = square.corners().min(axis=0), square.corners().max(axis=0)
    reach = square.side / 2  # so that reflection finds what it would have found
    x0, y0 = (max(0, int(v - reach)) for v in low)
    x1, y1 = min(width, int(high[0] + reach)), min(height, int(high[1] + reach))
    x0, y0 = min(x0, width - 1), min(y0, height - 1)
    part = picture[y0 : max(y1, y0 + 1), x0 : max(x1, x0 + 1)]
    across, down = (max(1, round(side / factor)) for side in part.shape[1::-1])
    small = cv2.resize(part, (across, down), interpolation=cv2.INTER_AREA)
    # One factor serves both sides: rounding moves a point by half a small pixel at the most.
    scale = (across / part.shape[1] * down / part.shape[0]) ** 0.5
    moved = Square(square.x - x0, square.y - y0, square.side, square.angle)
    return np.asarray(small, np.uint8), moved.scaled(scale)


def _face_square(rule: FaceCrop, box: Box) -> Square:
    """The square of the face that a detected box lies in, turned as the box is."""
    share = 0.5 - rule.factor / 2
    x, y = box.square.point((share + rule.right, share + rule.down))
    return Square(x, y, rule.factor * box.side, box.angle)


def _fixed_square(rule: FixedCrop, width: int, height: int) -> Square:
    if rule.own:
        return rule.own
    if rule.widen == 1:
        return Square(
            round(width * FRAME_X / CELEBA_WIDTH),
            round(height * FRAME_Y / CELEBA_HEIGHT),
            round(width * FRAME_SIDE / CELEBA_WIDTH),
        )
    middle_x = width * (FRAME_X + FRAME_SIDE / 2) / CELEBA_WIDTH
    middle_y = height * (FRAME_Y + FRAME_SIDE / 2) / CELEBA_HEIGHT
    return _around(middle_x, middle_y, width * FRAME_SIDE / CELEBA_WIDTH * rule.widen)


def _around(middle_x: float, middle_y: float, side: float) -> Square:
    whole = round(side)
    return Square(round(middle_x - whole / 2), round(middle_y - whole / 2), whole)
