"""The latent space in two dimensions, drawn with thumbnails or coloured by an attribute."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib import pyplot
from matplotlib.offsetbox import AnnotationBbox, OffsetImage
from numpy.typing import NDArray
from PIL import Image

from lik.figures.curves import rendered
from lik.latent.projection import Plane


def thumbnails(plane: Plane, pictures: NDArray[np.uint8], title: str) -> Image.Image:
    """Draw pictures (N, S, S, 3) where their codes lie, as many as fit beside each other."""
    figure, axis = _axes(plane, title)
    axis.scatter(*plane.points.T, s=4, color="#c9ced6", linewidths=0)
    for index in one_of_each_cell(plane.points, cells=17):
        thumbnail = OffsetImage(pictures[index], zoom=26 / pictures.shape[1])
        axis.add_artist(AnnotationBbox(thumbnail, tuple(plane.points[index]), frameon=False, pad=0))
    return rendered(figure)


def coloured(plane: Plane, values: NDArray[np.floating], attribute: str, title: str) -> Image.Image:
    """Draw a dot for each code, coloured by an attribute (N,), NaN where unknown."""
    figure, axis = _axes(plane, title)
    attribute = _literal(attribute)
    unknown = np.isnan(values)
    distinct = np.unique(values[~unknown])
    if len(distinct) <= 2 and set(distinct) <= {-1.0, 1.0}:
        for value, colour, label in ((-1, "#7a8ca3", "without"), (1, "#e07a1f", "with")):
            chosen = values == value
            axis.scatter(
                *plane.points[chosen].T, s=13, alpha=0.65, color=colour, linewidths=0,
                label=f"{label} {attribute} ({int(chosen.sum())})",
            )  # fmt: skip
        axis.legend(frameon=True, fontsize=10, markerscale=2)
    else:
        drawn = axis.scatter(
            *plane.points[~unknown].T, s=13, c=values[~unknown], cmap="viridis", linewidths=0
        )
        axis.figure.colorbar(drawn, label=attribute)
    return rendered(figure)


def one_of_each_cell(points: NDArray[np.floating], cells: int) -> Sequence[int]:
    """Choose a point of each cell of a ``cells`` × ``cells`` grid: the nearest to its middle."""
    low, high = points.min(axis=0), points.max(axis=0)
    scaled = (points - low) / np.maximum(high - low, 1e-12) * cells
    cell = np.minimum(scaled.astype(int), cells - 1)
    distance = np.square(scaled - cell - 0.5).sum(axis=1)
    nearest: dict[tuple[int, int], int] = {}
    for index in np.argsort(distance, kind="stable"):
        nearest.setdefault((int(cell[index, 0]), int(cell[index, 1])), int(index))
    return sorted(nearest.values())


def _axes(plane: Plane, title: str) -> tuple[Any, Any]:
    figure, axis = pyplot.subplots(figsize=(9, 8.4))
    axis.set_title(_literal(title), fontsize=13)
    axis.set_xlabel(plane.axes[0])
    axis.set_ylabel(plane.axes[1])
    axis.spines[["top", "right"]].set_visible(False)
    return figure, axis


def _literal(text: str) -> str:
    """Text in which Matplotlib finds no formula."""
    return text.replace("$", r"\$")
