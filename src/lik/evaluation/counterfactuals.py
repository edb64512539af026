"""Edits of drawn faces against the truth: their decodings beside those of true counterfactuals.

The true counterfactual of a drawn face is the face drawn again with the trait changed and all
else the same (`lik.faces.drawn.redrawing`). As the decoder cannot show what its code does not
hold, what an edit is held against is the decoding of that picture's own code.

Images are (N, 3, S, S) in 0…1. Factors (N, F) are read from features (N, K) by ridge regression, as
readings (N, C): a column for each quantity or flag, and one for each kind of a factor that has
several, all in units of their standard deviation.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.linear_model import RidgeCV
from sklearn.preprocessing import StandardScaler
from torch.nn.functional import adaptive_avg_pool2d

from lik.core.randomness import numpy_stream
from lik.evaluation.edit_metrics import (
    ClassifiedFaces,
    Classify,
    EditMetrics,
    Floats,
    Region,
    measure_edit,
)
from lik.evaluation.representation import is_of_classes
from lik.faces.drawn.factors import BEHIND
from lik.faces.drawn.redrawing import counterfactuals
from lik.faces.set.faceset import FaceSet
from lik.latent.session import Codes, Session

READ_SIDE = 32
"""Side to which decodings are scaled down before factors are read from their pixels."""
FITTED = 3000
"""Training faces, at the most, that the reading of factors is fitted to."""
READABLE = 0.5
"""R² on faces that a column was not fitted to, from which on its readings count."""
HELD_OUT = 0.2
"""Share of the faces that a reader is tried on."""
PENALTIES = (1.0, 10.0, 100.0, 1000.0)
"""Of the ridge regressions, on standardised features; the best is chosen for each column."""


@dataclass(frozen=True)
class ReferencedMetrics(EditMetrics):
    """An edit of drawn faces, beside what the change of the one trait would truly look like.

    Attributes:
        counterfactual_error: squared error of the edited decodings against those of the true
            counterfactuals, over that of the unedited ones: 0 for exactly the true change, 1 for
            one that is no better than none.
        factor_leakage: mean |movement| of the factors that are not behind the trait, as read from
            the decodings, each in its own σ over training faces.
        Both over the faces that have a counterfactual; None where no face has.
    """

    counterfactual_error: float | None
    factor_leakage: float | None


@dataclass(frozen=True)
class FactorReader:
    """Linear readings of factors, of those columns alone that are read well.

    Attributes:
        names: (C,) of which factor each column is; a factor of several kinds has several.
        r2: (C,) share of the variance that is read on held-out faces.
        weights, offset: readings are ``features @ weights + offset``, (K, C) and (C,).
    """

    names: tuple[str, ...]
    r2: NDArray[np.float64]
    weights: NDArray[np.float64]
    offset: NDArray[np.float64]

    def read(self, features: Floats) -> NDArray[np.float64]:
        """Features (N, K) → readings (N, C) in standard deviations."""
        readings: NDArray[np.float64] = features.astype(np.float64) @ self.weights + self.offset
        return readings

    def of_others(self, behind: Sequence[str]) -> NDArray[np.bool_]:
        """(C,) which columns are of factors that are not among ``behind``."""
        return np.array([name not in behind for name in self.names], bool)

    @property
    def factors(self) -> dict[str, float]:
        """Name of each factor that is read → the mean R² of its columns."""
        names = np.array(self.names)
        return {name: float(self.r2[names == name].mean()) for name in dict.fromkeys(self.names)}


@dataclass(frozen=True)
class CounterfactualReference:
    """The true change of an attribute, on M of N faces, which edits of it are held against.

    Attributes:
        places: (M,) which of the faces. before, after: their decodings, (M, 3, S, S).
        change: what the classifier sees of the true change itself; its strength is the mean
            distance of the two codes. None for M = 0.
    """

    attribute: str
    places: NDArray[np.int64]
    before: Floats
    after: Floats
    reader: FactorReader
    change: ReferencedMetrics | None

    def beside(self, metrics: EditMetrics, edited: ClassifiedFaces) -> ReferencedMetrics:
        """The metrics of an edit of all N faces, with what the truth says of it."""
        error = leakage = None
        if len(self.places):
            images = edited.images[self.places]
            error = counterfactual_error(self.before, images, self.after)
            leakage = factor_leakage(self.reader, self.before, images, self.attribute)
        return ReferencedMetrics(
            **asdict(metrics), counterfactual_error=error, factor_leakage=leakage
        )


def counterfactual_error(before: Floats, edited: Floats, true: Floats) -> float:
    """Σ (edited − true)² / Σ (before − true)², over all faces and pixels."""
    left = float(np.square(edited.astype(np.float64) - true).sum())
    whole = float(np.square(before.astype(np.float64) - true).sum())
    return left / max(whole, 1e-12)


def factor_leakage(
    reader: FactorReader, before: Floats, edited: Floats, attribute: str
) -> float | None:
    """Mean |movement| of all that is read but the factors behind an attribute, in σ."""
    others = reader.of_others(BEHIND[attribute])
    if not others.any():
        return None
    moved = reader.read(pixels_read(edited)) - reader.read(pixels_read(before))
    return float(np.abs(moved[:, others]).mean())


def pixels_read(images: Floats) -> NDArray[np.float32]:
    """Images (N, 3, S, S) → the pixels (N, K) that factors are read from."""
    side = min(READ_SIDE, images.shape[-1])
    small = adaptive_avg_pool2d(torch.from_numpy(np.asarray(images, np.float32)), side)
    return np.asarray(small.flatten(1).numpy(), np.float32)


class CounterfactualReferences:
    """What is true of N drawn faces, whose decodings are ``before`` as the classifier sees them."""

    def __init__(
        self,
        session: Session,
        faces: FaceSet,
        chosen: NDArray[np.int64],
        classify: Classify,
        before: ClassifiedFaces,
        seed: int = 0,
    ) -> None:
        assert faces.factors is not None
        self.session, self.faces, self.chosen = session, faces, chosen
        self.classify, self.before = classify, before
        training = faces.to_learn_from()[:FITTED]
        codes = session.encode(np.asarray(faces.images[training]))
        seen = [pixels_read(images.cpu().numpy()) for images in session.decode_batches(codes)]
        known = faces.factors[training]
        self.reader = fit_reader(np.concatenate(seen), known, faces.factor_names, seed)
        self._found: dict[str, CounterfactualReference] = {}

    def of(
        self, attribute: str, target: int, signs: Floats, codes: Codes, std: Floats,
        region: Region | None = None,
    ) -> CounterfactualReference:  # fmt: skip
        """The true change of an attribute to where ``signs`` (N,) point; made once.

        ``target`` is its logit, ``codes`` (N, D) are those of the faces, ``std`` and ``region`` as
        of `measure_edit`. Faces that are there already have none: the classifier has misread their
        reconstruction.
        """
        if attribute in self._found:
            return self._found[attribute]
        drawn = counterfactuals(self.faces, self.chosen, attribute, signs)
        places, change = drawn.places, None
        before = after = ClassifiedFaces(
            self.before.logits[places], self.before.features[places], self.before.images[places]
        )
        if len(places):
            true_codes = self.session.encode(drawn.pictures)
            after = self.classify(true_codes)
            distance = float(np.linalg.norm(true_codes - codes[places], axis=1).mean())
            change = ReferencedMetrics(
                **asdict(measure_edit(distance, before, after, target, std, region)),
                counterfactual_error=0.0,
                factor_leakage=factor_leakage(self.reader, before.images, after.images, attribute),
            )
        self._found[attribute] = CounterfactualReference(
            attribute, places, before.images, after.images, self.reader, change
        )
        return self._found[attribute]


def fit_reader(
    features: Floats, factors: Floats, names: Sequence[str], seed: int = 0
) -> FactorReader:
    """Fit readings of factors to most of N faces; keep the columns that the others confirm."""
    columns = []
    for name, values in zip(names, factors.T, strict=True):
        kinds = np.unique(values)
        several = len(kinds) > 2 and is_of_classes(values)
        columns += [(name, values == kind) for kind in kinds] if several else [(name, values)]
    varying = [(name, column) for name, column in columns if column.std() > 0]
    targets = np.stack([(c - c.mean()) / c.std() for _, c in varying], axis=1).astype(np.float64)
    order = numpy_stream(seed, "factor reader").permutation(len(features))
    held, fitted = np.split(order, [max(1, round(HELD_OUT * len(order)))])
    scaler = StandardScaler().fit(features[fitted])
    ridge = RidgeCV(PENALTIES, alpha_per_target=True)
    ridge.fit(scaler.transform(features[fitted]), targets[fitted])
    weights = np.atleast_2d(ridge.coef_).T / scaler.scale_[:, None]
    offset = np.atleast_1d(ridge.intercept_) - scaler.mean_ @ weights
    left = targets[held] - (features[held].astype(np.float64) @ weights + offset)
    r2 = 1 - left.var(axis=0) / np.maximum(targets[held].var(axis=0), 1e-12)
    kept = r2 >= READABLE
    read = tuple(name for (name, _), good in zip(varying, kept, strict=True) if good)
    return FactorReader(read, r2[kept], weights[:, kept], offset[kept])
