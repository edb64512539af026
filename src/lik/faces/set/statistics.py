"""A face set in figures: measures, attributes and their correlations, duplicates."""

from dataclasses import astuple, dataclass

import numpy as np
from numpy.typing import NDArray

from lik.faces.set.faceset import SPLITS, FaceSet

Values = NDArray[np.float64]

FEWEST_RANKED = 10
"""Of fewer faces a best and a worst say nothing: all of them are shown."""


@dataclass(frozen=True)
class Quartiles:
    """The quartiles of N values, of which ``known`` are not NaN."""

    known: int
    least: float
    lower_quartile: float
    median: float
    upper_quartile: float
    most: float

    def in_words(self) -> list[str]:
        """The numbers as text, in this order."""
        known, *numbers = astuple(self)
        return [f"{known:,}", *(f"{number:.3g}" for number in numbers)]


@dataclass(frozen=True)
class Frequency:
    """How often an attribute is present; its mean, where it is no matter of yes and no."""

    name: str
    binary: bool  # all known values are 1 or −1, and the frequencies are shares 0…1
    known: int  # faces of which it is known
    overall: float  # NaN where nothing is known, as in the splits
    of_split: dict[str, float]


@dataclass(frozen=True)
class Correlation:
    """Two attributes and Pearson's correlation of them over the faces where both are known."""

    first: str
    second: str
    value: float

    def in_words(self) -> str:
        """The value as text, with a sign of its own."""
        return f"{self.value:+.2f}".replace("-", "−")


def quartiles(values: Values) -> Quartiles | None:
    """The quartiles of values (N,); None where none is known."""
    known = known_of(values)
    if not len(known):
        return None
    return Quartiles(len(known), *map(float, np.percentile(known, [0, 25, 50, 75, 100])))


def quartiles_of(measures: dict[str, Values]) -> dict[str, Quartiles]:
    """The quartiles of all measures of which something is known, but the groups of duplicates."""
    found = {name: quartiles(v) for name, v in measures.items() if name != "duplicate"}
    return {name: value for name, value in found.items() if value}


def worth_ranking(values: Values) -> bool:
    """Whether there are enough values (N,) for a best and a worst, and they differ."""
    known = known_of(values)
    return len(known) >= FEWEST_RANKED and len(np.unique(known)) > 1


def suggested_limit(values: Values, least: bool, digits: int) -> tuple[float, int] | None:
    """A limit that would leave out about one face in a hundred, and how many it would.

    None where there are few faces, or all are alike. ``least``: what lies below it is left out.
    """
    if not worth_ranking(values):
        return None
    known = known_of(values)
    limit = round(float(np.percentile(known, 1 if least else 99)), digits)
    out = int((known < limit).sum() if least else (known > limit).sum())
    return (limit, out) if out else None


def known_of(values: Values) -> Values:
    """The values without NaN."""
    return values[~np.isnan(values)]


def frequencies(faces: FaceSet) -> list[Frequency]:
    """How often each attribute is present, over all and in each split that has faces."""
    inside = {split: faces.splits == split for split in SPLITS}
    found = []
    for name, values in zip(faces.attribute_names, faces.attributes.T, strict=True):
        known = ~np.isnan(values)
        binary = bool(np.isin(values[known], (-1.0, 1.0)).all())
        level = values > 0 if binary else values
        of_split = {
            split: _mean(level[known & chosen]) for split, chosen in inside.items() if chosen.any()
        }
        found.append(Frequency(name, binary, int(known.sum()), _mean(level[known]), of_split))
    return found


def correlations(attributes: Values) -> Values:
    """Pearson's correlation (A, A) of attributes (N, A), each pair over the rows that know both.

    NaN where an attribute does not vary, or fewer than three rows know both.
    """
    known = ~np.isnan(attributes)
    count = known.sum(axis=0)
    means = np.where(known, attributes, 0).sum(axis=0) / np.maximum(count, 1)
    values = np.where(known, attributes - means, 0)  # near zero mean, for the sake of precision
    there = known.astype(np.float64)
    both = there.T @ there
    share = np.maximum(both, 1)
    first = values.T @ there / share  # mean of the one where the other is known too
    square = np.square(values).T @ there / share - first**2
    covariance = values.T @ values / share - first * first.T
    scale = np.sqrt(np.maximum(square, 0) * np.maximum(square.T, 0))
    defined = (scale > 1e-12) & (both >= 3)
    result = np.full(scale.shape, np.nan)
    result[defined] = np.clip(covariance[defined] / scale[defined], -1, 1)
    return result


def strongest(matrix: Values, names: list[str], count: int) -> list[Correlation]:
    """The ``count`` pairs of attributes that go together, or exclude each other, most."""
    first, second = np.triu_indices(len(names), 1)
    values = matrix[first, second]
    defined = np.flatnonzero(~np.isnan(values))
    order = defined[np.argsort(-np.abs(values[defined]), kind="stable")][:count]
    return [
        Correlation(names[first[pair]], names[second[pair]], float(values[pair])) for pair in order
    ]


def members(duplicate: Values) -> list[NDArray[np.int64]]:
    """The faces of each group of near-duplicates, from the group numbers (N,); largest first."""
    there = np.flatnonzero(~np.isnan(duplicate))
    order = there[np.argsort(duplicate[there], kind="stable")]
    borders = np.flatnonzero(np.diff(duplicate[order])) + 1
    found = np.split(order, borders) if len(order) else []
    return sorted(found, key=lambda group: -len(group))


def _mean(values: NDArray[np.floating] | NDArray[np.bool_]) -> float:
    return float(values.mean()) if len(values) else float("nan")
