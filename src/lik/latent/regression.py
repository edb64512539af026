"""Partial effects: what one trait changes in the code while all other traits stay as they are.

Codes are (N, D), labels (N, A) with NaN where unknown.
"""

import numpy as np
from numpy.typing import NDArray

from lik.core.errors import UnusableInput
from lik.latent.directions import Direction
from lik.latent.session import Codes

RIDGE = 1e-3
"""Weight of the penalty, as a share of the faces: enough to tame attributes that nearly agree."""


def partial_effects(
    names: list[str], codes: Codes, labels: NDArray[np.floating], ridge: float = RIDGE
) -> dict[str, Direction]:
    """The code regressed on all attributes at once, by ridge: one direction for each attribute.

    With the attributes as ±1 in X (N, A) and the codes Z (N, D), both centred, the coefficients
    are B = (XᵀX + ridge·N·I)⁻¹ XᵀZ, and a direction is 2 Bₐ: from without to with, the others held.
    Unknown labels count as the mean of what is known. Attributes that all known faces have, or
    none, get no direction.

    Raises:
        UnusableInput: no attribute divides the faces.
    """
    signs = np.where(np.isnan(labels), np.nan, np.where(labels > 0, 1.0, -1.0))
    divides = [bool((column > 0).any() and (column < 0).any()) for column in signs.T]
    if not any(divides):
        raise UnusableInput("none of the attributes divides these faces: they are all alike in it.")
    signs = signs[:, divides]
    centred = np.nan_to_num(signs - np.nanmean(signs, axis=0))
    targets = codes.astype(np.float64) - codes.mean(axis=0, dtype=np.float64)
    gram = centred.T @ centred + ridge * len(codes) * np.eye(centred.shape[1])
    effects = 2 * np.linalg.solve(gram, centred.T @ targets)
    kept = [name for name, divided in zip(names, divides, strict=True) if divided]
    return {
        name: Direction(name, effect.astype(np.float32), "partial effect")
        for name, effect in zip(kept, effects, strict=True)
    }
