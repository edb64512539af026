"""How well attributes are told: accuracies from arrays of logits and labels.

Shapes: logits and labels (N, A), labels 1, 0 or NaN where unknown.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lik.core.errors import UnusableInput

Floats = NDArray[np.floating]


@dataclass(frozen=True)
class AttributeAccuracy:
    """Shares of known labels that are met, for each attribute (A,); NaN where none is known.

    Attributes:
        faces: N. known: how many labels of each attribute are known.
        share: of the faces with the attribute among them.
        accuracy: of the network. majority: of the same answer for every face.
        balanced: mean of the accuracies among the faces with it and among those without, ½ for
            any answer that does not look at the face; NaN where the faces are of one kind.
        error: standard error of ``mean``, over the faces.
    """

    faces: int
    known: NDArray[np.int64]
    share: NDArray[np.float64]
    accuracy: NDArray[np.float64]
    majority: NDArray[np.float64]
    balanced: NDArray[np.float64]
    error: float | None

    @property
    def mean(self) -> float:
        """Mean accuracy over the attributes."""
        return _mean(self.accuracy)

    @property
    def mean_majority(self) -> float:
        return _mean(self.majority)

    @property
    def mean_balanced(self) -> float:
        """Mean balanced accuracy over the attributes of which there are faces of both kinds."""
        return _mean(self.balanced)


def attribute_accuracy(
    logits: Floats, labels: Floats, usual: NDArray[np.bool_] | None = None
) -> AttributeAccuracy:
    """Compare the signs of logits with labels.

    ``usual`` (A,): the answer that the majority gives for each attribute, from the training faces;
    without it, the majority of these faces, which is never worse.

    Raises:
        UnusableInput: the shapes differ, or no label is known.
    """
    if logits.shape != labels.shape or labels.ndim != 2:
        raise UnusableInput(
            f"logits and labels must be of one shape (N, A), not {logits.shape} and {labels.shape}."
        )
    known = ~np.isnan(labels)
    if not known.any():
        raise UnusableInput("none of these faces has a label that is known.")
    has = known & (labels > 0.5)
    lacks = known & ~has
    met = known & ((logits > 0) == has)
    share = _shares(has, known)
    usual = share > 0.5 if usual is None else usual
    both = (_shares(met & has, has) + _shares(met & lacks, lacks)) / 2
    of_faces = _shares(met.T, known.T)
    of_faces = of_faces[~np.isnan(of_faces)]
    return AttributeAccuracy(
        faces=len(labels),
        known=known.sum(axis=0),
        share=share,
        accuracy=_shares(met, known),
        majority=np.where(usual, share, 1 - share),
        balanced=both,
        error=float(of_faces.std(ddof=1) / len(of_faces) ** 0.5) if len(of_faces) > 1 else None,
    )


def _shares(part: NDArray[np.bool_], whole: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Of the trues of each column of ``whole``, how many are in ``part``; NaN where none are."""
    counts = whole.sum(axis=0)
    return np.where(counts > 0, part.sum(axis=0) / np.maximum(counts, 1), np.nan)


def _mean(values: NDArray[np.float64]) -> float:
    """The mean of those that are numbers; NaN where none is."""
    numbers = values[~np.isnan(values)]
    return float(numbers.mean()) if len(numbers) else float("nan")
