"""Sets of faces against the real ones of a split, in the features of a network, with spreads."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from lik.core.errors import UnusableInput
from lik.core.randomness import numpy_stream
from lik.evaluation.distances import frechet_distance, kernel_distance
from lik.evaluation.networks import FeatureNetwork
from lik.evaluation.precision_recall import DENSE_NEIGHBOURS, precision_recall
from lik.evaluation.report import Better, Metric, Network

Features = NDArray[np.float32]

KERNEL_SCALE = 1000
"""The kernel distance is small: it is told in thousandths, as is the custom."""

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
"""What distances are called in the features of Inception, and in no others."""


@dataclass(frozen=True)
class RealFaces:
    """The real faces that all sets are compared with, in the features of one network.

    Attributes:
        network: gives the features. real: those of the faces of the split, (N, F).
        others: a function of a number of faces and a draw → features of that many real faces that
            are not of the split; None where there are none.
    """

    network: FeatureNetwork
    real: Features
    others: Callable[[int, int], Features] | None


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
        over = [_measured(*halves) for halves in _halves(real, sets[0], seed, repeats)]
        spread_of = OF_HALVES
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


def _halves(
    first: Features, second: Features, seed: int, repeats: int
) -> list[tuple[Features, Features]]:
    stream = numpy_stream(seed, "halves")
    return [
        (
            first[stream.permutation(len(first))[: len(first) // 2]],
            second[stream.permutation(len(second))[: len(second) // 2]],
        )
        for _ in range(repeats)
    ]
