"""Codes (N, D) brought down to a plane (N, 2)."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from lik.core.errors import UnusableInput
from lik.latent.session import Codes

Method = Literal["pca", "tsne"]


@dataclass(frozen=True)
class Projection:
    """Points (N, 2), and for PCA the share of the variance that each axis carries."""

    points: NDArray[np.floating]
    method: Method
    variance_shares: tuple[float, float] | None = None


def project(codes: Codes, method: Method = "pca", seed: int = 0) -> Projection:
    """Principal components, or t-SNE of the codes (its axes mean nothing, its neighbours do).

    Raises:
        UnusableInput: fewer codes, or fewer dimensions, than a plane needs.
    """
    if codes.shape[1] < 2:
        raise UnusableInput("a map needs at least 2 latent dimensions, and this run has 1.")
    if len(codes) < 3:
        raise UnusableInput(f"a map needs at least 3 faces, not {len(codes)}.")
    if method == "pca":
        from sklearn.decomposition import PCA

        pca = PCA(n_components=2, random_state=seed)
        points = pca.fit_transform(codes)
        first, second = (float(share) for share in pca.explained_variance_ratio_)
        return Projection(points, method, (first, second))
    from sklearn.manifold import TSNE

    perplexity = min(30.0, (len(codes) - 1) / 3)
    tsne = TSNE(n_components=2, perplexity=perplexity, init="pca", random_state=seed)
    return Projection(tsne.fit_transform(codes), method)
