"""Where a change of a face may show, and how what is in a crop is seen in its photograph.

`lik.faces.motion` carries a change between two decodings onto the photograph; the mask that decides
where is made here, in the frame of the crop. What becomes of the hair around is up to
`lik.faces.tinting`.

Crops and decodings are (S, S, 3), float32 in 0…1; masks (S, S) in 0…1; photographs uint8
(H, W, 3); squares and coordinates as in `lik.faces.crop.cropping`.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from lik.faces.crop.cropping import Picture, Square

Image = NDArray[np.float32]
Mask = NDArray[np.float32]

FEATHER = 0.2
"""A change fades in over this share of the crop's side, from nothing at its border."""

HEAD = (0.40, 0.55)
"""Half width and half height of a head, hair and neck included, in sides of the reference frame."""

FACE = (0.33, 0.46)
"""The same of a face without most of its hair, on which changes are painted."""

SOFTNESS = 0.25
"""The edge of that ellipse, in shares of its radius to either side."""

TRUSTED = 0.2
"""Error of a decoding, of the range of a pixel, at which it is believed by 1/e."""

GREY_SPREAD = 6
"""Largest distance of the channels of a crop, of 255, that JPEG leaves of a grey picture."""

LUMINANCE = np.array([0.299, 0.587, 0.114], np.float32)
"""Weights of red, green and blue in luma (ITU-R BT.601)."""


def window_of(square: Square, picture: Picture) -> tuple[tuple[int, int], tuple[int, int]] | None:
    """The part of a photograph that a square covers: x and y, width and height; None for none."""
    height, width = picture.shape[:2]
    low = np.floor(square.corners().min(axis=0)).astype(int)
    high = np.ceil(square.corners().max(axis=0)).astype(int)
    x0, y0 = (int(v) for v in np.maximum(low, 0))
    x1, y1 = min(width, int(high[0])), min(height, int(high[1]))
    return ((x0, y0), (x1 - x0, y1 - y0)) if x0 < x1 and y0 < y1 else None


def face_of(crop: Image, widen: float = 1.0) -> Mask:
    """Where a face is, (S, S): a soft ellipse, whose edge a guided filter moves to the crop's."""
    side = len(crop)
    face = guided(ellipse(side, widen, FACE), crop, round(side * 0.1), 0.002)
    return np.clip(face, 0, 1)


def trust_of(crop: Image, before: Image) -> Mask:
    """How far a decoder has understood a crop, (S, S).

    exp(−(e/0.2)²), where e is how wrong its decoding is around a pixel: a decoder that has not seen
    the background or a hand before the face knows nothing about their change.
    """
    error = cv2.GaussianBlur(np.abs(crop - before).mean(axis=2), (0, 0), len(crop) / 32)
    return np.asarray(np.exp(-((error / TRUSTED) ** 2)), np.float32)


def is_grey(crop: Image) -> bool:
    """Whether a crop has no colours, but for what compression adds."""
    return float(np.ptp(crop, axis=2).max()) * 255 <= GREY_SPREAD


def enlarged(image: Image, square: Square, corner: tuple[int, int], size: tuple[int, int]) -> Image:
    """An image of the square, (S, S) or (S, S, 3), seen in a window of the photograph.

    Cubic; outside of the square it falls to nothing within two of its own pixels. The window is
    given by its ``corner`` (x, y) and ``size`` (width, height).
    """
    side = len(image)
    if square.side < side:  # averaged down, so that no pixel is passed over
        side = max(1, round(square.side))
        image = np.asarray(cv2.resize(image, (side, side), interpolation=cv2.INTER_AREA))
    # From an index of the image to one of the window; both count from a pixel's middle.
    step = square.side / side
    (x, y), (right_x, right_y) = square.point((0, 0)), square.point((1, 0))
    cosine, sine = (right_x - x) / square.side, (right_y - y) / square.side
    half = step / 2
    matrix = np.array(
        [
            [step * cosine, -step * sine, x + half * (cosine - sine) - corner[0] - 0.5],
            [step * sine, step * cosine, y + half * (sine + cosine) - corner[1] - 0.5],
        ]
    )
    warped = cv2.warpAffine(
        image, matrix, size, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_CONSTANT, borderValue=0
    )
    return np.asarray(warped, np.float32)


def guided(mask: Mask, guide: Image, radius: int, flatness: float) -> Mask:
    """The guided filter with a colour guide (He, Sun and Tang, TPAMI 2013, equations 19–21).

    In every window the mask is fitted as a linear function of the guide's colours, so that its
    edges go where the guide has edges; ``flatness`` is the variance of the guide, of 1, below which
    the mask is just blurred.
    """
    side = 2 * max(1, radius) + 1

    def mean(values: NDArray[np.floating]) -> Image:
        flat = values.reshape(*values.shape[:2], -1).astype(np.float32)
        parts = [
            cv2.blur(
                np.ascontiguousarray(flat[:, :, c]), (side, side), borderType=cv2.BORDER_REFLECT
            )
            for c in range(flat.shape[2])
        ]
        return np.asarray(np.stack(parts, axis=2).reshape(values.shape), np.float32)

    colours, level = mean(guide), mean(mask)
    covariance = mean(guide * mask[:, :, None]) - colours * level[:, :, None]
    products = mean(guide[:, :, :, None] * guide[:, :, None, :])
    spread = products - colours[:, :, :, None] * colours[:, :, None, :]
    spread = spread + flatness * np.eye(3, dtype=np.float32)
    slope = np.linalg.solve(spread, covariance[:, :, :, None])[:, :, :, 0]
    offset = level - (slope * colours).sum(axis=2)
    return np.asarray((mean(slope) * guide).sum(axis=2) + mean(offset), np.float32)


def feathered(side: int, feather: float = FEATHER) -> Mask:
    """A square that fades to nothing at its border, over a share of its side, (S, S)."""
    place = np.linspace(0, 1, side)
    rise = _smooth(np.minimum(place, 1 - place) / feather)
    return np.asarray(np.outer(rise, rise), np.float32)


def ellipse(side: int, widen: float, radii: tuple[float, float]) -> Mask:
    """A soft ellipse about the middle of an aligned crop, as `HEAD` and `FACE` are, (S, S)."""
    place = ((np.arange(side) + 0.5) / side - 0.5) * widen
    radius = np.hypot(place[None, :] / radii[0], place[:, None] / radii[1])
    return np.asarray(1 - _smooth((radius - 1 + SOFTNESS) / (2 * SOFTNESS)), np.float32)


def _smooth(value: NDArray[np.floating]) -> NDArray[np.floating]:
    """0 below 0, 1 above 1, and between them the cubic that is flat at both."""
    value = np.clip(value, 0, 1)
    return np.asarray(value * value * (3 - 2 * value), value.dtype)
