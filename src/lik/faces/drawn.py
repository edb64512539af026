"""Drawn faces: a procedural set for those who have no data, with every factor known.

The face lies in CelebA's reference frame: lengths here are sixty-fourths of the picture's side,
and the eyes of a frontal face are at (22.75, 29.75) and (42.25, 29.75). Each part is a polygon
whose coverage is drawn at four times the size and averaged, so that edges are smooth and small
changes of a factor make small changes of the picture.
"""

import colorsys
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from lik.faces.drawn_factors import (
    FACTOR_NAMES,
    HAIR_COLOURS,
    Factors,
    attributes,
    factor_values,
    sample_factors,
)

__all__ = [
    "FACTOR_NAMES", "Factors", "attributes", "factor_values", "render", "sample_factors",
]  # fmt: skip

Points = NDArray[np.float64]
Colour = NDArray[np.float32]

OVERSAMPLING = 4
MIDDLE, EYE_LINE, EYE_REACH = 32.5, 29.75, 9.75

SKINS = (
    np.array(
        [
            [255, 228, 208],
            [245, 205, 172],
            [226, 172, 130],
            [186, 125, 84],
            [128, 80, 54],
            [84, 52, 38],
        ]
    )
    / 255
)
HAIRS = {
    "black": ([16, 14, 16], [52, 44, 44]),
    "brown": ([60, 36, 22], [124, 82, 50]),
    "blond": ([176, 132, 70], [240, 210, 140]),
    "grey": ([128, 128, 132], [214, 214, 216]),
    "red": ([118, 46, 22], [190, 92, 44]),
}
EYES = np.array([[78, 48, 28], [128, 96, 48], [88, 122, 72], [92, 140, 176], [70, 120, 190]]) / 255

TURN = np.linspace(0, 2 * np.pi, 49)[:-1]


@dataclass(frozen=True)
class _Mask:
    """How much of each pixel something covers, 0…1, in the rectangle where it is at all."""

    values: NDArray[np.float32]
    rows: slice
    columns: slice

    def within(self, other: "_Mask") -> "_Mask":
        """What of this mask lies in the other one."""
        rows = slice(max(self.rows.start, other.rows.start), min(self.rows.stop, other.rows.stop))
        columns = slice(
            max(self.columns.start, other.columns.start), min(self.columns.stop, other.columns.stop)
        )
        return _Mask(self.part(rows, columns) * other.part(rows, columns), rows, columns)

    def part(self, rows: slice, columns: slice) -> NDArray[np.float32]:
        """The values in a rectangle that lies in this one."""
        top, left = self.rows.start, self.columns.start
        return self.values[
            rows.start - top : rows.stop - top, columns.start - left : columns.stop - left
        ]


class _Canvas:
    """A picture (S, S, 3) in 0…1 that parts are laid onto, one after the other."""

    def __init__(self, size: int, face: Factors) -> None:
        self.size = size
        self.large = size * OVERSAMPLING
        self.face = face
        self.zoom = 1 + 0.04 * face.scale
        axis = (np.arange(size, dtype=np.float32) + 0.5) * (64 / size)
        self.x, self.y = np.meshgrid(axis, axis)
        self.pixels = np.zeros((size, size, 3), np.float32)

    def turned(self, points: Points, depth: float) -> Points:
        """Where the turn of the head moves points that lie ``depth`` in front of its axis."""
        yaw = self.face.yaw
        across = points[:, 0] - MIDDLE
        away = np.where(across * yaw > 0, 1 - 0.16 * abs(yaw), 1 + 0.02 * abs(yaw))
        moved = MIDDLE + across * away + 4.2 * yaw * depth
        return np.stack([moved, points[:, 1]], axis=1)

    def coverage(self, *polygons: Points) -> _Mask:
        """How much of each pixel the polygons cover together."""
        unit = self.size / 64
        middle, shift = np.array([MIDDLE, EYE_LINE]), np.array([self.face.shift, 0])
        placed = [((p - middle) * self.zoom + middle + shift) * unit for p in polygons]
        rows, columns = self._around(np.concatenate(placed))
        corner = np.array([columns.start, rows.start])
        large = np.zeros(
            (
                (rows.stop - rows.start) * OVERSAMPLING,
                (columns.stop - columns.start) * OVERSAMPLING,
            ),
            np.uint8,
        )
        for points in placed:
            fixed = np.round(((points - corner) * OVERSAMPLING - 0.5) * 16).astype(np.int32)
            cv2.fillPoly(large, [fixed], 255, lineType=cv2.LINE_8, shift=4)
        extent = (columns.stop - columns.start, rows.stop - rows.start)
        small = cv2.resize(large, extent, interpolation=cv2.INTER_AREA)
        return _Mask(small * np.float32(1 / 255), rows, columns)

    def soft(self, x: float, y: float, width: float, height: float) -> _Mask:
        """A soft spot: 1 in the middle, fading away to nothing."""
        unit = self.size / 64
        reach = 2.6 * np.array([width, height])
        rows, columns = self._around(np.array([[x, y] - reach, [x, y] + reach]) * unit)
        across = (self.x[rows, columns] - x) / width
        down = (self.y[rows, columns] - y) / height
        values = np.exp(-(across * across + down * down)).astype(np.float32)
        return _Mask(values, rows, columns)

    def lay(self, mask: _Mask, colour: NDArray[np.float32], share: float = 1) -> None:
        """Lay a colour (3,) or colours (S, S, 3) over what is there, where the mask says."""
        weight = (mask.values * np.float32(share))[:, :, None]
        below = self.pixels[mask.rows, mask.columns]
        colours = colour if colour.ndim == 1 else colour[mask.rows, mask.columns]
        below += weight * (colours - below)

    def _around(self, points: Points) -> tuple[slice, slice]:
        """The rows and columns of pixels that hold all points, at least one of each."""
        low = np.clip(np.floor(points.min(axis=0)).astype(int), 0, self.size - 1)
        high = np.clip(np.ceil(points.max(axis=0)).astype(int), low + 1, self.size)
        return slice(int(low[1]), int(high[1])), slice(int(low[0]), int(high[0]))


