"""Sets of faces against the real ones of a split: distances and overlap, with their spread."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lik.core.errors import UnusableInput
from lik.core.randomness import numpy_stream
from lik.evaluation.distances import frechet_distance, kernel_distance
from lik.evaluation.manifold import DENSE_NEIGHBOURS, overlap
from lik.evaluation.networks import FeatureNetwork
from lik.evaluation.report import Figure, Network

Features = NDArray[np.float32]

KERNEL_SCALE = 1000
"""The kernel distance is small: it is told in thousandths, as is the custom."""

LEAST = 2 * (DENSE_NEIGHBOURS + 1)
"""Faces that a set must have, so that its halves can be measured."""

OF_DRAWS, OF_HALVES = "standard deviation over draws", "standard deviation over random halves"


@dataclass(frozen=True)
class Judge:
    """A network, and the real faces that all sets are compared with in its features.

    Attributes:
        real: features of the faces of the split, (N, F).
        others: a function of a number of faces and a draw → features of that many real faces that
            are not of the split; None where there are none.
    """

    network: FeatureNetwork
    real: Features
    others: Callable[[int, int], Features] | None


def figures_of_set(
    judge: Judge, group: str, sets: Sequence[Features], seed: int, repeats: int
) -> list[Figure]:
    """The figures of a kind of faces: of several independent sets, or of the only one there is.

    Of several, the mean and the standard deviation over them. Of one, whose standard error that
    over random halves of it is: half of the set has twice the variance of the whole, and given
    the whole, half of that remains.

    Raises:
        UnusableInput: too few faces.
    """
    if min(len(judge.real), *map(len, sets)) < LEAST:
        raise UnusableInput(
            f"sets of fewer than {LEAST} faces are not compared: there are "
            f"{min(len(judge.real), *map(len, sets))}."
        )
    if len(sets) > 1 or repeats < 2:
        measured = [_measured(judge.real, members) for members in sets]
        values = {key: float(np.mean([one[key] for one in measured])) for key in measured[0]}
        spread_of, over = OF_DRAWS, measured
    else:
        values, spread_of = _measured(judge.real, sets[0]), OF_HALVES
        over = [_measured(*halves) for halves in _halves(judge.real, sets[0], seed, repeats)]
    kernels = [kernel_distance(judge.real, members, seed) for members in sets]
    values["kernel"] = KERNEL_SCALE * float(np.mean([kernel.mean for kernel in kernels]))
    within = KERNEL_SCALE * float(np.mean([kernel.spread for kernel in kernels]))
    name, inception = judge.network.name, judge.network.is_inception
    figures = []
    for key, label, unit, better, digits in (
        ("frechet", "FID" if inception else "Fréchet distance", "", "lower", 2),
        ("kernel", "KID" if inception else "kernel distance", "1/1000", "lower", 2),
        ("precision", "precision", "", "higher", 3),
        ("recall", "recall", "", "higher", 3),
        ("density", "density", "", "higher", 3),
        ("coverage", "coverage", "", "higher", 3),
    ):
        spread = float(np.std([one[key] for one in over], ddof=1)) if key != "kernel" and len(
            over) > 1 else None  # fmt: skip
        figures.append(
            Figure(
                key=f"{group}_{key}_{name}",
                label=f"{label} of {group} ({name})",
                group=group,
                value=values[key],
                count=len(sets[0]),
                unit=unit,
                spread=within if key == "kernel" else spread,
                spread_of=(
                    f"standard deviation over {kernels[0].subsets} pairs of subsets of "
                    f"{kernels[0].members}" if key == "kernel"
                    else spread_of if spread is not None else ""
                ),
                better="lower" if better == "lower" else "higher",
                digits=digits,
                seed=seed,
                repeats=kernels[0].subsets if key == "kernel" else len(over),
                network=Network(name, judge.network.sha256),
            )
        )  # fmt: skip
    return figures


def _measured(real: Features, others: Features) -> dict[str, float]:
    lying = overlap(real, others)
    return {
        "frechet": frechet_distance(real, others),
        "precision": lying.precision,
        "recall": lying.recall,
        "density": lying.density,
        "coverage": lying.coverage,
    }


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
