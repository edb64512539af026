"""Reading the true factors of drawn faces from features, by ridge regression.

Features are (N, K), factors (N, F), readings (N, C): a column for each quantity or flag, and one
for each kind of a factor that has several, all in units of their standard deviation.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lik.core.randomness import numpy_stream
from lik.evaluation.disentanglement import is_of_classes

READABLE = 0.5
"""R² on faces that a column was not fitted to, from which on its readings count."""
HELD_OUT = 0.2
"""Share of the faces that a reader is tried on."""
PENALTIES = (1.0, 10.0, 100.0, 1000.0)
"""Of the ridge regressions, on standardised features; the best is chosen for each column."""


@dataclass(frozen=True)
class FactorReader:
    """Linear readings of factors, of those columns alone that are read well.

    Attributes:
        names: (C,) of which factor each column is; a factor of several kinds has several.
        r2: (C,) share of the variance that is read on held-out faces.
        weights, offset: readings are ``features @ weights + offset``, (K, C) and (C,).
    """

    names: tuple[str, ...]
    r2: NDArray[np.float64]
    weights: NDArray[np.float64]
    offset: NDArray[np.float64]

    def read(self, features: NDArray[np.floating]) -> NDArray[np.float64]:
        """Features (N, K) → readings (N, C) in standard deviations."""
        readings: NDArray[np.float64] = features.astype(np.float64) @ self.weights + self.offset
        return readings

    def of_others(self, behind: Sequence[str]) -> NDArray[np.bool_]:
        """(C,) which columns are of factors that are not among ``behind``."""
        return np.array([name not in behind for name in self.names], bool)

    @property
    def factors(self) -> dict[str, float]:
        """Name of each factor that is read → the mean R² of its columns."""
        names = np.array(self.names)
        return {name: float(self.r2[names == name].mean()) for name in dict.fromkeys(self.names)}


def fit_reader(
    features: NDArray[np.floating],
    factors: NDArray[np.floating],
    names: Sequence[str],
    seed: int = 0,
    readable: float = READABLE,
) -> FactorReader:
    """Fit readings of factors to most of N faces; keep the columns that the others confirm."""
    from sklearn.linear_model import RidgeCV
    from sklearn.preprocessing import StandardScaler

    targets, columns = _columns(factors, names)
    order = numpy_stream(seed, "factor reader").permutation(len(features))
    held, fitted = np.split(order, [max(1, round(HELD_OUT * len(order)))])
    scaler = StandardScaler().fit(features[fitted])
    ridge = RidgeCV(PENALTIES, alpha_per_target=True)
    ridge.fit(scaler.transform(features[fitted]), targets[fitted])
    weights = np.atleast_2d(ridge.coef_).T / scaler.scale_[:, None]
    offset = np.atleast_1d(ridge.intercept_) - scaler.mean_ @ weights
    left = targets[held] - (features[held].astype(np.float64) @ weights + offset)
    r2 = 1 - left.var(axis=0) / np.maximum(targets[held].var(axis=0), 1e-12)
    kept = r2 >= readable
    return FactorReader(
        tuple(name for name, good in zip(columns, kept, strict=True) if good),
        r2[kept], weights[:, kept], offset[kept],
    )  # fmt: skip


def _columns(
    factors: NDArray[np.floating], names: Sequence[str]
) -> tuple[NDArray[np.float64], list[str]]:
    """Targets (N, C) of mean 0 and variance 1, and the factor of each; what never varies is out."""
    targets, columns = [], []
    for name, values in zip(names, factors.T, strict=True):
        kinds = np.unique(values)
        several = len(kinds) > 2 and is_of_classes(values)
        for column in [values == kind for kind in kinds] if several else [values]:
            spread = column.std()
            if spread > 0:
                targets.append((column - column.mean()) / spread)
                columns.append(name)
    return np.stack(targets, axis=1).astype(np.float64), columns
