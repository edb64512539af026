"""The canvas that drawn faces are laid onto: smooth outlines, their coverage, and light.

Lengths are sixty-fourths of the picture's side, whatever its size in pixels. An outline is
filled at four times the size and averaged, so that edges are smooth and a small change of an
outline makes a small change of the picture.
"""

import colorsys
from functools import lru_cache
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

Points = NDArray[np.float64]
Plane = NDArray[np.float32]
Colour = NDArray[np.float32]

MIDDLE, EYE_LINE, EYE_REACH = 32.5, 29.75, 9.75

_OVERSAMPLING = 4
_FRACTION_BITS = 5
_FINE = _OVERSAMPLING << _FRACTION_BITS  # steps of an outline in a pixel
_FULL = np.float32(1 / 255)
_ONE = np.float32(1)
_RIM = np.float32(0.003)
_TURN = np.linspace(0, 2 * np.pi, 29)[:-1]
_CIRCLE_X, _CIRCLE_Y = np.cos(_TURN), np.sin(_TURN)


class Mask(NamedTuple):
    """How much of each pixel something covers, 0…1, in the rectangle where it is at all."""

    values: Plane
    rows: slice
    columns: slice

    def within(self, other: "Mask") -> "Mask":
        """What of this mask lies in the other one."""
        top = max(self.rows.start, other.rows.start)
        left = max(self.columns.start, other.columns.start)
        rows = slice(top, max(top, min(self.rows.stop, other.rows.stop)))
        columns = slice(left, max(left, min(self.columns.stop, other.columns.stop)))
        return Mask(self._part(rows, columns) * other._part(rows, columns), rows, columns)

    def without(self, other: "Mask") -> "Mask":
        """What of this mask lies outside of the other one."""
        inner = self.within(other)
        values = self.values.copy()
        top, left = inner.rows.start - self.rows.start, inner.columns.start - self.columns.start
        height, width = inner.values.shape
        values[top : top + height, left : left + width] -= inner.values
        return Mask(values, self.rows, self.columns)

    def _part(self, rows: slice, columns: slice) -> Plane:
        top, left = self.rows.start, self.columns.start
        return self.values[
            rows.start - top : rows.stop - top, columns.start - left : columns.stop - left
        ]


