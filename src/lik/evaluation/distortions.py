"""Distortions of a picture, their strengths at equal errors, and how alike pictures are.

Pictures are float64 (H, W, 3) in 0…255, red first. Every distortion is a pure function of picture,
strength and seed; strength 0 gives the picture back, and the result changes continuously with the
strength. Results stay in 0…255 and are not rounded: a mean shift in whole steps of 1/255 could have
a few mean squared errors only. Mean squared errors are in the square of the pictures' unit.

Z. Wang and A. C. Bovik, "Mean squared error: love it or leave it?", IEEE Signal Processing
Magazine 26(1), 2009, figure 2.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage
from scipy.optimize import brentq
from torch import Tensor

from lik.core.errors import UnusableInput
from lik.core.randomness import numpy_stream
from lik.evaluation.fidelity import similarities
from lik.evaluation.networks import distance_of_maps
from lik.objectives.similarity import Features

Picture = NDArray[np.float64]
Distort = Callable[[Picture, float, int], Picture]
"""Picture, strength, seed → the picture distorted."""

WHITE = 255.0

TOLERANCE = 1e-5
"""How exactly a strength is found, as a share of it; the error is then off by twice as much."""

HALVINGS = 14
"""The weakest strength tried is the strongest, halved so many times."""

CUSTOMARY = 300.0
"""Mean squared error of a usual figure; Wang & Bovik's have about as much."""


@dataclass(frozen=True)
class Distortion:
    """A kind of distortion.

    Attributes:
        name: what it is called. apply: picture, strength, seed → picture.
        most: the largest strength that makes sense.
        words: a strength → what it is, for people, such as "by 3.20°".
        has_ceiling: whether, where the error asked for is out of reach, the nearest is good enough.
    """

    name: str
    apply: Distort
    most: float
    words: Callable[[float], str]
    has_ceiling: bool = False


@dataclass(frozen=True)
class Distorted:
    """A picture distorted, with the strength that did it and the mean squared error it has."""

    distortion: Distortion
    strength: float
    picture: Picture
    mse: float


def contrast(picture: Picture, strength: float, seed: int = 0) -> Picture:
    """Every channel stretched about its mean by the factor 1 + strength."""
    mean: Picture = picture.mean(axis=(0, 1))
    return (mean + (1 + strength) * (picture - mean)).clip(0, WHITE)


def mean_shift(picture: Picture, strength: float, seed: int = 0) -> Picture:
    """``strength`` added to every value; taken away where that spares more values from clipping."""
    dark = picture.mean() <= WHITE / 2
    return (picture + (strength if dark else -strength)).clip(0, WHITE)


def blur(picture: Picture, strength: float, seed: int = 0) -> Picture:
    """A Gaussian blur whose standard deviation is ``strength`` pixels."""
    blurred = ndimage.gaussian_filter(picture, (strength, strength, 0), mode="mirror")
    return np.asarray(blurred, np.float64)


def jpeg(picture: Picture, strength: float, seed: int = 0) -> Picture:
    """JPEG of quality 101 − ``strength``: 1 is the best quality, 100 the worst.

    Between two qualities, which are whole numbers, the two pictures are mixed in proportion; below
    strength 1 the original and the best.
    """
    better, share = int(strength), strength % 1
    if share == 0:
        return _jpeg(picture, better)
    return (1 - share) * _jpeg(picture, better) + share * _jpeg(picture, better + 1)


def salt_and_pepper(picture: Picture, strength: float, seed: int = 0) -> Picture:
    """A share ``strength`` of the pixels black or white, each with equal chance.

    The same seed spoils the same pixels first; of the last one, only a part of the way is gone.
    """
    height, width = picture.shape[:2]
    stream = numpy_stream(seed, "salt and pepper")
    ranks = stream.permutation(height * width).reshape(height, width, 1)
    grains = WHITE * stream.integers(0, 2, (height, width, 1))
    gone = np.clip(strength * height * width - ranks, 0, 1)
    return np.asarray(picture + gone * (grains - picture), np.float64)


def gaussian_noise(picture: Picture, strength: float, seed: int = 0) -> Picture:
    """White noise of standard deviation ``strength`` added to every value."""
    noise = numpy_stream(seed, "gaussian noise").standard_normal(picture.shape)
    return (picture + strength * noise).clip(0, WHITE)


def rotation(picture: Picture, strength: float, seed: int = 0) -> Picture:
    """Turned clockwise about its middle by ``strength`` degrees, the outside mirrored."""
    angle = np.deg2rad(strength)
    # A place of the result looks up where it came from: the opposite turn, rows before columns.
    matrix = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    middle = (np.array(picture.shape[:2]) - 1) / 2
    return _moved(picture, matrix, middle - matrix @ middle)


def shift(picture: Picture, strength: float, seed: int = 0) -> Picture:
    """Moved to the right by ``strength`` per cent of its width, the outside mirrored."""
    pixels = strength / 100 * picture.shape[1]
    return _moved(picture, np.eye(2), np.array([0.0, -pixels]))


def _jpeg(picture: Picture, strength: int) -> Picture:
    if strength == 0:
        return picture
    blue_first = np.ascontiguousarray(picture.clip(0, WHITE).round().astype(np.uint8)[..., ::-1])
    _, encoded = cv2.imencode(".jpg", blue_first, [cv2.IMWRITE_JPEG_QUALITY, 101 - strength])
    decoded = cv2.imdecode(encoded, cv2.IMREAD_COLOR)
    return np.asarray(decoded, np.float64)[..., ::-1]


