"""How codes are put on a grid, and the integers by which the symbols on it are coded.

A code (D,) becomes whole numbers k, one in each dimension, times a step. The steps are fixed:
√12 σ̄ / precision, where σ̄ is the posterior's typical standard deviation over training faces. At
precision 1 rounding adds as much variance as a sample of the posterior has, which is what the
decoder was trained with. Dimensions in which training faces are all 0 are left out.

Symbols are coded one dimension after another, the widest first. What was coded already predicts
the next one linearly; the prediction falls into one of `CONTEXTS` bins, and each bin has a table of
frequencies. All of it is integers, so that every machine finds the same tables.

Shapes: codes and symbols (N, D); A dimensions are coded.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from lik.core.errors import UnusableInput

TOTAL = 2**12
"""What the frequencies of a table add up to: finer ones gain a thousandth, and fill the file."""
CONTEXTS = 6
"""Tables of each dimension, chosen by what the symbols before it predict."""
FARTHEST = 2**15 - 1
"""The largest symbol. One without a frequency of its own is written in so many bits more:"""
ESCAPE_BITS = 16
STRONGEST = 127
"""The largest weight of a prediction; only its order counts, so each row has its own scale."""

Symbols = NDArray[np.int32]


@dataclass(frozen=True)
class Level:
    """One precision.

    Attributes:
        precision: of its steps. steps: float32 (D,).
        order: the A dimensions that are coded, in their order; the others are 0.
        lows: (A,), the least symbol that has a frequency.
        weights: int8 (A, A), by which earlier symbols predict a later one; 0 on and above the
            diagonal.
        thresholds: int32 (A, CONTEXTS - 1), between the bins of the predictions.
        frequencies: A tables (CONTEXTS, width), of symbols from the least on; the last one is the
            escape, for all others.
    """

    precision: float
    steps: NDArray[np.float32]
    order: NDArray[np.int16]
    lows: NDArray[np.int16]
    weights: NDArray[np.int8]
    thresholds: NDArray[np.int32]
    frequencies: Sequence[NDArray[np.uint16]]

    def codes(self, symbols: Symbols) -> NDArray[np.float32]:
        """Symbols → codes: one product in float32, alike on every machine."""
        return symbols.astype(np.float32) * self.steps

    def context(self, symbols: Symbols, place: int) -> NDArray[np.int64]:
        """Which table codes the dimension ``order[place]``, (N,), from the symbols before it."""
        before = symbols[:, self.order[:place]].astype(np.int64)
        predicted = before @ self.weights[place, :place].astype(np.int64)
        return np.asarray((predicted[:, None] >= self.thresholds[place]).sum(axis=1), np.int64)

    def entries(self, values: Symbols, place: int) -> NDArray[np.int64]:
        """Which frequency of the table is that of each value; the last one is the escape."""
        escape = self.frequencies[place].shape[1] - 1
        entries = values.astype(np.int64) - self.lows[place]
        return np.asarray(np.where((entries < 0) | (entries >= escape), escape, entries))

    @cached_property
    def costs(self) -> list[NDArray[np.float64]]:
        """What each entry of each table costs, in bits; an escape with the bits that follow it."""
        found = []
        for table in self.frequencies:
            cost = math.log2(TOTAL) - np.log2(table.astype(np.float64))
            cost[:, -1] += ESCAPE_BITS
            found.append(cost)
        return found

    def bits(self, symbols: Symbols) -> NDArray[np.float64]:
        """What each code should cost by the tables, in bits, (N,)."""
        total = np.zeros(len(symbols))
        for place, dimension in enumerate(self.order):
            entries = self.entries(symbols[:, dimension], place)
            total += self.costs[place][self.context(symbols, place), entries]
        return total

    @cached_property
    def least_bits(self) -> float:
        """What the cheapest code costs: a file cannot hold more codes than its length allows."""
        return float(sum(cost.min() for cost in self.costs))

    def require_sound(self) -> None:
        """Raise a ``ValueError`` where the parts do not fit each other."""
        coded, latent = len(self.order), len(self.steps)
        sound = (
            self.steps.shape == (latent,) and bool((self.steps > 0).all())
            and self.order.shape == self.lows.shape == (coded,)
            and len(set(self.order.tolist())) == coded == len(self.frequencies)
            and all(0 <= dimension < latent for dimension in self.order)
            and self.weights.shape == (coded, coded) and not np.triu(self.weights).any()
            and self.thresholds.shape == (coded, CONTEXTS - 1)
            and all(
                table.shape[0] == CONTEXTS and table.shape[1] >= 2 and (table > 0).all()
                and (table.sum(axis=1, dtype=np.int64) == TOTAL).all()
                for table in self.frequencies
            )
        )  # fmt: skip
        if not sound or not 0 < self.precision < math.inf:
            raise ValueError("tables that do not fit each other")


def nearest_level(levels: Sequence[Level], precision: float) -> int:
    """Which level has a precision; UnusableInput where none has it."""
    for number, level in enumerate(levels):
        if math.isclose(level.precision, precision):
            return number
    known = ", ".join(f"{level.precision:g}" for level in levels)
    raise UnusableInput(f"there are no tables for the precision {precision:g}: give {known}.")
