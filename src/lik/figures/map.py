"""The latent space in two dimensions, drawn with thumbnails or coloured by an attribute."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from matplotlib import pyplot
from matplotlib.offsetbox import AnnotationBbox, OffsetImage
from numpy.typing import NDArray
from PIL import Image

from lik.core.errors import UnusableInput
from lik.figures.curves import rendered
from lik.latent.session import Codes, require_spread_out

ProjectionMethod = Literal["pca", "tsne"]


@dataclass(frozen=True)
class Plane:
    """Points (N, 2) of N codes, what the two axes are, and which shares of the variance."""

    points: NDArray[np.floating]
    axes: tuple[str, str]
    shares: tuple[float, float] | None = None


def project(codes: Codes, method: ProjectionMethod = "pca", seed: int = 0) -> Plane:
    """Project codes (N, D) to principal components, or by t-SNE, which keeps neighbours together.

    Raises:
        UnusableInput: fewer codes, or fewer dimensions, than a plane needs, or equal codes.
    """
    if codes.shape[1] < 2:
        raise UnusableInput("a map needs at least 2 latent dimensions, and this run has 1.")
    if len(codes) < 3:
        raise UnusableInput(f"a map needs at least 3 faces, not {len(codes)}.")
    require_spread_out(codes)
    if method == "pca":  # scikit-learn takes a second to load, and few need it
        from sklearn.decomposition import PCA

        pca = PCA(n_components=2, random_state=seed)
        points = pca.fit_transform(codes)
        shares = [float(share) for share in pca.explained_variance_ratio_]
        first, second = (
            f"principal component {number} ({share:.1%} of the variance)"
            for number, share in enumerate(shares, start=1)
        )
        return Plane(points, (first, second), (shares[0], shares[1]))
    from sklearn.manifold import TSNE

    perplexity = min(30.0, (len(codes) - 1) / 3)
    tsne = TSNE(n_components=2, perplexity=perplexity, init="pca", random_state=seed)
    points = tsne.fit_transform(codes)
    return Plane(points, ("t-SNE 1 (only neighbourhoods have meaning)", "t-SNE 2"))


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
