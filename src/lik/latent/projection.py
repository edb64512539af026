"""Codes brought down to a plane: the map of the latent space."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from lik.core.errors import UnusableInput
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