def _moved(picture: Picture, matrix: Picture, offset: Picture) -> Picture:
    """Each channel looked up at ``matrix`` × place + ``offset``, by cubic splines."""
    channels = [
        ndimage.affine_transform(picture[..., channel], matrix, offset, order=3, mode="mirror")
        for channel in range(picture.shape[2])
    ]
    return np.stack(channels, axis=-1).clip(0, WHITE)


DISTORTIONS = (
    Distortion("contrast", contrast, 8, lambda s: f"stretched × {1 + s:.2f}"),
    Distortion("mean shift", mean_shift, 255, lambda s: f"by {s:.1f} of 255"),
    Distortion("blur", blur, 40, lambda s: f"Gaussian, σ {s:.2f} pixels"),
    Distortion("JPEG", jpeg, 100, lambda s: f"quality {101 - s:.1f}", has_ceiling=True),
    Distortion("salt and pepper", salt_and_pepper, 1, lambda s: f"{100 * s:.2f} % of the pixels"),
    Distortion("Gaussian noise", gaussian_noise, 512, lambda s: f"σ {s:.1f} of 255"),
    Distortion("rotation", rotation, 20, lambda s: f"by {s:.2f}°"),
    Distortion("shift", shift, 20, lambda s: f"by {s:.2f} % of the width"),
)


def mean_squared_error(first: Picture, second: Picture) -> float:
    """The mean of (x − y)² over pixels and channels of two pictures (H, W, 3)."""
    return float(np.mean((first - second) ** 2))


def distorted_to(distortion: Distortion, picture: Picture, mse: float, seed: int = 0) -> Distorted:
    """Distort a picture until it has this mean squared error; the weakest strength that does.

    The strengths are doubled until the error is passed, and the root between the last two is found
    by Brent's method. Where a distortion that has a ceiling cannot reach it, its strongest form is
    given, and ``mse`` says how far it came.

    Raises:
        UnusableInput: an error that is not positive, or that this distortion cannot reach.
    """
    if not 0 < mse < np.inf:
        raise UnusableInput(f"the mean squared error must be a number above 0, not {mse:g}.")

    def excess(strength: float) -> float:
        return mean_squared_error(distortion.apply(picture, strength, seed), picture) - mse

    below = 0.0
    for strength in _doubled(distortion.most):
        found = excess(strength)
        if found >= 0:
            break
        below = strength
    if found >= 0:
        strength = float(brentq(excess, below, strength, xtol=TOLERANCE * strength))
    elif not distortion.has_ceiling:
        raise UnusableInput(
            f"no {distortion.name} gives this picture a mean squared error of {mse:g}: it reaches "
            f"{found + mse:.0f} at most, so ask for less."
        )
    result = distortion.apply(picture, strength, seed)
    return Distorted(distortion, strength, result, mean_squared_error(result, picture))


def reachable_error(picture: Picture, seed: int = 0) -> float:
    """An error that every distortion of this picture reaches: `CUSTOMARY`, or less.

    A weak picture, such as an even wall, has no room for more: then four fifths of what the
    weakest distortion comes to, to two digits.

    Raises:
        UnusableInput: a picture of one colour, of which no distortion but noise has any error.
    """
    reached = min(_reach(distortion, picture, seed) for distortion in DISTORTIONS)
    if reached < 0.01:
        raise UnusableInput("this picture has one colour only: blur or turn it, it is the same.")
    return CUSTOMARY if reached >= CUSTOMARY else float(f"{0.8 * reached:.1e}")


def _reach(distortion: Distortion, picture: Picture, seed: int) -> float:
    """The error that a distortion comes to at least; the first found that passes `CUSTOMARY`."""
    most = 0.0
    for strength in reversed(_doubled(distortion.most)[-4:]):
        most = max(most, mean_squared_error(distortion.apply(picture, strength, seed), picture))
        if most >= CUSTOMARY:
            break
    return most


def _doubled(most: float) -> list[float]:
    return [most / 2**halvings for halvings in range(HALVINGS, -1, -1)]


@dataclass(frozen=True)
class Likeness:
    """How alike two pictures are: mean squared error of values in 0…255, the rest of 0…1.

    Attributes:
        psnr: the mean squared error in dB, ∞ for equal pictures.
        ssim, ms_ssim: structural similarity, 1 for equal pictures (Wang et al. 2003, 2004).
        feature_distance: that of `lik.evaluation.networks`, None without a network.
    """

    mse: float
    psnr: float
    ssim: float
    ms_ssim: float
    feature_distance: float | None = None


def measure_likeness(
    original: Picture, other: Picture, features: Features | None = None
) -> Likeness:
    """Compare a picture with the original, both (H, W, 3).

    Raises:
        UnusableInput: pictures too small for structural similarity.
    """
    mse = mean_squared_error(original, other)
    first, second = _image(original), _image(other)
    found = similarities(first, second)
    distance = None
    if features is not None:
        with torch.no_grad():
            distance = float(distance_of_maps(features(first), features(second)))
    return Likeness(
        mse,
        10 * math.log10(WHITE**2 / mse) if mse else math.inf,
        float(found["ssim"]),
        float(found["ms_ssim"]),
        distance,
    )


def _image(picture: Picture) -> Tensor:
    """A picture (H, W, 3) in 0…255 → (1, 3, H, W) in 0…1, unrounded."""
    return torch.from_numpy(picture / WHITE).permute(2, 0, 1)[None].float().contiguous()
