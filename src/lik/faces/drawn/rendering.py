"""Drawn faces: a procedural set for those who have no data, with every factor known.

The face lies in CelebA's reference frame: in sixty-fourths of the picture's side, the eyes of a
frontal face are at (22.75, 29.75) and (42.25, 29.75), and the chin is at 58.
"""

import numpy as np
from numpy.typing import NDArray

from lik.faces.drawn.canvas import (
    EYE_LINE,
    EYE_REACH,
    MIDDLE,
    Canvas,
    Colour,
    Mask,
    Points,
    along,
    between,
    colour,
    curve,
    mirrored,
    of_hue,
    oval,
)
from lik.faces.drawn.factors import FACTOR_NAMES, Factors, attributes, factor_values, sample_factors
from lik.faces.drawn.parts import (
    SHADOW,
    SIDES,
    beard,
    brows,
    eyes,
    hair_behind,
    hair_in_front,
    hair_strands,
    hair_tone,
    hat,
    mouth,
    nose,
)

__all__ = [
    "FACTOR_NAMES", "Factors", "attributes", "factor_values", "render", "sample_factors",
]  # fmt: skip

SKINS = np.array(
    [[0.97, 0.85, 0.78], [0.96, 0.80, 0.68], [0.88, 0.67, 0.51], [0.73, 0.50, 0.35],
     [0.54, 0.34, 0.23], [0.40, 0.26, 0.19]], np.float32
)  # fmt: skip


def render(factors: Factors, size: int = 64) -> NDArray[np.uint8]:
    """Draw a face, uint8 (size, size, 3), red first; the same factors give the same bytes."""
    face = factors
    canvas = Canvas(size, face.yaw, face.light, 1 + 0.03 * face.scale, 0.5 * face.shift)
    skin, hair = along(SKINS, face.skin), hair_tone(face)
    strands = hair_strands(canvas, face)
    half = 18.4 + 3.0 * face.face_width
    outline = _head(canvas, face, half)
    _background(canvas, face)
    if not face.bald:
        hair_behind(canvas, face, half, strands)
    _body(canvas, face, skin, outline)
    _ears(canvas, skin, half)
    head = canvas.coverage(outline)
    _skin(canvas, face, skin, half, head)
    beard(canvas, face, skin, head, strands)
    mouth(canvas, face, skin)
    nose(canvas, face, skin)
    eyes(canvas, face, skin)
    brows(canvas, face, hair, skin)
    if not face.bald:
        hair_in_front(canvas, face, half, head, strands)
    if face.hat:
        hat(canvas, face, half, head)
    if face.glasses:
        _glasses(canvas, half)
    return canvas.picture()


def _background(canvas: Canvas, face: Factors) -> None:
    """A wall that the light falls on."""
    wall = of_hue(0.8 * face.background, 0.30, 0.30 + 0.56 * face.background_light)
    across, down = (canvas.x - MIDDLE - 8 * face.light) / 44, (canvas.y - 26) / 44
    canvas.pixels[:] = wall[:, None, None] * (1.14 - 0.22 * (across**2 + down**2))


def _body(canvas: Canvas, face: Factors, skin: Colour, outline: Points) -> None:
    """Neck, shoulders and what they wear."""
    lean = [MIDDLE + 0.5 * face.yaw, 0]
    cloth = of_hue(0.8 * face.clothes, 0.50, 0.62)
    shoulders = np.array([[9, 57.5], [14, 60.3], [24, 62.3], [34, 66], [38, 80]])
    canvas.lay(canvas.coverage(curve(mirrored(shoulders))), cloth, 1, canvas.lit(0.2))
    neck = np.array([[9.6, 44], [9.4, 53], [10.2, 58.6], [8.6, 62.3], [5, 65.2], [0, 66]])
    throat = canvas.coverage(curve(np.concatenate([neck, neck[-2::-1] * [-1, 1]]) + lean))
    canvas.lay(throat, skin * colour(0.93, 0.86, 0.83), 1, canvas.lit(0.2))
    under = canvas.coverage(outline + [-1.5 * face.light, 3.6], blur=1.1)
    canvas.tint(under.within(throat), SHADOW, 0.75)
    inner = np.array([[10.4, 58.6], [8.8, 62.3], [5, 65.2], [0, 66]])
    outer = np.array([[12.0, 59.0], [10.4, 63.2], [6, 66.6], [0, 67.6]])
    rings = curve(np.concatenate([inner, inner[-2::-1] * [-1, 1], outer * [-1, 1],
                                  outer[-2::-1]]) + lean)  # fmt: skip
    canvas.lay(canvas.coverage(rings), cloth * np.float32(0.8), 1, canvas.lit(0.2))


