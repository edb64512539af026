"""Directions in latent space along which one trait of a face changes.

Codes are (N, D), labels (N,) with NaN where unknown, directions (D,).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lik.core.configuration import nearest
from lik.core.errors import UnusableInput
from lik.latent.session import Codes


@dataclass(frozen=True)
class Direction:
    """A named vector (D,); one unit of it is what ``unit`` says."""

    name: str
    vector: Codes
    unit: str


def dimension(index: int, latent: int) -> Direction:
    """The unit vector of one latent dimension, counted from 0."""
    if not 0 <= index < latent:
        raise UnusableInput(
            f"there is no latent dimension {index}: this run has {latent}, counted from 0."
        )
    return Direction(f"dimension {index}", np.eye(latent, dtype=np.float32)[index], "prior σ")


def difference_of_means(name: str, codes: Codes, labels: NDArray[np.floating]) -> Direction:
    """From the mean code of the faces without a trait to that of the faces with it.

    Labels above 0 are with it, others without. The classical attribute vector (Larsen et al.,
    arXiv:1512.09300; Hou et al., arXiv:1610.00291); correlated traits come along with it.

    Raises:
        UnusableInput: all known faces have the trait, or none has.
    """
    having, lacking = _classes(codes, labels)
    if not len(having) or not len(lacking):
        raise UnusableInput(
            f"{name} cannot be learned from this face set: {len(having)} faces have it "
            f"and {len(lacking)} do not."
        )
    vector = having.mean(axis=0, dtype=np.float64) - lacking.mean(axis=0, dtype=np.float64)
    return Direction(name, vector.astype(np.float32), "difference of means")


def separation(codes: Codes, labels: NDArray[np.floating]) -> float:
    """How far the classes of a trait lie apart: the distance of their means over their spread.

    The spread is the root of the variance within the classes, pooled over the faces and summed
    over the dimensions. It is 0 where all known faces have the trait, or none has.
    """
    having, lacking = _classes(codes, labels)
    if not len(having) or not len(lacking):
        return 0.0
    distance = np.linalg.norm(having.mean(axis=0) - lacking.mean(axis=0))
    variances = [float(group.var(axis=0).sum()) for group in (having, lacking)]
    pooled = np.average(variances, weights=[len(having), len(lacking)])
    return float(distance / np.sqrt(max(pooled, 1e-12)))


def _classes(codes: Codes, labels: NDArray[np.floating]) -> tuple[Codes, Codes]:
    """The codes of the faces with a trait, and of those without it."""
    known = ~np.isnan(labels)
    return codes[known & (labels > 0)], codes[known & (labels <= 0)]


def most_informative(kl_per_dimension: NDArray[np.floating], count: int) -> list[int]:
    """The dimensions with the highest KL, most informative first."""
    return [int(index) for index in np.argsort(-kl_per_dimension, kind="stable")[:count]]


def labels_of(
    name: str, attributes: NDArray[np.floating], names: list[str]
) -> NDArray[np.floating]:
    """The column (N,) of one attribute.

    Raises:
        UnusableInput: there is no such attribute; the nearest one is named.
    """
    if not names:
        raise UnusableInput(f"the face set has no attributes, so '{name}' cannot be used.")
    if name not in names:
        raise UnusableInput(
            f"there is no attribute '{name}' in the face set.{nearest(name, names)}"
        )
    column: NDArray[np.floating] = attributes[:, names.index(name)]
    return column
