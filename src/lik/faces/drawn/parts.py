"""The parts of a drawn head: eyes, brows, nose and mouth, and the hair, beard and hat on it."""

import math

import numpy as np

from lik.faces.drawn.canvas import (
    EYE_LINE,
    EYE_REACH,
    MIDDLE,
    Canvas,
    Colour,
    Mask,
    Plane,
    Points,
    along,
    between,
    colour,
    curve,
    mirrored,
    of_hue,
    oval,
    ribbon,
)
from lik.faces.drawn.factors import BEARDS, HAIR_COLOURS, Factors

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

# The darkest and the lightest of each colour.
HAIRS = {
    "black": ([0.05, 0.04, 0.05], [0.17, 0.14, 0.14]),
    "brown": ([0.22, 0.13, 0.08], [0.46, 0.29, 0.17]),
    "blond": ([0.70, 0.51, 0.26], [0.93, 0.80, 0.52]),
    "grey": ([0.50, 0.50, 0.52], [0.84, 0.84, 0.85]),
    "red": ([0.44, 0.17, 0.08], [0.70, 0.34, 0.17]),
}

_DOWN = np.linspace(0, 1, 17)
_LINE = np.array([0.86, 0.68, 0.45, 0.22, 0.0, -0.22, -0.45, -0.68, -0.86])
_TIPS = np.linspace(1, -1, 17)


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


def hair_tone(face: Factors) -> Colour:
    """The colour of hair, brows and beard."""
    dark, light = HAIRS[HAIR_COLOURS[face.hair_colour]]
    return between(dark, light, face.hair_shade)


def hair_behind(canvas: Canvas, face: Factors, half: float, strands: Plane) -> None:
    """The hair that falls behind the neck."""
    outer = _outer(face, half)
    outer[:, 0] -= 1.2 * (1 - _DOWN) ** 2  # hidden behind the head where hair is short
    side = np.concatenate([[[half * 0.5, 16]], outer, [[outer[-1, 0] * 0.5, outer[-1, 1] + 0.4]]])
    outline = canvas.turned(curve(mirrored(side)), 0.2)
    shade = canvas.lit(0.2) * strands
    canvas.lay(canvas.coverage(outline), hair_tone(face) * np.float32(0.62), 1, shade)


def hair_in_front(canvas: Canvas, face: Factors, half: float, head: Mask, strands: Plane) -> None:
    """The hair over the skull, the locks or sideburns beside the face, and the fringe."""
    outlines = [canvas.turned(curve(_cap(face, half)), 0.25)]
    if face.fringe and not face.hat:
        outlines.append(canvas.turned(curve(_fringe(face, half)), 0.42))
    fallen = [outline + [-0.9 * face.light, 1.2] for outline in outlines]
    shadow = canvas.coverage(*fallen, blur=0.9).within(head)
    canvas.tint(shadow, colour(0.62, 0.45, 0.40), 0.6)
    tone = hair_tone(face)
    shade = canvas.lit(0.26) * strands
    mask = canvas.coverage(*outlines)
    canvas.lay(mask, tone, 1, shade * (1.04 - 0.05 * np.clip((canvas.y - 14) / 12, 0, 2)))
    # Light lies on the bend of the hair, on both sides of the parting.
    bright = strands * strands * strands
    for side, share in ((-1, 0.55 - 0.4 * face.light), (1, 0.55 + 0.4 * face.light)):
        middle = MIDDLE + 10.5 * side + 2 * face.hair_part + 2.5 * face.light - 1.5 * face.yaw
        shine = canvas.soft(middle, 10.5, 6.5, 3.2).within(mask)
        glow = between(tone * np.float32(1.25) + np.float32(0.06), np.ones(3), 0.22)
        canvas.lay(shine, glow, share * 0.75, bright)


def beard(canvas: Canvas, face: Factors, skin: Colour, head: Mask, strands: Plane) -> None:
    """Stubble, goatee or full beard, and the moustache."""
    tone = between(hair_tone(face) * np.float32(0.85), skin * np.float32(0.35), 0.2)
    shade = canvas.lit(0.2) * strands
    kind = BEARDS[face.beard]
    if kind in ("stubble", "full"):
        side = np.array([[21.5, 33], [24, 62], [0, 64], [0, 64]])
        inner = np.array([[0, 51.2], [3.2, 50.9], [6.5, 48.6], [9.0, 44.4], [13.5, 42.5],
                          [17.2, 38.5], [19.2, 32]])  # fmt: skip
        outline = np.concatenate([inner, side[:2], side[1::-1] * [-1, 1], inner[:0:-1] * [-1, 1]])
        ring = [[0, 42.6], [4, 42.8], [8.6, 45], [9.4, 49], [6, 52.5], [0, 53]]
        whole = canvas.turned(curve(outline + [MIDDLE, 0]), 0.6)
        around = canvas.turned(curve(mirrored(np.array(ring))), 0.8)
        if kind == "full":
            mask = canvas.coverage(whole, blur=0.45).within(head)
            canvas.lay(mask, tone, 0.94, shade)
        else:
            mask = canvas.coverage(whole, around, blur=1.6).within(head)
            canvas.tint(mask, between(tone, [0.5, 0.5, 0.52], 0.7), 0.55)
    if kind == "goatee":
        chin = [[0, 50.9], [1.6, 51.2], [4.6, 53.2], [5.4, 55.6], [3.6, 58.0], [0, 59.0]]
        outline = canvas.turned(curve(mirrored(np.array(chin))), 0.72)
        canvas.lay(canvas.coverage(outline, blur=0.45), tone, 0.88, shade)
    if face.moustache:
        lift = 1.2 * face.smile
        half = [[0, 42.9], [2.2, 42.2], [5.4, 43.2], [8.6, 46.6 - lift], [8.2, 47.6 - lift],
                [5.0, 45.9 - 0.5 * lift], [1.6, 45.2], [0, 44.8]]  # fmt: skip
        outline = canvas.turned(curve(mirrored(np.array(half))), 0.86)
        canvas.lay(canvas.coverage(outline, blur=0.22), tone, 0.95, shade)


