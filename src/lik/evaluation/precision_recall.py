"""Precision, recall, density and coverage of a set of faces: fidelity apart from diversity.

Each set is taken for the union of balls around its members that reach to their k-th neighbour in
the same set, in the features of a network, (N, F).
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from lik.core.errors import UnusableInput
from lik.evaluation.distances import Features

NEIGHBOURS = 3
"""k of precision and recall, as arXiv:1904.06991 has it."""

DENSE_NEIGHBOURS = 5
"""k of density and coverage, as arXiv:2002.09797 has it."""

BLOCK = 1000
"""Rows of distances that are held at once."""


@dataclass(frozen=True)
class PrecisionRecall:
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


def precision_recall(
    real: Features,
    generated: Features,
    neighbours: int = NEIGHBOURS,
    dense_neighbours: int = DENSE_NEIGHBOURS,
) -> PrecisionRecall:
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
    middle = generated.mean(axis=0, dtype=np.float64)  # near the origin, less is lost to rounding
    reals, others = (torch.from_numpy(f.astype(np.float64) - middle) for f in (real, generated))
    radii, dense_radii = _radii(reals, neighbours), _radii(reals, dense_neighbours)
    other_radii = _radii(others, neighbours)
    precise, balls = torch.zeros(len(others)).bool(), torch.zeros(len(others))
    recalled, covered = [], []
    for rows, distances in _distances(reals, others):
        precise |= (distances <= radii[rows, None]).any(dim=0)
        recalled.append((distances <= other_radii).any(dim=1))
        within = distances <= dense_radii[rows, None]
        balls += within.sum(dim=0)
        covered.append(within.any(dim=1))
    return PrecisionRecall(
        float(precise.double().mean()),
        float(torch.cat(recalled).double().mean()),
        float(balls.double().mean() / dense_neighbours),
        float(torch.cat(covered).double().mean()),
    )


def _radii(features: Tensor, neighbours: int) -> Tensor:
    """The distance of each member to its k-th neighbour in its own set, (N,)."""
    radii = []
    for rows, distances in _distances(features, features):
        distances[:, rows].fill_diagonal_(-1)  # itself is the 0-th, twins are not
        radii.append(distances.topk(neighbours + 1, largest=False).values[:, -1])
    return torch.cat(radii)


def _distances(first: Tensor, second: Tensor) -> Iterator[tuple[slice, Tensor]]:
    """The distances of all pairs, a block of rows at a time."""
    for start in range(0, len(first), BLOCK):
        rows = slice(start, start + BLOCK)
        yield rows, torch.cdist(first[rows], second)
