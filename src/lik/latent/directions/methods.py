"""How directions are found: every method by its name.

A new method is one function here and one line in `METHODS`. Codes are (N, D), labels (N, A) with
NaN where unknown, directions (D,). scikit-learn is imported where it is used: an edit along
directions that are kept beside the run should not wait for it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lik.core.errors import UnusableInput
from lik.core.events import Notify, no_notices
from lik.latent.directions.direction import Direction, classes
from lik.latent.session import Codes

RIDGE = 1e-3
"""Weight of the penalty, as a share of the faces: enough to tame attributes that nearly agree."""

LEAST_VARIANCE = 0.1
"""Added to the variances that a discriminant divides by (the prior's are 1): what hardly varies,
and what few faces tell of, is not blown up."""


@dataclass(frozen=True)
class Examples:
    """What directions are fitted to.

    Attributes:
        codes: (N, D). labels: (N, A). names: the A attributes.
        decode: codes → images, tensors.
        count: how many directions, of methods that need no labels. seed: of what is random.
    """

    codes: Codes
    labels: NDArray[np.floating]
    names: Sequence[str]
    decode: Callable[[Tensor], Tensor]
    count: int = 10
    seed: int = 0


@dataclass(frozen=True)
class DirectionMethod:
    """A way to find directions; ``labelled`` ones need attributes, and give one for each."""

    fit: Callable[[Examples, Notify], list[Direction]]
    labelled: bool = True


def difference_of_means(name: str, codes: Codes, labels: NDArray[np.floating]) -> Direction:
    """From the mean code of the faces without a trait to that of the faces with it.

    The classical attribute vector (Larsen et al., arXiv:1512.09300; Hou et al.,
    arXiv:1610.00291); correlated traits come along with it.

    Raises:
        UnusableInput: all known faces have the trait, or none has; or their means are the same.
    """
    having, lacking = _both_classes(name, codes, labels)
    vector = having.mean(axis=0, dtype=np.float64) - lacking.mean(axis=0, dtype=np.float64)
    return Direction(name, _float32(name, vector), "difference of means")


def classifier_normal(
    name: str, codes: Codes, labels: NDArray[np.floating], seed: int = 0, kind: str = "logistic"
) -> Direction:
    """The unit normal of the plane that a linear classifier puts between the classes.

    After InterFaceGAN (Shen et al., arXiv:1907.10786, section 3); ``kind`` is logistic or svm.
    Both classes weigh alike, so that rare traits are learned too. The classifier sees codes as
    they are: all dimensions have the scale of the prior.

    Raises:
        UnusableInput: all known faces have the trait, or none has; or no plane was found.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.svm import LinearSVC

    _both_classes(name, codes, labels)
    known = ~np.isnan(labels)
    classifier = (
        LinearSVC(C=0.01, class_weight="balanced", dual=False, random_state=seed)
        if kind == "svm"
        else LogisticRegression(C=0.1, class_weight="balanced", max_iter=500, random_state=seed)
    )
    normal = classifier.fit(codes[known], labels[known] > 0).coef_[0].astype(np.float64)
    return Direction(name, _float32(name, normal, unit=True), "unit normal")


def joint_effects(
    names: Sequence[str], codes: Codes, labels: NDArray[np.floating], ridge: float = RIDGE
) -> list[Direction]:
    """What one trait changes in the code while all other traits stay: a joint ridge regression.

    With the attributes as ±1 in Y (N, A) and the codes Z (N, D), both centred, the coefficients
    are B = (YᵀY + ridge·N·I)⁻¹ YᵀZ, and an effect is 2 Bₐ: from without to with, the others held.
    Unknown labels count as the mean of what is known. Attributes that all known faces have, or
    none, get no direction.

    Raises:
        UnusableInput: no attribute divides the faces, or all codes are the same.
    """
    kept, effects, _ = _joint_regression(names, codes, labels, ridge)
    return [
        Direction(name, _float32(name, effect), "joint effect")
        for name, effect in zip(kept, effects, strict=True)
    ]


def joint_discriminants(
    names: Sequence[str], codes: Codes, labels: NDArray[np.floating], power: float = 1.0
) -> list[Direction]:
    """Fisher's linear discriminant of each trait, while all other traits stay.

    With b the effect of a trait (`joint_effects`), Σ the second moments of what the attributes do
    not explain, and ε `LEAST_VARIANCE`, it is (Σ + εI)⁻¹ b (Hastie, Tibshirani and Friedman, The
    Elements of Statistical Learning, section 4.3), at the length of b. An effect lies along what
    varies much among faces anyway, so that who it is changes with it; a discriminant along what the
    trait alone changes. Σ is of the faces that have labels, about the mean of all: where only one
    of two sources has them, what tells the sources apart is nothing that a trait should change.
    ``power``: of the inverse; 0 gives the effect, ½ whitens it.

    Raises:
        UnusableInput: as `joint_effects`.
    """
    kept, effects, rest = _joint_regression(names, codes, labels, RIDGE)
    covariance = rest.T @ rest / len(rest) + LEAST_VARIANCE * np.eye(codes.shape[1])
    variances, axes = np.linalg.eigh(covariance)
    turned = effects @ (axes * variances**-power) @ axes.T
    lengths, own = (np.linalg.norm(one, axis=1, keepdims=True) for one in (turned, effects))
    return [
        Direction(name, _float32(name, vector), "joint discriminant")
        for name, vector in zip(kept, turned * own / np.maximum(lengths, 1e-12), strict=True)
    ]


def principal_components(codes: Codes, count: int) -> list[Direction]:
    """The ``count`` principal components of codes; their unit is one standard deviation.

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
    arXiv:1710.11379). Each is turned so that its largest part is positive, for a singular vector
    has no sign of its own.

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


def orthogonal_to(direction: Direction, kept: Sequence[Direction]) -> Direction:
    """The part of a direction that is at right angles to all of ``kept``, at its old length.

    What a linear classifier of a kept trait adds up is then the same however far a code is moved,
    but for the divisor that all of a step has in common (`direction.stepped`).

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


def _one_each(
    fit: Callable[[str, Codes, NDArray[np.floating], int], Direction],
) -> Callable[[Examples, Notify], list[Direction]]:
    """A method that looks at one attribute at a time; those that cannot be learned are left out."""

    def fit_all(examples: Examples, notify: Notify = no_notices) -> list[Direction]:
        found = []
        for name, column in zip(examples.names, examples.labels.T, strict=True):
            try:
                found.append(fit(name, examples.codes, column, examples.seed))
            except UnusableInput as error:
                notify(f"{name} is left out: {error}")
        if not found:
            raise UnusableInput("none of the attributes divides these faces.")
        return found

    return fit_all


METHODS: dict[str, DirectionMethod] = {
    "means": DirectionMethod(_one_each(lambda n, z, y, _: difference_of_means(n, z, y))),
    "joint": DirectionMethod(lambda e, _: joint_discriminants(e.names, e.codes, e.labels)),
    "effect": DirectionMethod(lambda e, _: joint_effects(e.names, e.codes, e.labels)),
    "logistic": DirectionMethod(_one_each(partial(classifier_normal, kind="logistic"))),
    "svm": DirectionMethod(_one_each(partial(classifier_normal, kind="svm"))),
    "pca": DirectionMethod(lambda e, _: principal_components(e.codes, e.count), labelled=False),
    "jacobian": DirectionMethod(
        lambda e, _: jacobian_directions(e.decode, e.codes.mean(axis=0), e.count), labelled=False
    ),
}


def method_of(name: str) -> DirectionMethod:
    """A method by its name.

    Raises:
        UnusableInput: there is none of this name.
    """
    if name not in METHODS:
        raise UnusableInput(f"there is no method '{name}': give one of {', '.join(METHODS)}.")
    return METHODS[name]


def _joint_regression(
    names: Sequence[str], codes: Codes, labels: NDArray[np.floating], ridge: float
) -> tuple[list[str], NDArray[np.float64], NDArray[np.float64]]:
    """The attributes that divide the faces, their effects (A, D), and what these leave (M, D).

    The last is of the M faces of whom something is known, about the mean of all N.
    """
    from sklearn.linear_model import Ridge

    signs = np.where(np.isnan(labels), np.nan, np.where(labels > 0, 1.0, -1.0))
    divides = [bool((column > 0).any() and (column < 0).any()) for column in signs.T]
    if not any(divides):
        raise UnusableInput("none of the attributes divides these faces: they are all alike in it.")
    signs = signs[:, divides]
    centred = np.nan_to_num(signs - np.nanmean(signs, axis=0))
    regression = Ridge(alpha=ridge * len(codes)).fit(centred, codes.astype(np.float64))
    kept = [name for name, divided in zip(names, divides, strict=True) if divided]
    known = ~np.isnan(signs).all(axis=1)
    rest = codes[known] - regression.predict(centred[known]).reshape(-1, codes.shape[1])
    return kept, 2 * regression.coef_.reshape(codes.shape[1], -1).T, rest


def _both_classes(name: str, codes: Codes, labels: NDArray[np.floating]) -> tuple[Codes, Codes]:
    having, lacking = classes(codes, labels)
    if not len(having) or not len(lacking):
        raise UnusableInput(
            f"{name} cannot be learned from these faces: {len(having)} have it and "
            f"{len(lacking)} do not."
        )
    return having, lacking


def _float32(name: str, vector: NDArray[np.floating], unit: bool = False) -> Codes:
    length = float(np.linalg.norm(vector))
    if not np.isfinite(length) or length < 1e-12:
        raise UnusableInput(f"{name} has no direction: the codes of all these faces are the same.")
    return (vector / length if unit else vector).astype(np.float32)


def _require(count: int, most: int, what: str) -> None:
    if most < 1:
        raise UnusableInput(f"there are no {what} here: that takes at least 2 faces.")
    if not 1 <= count <= most:
        raise UnusableInput(f"there are 1 to {most} {what} here, not {count}.")
