"""Hair and skin around a crop take the colour that an edit gives to such hair and skin within.

A crop ends in the middle of the hair, and so does what a decoder knows of an edit. Here the change
within is fitted as a function of colour, and applied around the crop to what looks like the head
and lies near to it: edit propagation, after An and Pellacini, AppProp (SIGGRAPH 2008), but for a
background that must not look alike.

Crops are (S, S, 3), float32 in 0…1; what is around one is of W = `WIDE` · S pixels a side.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from lik.faces.compositing import HEAD, Image, Mask, enlarged, face_of, feathered, window_of
from lik.faces.crop.cropping import Picture, Square, cut

Tint = NDArray[np.float32]

WIDE = 2
"""The square that is tinted is so many times as wide as the crop."""

SAMPLES = 16
"""Samples of the face along a side of the crop."""

ALIKE, REACH = 0.06, 0.25
"""Stds of the distances in colour, of 1 each channel, and in place, in sides of the crop, at which
a pixel belongs to what a face has."""

APART, AWAY = 0.07, 0.22
"""The same for what the border has."""

BACKGROUND = 1.0
"""Weight of the background against the face."""

FAINT = 0.001
"""Weight of neither."""

UNSURE = 0.1
"""A share of the head below this is none, and one above 1 less this is all."""

UPPER, FREE = 0.6, 0.5
"""Background is looked for at the border of the wide square, or of the photograph where that is
nearer, in this share of it from above; so far beyond `HEAD`, in its radii, it is that for sure."""

EDGE = 0.15
"""A tint fades out over this share of the side of the wide square."""

STRIP = 256
"""Rows of a photograph that are tinted at once: it may be large."""

INNER = 0.9
"""How much less what is painted anyway counts for the tint than what lies at the border."""

FLAT = 0.003
"""Ridge of the fit, of the variance of a colour of 1."""


def tint_of(change: Image, crop: Image, known: Mask) -> Tint:
    """What a change (S, S, 3) does to a colour: an affine map (3, 4) of red, green, blue and 1.

    Args:
        crop: which colour is where. known: the weight of each pixel, (S, S); the middle of the
            crop, which is painted anyway, counts less.
    """
    weight = (known * (1 - INNER * feathered(len(crop)))).astype(np.float64).reshape(-1, 1)
    colours = np.concatenate([crop.reshape(-1, 3), np.ones((weight.size, 1))], axis=1)
    spread = (colours * weight).T @ colours
    ridge = np.diag([FLAT * weight.sum()] * 3 + [0]) + 1e-6 * np.eye(4)
    fitted = np.linalg.solve(spread + ridge, (colours * weight).T @ change.reshape(-1, 3))
    return np.asarray(fitted.T, np.float32)


@dataclass(frozen=True)
class Around:
    """What is around a crop in its photograph.

    Attributes:
        image: the square `WIDE` times as wide, (W, W, 3) in 0…1. matte: what of it belongs to the
            head, (W, W) in 0…1; 0 where the face is painted.
    """

    image: Image
    matte: Mask


def around_of(picture: Picture, square: Square, crop: Image, widen: float = 1.0) -> Around:
    """See what of a photograph around a crop belongs to the head.

    How likely the colour of a pixel is among those of the face, against those at the upper border
    of the wide square or of the photograph, of both nearby ones above all.

    Args:
        crop: the face as the encoder saw it. widen: by how much it is wider than the frame.
    """
    side = len(crop)
    wide, start = square.widened(WIDE), (WIDE - 1) * side // 2
    image = np.asarray(cut(picture, wide, WIDE * side) / 255, np.float32)
    middle = slice(start, start + side)
    image[middle, middle] = crop
    face = face_of(crop, widen)

    cell = max(1, side // SAMPLES)
    chosen = slice(cell // 2, None, cell)
    place = (np.indices((WIDE * side,) * 2, np.float32).transpose(1, 2, 0) + 0.5) / side - WIDE / 2
    place *= widen
    look = np.concatenate([image / ALIKE, place / REACH], axis=2)
    inner = _density(look, look[middle, middle][chosen, chosen], face[chosen, chosen] ** 2)
    rim = _rim(picture, wide, WIDE * side, cell)
    beyond = np.hypot(place[rim][:, 0] / HEAD[1], place[rim][:, 1] / HEAD[0]) - 1
    look = np.concatenate([image / APART, place / AWAY], axis=2)
    outer = _density(look, look[rim], np.clip(beyond / FREE, 0, 1))
    share = inner / (inner + BACKGROUND * outer + FAINT)
    sharp = np.clip((share - UNSURE) / (1 - 2 * UNSURE), 0, 1)
    matte = cv2.GaussianBlur(sharp, (0, 0), side / 64) * feathered(WIDE * side, EDGE)
    matte[middle, middle] *= 1 - feathered(side) * face
    return Around(image, np.asarray(matte, np.float32))


def tinted(picture: Picture, square: Square, around: Around, tint: Tint) -> Picture:
    """The photograph with the colours around the crop of ``square`` changed; its detail stays."""
    result = picture.copy()
    wide = square.widened(WIDE)
    if (covered := window_of(wide, picture)) is None:
        return result
    (x, y), (width, height) = covered
    change = cv2.transform(around.image, tint) * around.matte[:, :, None] * 255
    for top in range(y, y + height, STRIP):
        strip = result[top : min(top + STRIP, y + height), x : x + width]
        added = enlarged(change, wide, (x, top), (width, len(strip)))
        strip[:] = cv2.add(strip, added, dtype=cv2.CV_8U)
    return result


def _density(look: Image, samples: NDArray[np.float32], weights: NDArray[np.float32]) -> Mask:
    """How near each pixel (W, W, K) is to weighted samples (…, K): the mean of exp(−d²/2)."""
    if not weights.size:
        return np.zeros(look.shape[:2], np.float32)
    places, weight = samples.reshape(-1, look.shape[2]), weights.reshape(-1) / weights.size
    norms, found = (places**2).sum(axis=1), []
    for row in look:
        squares = (row**2).sum(axis=1)[:, None] + norms - 2 * row @ places.T
        found.append(np.exp(-np.maximum(squares, 0) / 2) @ weight)
    return np.asarray(found, np.float32)


def _rim(picture: Picture, wide: Square, side: int, step: int) -> NDArray[np.bool_]:
    """Every so many pixels of the upper border of what the photograph has of a square, (W, W)."""
    share = (np.arange(side) + 0.5) / side
    (x0, y0), (x1, y1) = wide.point((0, 0)), wide.point((1, 0))
    across, down = (x1 - x0) * share, (y1 - y0) * share
    x, y = x0 + across[None] - down[:, None], y0 + down[None] + across[:, None]
    height, width = picture.shape[:2]
    inside = (x > 0) & (x < width) & (y > 0) & (y < height)
    deep = cv2.erode(inside.astype(np.uint8), np.ones((3, 3), np.uint8), borderValue=0) > 0
    row, column = np.indices((side, side))
    return np.asarray(inside & ~deep & (row < UPPER * side) & ((row + column) % step == 0))
