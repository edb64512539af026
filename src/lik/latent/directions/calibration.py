"""How far is far: strengths of a direction, as a network that knows attributes sees decodings.

Codes are (N, D), logits (N,).
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from lik.core.configuration import Settings
from lik.core.errors import UnusableInput
from lik.latent.directions.direction import Direction
from lik.latent.session import Codes

LogitOfCodes = Callable[[Codes], NDArray[np.floating]]
"""Codes (N, D) → the logit (N,) of one attribute in what they decode to."""

MOST = 24.0
"""The longest way that is tried, in prior σ: twice the radius of a shell of 128 dimensions."""

CALIBRATED_ON = 100
"""Faces of each class that a strength is calibrated on."""


class Calibration(Settings):
    """What strength 1 of a direction means.

    Attributes:
        length: how long the vector of strength 1 is, in prior σ.
        without, having: median probability of the trait in the decodings of faces without it and
            of faces with it.
        reached: median probability of the faces without it, moved by strength 1.
    """

    length: float
    without: float
    having: float
    reached: float

    @property
    def complete(self) -> bool:
        """Whether the median face gets to where the faces with the trait are."""
        return self.reached >= self.having - 0.02


def calibrate(
    vector: Codes, lacking: Codes, having: Codes, logit_of_codes: LogitOfCodes
) -> Calibration:
    """Find the length at which the median face without a trait is where those with it are.

    Strength 1 is the shortest way along ``vector`` (D,) after which the median logit of the faces
    ``lacking`` (N, D) equals the median logit of the faces ``having``, or the way to the highest
    median there is, where that is never reached.
    """
    from scipy.optimize import brentq  # an edit along what is calibrated already needs none of it

    unit = vector / max(float(np.linalg.norm(vector)), 1e-12)
    wanted = float(np.median(logit_of_codes(having)))
    start = float(np.median(logit_of_codes(lacking)))

    def median(length: float) -> float:
        return float(np.median(logit_of_codes(lacking + np.float32(length) * unit)))

    tried = [(0.0, start)]
    length = 0.5
    while tried[-1][1] < wanted and length <= MOST:
        tried.append((length, median(length)))
        length *= 1.5
    if tried[-1][1] >= wanted and len(tried) > 1:
        low, high = tried[-2][0], tried[-1][0]
        found = float(brentq(lambda at: median(at) - wanted, low, high, xtol=0.01 * high))
        logit = median(found)
    else:
        found, logit = max(tried[1:] or [(1.0, start)], key=lambda pair: pair[1])
    return Calibration(
        length=found, without=probability_of(start), having=probability_of(wanted),
        reached=probability_of(logit),
    )  # fmt: skip


def calibrated(direction: Direction, calibration: Calibration) -> Direction:
    """The direction with the length that strength 1 has."""
    length = max(float(np.linalg.norm(direction.vector)), 1e-12)
    vector = direction.vector * np.float32(calibration.length / length)
    return Direction(direction.name, vector, "strength")


def strengths_to(
    codes: Codes, vector: Codes, logit_of_codes: LogitOfCodes, probability: float, most: float = 3.0
) -> NDArray[np.float32]:
    """How far along ``vector`` each face (N, D) must go until its own probability is as wanted.

    A face below goes forward, one above goes back, each at the most ``most`` times the vector;
    what cannot be reached ends there. Found by bisection, all faces at once: the logit is taken to
    rise along the way.

    Raises:
        UnusableInput: a probability outside 0…1.
    """
    wanted = logit_of(probability)
    below = logit_of_codes(codes) < wanted
    low = np.where(below, 0.0, -most)
    high = np.where(below, most, 0.0)
    for _ in range(10):
        middle = (low + high) / 2
        under = logit_of_codes(codes + middle[:, None].astype(np.float32) * vector) < wanted
        low, high = np.where(under, middle, low), np.where(under, high, middle)
    return np.asarray((low + high) / 2, np.float32)


def probability_of(logit: float) -> float:
    """The probability that a logit stands for."""
    return float(1 / (1 + np.exp(-float(logit))))


def logit_of(probability: float) -> float:
    """The logit of a probability.

    Raises:
        UnusableInput: a probability outside 0…1.
    """
    if not 0 < probability < 1:
        raise UnusableInput(f"a probability lies between 0 and 1, and {probability} does not.")
    return float(np.log(probability / (1 - probability)))