class Canvas:
    """A picture that parts of a head are laid onto, one after the other.

    Attributes:
        pixels: colours 0…1, (3, S, S): planes, because whole planes are fast to mix.
        x, y: where the pixels lie in the frame of the head, (1, S) and (S, 1).
    """

    def __init__(self, size: int, yaw: float, light: float, zoom: float, shift: float) -> None:
        self.size, self.yaw, self.light = size, yaw, light
        unit = size / 64
        centre = np.array([MIDDLE, EYE_LINE])
        # A point of the head is at  point * scale + offset  in pixels.
        self._scale = unit * zoom
        self._offset: list[float] = ((centre + [shift, 0] - centre * zoom) * unit).tolist()
        self._fine_scale = self._scale * _FINE
        # Outlines are filled from centre to centre of the fine pixels; 0.5 is for rounding.
        self._fine_offset = np.array(self._offset) * _FINE - (1 << _FRACTION_BITS) / 2 + 0.5
        # How much the side that turns away narrows, and the other one widens.
        self._left = -0.13 * max(-yaw, 0) + 0.03 * max(yaw, 0)
        self._right = -0.13 * max(yaw, 0) + 0.03 * max(-yaw, 0)
        axis = np.arange(size) + 0.5
        self.x = ((axis - self._offset[0]) / self._scale).astype(np.float32)[None, :]
        self.y = ((axis - self._offset[1]) / self._scale).astype(np.float32)[:, None]
        self.pixels = np.zeros((3, size, size), np.float32)
        self._ramp = light * (self.x - MIDDLE) / 24
        self._fall = 0.003 * (self.y - 32)

    def turned(self, points: Points, depth: float | NDArray[np.float64]) -> Points:
        """Where the turn of the head moves points (n, 2) that lie ``depth`` before its axis.

        At depth 0.4 the middle keeps its place, what is in front of it moves along with the
        turn, and the side that turns away becomes narrower.
        """
        return np.stack([self.turned_x(points[:, 0], depth), points[:, 1]], axis=1)

    def turned_x(
        self, x: NDArray[np.float64], depth: float | NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Where the turn of the head moves places ``x`` across the picture."""
        across = x - MIDDLE
        turned: NDArray[np.float64] = across * (1 + self._left)
        turned += (self._right - self._left) * np.maximum(across, 0)
        turned += MIDDLE + 5.0 * self.yaw * (depth - 0.4)
        return turned

    def turned_place(self, x: float, depth: float) -> float:
        """Where the turn of the head moves one place across the picture."""
        across = x - MIDDLE
        share = self._right if across > 0 else self._left
        return MIDDLE + across * (1 + share) + 5.0 * self.yaw * (depth - 0.4)

    def coverage(self, *outlines: Points, blur: float = 0.0) -> Mask:
        """How much of each pixel the outlines cover together; ``blur`` softens the edges."""
        together = np.concatenate(outlines) if len(outlines) > 1 else outlines[0]
        fine = (together * self._fine_scale + self._fine_offset).astype(np.int32)
        left, top, width, height = cv2.boundingRect(fine)
        margin = int(2.5 * blur * self._scale * _FINE)
        columns = _pixels(left - margin, left + width + margin, self.size)
        rows = _pixels(top - margin, top + height + margin, self.size)
        height, width = rows.stop - rows.start, columns.stop - columns.start
        fine -= (columns.start * _FINE, rows.start * _FINE)
        large = np.zeros((height * _OVERSAMPLING, width * _OVERSAMPLING), np.uint8)
        start = 0
        for outline in outlines:  # one by one: filled together, overlaps would be left out
            stop = start + len(outline)
            cv2.fillPoly(large, [fine[start:stop]], 255, cv2.LINE_8, _FRACTION_BITS)
            start = stop
        small = cv2.resize(large, (width, height), interpolation=cv2.INTER_AREA)
        values: Plane = np.asarray(small * _FULL, np.float32)
        if blur:
            sigma = blur * self._scale
            blurred = cv2.GaussianBlur(values, (0, 0), sigma, borderType=cv2.BORDER_REPLICATE)
            values = np.asarray(blurred, np.float32)
        return Mask(values, rows, columns)

    def soft(self, x: float | tuple[float, float], y: float, width: float, height: float) -> Mask:
        """A soft spot, or two side by side: 1 in the middle, fading away to nothing."""
        places = x if isinstance(x, tuple) else (x,)
        left, top = self._offset
        columns = self._span(min(places) - 2.4 * width, max(places) + 2.4 * width, left)
        rows = self._span(y - 2.4 * height, y + 2.4 * height, top)
        across = self._bump(self.x[:, columns], places[0], width)
        if len(places) > 1:
            across = np.maximum(across, self._bump(self.x[:, columns], places[1], width))
        values = across * self._bump(self.y[rows], y, height)
        # Less what is left at the rim, so that a spot has no edge.
        return Mask(np.maximum(values - _RIM, 0), rows, columns)

    def _span(self, low: float, high: float, offset: float) -> slice:
        """The pixels from one place of the head to another."""
        start, end = (int((place * self._scale + offset) * _FINE) for place in (low, high))
        return _pixels(start, end, self.size)

    @staticmethod
    def _bump(axis: Plane, middle: float, width: float) -> Plane:
        away = (axis - np.float32(middle)) * np.float32(1 / width)
        bump: Plane = np.exp(-away * away)
        return bump

    def discs(self, x: tuple[float, float], y: float, radius: float, inside: Mask) -> Mask:
        """What of two discs side by side, around each ``x``, lies inside a mask."""
        values, rows, columns = inside
        place = self.x[:, columns]
        across = np.minimum(np.abs(place - np.float32(x[0])), np.abs(place - np.float32(x[1])))
        down = self.y[rows] - np.float32(y)
        far = np.sqrt(across * across + down * down)
        covered = (np.float32(radius) - far) * np.float32(self._scale) + np.float32(0.5)
        return Mask(covered.clip(0, 1) * values, rows, columns)

    def lit(self, strength: float) -> Plane:
        """The brightness (S, S) that the light of the picture gives a surface, around 1."""
        brightness: Plane = _ONE + np.float32(strength) * self._ramp - self._fall
        return brightness

    def lay(self, mask: Mask, colour: Colour, share: float = 1, shade: Plane | None = None) -> None:
        """Lay a colour (3,), shaded by a plane (S, S), over what is there, where the mask says."""
        below = self.pixels[:, mask.rows, mask.columns]
        above = colour[:, None, None]
        if shade is not None:
            above = above * shade[mask.rows, mask.columns]
        below += (mask.values * np.float32(share)) * (above - below)

    def tint(self, mask: Mask, colour: Colour, share: float = 1) -> None:
        """Multiply what is there by a colour (3,), where the mask says: a shadow or a flush."""
        below = self.pixels[:, mask.rows, mask.columns]
        below *= _ONE + (mask.values * np.float32(share)) * (colour - _ONE)[:, None, None]

    def picture(self) -> NDArray[np.uint8]:
        """What was laid, uint8 (S, S, 3), red first."""
        levels = self.pixels * np.float32(255) + np.float32(0.5)
        pixels: NDArray[np.uint8] = cv2.merge(list(levels.clip(0, 255).astype(np.uint8)))
        return pixels


def _pixels(low: int, high: int, size: int) -> slice:
    """The pixels from ``low`` to ``high``, in fractions of pixels: at least one."""
    start = min(max(low // _FINE, 0), size - 1)
    return slice(start, min(max(-(-high // _FINE), start + 1), size))


def oval(x: float, y: float, width: float, height: float, power: float = 2.0) -> Points:
    """A superellipse around (x, y): an ellipse for power 2, squarer above."""
    if power == 2:
        across, down = _CIRCLE_X, _CIRCLE_Y
    else:
        share = 2 / power
        across = np.sign(_CIRCLE_X) * np.abs(_CIRCLE_X) ** share
        down = np.sign(_CIRCLE_Y) * np.abs(_CIRCLE_Y) ** share
    outline = np.empty((len(across), 2))
    outline[:, 0], outline[:, 1] = x + width * across, y + height * down
    return outline


def curve(corners: ArrayLike) -> Points:
    """A smooth closed curve through all corners (n, 2)."""
    points = np.asarray(corners, np.float64)
    through: Points = _spline(len(points)) @ points
    return through


def ribbon(
    across: NDArray[np.float64], top: NDArray[np.float64], bottom: NDArray[np.float64]
) -> Points:
    """The outline of what lies between two lines above the same places."""
    outline = np.empty((2 * len(across), 2))
    outline[: len(across), 0], outline[len(across) :, 0] = across, across[::-1]
    outline[: len(across), 1], outline[len(across) :, 1] = top, bottom[::-1]
    return outline


def mirrored(side: Points) -> Points:
    """A closed outline around the middle, of its right side from top to bottom.

    The side is given as distances from the middle and heights.
    """
    left = side[::-1] * [-1, 1]
    return np.concatenate([side, left]) + [MIDDLE, 0]


def colour(*levels: float) -> Colour:
    """Red, green and blue, 0…1."""
    return np.array(levels, np.float32)


def between(first: ArrayLike, second: ArrayLike, share: float) -> Colour:
    """The colour at ``share`` 0…1 of the way from the first to the second."""
    start, end = np.asarray(first, np.float32), np.asarray(second, np.float32)
    return start + np.float32(share) * (end - start)


def along(colours: NDArray[np.float32], share: float) -> Colour:
    """The colour at ``share`` 0…1 of the way through a row of colours (n, 3)."""
    place = share * (len(colours) - 1)
    first = min(int(place), len(colours) - 2)
    return between(colours[first], colours[first + 1], place - first)


def of_hue(hue: float, saturation: float, value: float) -> Colour:
    """The colour of a hue; all 0…1."""
    return colour(*colorsys.hsv_to_rgb(hue, saturation, value))


@lru_cache(maxsize=64)
def _spline(count: int) -> NDArray[np.float64]:
    """Weights (n, count) of the corners in each of n points of a Catmull-Rom curve."""
    steps = 5 if count < 30 else 3  # many corners lie close together already
    share = np.arange(steps) / steps
    powers = np.stack([share**3, share**2, share, np.ones(steps)], axis=1)
    basis = 0.5 * np.array([[-1, 3, -3, 1], [2, -5, 4, -1], [-1, 0, 1, 0], [0, 2, 0, 0]])
    weights = np.zeros((count * steps, count))
    for corner in range(count):
        rows = slice(corner * steps, (corner + 1) * steps)
        for place, column in enumerate(range(corner - 1, corner + 3)):
            weights[rows, column % count] += (powers @ basis)[:, place]
    return weights
