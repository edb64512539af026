"""Where two sets of faces overlap in the features of a network: fidelity apart from diversity.

Each set is taken for the union of balls around its members that reach to their k-th neighbour in
the same set. Features are (N, F).
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lik.core.errors import UnusableInput
from lik.evaluation.distances import Features

NEIGHBOURS = 3
"""k of precision and recall, as arXiv:1904.06991 has it."""

DENSE_NEIGHBOURS = 5
"""k of density and coverage, as arXiv:2002.09797 has it."""

BLOCK = 1000
"""Rows of distances that are held at once."""


@dataclass(frozen=True)
class Overlap:
    """How a generated set lies in a real one; shares 0…1, but for density.

    Attributes:
        precision: share of generated faces within a ball of a real one (arXiv:1904.06991).
        recall: share of real faces within a ball of a generated one (the same).
        density: how many real balls a generated face lies in, over k; may exceed 1
            (arXiv:2002.09797).
        coverage: share of real balls that hold a generated face (the same).
    """

    precision: float
    recall: float
    density: float
    coverage: float


def overlap(
    real: Features,
    generated: Features,
    neighbours: int = NEIGHBOURS,
    dense_neighbours: int = DENSE_NEIGHBOURS,
) -> Overlap:
    """Compare a generated set (M, F) with a real one (N, F).

    Raises:
        UnusableInput: a set has no more members than ``neighbours`` asks for.
    """
    smallest, needed = min(len(real), len(generated)), max(neighbours, dense_neighbours)
    if smallest <= needed:
        raise UnusableInput(
            f"precision, recall, density and coverage need more than {needed} faces, "
            f"and there are {smallest}."
        )
    real_reach, real_dense = _reach(real, (neighbours, dense_neighbours))
    (generated_reach,) = _reach(generated, (neighbours,))
    precise, balls = np.zeros(len(generated), bool), np.zeros(len(generated))
    recalled, covered = np.zeros(len(real), bool), np.zeros(len(real), bool)
    for rows, distances in _distances(real, generated):
        precise |= (distances <= real_reach[rows, None]).any(axis=0)
        recalled[rows] = (distances <= generated_reach[None]).any(axis=1)
        within = distances <= real_dense[rows, None]
        balls += within.sum(axis=0)
        covered[rows] = within.any(axis=1)
    return Overlap(
        float(precise.mean()),
        float(recalled.mean()),
        float(balls.mean() / dense_neighbours),
        float(covered.mean()),
    )


def _reach(features: Features, neighbours: tuple[int, ...]) -> list[NDArray[np.float64]]:
    """Squared distance of each member to its k-th neighbour in its own set, (N,) for each k."""
    reaches = [np.empty(len(features)) for _ in neighbours]
    for rows, distances in _distances(features, features):
        places = np.arange(rows.start, rows.start + len(distances))
        distances[np.arange(len(distances)), places] = -1  # itself is the 0-th, twins are not
        ordered = np.partition(distances, neighbours, axis=1)
        for reach, k in zip(reaches, neighbours, strict=True):
            reach[rows] = ordered[:, k].clip(min=0)
    return reaches


def _distances(first: Features, second: Features) -> Iterator[tuple[slice, NDArray[np.float64]]]:
    """Squared distances of all pairs, a block of rows at a time."""
    middle = second.mean(axis=0, dtype=np.float64)  # near the origin, less is lost to rounding
    one, other = first.astype(np.float64) - middle, second.astype(np.float64) - middle
    squares = np.square(other).sum(axis=1)
    for start in range(0, len(one), BLOCK):
        rows = slice(start, min(start + BLOCK, len(one)))
        block = np.square(one[rows]).sum(axis=1)[:, None] + squares - 2 * one[rows] @ other.T
        yield rows, block.clip(min=0)
