"""Sets of faces against the real ones of a split, in the features of a network, (N, F).

Only in the features of Inception may the Fréchet distance be called FID, and the kernel distance
KID. Precision, recall, density and coverage take each set for the union of balls around its
members, which reach to their k-th neighbour in the same set: fidelity apart from diversity.
"""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lik.core.errors import UnusableInput
from lik.core.randomness import numpy_stream
from lik.evaluation.networks import FeatureNetwork
from lik.evaluation.report import Better, Metric, Network

Features = NDArray[np.floating]

SUBSETS, SUBSET = 50, 250
"""Pairs of subsets that the kernel distance is the mean of, and the most members of each."""
KERNEL_SCALE = 1000
"""The kernel distance is small: it is told in thousandths, as is the custom."""

NEIGHBOURS, DENSE_NEIGHBOURS = 3, 5
"""k of precision and recall (arXiv:1904.06991), and of density and coverage (arXiv:2002.09797)."""
BLOCK = 1000
"""Rows of distances that are held at once."""
LEAST = 2 * (DENSE_NEIGHBOURS + 1)
"""Faces that a set must have, so that its halves can be measured."""

OF_DRAWS, OF_HALVES = "standard deviation over draws", "standard deviation over random halves"

COMPARED: tuple[tuple[str, str, Better, int], ...] = (
    ("frechet", "Fréchet distance", "lower", 2),
    ("kernel", "kernel distance", "lower", 2),
    ("precision", "precision", "higher", 3),
    ("recall", "recall", "higher", 3),
    ("density", "density", "higher", 3),
    ("coverage", "coverage", "higher", 3),
)
"""Key, label, better side and digits of what is measured of a set."""
OF_INCEPTION = {"frechet": "FID", "kernel": "KID"}


@dataclass(frozen=True)
class RealFaces:
    """The real faces (N, F) that all sets are compared with, in the features of one network."""

    network: FeatureNetwork
    real: Features


@dataclass(frozen=True)
class KernelDistance:
    """Mean and standard deviation of the unbiased estimate over pairs of subsets."""

    mean: float
    std: float
    subsets: int
    members: int


@dataclass(frozen=True)
class PrecisionRecall:
    """How a generated set lies in a real one; shares 0…1, but for density.

    Attributes:
        precision: share of generated faces within a ball of a real one.
        recall: share of real faces within a ball of a generated one.
        density: how many real balls a generated face lies in, over k; may exceed 1.
        coverage: share of real balls that hold a generated face.
    """

    precision: float
    recall: float
    density: float
    coverage: float