def render(factors: Factors, size: int = 64) -> NDArray[np.uint8]:
    """Draw a face, uint8 (size, size, 3), red first; the same factors give the same bytes."""
    canvas = _Canvas(size, factors)
    skin = _palette(SKINS, factors.skin)
    low, high = HAIRS[HAIR_COLOURS[factors.hair_colour]]
    hair = _between(np.array(low) / 255, np.array(high) / 255, factors.hair_shade)
    head = _head(factors)
    _background(canvas)
    if not factors.bald:
        _hair_behind(canvas, hair)
    _body(canvas, skin)
    _face(canvas, head, skin)
    _beard(canvas, head, hair, skin)
    _mouth(canvas, skin)
    _nose(canvas, skin)
    _eyes(canvas, skin)
    _brows(canvas, hair, skin)
    if not factors.bald:
        _hair_in_front(canvas, hair)
    if factors.hat:
        _hat(canvas)
    if factors.glasses:
        _glasses(canvas)
    return np.round(canvas.pixels.clip(0, 1) * 255).astype(np.uint8)


def _background(canvas: _Canvas) -> None:
    face = canvas.face
    base = _hsv(face.background, 0.28, 0.30 + 0.60 * face.background_light)
    sweep = 1.08 - 0.0035 * canvas.y + 0.0024 * face.light * (canvas.x - 32)
    canvas.pixels[:] = sweep[:, :, None] * base


def _body(canvas: _Canvas, skin: Colour) -> None:
    lean = 0.9 * canvas.face.yaw
    clothes = _hsv(canvas.face.clothes, 0.55, 0.62)
    shoulders = np.array([[-4, 72], [2, 63], [20, 59], [32.5, 58.5], [45, 59], [63, 63], [69, 72]])
    canvas.lay(canvas.coverage(_smooth(shoulders)), _lit(canvas, clothes, 0.18))
    neck = np.array([[23.5, 46], [23, 60], [32.5, 65.5], [42, 60], [41.5, 46]]) + [lean, 0]
    canvas.lay(canvas.coverage(_smooth(neck)), _lit(canvas, skin * _rgb([0.86, 0.75, 0.70]), 0.2))


