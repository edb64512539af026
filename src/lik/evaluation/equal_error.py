"""The strength at which a distortion has a mean squared error that was asked for.

Pictures are float64 (H, W, 3) in 0…255, and so is the scale of the mean squared error.
"""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq

from lik.core.errors import UnusableInput
from lik.evaluation.distortions import DISTORTIONS, Distortion, Picture

TOLERANCE = 1e-5
"""How exactly a strength is found, as a share of it; the error is then off by twice as much."""

HALVINGS = 14
"""The weakest strength tried is the strongest, halved so many times."""

CUSTOMARY = 300.0
"""Mean squared error of a usual figure; Wang & Bovik's have about as much."""


@dataclass(frozen=True)
class Distorted:
    """A picture distorted, with the strength that did it and the mean squared error it has."""

    distortion: Distortion
    strength: float
    picture: Picture
    mse: float


def mean_squared_error(first: Picture, second: Picture) -> float:
    """Mean of (x − y)² over pixels and channels, in the square of the pictures' unit."""
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
    """The error that a distortion comes to at least, or `CUSTOMARY` where it passes that."""
    most = 0.0
    for strength in reversed(_doubled(distortion.most)[-4:]):
        found = mean_squared_error(distortion.apply(picture, strength, seed), picture)
        most = max(most, found)
        if most >= CUSTOMARY:
            break
    return most


def _doubled(most: float) -> list[float]:
    return [most / 2**halvings for halvings in range(HALVINGS, -1, -1)]
