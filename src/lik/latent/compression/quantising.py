"""Codes → symbols, and the levels that are learned from the codes of training faces.

A symbol is chosen by what it costs and what it spoils (Yang, Bamler & Mandt, arXiv:2002.08158):

    min over k of  (k Δ − μ)² / (2 σ²)  +  λ · (−log p(k)),   λ = WEIGHT / precision²

where μ and σ are those of the face's own posterior. A uniform grid loses D = 1 / (2 precision²)
nats a dimension, so that a nat more of rate saves 1 / precision² of them. Half of that weight was
measured to be best (docs/compression.md): μ is drawn towards the prior already.

Shapes: codes, stds and symbols (N, D).
"""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from lik.core.errors import UnusableInput
from lik.latent.compression.levels import (
    CONTEXTS,
    FARTHEST,
    STRONGEST,
    TOTAL,
    Level,
    Symbols,
)
from lik.latent.session import Codes, require_spread_out

WEIGHT = 0.5
"""How much of a nat that rate saves counts."""
PRECISIONS = (0.5, 1.0, 2.0)
"""Those that tables are kept for."""
ROUNDS = 3
"""How often tables are made of the symbols that the tables before chose."""
OFFSETS = np.arange(-2, 3)
"""Symbols that are tried, about the nearest one; 0 is tried too."""
OF_GAUSSIAN, OF_ALL = 8.0, 20.0
"""Faces that a Gaussian counts for in a dimension's table, and that one in a context's."""
NARROWEST = 0.2
"""Steps that the standard deviation of this Gaussian has, at the least."""
WIDEST = 250
"""Symbols on either side of 0 that have frequencies, at the most."""
LEAST_FACES = 8
"""Training faces without which no tables are made."""


def quantise(
    codes: Codes, stds: NDArray[np.floating], level: Level, weight: float = WEIGHT
) -> Symbols:
    """Codes (N, D) → symbols (N, D): near the code, and cheap.

    ``stds``: of the posteriors, which say how exact each number has to be.
    """
    symbols = np.zeros(codes.shape, np.int32)
    of_bit = weight * math.log(2) / level.precision**2
    for place, dimension in enumerate(level.order):
        step = float(level.steps[dimension])
        code, std = (values[:, dimension].astype(np.float64) for values in (codes, stds))
        nearest = np.clip(np.rint(code / step), -FARTHEST + 2, FARTHEST - 2).astype(np.int32)
        tried = np.c_[nearest[:, None] + OFFSETS, np.zeros_like(nearest)].astype(np.int32)
        spoiled = np.square((tried * step - code[:, None]) / std[:, None]) / 2
        context = level.context(symbols, place)
        bits = level.costs[place][context[:, None], level.entries(tried, place)]
        best = np.argmin(spoiled + of_bit * bits, axis=1)
        symbols[:, dimension] = tried[np.arange(len(tried)), best]
    return symbols


def fit_levels(
    codes: Codes,
    stds: NDArray[np.floating],
    precisions: Sequence[float] = PRECISIONS,
    weight: float = WEIGHT,
) -> list[Level]:
    """Learn a level for each precision from the posteriors of training faces.

    Raises:
        UnusableInput: too few faces, or codes that are all the same or not finite.
    """
    if len(codes) < LEAST_FACES:
        raise UnusableInput(
            f"{len(codes)} faces are too few to learn tables from: {LEAST_FACES} are needed."
        )
    require_spread_out(codes)
    typical = np.sqrt(np.square(stds.astype(np.float64)).mean(axis=0))
    if not (np.isfinite(typical).all() and (typical > 0).all()):
        raise UnusableInput("some posteriors have no width: the run's weights are broken.")
    levels = []
    for precision in precisions:
        steps = (math.sqrt(12) * typical / precision).astype(np.float32)
        symbols = np.clip(np.rint(codes / steps), -FARTHEST, FARTHEST).astype(np.int32)
        level = _fitted(symbols, steps, precision)
        for _ in range(ROUNDS):
            level = _fitted(quantise(codes, stds, level, weight), steps, precision)
        levels.append(level)
    return levels


