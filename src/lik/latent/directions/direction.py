"""A direction in latent space, along which one trait of a face changes."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lik.core.errors import UnusableInput
from lik.latent.session import Codes


@dataclass(frozen=True)
class Direction:
    """A named vector (D,); one unit of it is what ``unit`` says."""

    name: str
    vector: Codes
    unit: str


def dimension(index: int, latent: int) -> Direction:
    """The unit vector (D,) of one latent dimension, counted from 0.

    Raises:
        UnusableInput: there is no such dimension.
    """
    if not 0 <= index < latent:
        raise UnusableInput(
            f"there is no latent dimension {index}: this run has {latent}, counted from 0."
        )
    return Direction(f"dimension {index}", np.eye(latent, dtype=np.float32)[index], "prior σ")


def most_informative(kl_per_dimension: NDArray[np.floating], count: int) -> list[int]:
    """The dimensions with the highest KL (D,), most informative first."""
    return [int(index) for index in np.argsort(-kl_per_dimension, kind="stable")[:count]]


def classes(codes: Codes, labels: NDArray[np.floating]) -> tuple[Codes, Codes]:
    """The codes (N, D) of the faces with a trait, and of those without it; NaN is neither."""
    return codes[labels > 0], codes[labels <= 0]


def separation(codes: Codes, labels: NDArray[np.floating]) -> float:
    """How far the classes of a trait lie apart: the distance of their means over their std.

    The std is the root of the variance within the classes, pooled over the faces and summed over
    the dimensions. It is 0 where all known faces have the trait, or none has.
    """
    having, lacking = classes(codes, labels)
    if not len(having) or not len(lacking):
        return 0.0
    distance = np.linalg.norm(having.mean(axis=0) - lacking.mean(axis=0))
    variances = [float(group.var(axis=0).sum()) for group in (having, lacking)]
    pooled = np.average(variances, weights=[len(having), len(lacking)])
    return float(distance / np.sqrt(max(pooled, 1e-12)))
