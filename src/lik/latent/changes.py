"""Controlled changes of a code: the same face, further and further along one direction."""

import math

import numpy as np

from lik.core.errors import UnusableInput
from lik.latent.directions import Direction
from lik.latent.session import Codes


def along(codes: Codes, direction: Direction, amounts: list[float]) -> Codes:
    """Codes (N, D) moved by each of K amounts, (N, K, D): z + a·v."""
    steps = np.asarray(amounts, np.float32)[:, None] * direction.vector
    return codes[:, None, :] + steps


def set_dimension(codes: Codes, index: int, values: list[float]) -> Codes:
    """Codes (N, D) with one coordinate set to each of K values, (N, K, D): the paper's figure 6."""
    moved = np.repeat(codes[:, None, :], len(values), axis=1)
    moved[:, :, index] = np.asarray(values, np.float32)
    return moved


def steps(reach: float, count: int = 6) -> list[float]:
    """``count`` equal steps from −reach to +reach.

    Raises:
        UnusableInput: a reach that is no finite number.
    """
    if not math.isfinite(reach):
        raise UnusableInput(f"the reach of a change must be a finite number, not {reach}.")
    return [float(value) for value in np.linspace(-reach, reach, count)]