def _face(canvas: _Canvas, head: Points, skin: Colour) -> None:
    face = canvas.face
    half = _half_width(face)
    for side in (-1, 1):
        if side * face.yaw < 0.55:  # the far ear hides behind the head
            ear = _oval(MIDDLE + side * (half - 0.2) - 2.2 * face.yaw, 32, 2.6, 5.2)
            canvas.lay(canvas.coverage(ear), _lit(canvas, skin * _rgb([0.94, 0.85, 0.82]), 0.2))
            inner = _oval(MIDDLE + side * (half + 0.1) - 2.2 * face.yaw, 32, 1.2, 3.2)
            canvas.lay(canvas.coverage(inner), skin * _rgb([0.80, 0.62, 0.58]), 0.7)
    across = (canvas.x - MIDDLE - 1.5 * face.yaw) / half
    down = (canvas.y - 32) / 27
    edge = across * across + down * down
    tone = 1.06 - 0.16 * edge + 0.17 * face.light * across - 0.05 * down
    shaded = np.clip(tone, 0.55, 1.2)[:, :, None] * skin
    # Shadows are warmer than lights.
    shaded = shaded * (1 + np.clip(1 - tone, 0, 1)[:, :, None] * _rgb([0.10, -0.02, -0.10]))
    canvas.lay(canvas.coverage(head), shaded.astype(np.float32))
    blush = _rgb([0.90, 0.42, 0.38]) * (0.55 + 0.45 * skin)
    lift = 0.8 * face.smile
    for side in (-1, 1):
        spot = canvas.turned(np.array([[MIDDLE + side * 11.5, 39.5 - lift]]), 0.5)[0]
        strength = 0.16 + 0.12 * max(0.0, face.smile)
        canvas.lay(canvas.soft(spot[0], spot[1], 5.5, 4), blush, strength)
    for side in (-1, 1):  # the hollows of the eyes
        spot = canvas.turned(np.array([[MIDDLE + side * EYE_REACH, EYE_LINE - 1.2]]), 0.6)[0]
        canvas.lay(canvas.soft(spot[0], spot[1], 6, 4), skin * 0.72, 0.34)
    canvas.lay(canvas.soft(MIDDLE + 4.2 * face.yaw * 0.6, 53.5, 6, 3), skin * 1.08, 0.25)


def _beard(canvas: _Canvas, head: Points, hair: Colour, skin: Colour) -> None:
    face = canvas.face
    colour = _between(hair, skin * 0.45, 0.2)
    if face.beard:
        # What of the head lies under a line from ear to ear that passes beneath the mouth.
        low = np.array([[7, 34], [14, 36], [19, 42], [25, 46.5], [32.5, 46], [40, 46.5], [46, 42],
                        [51, 36], [58, 34], [58, 66], [7, 66]])  # fmt: skip
        mask = canvas.coverage(canvas.turned(_smooth(low), 0.45)).within(canvas.coverage(head))
        canvas.lay(mask, _lit(canvas, colour, 0.2), 0.93)
        patch = canvas.turned(_oval(MIDDLE, 49.3, 4.6, 2.2), 0.65)
        canvas.lay(canvas.coverage(patch), skin * 0.95, 0.45)
    if face.moustache:
        lift = 0.9 * face.smile
        shape = np.array([[32.5, 41.3], [37, 41.8], [42, 45.2 - lift], [37.5, 45.4 - 0.4 * lift],
                          [32.5, 43.9], [27.5, 45.4 - 0.4 * lift], [23, 45.2 - lift],
                          [28, 41.8]])  # fmt: skip
        mask = canvas.coverage(canvas.turned(_smooth(shape), 0.75))
        canvas.lay(mask, _lit(canvas, colour, 0.15))


def _mouth(canvas: _Canvas, skin: Colour) -> None:
    face = canvas.face
    natural = skin * _rgb([0.86, 0.56, 0.54])
    lips = _rgb([0.74, 0.10, 0.20]) * (0.72 + 0.28 * skin) if face.lipstick else natural
    half = 6.8 + 1.6 * max(0.0, face.smile)
    line, corner = 47.0, -2.4 * face.smile
    gap = 3.6 * face.mouth_open
    thick = 1.25 if not face.lipstick else 1.6
    x = np.linspace(-1, 1, 25)
    arch = 1 - x * x
    middle = line + corner * (x * x - 0.35)
    bow = thick * (arch**0.8) * (1 - 0.30 * np.exp(-((x / 0.16) ** 2)))
    upper = middle - gap * 0.35 * arch
    lower = middle + gap * 0.75 * arch
    across = MIDDLE + half * x

    def shape(top: Points, bottom: Points) -> _Mask:
        outline = np.concatenate(
            [np.stack([across, top], 1), np.stack([across[::-1], bottom[::-1]], 1)]
        )
        return canvas.coverage(canvas.turned(outline, 0.7))

    canvas.lay(shape(upper - bow, lower + 1.6 * thick * arch**0.7), _lit(canvas, lips, 0.12))
    canvas.lay(shape(upper - 0.22, lower + 0.22), _rgb([0.30, 0.08, 0.09]))
    if face.mouth_open > 0.05:
        teeth = np.minimum(upper + 0.55 * gap * arch, lower)
        canvas.lay(shape(upper, teeth), _rgb([0.95, 0.93, 0.90]), min(1, 4 * face.mouth_open))
    shine = canvas.turned(
        _oval(MIDDLE, line + gap * 0.75 + 1.25 * thick + corner * -0.3, 2.6, 0.5), 0.7
    )
    canvas.lay(canvas.coverage(shine), _rgb([1, 0.9, 0.88]), 0.30 if face.lipstick else 0.14)


