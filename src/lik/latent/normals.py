"""Normals of the plane that a linear classifier puts between faces with a trait and without it.

After InterFaceGAN (Shen et al., arXiv:1907.10786, section 3). Codes are (N, D), labels (N,).
"""

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from lik.core.errors import UnusableInput
from lik.latent.directions import Direction
from lik.latent.session import Codes

Kind = Literal["logistic", "svm"]


def classifier_normal(
    name: str, codes: Codes, labels: NDArray[np.floating], kind: Kind = "logistic", seed: int = 0
) -> Direction:
    """The unit normal of a linear classifier, pointing to the faces with the trait.

    Both classes weigh alike, so that rare traits are learned too. The classifier sees codes as
    they are: all dimensions have the scale of the prior.

    Raises:
        UnusableInput: all known faces have the trait, or none has.
    """
    known = ~np.isnan(labels)
    having = labels[known] > 0
    if having.all() or not having.any():
        raise UnusableInput(
            f"{name} cannot be learned from this face set: {int(having.sum())} faces have it "
            f"and {int((~having).sum())} do not."
        )
    normal = _fitted(kind, seed).fit(codes[known], having).coef_[0].astype(np.float64)
    return Direction(name, (normal / np.linalg.norm(normal)).astype(np.float32), "unit normal")


def orthogonal_to(direction: Direction, kept: Sequence[Direction]) -> Direction:
    """The part of a direction that is at right angles to all of ``kept``, at its old length.

    A linear classifier of a kept trait then gives the same answer however far a code is moved.

    Raises:
        UnusableInput: nothing is left, for the direction lies within the kept ones.
    """
    others = [other for other in kept if other.name != direction.name]
    if not others:
        return direction
    basis, _ = np.linalg.qr(np.stack([other.vector for other in others], axis=1).astype(np.float64))
    vector = direction.vector.astype(np.float64)
    rest = vector - basis @ (basis.T @ vector)
    length, whole = float(np.linalg.norm(rest)), float(np.linalg.norm(vector))
    if length <= 1e-4 * whole:
        names = ", ".join(other.name for other in others)
        raise UnusableInput(
            f"nothing of {direction.name} is left at right angles to {names}: keep fewer traits."
        )
    return Direction(direction.name, (rest * (whole / length)).astype(np.float32), direction.unit)


def _fitted(kind: Kind, seed: int) -> Any:
    if kind == "svm":
        from sklearn.svm import LinearSVC

        return LinearSVC(C=0.01, class_weight="balanced", dual=False, random_state=seed)
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(C=0.1, class_weight="balanced", max_iter=500, random_state=seed)
