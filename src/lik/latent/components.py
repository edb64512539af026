"""Directions that need no labels: principal components of codes, and of what the decoder shows."""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from lik.core.errors import UnusableInput
from lik.latent.directions import Direction
from lik.latent.session import Codes


def principal_components(codes: Codes, count: int) -> list[Direction]:
    """The ``count`` principal components of codes (N, D); their unit is one standard deviation.

    Raises:
        UnusableInput: fewer codes or dimensions than components.
    """
    from sklearn.decomposition import PCA

    _require(count, min(len(codes) - 1, codes.shape[1]), "principal components")
    pca = PCA(n_components=count, svd_solver="full").fit(codes)
    lengths = np.sqrt(pca.explained_variance_)
    vectors = (pca.components_ * lengths[:, None]).astype(np.float32)
    return [
        Direction(f"component {number}", vector, "σ of the faces")
        for number, vector in enumerate(vectors, start=1)
    ]


def jacobian_directions(
    decode: Callable[[Tensor], Tensor], code: Codes, count: int
) -> list[Direction]:
    """The unit steps from one code (D,) that change the decoded picture the most, in order.

    They are the right singular vectors of the decoder's Jacobian J = ∂x/∂z at the code, the
    eigenvectors of the metric JᵀJ that pictures lay on the latent space (Arvanitidis et al.,
    arXiv:1710.11379). Each is turned to its larger part of positive sign, for a singular vector
    has none of its own.

    Raises:
        UnusableInput: more directions than dimensions.
    """
    _require(count, len(code), "directions of the Jacobian")
    start = torch.from_numpy(np.asarray(code, np.float32))

    def picture(single: Tensor) -> Tensor:
        return decode(single[None])[0].flatten()

    with torch.no_grad():
        jacobian: Tensor = torch.func.jacfwd(picture)(start)  # (3·S·S, D)
    metric = (jacobian.T @ jacobian).double()
    vectors = torch.linalg.eigh(metric).eigenvectors.flip(1).T[:count].numpy()
    signs = np.sign(np.take_along_axis(vectors, np.abs(vectors).argmax(1)[:, None], 1))
    return [
        Direction(f"jacobian {number}", vector.astype(np.float32), "prior σ")
        for number, vector in enumerate(vectors * signs, start=1)
    ]


def _require(count: int, most: int, what: str) -> None:
    if most < 1:
        raise UnusableInput(f"there are no {what} here: there is too little to find them in.")
    if not 1 <= count <= most:
        raise UnusableInput(f"there are 1 to {most} {what} here, not {count}.")
