"""What a code tells of the attributes: linear probes on the means of the posteriors.

Codes are (N, D), attributes (N, A): above 0 where a face has one, NaN where that is unknown.
"""

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from lik.core.errors import UnusableInput
from lik.latent.session import Codes

LEAST = 5
"""Faces with and faces without an attribute, at least, that a probe is fitted to."""


@dataclass(frozen=True)
class Probe:
    """How well one attribute is read: shares 0…1 of the ``images`` where it is known.

    Attributes:
        accuracy: of the probe. majority: of always saying what most training faces are.
        balanced: mean of the shares found among those with and among those without; ½ is blind.
            None where the split has only one of the two.
        hits: for each face of the split, whether the probe is right, as 1 and 0; NaN for unknown.
    """

    attribute: str
    images: int
    accuracy: float
    majority: float
    balanced: float | None
    hits: NDArray[np.float64]

    def as_json(self) -> dict[str, Any]:
        """Plain values, but for ``hits``."""
        return {key: value for key, value in vars(self).items() if key != "hits"}


def linear_probes(
    train: Codes,
    train_attributes: NDArray[np.floating],
    codes: Codes,
    attributes: NDArray[np.floating],
    names: list[str],
) -> list[Probe]:
    """Fit a logistic regression to each attribute of the training faces, and try it on others.

    Codes are standardised by the training faces; the penalty is scikit-learn's own, C = 1.
    Attributes that fewer than `LEAST` training faces have, or lack, are left out.

    Raises:
        UnusableInput: there are no training faces.
    """
    if not len(train):
        raise UnusableInput("linear probes need faces to learn from in the train split.")
    scaler = StandardScaler().fit(train)
    seen, unseen = scaler.transform(train), scaler.transform(codes)
    probes = []
    for column, name in enumerate(names):
        labels, truths = train_attributes[:, column], attributes[:, column]
        known, asked = ~np.isnan(labels), ~np.isnan(truths)
        has = labels[known] > 0
        if min(has.sum(), (~has).sum()) < LEAST or not asked.any():
            continue
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            probe = LogisticRegression(max_iter=300).fit(seen[known], has)
        right = np.full(len(codes), np.nan)
        truth = truths[asked] > 0
        right[asked] = probe.predict(unseen[asked]) == truth
        both = 0 < truth.sum() < len(truth)
        hits = right[asked]
        probes.append(
            Probe(
                name,
                int(asked.sum()),
                float(hits.mean()),
                float((truth == (has.mean() > 0.5)).mean()),
                float((hits[truth].mean() + hits[~truth].mean()) / 2) if both else None,
                right,
            )
        )
    return probes