def _nose(canvas: _Canvas, skin: Colour) -> None:
    face = canvas.face
    wide, tip = 2.7 + 2.1 * face.nose, 39.0 + 1.2 * face.nose
    shadow = -1 if face.light > 0 else 1
    bridge = np.array([[32.5 + shadow * 1.3, 29], [32.5 + shadow * 2.3, 34],
                       [32.5 + shadow * wide, tip - 0.6], [32.5 + shadow * wide * 0.5, tip + 1.0],
                       [32.5 + shadow * 0.7, tip - 1.5]])  # fmt: skip
    strength = 0.18 + 0.30 * abs(face.light)
    canvas.lay(canvas.coverage(canvas.turned(_smooth(bridge), 0.95)), skin * 0.68, strength)
    base = np.array([[32.5 - wide, tip + 0.1], [32.5 - wide * 0.5, tip + 1.3], [32.5, tip + 1.7],
                     [32.5 + wide * 0.5, tip + 1.3], [32.5 + wide, tip + 0.1],
                     [32.5, tip + 0.5]])  # fmt: skip
    canvas.lay(canvas.coverage(canvas.turned(_smooth(base), 1.05)), skin * 0.62, 0.75)
    for side in (-1, 1):
        nostril = _oval(MIDDLE + side * wide * 0.5, tip + 0.75, 0.95, 0.55)
        canvas.lay(canvas.coverage(canvas.turned(nostril, 1.05)), skin * 0.30, 0.8)
    x = MIDDLE + 4.2 * face.yaw
    canvas.lay(canvas.soft(x, tip - 1.6, 1.5 + face.nose, 1.4), np.minimum(skin * 1.22, 1), 0.55)
    canvas.lay(canvas.soft(x, 33, 0.9, 4.5), np.minimum(skin * 1.15, 1), 0.40)


def _eyes(canvas: _Canvas, skin: Colour) -> None:
    face = canvas.face
    iris_colour = _palette(EYES, face.eye_colour)
    x = np.linspace(-1, 1, 17)
    arch = 1 - np.abs(x) ** 2.2
    open_ = 2.9 * face.eyes_open
    for side in (-1, 1):
        middle = MIDDLE + side * EYE_REACH
        tilt = -0.35 * side * x
        top = EYE_LINE + tilt - open_ * 0.98 * arch
        bottom = EYE_LINE + tilt + open_ * 0.62 * arch

        def shape(above: Points, below: Points, middle: float = middle) -> _Mask:
            across = middle + 5.0 * x
            outline = np.concatenate(
                [np.stack([across, above], 1), np.stack([across[::-1], below[::-1]], 1)]
            )
            return canvas.coverage(canvas.turned(outline, 0.62))

        white = shape(top, bottom)
        canvas.lay(white, _rgb([0.95, 0.94, 0.92]))
        look = np.array([[middle + 1.9 * face.gaze_x, EYE_LINE - 0.35 + 0.7 * face.gaze_y]])
        iris = canvas.turned(look + _oval(0, 0, 2.45, 2.45), 0.62)
        canvas.lay(canvas.coverage(iris).within(white), iris_colour)
        pupil = canvas.turned(look + _oval(0, 0, 1.15, 1.15), 0.62)
        canvas.lay(canvas.coverage(pupil).within(white), _rgb([0.04, 0.03, 0.03]))
        spark = canvas.turned(look + _oval(0.8, -0.9, 0.62, 0.62), 0.62)
        canvas.lay(canvas.coverage(spark).within(white), _rgb([1, 1, 1]), 0.9)
        canvas.lay(shape(top - 0.75, top + 0.15), skin * 0.20, 0.85)
        canvas.lay(shape(bottom - 0.05, bottom + 0.35), skin * 0.45, 0.40)
        fold = top - 1.9 + 0.5 * (1 - arch)
        canvas.lay(shape(fold - 0.3, fold + 0.3), skin * 0.60, 0.45)


