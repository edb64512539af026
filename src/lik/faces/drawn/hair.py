"""What grows on or covers a drawn head: hair, beard and hat."""

import numpy as np

from lik.faces.drawn.canvas import (
    MIDDLE,
    Canvas,
    Colour,
    Mask,
    Plane,
    Points,
    between,
    colour,
    curve,
    mirrored,
    of_hue,
)
from lik.faces.drawn.factors import BEARDS, HAIR_COLOURS, Factors

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
