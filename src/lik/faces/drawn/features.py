"""The features of a drawn face: eyes, brows, nose and mouth."""

import math

import numpy as np

from lik.faces.drawn.canvas import (
    EYE_LINE,
    EYE_REACH,
    MIDDLE,
    Canvas,
    Colour,
    Points,
    along,
    between,
    colour,
    curve,
    oval,
    ribbon,
)
from lik.faces.drawn.factors import Factors

EYE_COLOURS = np.array(
    [[0.24, 0.13, 0.07], [0.46, 0.31, 0.14], [0.36, 0.46, 0.26], [0.36, 0.55, 0.66],
     [0.22, 0.44, 0.74]], np.float32
)  # fmt: skip
SHADOW = colour(0.70, 0.50, 0.43)  # on skin; warm, for blood shines through
SIDES = (-1, 1)

_EYE = np.linspace(-1, 1, 17)
_BROW = np.linspace(-1, 1, 13)
_MOUTH = np.linspace(-1, 1, 29)
_MOUTH_ARCH = 1 - _MOUTH**2


def eyes(canvas: Canvas, face: Factors, skin: Colour) -> None:
    """Sockets, eyeballs with iris, pupil and spark, lids and lashes."""
    arch = 1 - np.abs(_EYE) ** 2.3
    # The upper lid of a shut eye lies on the lower one.
    top = (1.3 - 4.1 * face.eyes_open) * arch
    bottom = (1.75 - 0.5 * max(0.0, face.smile)) * arch
    crease = -3.5 * arch - 0.25
    outer = (_EYE + 1) / 2

    # Both eyes, each from its inner to its outer corner.
    places = [MIDDLE + side * (EYE_REACH + 4.75 * _EYE) for side in SIDES]
    places = [canvas.turned_x(place, 0.62) for place in places]
    line = EYE_LINE - 0.4 * _EYE  # outer corners are a little higher

    def both(above: Points, below: Points) -> list[Points]:
        return [ribbon(place, line + above, line + below) for place in places]

    left, right = (canvas.turned_place(MIDDLE + side * EYE_REACH, 0.6) for side in SIDES)
    canvas.tint(canvas.soft((left + 1.2, right - 1.2), EYE_LINE - 2.2, 5.6, 3.6), SHADOW, 0.42)
    canvas.tint(canvas.soft((left, right), EYE_LINE + 3.2, 4.2, 1.6), SHADOW, 0.20)
    canvas.lay(canvas.coverage(*both(crease, top)), between(skin, skin * SHADOW, 0.25))
    canvas.tint(canvas.coverage(*both(crease - 0.3, crease + 0.3)), SHADOW * 0.9, 0.65)
    white = canvas.coverage(*both(top, bottom))
    canvas.lay(white, colour(0.96, 0.95, 0.94))
    iris = along(EYE_COLOURS, face.eye_colour)
    centre = MIDDLE + 1.75 * face.gaze_x
    left, right = (canvas.turned_place(centre + side * EYE_REACH, 0.62) for side in SIDES)
    look = (left, right)
    height = EYE_LINE + 0.7 * face.gaze_y
    canvas.lay(canvas.discs(look, height, 2.5, white), iris * np.float32(0.45))
    canvas.lay(canvas.discs(look, height, 2.05, white), iris)
    canvas.lay(canvas.discs(look, height + 0.75, 1.2, white), between(iris, np.ones(3), 0.3), 0.6)
    canvas.lay(canvas.discs(look, height, 1.1, white), colour(0.03, 0.02, 0.03))
    canvas.tint(canvas.coverage(*both(top, top + 1.1)).within(white), colour(0.5, 0.45, 0.5), 0.5)
    # The spark goes with the light, smoothly, so that it jumps nowhere.
    aside = 0.8 * math.tanh(4 * face.light - 1.5)
    spark = (left + aside, right + aside)
    canvas.lay(canvas.discs(spark, height - 0.85, 0.65, white), np.ones(3, np.float32), 0.95)
    lashes = between(skin * np.float32(0.16), [0.05, 0.03, 0.03], 0.6)
    upper = both(top - 0.35 - 0.55 * outer, top + 0.2)
    canvas.lay(canvas.coverage(*upper), lashes, 0.92)
    canvas.tint(canvas.coverage(*both(bottom - 0.1, bottom + 0.4)), SHADOW * 0.75, 0.7)


def brows(canvas: Canvas, face: Factors, hair: Colour, skin: Colour) -> None:
    """Brows that are thick at the nose and end in a point."""
    tone = between(hair * np.float32(0.75), skin * np.float32(0.3), 0.35)
    arch = (0.3 + 1.7 * face.brow_arch) * (1 - ((_BROW - 0.15) / 1.15) ** 2)
    line = 23.6 - 1.6 * face.brow_raise - arch + 0.5 * _BROW
    thick = (0.55 + 1.15 * face.brow_thickness) * (1 - 0.75 * ((_BROW + 1) / 2) ** 2.2)
    thick = thick * np.minimum(1, 0.45 + 2.5 * (_BROW + 1))
    both = [
        canvas.turned(
            ribbon(MIDDLE + side * (EYE_REACH + 0.3 + 5.9 * _BROW), line - thick, line + thick),
            0.62,
        )
        for side in SIDES
    ]
    canvas.lay(canvas.coverage(*both, blur=0.22), tone, 0.92)


