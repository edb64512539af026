"""A face set in figures: measures, attributes and their correlations, duplicates."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lik.faces.set.duplicates import groups
from lik.faces.set.faceset import FaceSet
from lik.faces.set.quality import measure

Values = NDArray[np.float64]

SPLITS = ("train", "validation", "test")


@dataclass(frozen=True)
class Spread:
    """How N values are spread; unknown ones are not counted."""

    known: int
    least: float
    lower_quartile: float
    median: float
    upper_quartile: float
    most: float


@dataclass(frozen=True)
class Frequency:
    """How often an attribute is present, or what its mean is where it is no matter of yes and no.

    Attributes:
        binary: all known values are 1 or −1, and ``overall`` and ``of_split`` are shares 0…1.
        known: faces of which it is known; where there are none, ``overall`` is NaN.
        of_split: split → the same in that split, NaN where nothing is known.
    """

    name: str
    binary: bool
    known: int
    overall: float
    of_split: dict[str, float]


@dataclass(frozen=True)
class Correlation:
    """Two attributes and Pearson's correlation of them over the faces where both are known."""

    first: str
    second: str
    value: float


def complete_measures(faces: FaceSet) -> dict[str, Values]:
    """The measures of a set; what only needs its pixels is measured now where it is not stored.

    Sets of version 1 stored the score alone.
    """
    if not np.isnan(faces.measures["sharpness"]).all():
        return faces.measures
    qualities = [measure(np.asarray(face)) for face in faces.images]
    numbers = groups([quality.fingerprint for quality in qualities], faces.images)
    return faces.measures | {
        "sharpness": np.array([quality.sharpness for quality in qualities], np.float64),
        "brightness": np.array([quality.brightness for quality in qualities], np.float64),
        "duplicate": np.where(numbers < 0, np.nan, numbers),
    }


def spread(values: Values) -> Spread | None:
    """How values (N,) are spread; None where none is known."""
    known = values[~np.isnan(values)]
    if not len(known):
        return None
    return Spread(len(known), *map(float, np.percentile(known, [0, 25, 50, 75, 100])))


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
