"""How far two sets of faces lie apart, in the features of a network.

Features are (N, F), from whatever network: only in those of Inception may the first of these
distances be called FID and the second KID.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lik.core.errors import UnusableInput
from lik.core.randomness import numpy_stream

Features = NDArray[np.floating]

SUBSETS, SUBSET = 50, 250
"""Pairs of subsets that the kernel distance is the mean of, and the most members of each."""


@dataclass(frozen=True)
class KernelDistance:
    """Mean and standard deviation of the unbiased estimate over pairs of subsets."""

    mean: float
    std: float
    subsets: int
    members: int


def frechet_distance(first: Features, second: Features) -> float:
    """‖μ₁ − μ₂‖² + tr(Σ₁ + Σ₂ − 2 (Σ₁ Σ₂)^½) of Gaussians fitted to two sets.

    Heusel et al., arXiv:1706.08500. Its estimate lies too high, the more so the fewer members
    there are for the number of features: only sets of the same size compare.

    Raises:
        UnusableInput: fewer than two members, features that are no numbers, or of two networks.
    """
    first, second = _checked(first, second)
    between = np.square(first.mean(axis=0) - second.mean(axis=0)).sum()
    one, other = _deviations(first), _deviations(second)
    # With Σ₁ = AᵀA and Σ₂ = BᵀB, the roots of the eigenvalues of Σ₁ Σ₂ are the singular values of
    # A Bᵀ, and A may be any that gives Σ₁: the smaller, the better.
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
    estimates = []
    for _ in range(subsets):
        one = first[stream.permutation(len(first))[:members]]
        other = second[stream.permutation(len(second))[:members]]
        estimates.append(maximum_mean_discrepancy(one, other))
    return KernelDistance(float(np.mean(estimates)), float(np.std(estimates)), subsets, members)


def maximum_mean_discrepancy(first: Features, second: Features) -> float:
    """The unbiased estimate of MMD² between two sets of one size, (M, F) each."""
    count = len(first)
    within = sum(
        (kernel.sum() - np.trace(kernel)) / (count * (count - 1))
        for kernel in (_kernel(first, first), _kernel(second, second))
    )
    return float(within - 2 * _kernel(first, second).mean())


def _kernel(first: Features, second: Features) -> NDArray[np.float64]:
    kernel: NDArray[np.float64] = (first @ second.T / first.shape[1] + 1) ** 3
    return kernel


def _deviations(features: NDArray[np.float64]) -> NDArray[np.float64]:
    """A (N, F) such that AᵀA is the covariance, divided by N − 1."""
    deviations: NDArray[np.float64] = (features - features.mean(axis=0)) / (
        len(features) - 1
    ) ** 0.5
    return deviations


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