def hat(canvas: Canvas, face: Factors, half: float, head: Mask) -> None:
    """A knitted cap with its brim turned up."""
    tone = of_hue(0.8 * face.hat_colour, 0.58, 0.66)
    wide = half + 2.4
    crown = [[0, -7], [0.55, -6], [0.88, -0.5], [1.0, 8], [1.0, 14]]
    outline = canvas.turned(curve(mirrored(np.array(crown) * [wide, 1])), 0.25)
    rim = [[0, 10.2], [0.6, 10.9], [1.03, 12.6], [1.07, 15], [1.03, 18.4], [0.6, 16.9], [0, 16.4]]
    brim = canvas.turned(curve(mirrored(np.array(rim) * [wide, 1])), 0.32)
    fallen = canvas.coverage(brim + [-0.9 * face.light, 1.5], blur=0.9)
    canvas.tint(fallen.within(head), colour(0.62, 0.45, 0.40), 0.65)
    ribs = 1 + 0.07 * np.cos((canvas.x - MIDDLE - face.yaw) * 2.0)
    canvas.lay(canvas.coverage(outline), tone, 1, canvas.lit(0.32) * ribs)
    crease = canvas.coverage(brim - [0, 1.1], blur=0.6)
    canvas.tint(crease.within(canvas.coverage(outline)), colour(0.5, 0.5, 0.5), 0.6)
    canvas.lay(canvas.coverage(brim), tone * np.float32(0.9), 1, canvas.lit(0.32) * ribs)


def _outer(face: Factors, half: float) -> Points:
    """The outer edge of the hair on the right, from beside the brow to its end, (17, 2)."""
    length = face.hair_length
    end = 27 + 45 * length
    y = 19 + (end - 19) * _DOWN
    full = min(1.0, 2.5 * length)
    taper = (1.9 - 1.9 * full) * _DOWN**1.8 + 2.6 * full * _DOWN**5
    flare = 3.4 * full * np.sin(0.55 * np.pi * _DOWN)
    wave = 1.7 * face.hair_wave * full * np.minimum(1, 2 * _DOWN) * np.sin(y * 0.62)
    return np.stack([half + 2.0 + flare - taper + wave, y], axis=1)


def _inner(face: Factors, half: float) -> Points:
    """The edge of the hair towards the face on the right, from its end up to the temple."""
    length = face.hair_length
    full = min(1.0, 2.5 * length)
    y = 23.5 + (27 + 45 * length - 0.6 - 1.4 * full - 23.5) * _DOWN[::-1]
    bend = (0.5 * full + 1.1 * length) * np.sin(np.pi * _DOWN)
    wave = 0.8 * face.hair_wave * full * np.sin(y * 0.62 + 0.8) * _DOWN[::-1]
    return np.stack([half - 1.0 - bend + wave, y], axis=1)


def _cap(face: Factors, half: float) -> Points:
    wide = half + 2.0
    arc = np.array([[0.30, 3.7], [0.56, 5.8], [0.79, 9.6], [0.94, 14.4]]) * [wide, 1]
    side = np.concatenate([arc, _outer(face, half), _inner(face, half)])
    top = 16.6 - 4.6 * face.hairline
    part = 0.5 * face.hair_part
    away = np.abs(_LINE - part)
    notch = 1.2 * np.exp(-((away / 0.13) ** 2))
    height = top + (22.5 - top) * np.abs(_LINE) ** 3.0 + 2.4 * away**1.5 - notch
    line = np.stack([_LINE * (half - 0.6), height], axis=1)
    left = side[::-1] * [-1, 1]
    return np.concatenate([side, line, left, [[0.0, 3.0]]]) + [MIDDLE, 0]


def _fringe(face: Factors, half: float) -> Points:
    tips = 0.55 * np.sin(7.3 * _TIPS + 1) + 0.45 * np.sin(17 * _TIPS)
    height = 20.2 + tips + 1.0 * _TIPS * face.hair_part + 1.0 * np.abs(_TIPS) ** 3
    lower = np.stack([_TIPS * (half - 0.8), height], axis=1)
    upper = np.array([[-0.9, 13], [-0.5, 7.5], [0, 6.0], [0.5, 7.5], [0.9, 13]]) * [half, 1]
    return np.concatenate([lower, upper]) + [MIDDLE, 0]


def hair_strands(canvas: Canvas, face: Factors) -> Plane:
    """The play of light on strands, around 1: they run from the parting down beside the face."""
    across = canvas.x - np.float32(MIDDLE + 4 * face.hair_part)
    down = np.minimum(canvas.y - 26, 0) * np.float32(1.15)
    bend = np.float32(1.2 * face.hair_wave) * np.sin(canvas.y * np.float32(0.62))
    ring = np.sqrt(across * across + down * down) - np.tanh(across / 6) * bend
    strands: Plane = 1 + np.float32(0.065) * np.sin(1.9 * ring) + 0.045 * np.sin(1.13 * ring + 1)
    return strands