def _brows(canvas: _Canvas, hair: Colour, skin: Colour) -> None:
    face = canvas.face
    colour = _between(hair * 0.8, skin * 0.35, 0.3)
    x = np.linspace(-1, 1, 13)
    thick = (0.55 + 1.25 * face.brow_thickness) * (1 - 0.5 * np.abs(x) ** 3)
    for side in (-1, 1):
        outwards = x * side
        line = 22.6 - 1.7 * face.brow_raise - 1.3 * (1 - (outwards - 0.25) ** 2) + 0.4 * outwards
        across = MIDDLE + side * EYE_REACH + 5.7 * x
        outline = np.concatenate(
            [np.stack([across, line - thick], 1), np.stack([across[::-1], (line + thick)[::-1]], 1)]
        )
        canvas.lay(canvas.coverage(canvas.turned(outline, 0.65)), colour, 0.9)


def _hair_behind(canvas: _Canvas, hair: Colour) -> None:
    face = canvas.face
    half = _half_width(face)
    length = face.hair_length
    end = 26 + 44 * length
    wide = half + 2.4 + 3.6 * length
    shape = np.array([[-0.45, -3.2], [0.45, -3.2], [0.88, 6], [1.0, 20], [1.02, end - 6],
                      [0.8, end], [-0.8, end], [-1.02, end - 6], [-1.0, 20], [-0.88, 6]])  # fmt: skip
    points = np.stack([MIDDLE + wide * shape[:, 0] - 1.2 * face.yaw, shape[:, 1]], axis=1)
    canvas.lay(canvas.coverage(_smooth(points)), _lit(canvas, hair * 0.72, 0.25))


def _hair_in_front(canvas: _Canvas, hair: Colour) -> None:
    face = canvas.face
    half = _half_width(face)
    line = 13.5  # where the forehead ends
    temple = 24 + 6 * min(face.hair_length * 2, 1)
    outer = [[-half - 2.2, temple], [-half - 2.6, 14], [-half * 0.72, 1], [0, -3.6],
             [half * 0.72, 1], [half + 2.6, 14], [half + 2.2, temple]]  # fmt: skip
    inner = [[half - 1.2, temple - 2], [half - 2.4, 19], [half * 0.55, line + 0.5], [4, line - 2],
             [-half * 0.35, line - 0.5], [-half + 2.6, 19], [-half + 1.2, temple - 2]]  # fmt: skip
    shape = _smooth(np.array(outer + inner) + [MIDDLE, 0])
    masks = [canvas.coverage(canvas.turned(shape, 0.15))]
    if face.fringe:
        low = 20.5 - 1.2 * face.brow_raise * 0.3
        shape = np.array([[-half + 0.5, 22], [-half * 0.5, low], [-2, low + 0.8], [half * 0.5, low],
                          [half - 0.5, 22], [half * 0.9, 8], [0, 2], [-half * 0.9, 8]])  # fmt: skip
        masks.append(canvas.coverage(canvas.turned(_smooth(shape + [MIDDLE, 0]), 0.4)))
    colours = _lit(canvas, hair, 0.28)
    across, down = (canvas.x - MIDDLE - 9 * face.light - 2 * face.yaw) / 11, (canvas.y - 5.5) / 3.2
    shine = np.exp(-(across * across + down * down))
    colours = colours + 0.20 * shine[:, :, None] * (0.35 + hair)
    strands = 0.05 * np.sin(canvas.x * 1.9 + 0.10 * (canvas.y - 20) * (canvas.x - MIDDLE) / 8)
    colours = (colours * (1 + strands[:, :, None])).astype(np.float32)
    for mask in masks:
        canvas.lay(mask, colours)


def _hat(canvas: _Canvas) -> None:
    face = canvas.face
    half = _half_width(face)
    colour = _hsv(face.hat_colour, 0.62, 0.58)
    crown = np.array([[-half - 2.8, 15], [-half - 1.5, 3], [-half * 0.6, -6], [half * 0.6, -6],
                      [half + 1.5, 3], [half + 2.8, 15]]) + [MIDDLE, 0]  # fmt: skip
    canvas.lay(canvas.coverage(canvas.turned(_smooth(crown), 0.2)), _lit(canvas, colour, 0.30))
    band = np.array([[-half - 3.4, 11.5], [0, 8.8], [half + 3.4, 11.5], [half + 3.4, 17],
                     [0, 14.5], [-half - 3.4, 17]]) + [MIDDLE, 0]  # fmt: skip
    mask = canvas.coverage(canvas.turned(_smooth(band), 0.25))
    canvas.lay(mask, _lit(canvas, colour * 0.72, 0.30))


