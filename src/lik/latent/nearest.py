"""The faces nearest to some others, in whatever space both are points of."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray


def nearest_of(
    points: NDArray[np.floating], others: Iterable[NDArray[np.floating]], count: int
) -> NDArray[np.int64]:
    """For each of ``points`` (N, F), the ``count`` nearest of ``others``, nearest first.

    ``others`` come in parts (B, F), so that pictures need not all lie in memory; the answer counts
    through all parts.

    Returns:
        Indices (N, count).
    """
    points = np.asarray(points, np.float64)
    best = np.full((len(points), count), np.inf)
    where = np.full((len(points), count), -1, np.int64)
    seen = 0
    for part in others:
        part = np.asarray(part, np.float64)
        squares = (points**2).sum(1)[:, None] + (part**2).sum(1) - 2 * points @ part.T
        distances = np.concatenate([best, squares], axis=1)
        indices = np.concatenate(
            [where, np.broadcast_to(seen + np.arange(len(part)), squares.shape)], axis=1
        )
        order = np.argsort(distances, axis=1, kind="stable")[:, :count]
        best = np.take_along_axis(distances, order, 1)
        where = np.take_along_axis(indices, order, 1)
        seen += len(part)
    return where