def _fitted(symbols: Symbols, steps: NDArray[np.float32], precision: float) -> Level:
    """The level by whose tables these symbols are short."""
    widths = (symbols * steps.astype(np.float64)).std(axis=0)
    moving = np.flatnonzero(symbols.any(axis=0))
    order = moving[np.argsort(-widths[moving], kind="stable")]
    chosen = symbols[:, order].astype(np.int64)
    weights = _weights(chosen, steps[order].astype(np.float64))
    predicted = chosen @ weights.T.astype(np.int64)
    at = np.arange(1, CONTEXTS) / CONTEXTS
    thresholds = np.quantile(predicted, at, axis=0, method="higher").T.astype(np.int32)
    lows = np.zeros(len(order), np.int16)
    tables = []
    for place, column in enumerate(chosen.T):
        low, high = max(min(column.min(), 0) - 1, -WIDEST), min(max(column.max(), 0) + 1, WIDEST)
        lows[place] = low
        contexts = (predicted[:, place, None] >= thresholds[place]).sum(axis=1)
        tables.append(_tables(column - low, contexts, int(high - low + 1)))
    return Level(
        precision, steps, order.astype(np.int16), lows, weights,
        thresholds.reshape(len(order), CONTEXTS - 1), tables,
    )  # fmt: skip


def _weights(symbols: NDArray[np.int64], steps: NDArray[np.float64]) -> NDArray[np.int8]:
    """Weights (A, A) of the regression of each dimension on those before it, as small integers.

    The covariance is drawn towards its diagonal where faces are few.
    """
    count, coded = symbols.shape
    if not coded:
        return np.zeros((0, 0), np.int8)
    covariance = np.atleast_2d(np.cov(symbols.T * steps[:, None], bias=True))
    share = min(1.0, coded / count)
    least = np.square(steps / STRONGEST)  # where all training faces have one symbol
    covariance += np.diag(np.maximum(least - np.diag(covariance), 0))
    diagonal = np.diag(np.diag(covariance))
    factor = np.linalg.cholesky((1 - share) * covariance + share * diagonal)
    rows = -np.tril(np.linalg.inv(factor) * np.diag(factor)[:, None], -1) * steps
    largest = np.abs(rows).max(axis=1, keepdims=True)
    scaled = np.rint(STRONGEST * rows / np.where(largest > 0, largest, 1))
    return np.asarray(scaled, np.int8)


def _tables(
    values: NDArray[np.int64], contexts: NDArray[np.int64], width: int
) -> NDArray[np.uint16]:
    """Frequencies (CONTEXTS, width + 1) of values 0 … width - 1, and of the escape, for others."""
    mean, std = values.mean(), max(values.std(), NARROWEST)
    gaussian = np.diff(ndtr((np.arange(width + 1) - 0.5 - mean) / std)) + 1e-9
    entries = np.where((values < 0) | (values >= width), width, values)
    whole = np.bincount(entries, minlength=width + 1).astype(np.float64)
    whole[:width] += OF_GAUSSIAN * gaussian / gaussian.sum()
    whole[width] += 0.5  # half an escape, for what was not seen
    rows = [
        np.bincount(entries[contexts == context], minlength=width + 1)
        + OF_ALL * whole / whole.sum()
        for context in range(CONTEXTS)
    ]
    return np.stack([whole_frequencies(row) for row in rows])


def whole_frequencies(shares: NDArray[np.floating], total: int = TOTAL) -> NDArray[np.uint16]:
    """Shares (K,) → whole numbers from 1 on that add up to ``total``."""
    free = total - len(shares)
    frequencies = 1 + np.floor(free * shares / shares.sum()).astype(np.int64)
    frequencies[np.argmax(frequencies)] += total - frequencies.sum()  # what flooring left
    return np.asarray(frequencies, np.uint16)