def metrics_of_set(
    faces: RealFaces, group: str, sets: Sequence[Features], seed: int, repeats: int
) -> list[Metric]:
    """The metrics of a kind of faces: of several independent sets, or of the only one there is.

    Of several, the mean and the standard deviation over them. Of one, whose standard error that
    over random halves of it is: half of the set has twice the variance of the whole, and given
    the whole, half of that remains.

    Raises:
        UnusableInput: too few faces.
    """
    real, network = faces.real, faces.network
    smallest = min(len(real), *map(len, sets))
    if smallest < LEAST:
        raise UnusableInput(
            f"sets of fewer than {LEAST} faces are not compared: there are {smallest}."
        )
    over = measured = [_measured(real, members) for members in sets]
    spread_of = OF_DRAWS
    if len(sets) == 1 and repeats > 1:
        stream, spread_of, over = numpy_stream(seed, "halves"), OF_HALVES, []
        for _ in range(repeats):
            halves = (one[stream.permutation(len(one))[: len(one) // 2]] for one in (real, *sets))
            over.append(_measured(*halves))
    values = {key: float(np.mean([one[key] for one in measured])) for key in measured[0]}
    stds = {key: float(np.std([one[key] for one in over], ddof=1)) if len(over) > 1 else None
            for key in values}  # fmt: skip
    kernels = [kernel_distance(real, members, seed) for members in sets]
    values["kernel"] = KERNEL_SCALE * float(np.mean([kernel.mean for kernel in kernels]))
    stds["kernel"] = KERNEL_SCALE * float(np.mean([kernel.std for kernel in kernels]))
    pairs = kernels[0].subsets
    of_pairs = f"standard deviation over {pairs} pairs of subsets of {kernels[0].members}"
    named = OF_INCEPTION if network.is_inception else {}
    return [
        Metric(
            key=f"{group}_{key}_{network.name}",
            label=f"{named.get(key, label)} of {group} ({network.name})",
            group=group,
            value=values[key],
            count=len(sets[0]),
            unit="1/1000" if key == "kernel" else "",
            spread=stds[key],
            spread_of="" if stds[key] is None else of_pairs if key == "kernel" else spread_of,
            better=better,
            digits=digits,
            seed=seed,
            repeats=pairs if key == "kernel" else len(over),
            network=Network(network.name, network.sha256),
        )
        for key, label, better, digits in COMPARED
    ]


def _measured(real: Features, others: Features) -> dict[str, float]:
    return {"frechet": frechet_distance(real, others), **asdict(precision_recall(real, others))}


def frechet_distance(first: Features, second: Features) -> float:
    """‖μ₁ − μ₂‖² + tr(Σ₁ + Σ₂ − 2 (Σ₁ Σ₂)^½) of Gaussians fitted to two sets.

    Heusel et al., arXiv:1706.08500. Its estimate lies too high, the more so the fewer members
    there are for the number of features: only sets of the same size compare.

    Raises:
        UnusableInput: fewer than two members, features that are no numbers, or of two networks.
    """
    first, second = _checked(first, second)
    between = np.square(first.mean(axis=0) - second.mean(axis=0)).sum()
    # A and B (N, F), of which AᵀA = Σ₁ and BᵀB = Σ₂.
    one, other = ((f - f.mean(axis=0)) / (len(f) - 1) ** 0.5 for f in (first, second))
    # The roots of the eigenvalues of Σ₁ Σ₂ are the singular values of A Bᵀ, and A may be any that
    # gives Σ₁: the smaller, the better.
    common = np.linalg.svd(_short(one) @ _short(other).T, compute_uv=False).sum()
    distance = between + np.square(one).sum() + np.square(other).sum() - 2 * common
    return float(max(distance, 0.0))  # rounding may leave −1e−12


def kernel_distance(
    first: Features,
    second: Features,
    seed: int = 0,
    subsets: int = SUBSETS,
    members: int | None = None,
) -> KernelDistance:
    """The squared maximum mean discrepancy under the kernel (xᵀy / F + 1)³.

    Bińkowski et al., arXiv:1801.01401: unbiased, so that it may be below 0 for equal
    distributions. It is estimated on ``subsets`` pairs of subsets of ``members`` each, drawn
    without replacement (by default half of the smaller set, and `SUBSET` at the most).

    Raises:
        UnusableInput: as of `frechet_distance`; or more members than a set has.
    """
    first, second = _checked(first, second)
    smaller = min(len(first), len(second))
    members = members or min(SUBSET, max(2, smaller // 2))
    if not 2 <= members <= smaller:
        raise UnusableInput(
            f"subsets of {members} cannot be drawn from {smaller} faces: take 2 to {smaller}."
        )
    stream = numpy_stream(seed, "kernel distance")
    estimates = [
        maximum_mean_discrepancy(
            *(one[stream.permutation(len(one))[:members]] for one in (first, second))
        )
        for _ in range(subsets)
    ]
    return KernelDistance(float(np.mean(estimates)), float(np.std(estimates)), subsets, members)


def maximum_mean_discrepancy(first: Features, second: Features) -> float:
    """The unbiased estimate of MMD² between two sets of one size, (M, F) each."""
    count, width = first.shape
    own, others, between = (
        (one @ other.T / width + 1) ** 3
        for one, other in ((first, first), (second, second), (first, second))
    )
    within = sum((k.sum() - np.trace(k)) / (count * (count - 1)) for k in (own, others))
    return float(within - 2 * between.mean())


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
    radii, dense_radii = _radii(reals, neighbours, dense_neighbours)
    (other_radii,) = _radii(others, neighbours)
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


def _radii(features: Tensor, *neighbours: int) -> Tensor:
    """The distance of each member to its k-th neighbour in its own set, for each k, (K, N)."""
    radii = []
    for rows, distances in _distances(features, features):
        distances[:, rows].fill_diagonal_(-1)  # itself is the 0-th, twins are not
        nearest = distances.topk(max(neighbours) + 1, largest=False).values
        radii.append(nearest[:, list(neighbours)])
    return torch.cat(radii).T


def _distances(first: Tensor, second: Tensor) -> Iterator[tuple[slice, Tensor]]:
    """The distances of all pairs, a block of rows at a time."""
    for start in range(0, len(first), BLOCK):
        rows = slice(start, start + BLOCK)
        yield rows, torch.cdist(first[rows], second)


def _short(deviations: NDArray[np.float64]) -> NDArray[np.float64]:
    """A matrix of the same AᵀA with no more rows than columns."""
    if len(deviations) <= deviations.shape[1]:
        return deviations
    return np.asarray(np.linalg.qr(deviations).R, np.float64)


def _checked(first: Features, second: Features) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    for features in (first, second):
        if features.ndim != 2 or len(features) < 2:
            raise UnusableInput(
                f"a distance needs features of at least two faces, (N, F), not {features.shape}."
            )
        if not np.isfinite(features).all():
            raise UnusableInput("features that are not finite have no distance.")
    if first.shape[1] != second.shape[1]:
        raise UnusableInput(
            f"features of {first.shape[1]} and {second.shape[1]} numbers are of two networks."
        )
    return first.astype(np.float64), second.astype(np.float64)