def nose(canvas: Canvas, face: Factors, skin: Colour) -> None:
    """A nose made of light and shade: flanks, tip, wings and nostrils."""
    wide, base = 2.9 + 1.9 * face.nose, 39.0 + 1.3 * face.nose
    for side in SIDES:
        flank = [[1.1, 26], [1.5, 31], [1.5 + 0.3 * wide, base - 3], [wide * 1.05, base - 0.4],
                 [wide * 0.75, base + 0.6], [1.3, base - 1.6], [0.8, 32]]  # fmt: skip
        outline = canvas.turned(curve(np.array(flank) * [side, 1] + [MIDDLE, 0]), 0.95)
        # The flank away from the light is darker.
        share = max(0.04, 0.26 - 0.34 * side * face.light)
        canvas.tint(canvas.coverage(outline, blur=0.7), SHADOW, share)
    middle = canvas.turned_place(MIDDLE, 1.05)
    canvas.tint(canvas.soft(middle, base + 1.6, wide * 1.05, 1.5), SHADOW, 0.5)
    under = [[-wide * 0.95, base - 0.5], [-wide * 0.5, base + 0.4], [0, base + 0.8],
             [wide * 0.5, base + 0.4], [wide * 0.95, base - 0.5], [wide * 0.6, base + 0.9],
             [0, base + 1.5], [-wide * 0.6, base + 0.9]]  # fmt: skip
    canvas.tint(canvas.coverage(_at_nose(canvas, under), blur=0.2), SHADOW * 0.95, 0.75)
    wings, nostrils = [], []
    for side in SIDES:
        wing = np.array([[0.80, -2.3], [1.04, -1.3], [0.98, -0.1], [0.86, 0.4], [0.90, -0.4],
                         [0.92, -1.3]]) * [side * wide, 1] + [0, base]  # fmt: skip
        wings.append(_at_nose(canvas, wing))
        nostrils.append(canvas.turned(oval(MIDDLE + side * wide * 0.46, base + 0.55, 0.3 * wide,
                                           0.55), 1.05))  # fmt: skip
    canvas.tint(canvas.coverage(*wings, blur=0.15), SHADOW * 0.85, 0.75)
    canvas.tint(canvas.coverage(*nostrils, blur=0.15), colour(0.36, 0.20, 0.18), 0.85)
    shine = between(skin, np.ones(3), 0.45)
    canvas.lay(canvas.soft(middle - 0.7 * face.light, base - 2.0, 1.5 + face.nose, 1.5), shine, 0.6)
    bridge = canvas.turned_place(MIDDLE, 0.95)
    canvas.lay(canvas.soft(bridge, 31, 1.0, 5.0), shine, 0.4)


def _at_nose(canvas: Canvas, corners: list[list[float]] | Points) -> Points:
    return canvas.turned(curve(np.array(corners) + [MIDDLE, 0]), 1.05)


def mouth(canvas: Canvas, face: Factors, skin: Colour) -> None:
    """Lips, and between them teeth and the dark of an open mouth."""
    smiling = max(0.0, face.smile)
    half = 6.9 + 1.7 * smiling - 0.5 * face.mouth_open
    lift = (2.5 if face.smile > 0 else 1.4) * face.smile + 0.45
    line = 47.0 - lift * (_MOUTH**2 - 0.3)
    gap = 4.0 * face.mouth_open
    upper, lower = line - 0.3 * gap * _MOUTH_ARCH, line + 0.9 * gap * _MOUTH_ARCH**0.8
    bow = 1 - 0.3 * np.exp(-((_MOUTH / 0.16) ** 2))
    above = upper - (1.05 + 0.9 * face.lips) * _MOUTH_ARCH**0.9 * bow
    below = lower + (1.25 + 1.15 * face.lips) * _MOUTH_ARCH**0.75

    place = canvas.turned_x(MIDDLE + half * _MOUTH, 0.8)

    def part(top: Points, bottom: Points) -> Points:
        return ribbon(place, top, bottom)

    middle = canvas.turned_place(MIDDLE, 0.8)
    canvas.tint(canvas.soft(middle, float(below[14]) + 1.1, 4.2, 1.2), SHADOW, 0.5)
    natural = skin * colour(0.88, 0.58, 0.56)
    lips = between(colour(0.76, 0.09, 0.20), skin * colour(0.8, 0.1, 0.2), 0.3)
    lips = lips if face.lipstick else natural
    canvas.lay(canvas.coverage(part(above, below)), lips, 0.97, canvas.lit(0.12))
    canvas.tint(canvas.coverage(part(above, upper)), colour(0.86, 0.78, 0.78), 0.8)
    inside = canvas.coverage(part(upper, lower))
    canvas.lay(inside, colour(0.24, 0.06, 0.07))
    if gap:
        tongue = canvas.soft(middle, float(lower[14]) + 0.2, 3.4, 1.4)
        canvas.lay(tongue.within(inside), colour(0.78, 0.36, 0.36), 0.8)
        teeth = part(upper, upper + np.minimum(0.55 * gap, 1.7) * _MOUTH_ARCH**0.6)
        canvas.lay(canvas.coverage(teeth).within(inside), colour(0.97, 0.96, 0.93), 0.96)
    seam = canvas.coverage(part(line - 0.28, line + 0.28), blur=0.12)
    canvas.tint(seam, colour(0.42, 0.20, 0.20), 0.9 * max(0.0, 1 - 3 * face.mouth_open))
    gloss = canvas.soft(middle - 1.2 * face.light, float((lower + below)[14]) / 2, 2.6, 0.6)
    canvas.lay(gloss, colour(1, 0.93, 0.9), 0.42 if face.lipstick else 0.24)
    corners = canvas.soft((float(place[0]), float(place[-1])), float(line[0]), 1.0, 0.9)
    canvas.tint(corners, SHADOW, 0.35 + 0.3 * smiling)