def _head(canvas: Canvas, face: Factors, half: float) -> Points:
    """The outline of the head: a round skull above, a jaw of varied strength below."""
    jaw, chin = 0.70 + 0.13 * face.jaw, 0.30 + 0.17 * face.jaw
    side = np.array([[0.20, 7.0], [0.45, 8.7], [0.68, 12], [0.86, 16.6], [0.965, 21.8], [1.0, 27.5],
                     [0.985, 34], [0.885 + 0.05 * face.jaw, 41.5], [jaw, 49], [chin, 55.8],
                     [chin * 0.45, 57.8]])  # fmt: skip
    outline = curve(mirrored(side * [half, 1]))
    return canvas.turned(outline, 0.15 + 0.5 * np.clip((outline[:, 1] - 20) / 38, 0, 1))


def _ears(canvas: Canvas, skin: Colour, half: float) -> None:
    ears, shells = [], []
    for side in SIDES:
        ears.append(canvas.turned(oval(MIDDLE + side * (half + 0.4), 32.0, 2.5, 5.0), 0.1))
        shells.append(canvas.turned(oval(MIDDLE + side * (half + 0.9), 31.6, 1.2, 3.2), 0.1))
    canvas.lay(canvas.coverage(*ears), skin * colour(0.95, 0.86, 0.83), 1, canvas.lit(0.25))
    canvas.tint(canvas.coverage(*shells, blur=0.3), SHADOW, 0.6)


def _skin(canvas: Canvas, face: Factors, skin: Colour, half: float, head: Mask) -> None:
    """The bare face: rounded by light, flushed at the cheeks."""
    across = (canvas.x - MIDDLE - 1.5 * face.yaw) / np.float32(half)
    down = (canvas.y - 30) / np.float32(29)
    edge = across * across + 0.55 * down * down
    tone = 1.07 - 0.16 * edge * edge + 0.17 * face.light * across - 0.04 * down
    canvas.lay(head, skin, 1, tone)
    # Where light leaves, skin turns redder, not greyer.
    away = Mask(((1 - tone)[head.rows, head.columns] * 2.2).clip(0, 1) * head.values,
                head.rows, head.columns)  # fmt: skip
    canvas.tint(away, colour(1.0, 0.86, 0.80))
    smiling = max(0.0, face.smile)
    glow = between(skin, np.ones(3), 0.4)
    left, right = (canvas.turned_place(MIDDLE + side * 11.8, 0.55) for side in SIDES)
    rosy = canvas.soft((left, right), 40.2 - 1.2 * smiling, 5.4, 4.0).within(head)
    canvas.tint(rosy, colour(1.0, 0.68, 0.64), 0.04 + 0.46 * face.blush)
    cheeks = canvas.soft((left + 0.5, right - 0.5), 36.8 - smiling, 4.0, 2.4).within(head)
    canvas.lay(cheeks, glow, 0.22 + 0.2 * smiling)
    fold = np.array([[5.2, 38.8], [8.2, 41.2], [10.4, 44.6], [9.6, 44.9], [7.6, 42.1]])
    folds = [canvas.turned(curve(fold * [side, 1] + [MIDDLE, 0]), 0.75) for side in SIDES]
    canvas.tint(canvas.coverage(*folds, blur=0.5), SHADOW, 0.06 + 0.4 * smiling)
    brow, chin = canvas.turned_place(MIDDLE, 0.6), canvas.turned_place(MIDDLE, 0.75)
    canvas.lay(canvas.soft(brow + 4 * face.light, 16.5, 9, 4.5).within(head), glow, 0.3)
    canvas.lay(canvas.soft(chin, 54.2, 3.6, 2.0), glow, 0.3)


def _glasses(canvas: Canvas, half: float) -> None:
    """Dark frames, clear glass with a reflection."""
    rims, panes = [], []
    for side in SIDES:
        middle = MIDDLE + side * (EYE_REACH + 0.1)
        rims.append(canvas.turned(oval(middle, EYE_LINE + 0.9, 7.2, 5.8, 2.9), 0.72))
        panes.append(canvas.turned(oval(middle, EYE_LINE + 0.9, 6.35, 4.95, 2.9), 0.72))
    bridge = np.array([[29.9, 28.6], [32.5, 27.7], [35.1, 28.6], [35.1, 29.8], [32.5, 28.9],
                       [29.9, 29.8]])  # fmt: skip
    others = [canvas.turned(bridge, 0.9)]
    for side in SIDES:
        arm = np.array([[16.8, 28.0], [half + 0.6, 27.4], [half + 0.6, 28.7], [16.8, 29.5]])
        place = arm * [side, 1] + [MIDDLE, 0]
        others.append(canvas.turned(place, np.array([0.7, 0.2, 0.2, 0.7])))
    glass = canvas.coverage(*panes)
    canvas.lay(glass, colour(0.92, 0.96, 1.0), 0.10)
    streak = np.array([[-3.4, -3.6], [-1.2, -3.6], [-4.0, 3.0], [-5.2, 1.6]])
    streaks = [
        canvas.turned(streak + [MIDDLE + side * EYE_REACH, EYE_LINE + 0.9], 0.72) for side in SIDES
    ]
    canvas.lay(canvas.coverage(*streaks).within(glass), colour(1, 1, 1), 0.16)
    canvas.lay(canvas.coverage(*rims, *others).without(glass), colour(0.13, 0.10, 0.10))