def _glasses(canvas: _Canvas) -> None:
    frame = _rgb([0.10, 0.09, 0.10])
    rims, panes = [], []
    for side in (-1, 1):
        middle = MIDDLE + side * EYE_REACH
        rims.append(canvas.turned(_oval(middle, EYE_LINE + 0.6, 7.4, 5.9, 3.2), 0.7))
        panes.append(canvas.turned(_oval(middle, EYE_LINE + 0.6, 6.4, 4.9, 3.2), 0.7))
    bridge = np.array([[29.6, 28.0], [32.5, 27.2], [35.4, 28.0], [35.4, 29.0], [32.5, 28.3],
                       [29.6, 29.0]])  # fmt: skip
    half = _half_width(canvas.face)
    arms = [np.array([[MIDDLE + s * 17, 28], [MIDDLE + s * (half + 0.6), 27.4],
                      [MIDDLE + s * (half + 0.6), 28.6], [MIDDLE + s * 17, 29.3]])
            for s in (-1, 1)]  # fmt: skip
    others = [canvas.turned(bridge, 0.85), *(canvas.turned(arm, 0.3) for arm in arms)]
    glass, whole = canvas.coverage(*panes), canvas.coverage(*rims, *others)
    canvas.lay(glass, _rgb([0.90, 0.95, 1.0]), 0.13)
    rim = whole.values.copy()
    top, left = glass.rows.start - whole.rows.start, glass.columns.start - whole.columns.start
    height, width = glass.values.shape
    rim[top : top + height, left : left + width] -= glass.values
    canvas.lay(_Mask(rim.clip(0, 1), whole.rows, whole.columns), frame)


def _half_width(face: Factors) -> float:
    return 18.2 + 3.2 * face.face_width


def _head(face: Factors) -> Points:
    """The outline of the head: a rounded skull above, a jaw of varied strength below."""
    half = _half_width(face)
    across, down = np.sin(TURN), -np.cos(TURN)
    lower = down > 0
    power = np.where(lower, 0.92 - 0.34 * face.jaw, 0.86)
    x = np.sign(across) * np.abs(across) ** power
    taper = np.where(lower, 1 - (0.30 - 0.20 * face.jaw) * down**2.0, 1.0)
    y = np.where(lower, 30 + 27.5 * np.abs(down) ** 0.98, 30 - 27.5 * np.abs(down))
    return np.stack([MIDDLE + 1.5 * face.yaw + half * x * taper, y], axis=1)


def _oval(x: float, y: float, width: float, height: float, power: float = 2.0) -> Points:
    """A superellipse around (x, y): an ellipse for power 2, squarer above."""
    across, down = np.cos(TURN), np.sin(TURN)
    share = 2 / power
    return np.stack(
        [
            x + width * np.sign(across) * np.abs(across) ** share,
            y + height * np.sign(down) * np.abs(down) ** share,
        ],
        axis=1,
    )


def _smooth(corners: Points, rounds: int = 3) -> Points:
    """A closed curve near its corners, by cutting them off again and again (Chaikin 1974)."""
    points = np.asarray(corners, np.float64)
    for _ in range(rounds):
        following = np.roll(points, -1, axis=0)
        cut = np.stack([0.75 * points + 0.25 * following, 0.25 * points + 0.75 * following], 1)
        points = cut.reshape(-1, 2)
    return points


def _lit(canvas: _Canvas, colour: Colour, strength: float) -> NDArray[np.float32]:
    """A colour under the light of the picture, (S, S, 3)."""
    tone = 1 + strength * canvas.face.light * (canvas.x - 32) / 24 - 0.0025 * (canvas.y - 32)
    lit: NDArray[np.float32] = tone[:, :, None] * colour
    return lit


def _palette(colours: NDArray[np.float64], share: float) -> Colour:
    """A colour at ``share`` 0…1 of the way through a row of colours."""
    place = share * (len(colours) - 1)
    first = min(int(place), len(colours) - 2)
    return _between(colours[first], colours[first + 1], place - first)


def _between(first: NDArray[np.floating], second: NDArray[np.floating], share: float) -> Colour:
    return ((1 - share) * first + share * second).astype(np.float32)


def _rgb(parts: list[float]) -> Colour:
    return np.array(parts, np.float32)


def _hsv(hue: float, saturation: float, value: float) -> Colour:
    return np.array(colorsys.hsv_to_rgb(hue, saturation, min(value, 1)), np.float32)
