"""What a code tells: of attributes by linear probes, and of true factors, dimension by dimension.

Codes are (N, D), the means of the posteriors. Attributes are (N, A), above 0 where a face has one,
NaN where that is unknown. True factors (N, F) are known of drawn faces (`lik.faces.drawn.factors`):
one with a few whole values is a class (flags, hair colour, beard), any other a quantity; those that
do not vary are left out. All scores of disentanglement run from 0 to 1.
"""

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import entropy
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import Lasso, LogisticRegression
from sklearn.metrics import mutual_info_score
from sklearn.preprocessing import StandardScaler

from lik.core.errors import UnusableInput
from lik.core.randomness import numpy_stream
from lik.latent.session import Codes

Values = NDArray[np.floating]

LEAST = 5
"""Faces with and faces without an attribute, at least, that a probe is fitted to."""

MOST_CLASSES = 12
"""Distinct whole values that a factor of classes has at the most."""

PENALTY = 0.01
"""Weight of the lasso in DCI, on codes and factors of variance 1."""

LEAST_VARIANCE = 0.05
"""Of the mean of a dimension, below which FactorVAE's score takes it for collapsed."""

VOTES, MEMBERS = 800, 64
"""Votes of the FactorVAE score, and faces that share a factor in each."""


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
    train: Codes, train_attributes: Values, codes: Codes, attributes: Values, names: list[str]
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
        truth = truths[asked] > 0
        hits = (probe.predict(unseen[asked]) == truth).astype(np.float64)
        both = 0 < truth.sum() < len(truth)
        balanced = float((hits[truth].mean() + hits[~truth].mean()) / 2) if both else None
        majority = float((truth == (has.mean() > 0.5)).mean())
        right = np.full(len(codes), np.nan)
        right[asked] = hits
        probes.append(Probe(name, len(hits), float(hits.mean()), majority, balanced, right))
    return probes


def mutual_information_gap(codes: Values, factors: Values) -> float:
    """MIG (Chen et al., arXiv:1802.04942, equation 6), the mean over the factors.

    Of each factor: the mutual information with the dimension that tells most of it, less that of
    the next, over the entropy of the factor. Codes and quantities are cut into equally full bins,
    20 at the most, and fewer where there are few faces.

    Raises:
        UnusableInput: fewer than two dimensions or varying factors, or no faces.
    """
    codes, factors = _checked(codes, factors)
    bins = int(np.clip(np.sqrt(len(codes) / 5), 2, 20))
    dimensions = [_binned(column, bins) for column in codes.T]
    gaps = []
    for factor in factors.T:
        of_classes = is_of_classes(factor)
        classes = np.unique(factor, return_inverse=True)[1] if of_classes else _binned(factor, bins)
        told = np.sort([mutual_info_score(dimension, classes) for dimension in dimensions])
        gaps.append((told[-1] - told[-2]) / entropy(np.bincount(classes)))
    return float(np.mean(gaps))


def separated_attribute_predictability(codes: Values, factors: Values) -> float:
    """SAP (Kumar et al., arXiv:1711.00848, section 3), the mean over the factors.

    Of each factor: how well the best single dimension tells it, less the next best. For a quantity
    that is R² of a line, as in the paper; for classes it is the share of the dimension's variance
    that lies between them, where the paper has the accuracy of a threshold.

    Raises:
        UnusableInput: as of `mutual_information_gap`.
    """
    codes, factors = _checked(codes, factors)
    centred = codes - codes.mean(axis=0)
    variances = np.square(centred).mean(axis=0)
    gaps = []
    for factor in factors.T:
        if is_of_classes(factor):
            members = np.asarray(factor[:, None] == np.unique(factor), np.float64)
            means = members.T @ centred / members.sum(axis=0)[:, None]
            explained = members.mean(axis=0) @ np.square(means)
        else:
            target = factor - factor.mean()
            explained = np.square(target @ centred / len(target)) / np.square(target).mean()
        told = np.sort(explained / variances.clip(min=1e-12))
        gaps.append(told[-1] - told[-2])
    return float(np.mean(gaps))


@dataclass(frozen=True)
class Dci:
    """Scores after Eastwood & Williams (ICLR 2018).

    Attributes:
        disentanglement: how far each dimension serves one factor only.
        completeness: how far each factor is held by one dimension only.
        informativeness: mean R² of the factors on other faces than the regressions were fitted to.
    """

    disentanglement: float
    completeness: float
    informativeness: float


def dci(train: Values, train_factors: Values, codes: Values, factors: Values) -> Dci:
    """DCI with a lasso for each factor, fitted to the training faces and tried on the others.

    The importance of a dimension for a factor is the size of its weight; for classes, the sum over
    one regression for each. Dimensions and factors count by their share of all importance.

    Raises:
        UnusableInput: as of `mutual_information_gap`.
    """
    varying = np.ptp(train_factors, axis=0) > 0
    train, known = _checked(train, train_factors)
    scaler = StandardScaler().fit(train)
    seen, unseen = scaler.transform(train), scaler.transform(codes)
    importance = np.zeros((train.shape[1], known.shape[1]))
    fits = []
    for number, (factor, truth) in enumerate(zip(known.T, factors[:, varying].T, strict=True)):
        pairs = [(factor, truth.astype(np.float64))]
        if is_of_classes(factor):
            values = np.unique(factor)
            values = values[1:] if len(values) == 2 else values
            pairs = [(1.0 * (factor == value), 1.0 * (truth == value)) for value in values]
        shares = []
        for target, other in pairs:
            mean, std = target.mean(), target.std()
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", ConvergenceWarning)  # nearly there is enough
                lasso = Lasso(alpha=PENALTY).fit(seen, (target - mean) / std)
            importance[:, number] += np.abs(lasso.coef_)
            left = np.square((other - mean) / std - lasso.predict(unseen)).sum()
            total = np.square(other - other.mean()).sum() / std**2
            shares.append(1 - left / total if total > 0 else np.nan)
        fits.append(np.nanmean(shares) if not np.isnan(shares).all() else np.nan)
    informative = np.nanmean(np.clip(fits, 0, 1)) if not np.isnan(fits).all() else 0.0
    return Dci(_alone(importance), _alone(importance.T), float(informative))


def factor_vae_score(
    codes: Values, factors: Values, seed: int = 0, votes: int = VOTES, members: int = MEMBERS
) -> float:
    """The score of Kim & Mnih (arXiv:1802.05983, section 4), on a set that exists already.

    Of faces that share a factor, the dimension of least variance, measured by its variance over
    all, gives a vote for that factor; the score is the share of votes that the majority vote of
    the first half foresees in the second. Where the paper draws faces of an equal factor, here
    those of the nearest values are taken: at most a tenth of all faces.

    Raises:
        UnusableInput: as of `mutual_information_gap`.
    """
    codes, factors = _checked(codes, factors)
    alive = codes.var(axis=0) >= LEAST_VARIANCE
    if not alive.any():
        return 0.0
    scaled = codes[:, alive] / codes[:, alive].std(axis=0)
    members = max(2, min(members, len(codes) // 10))
    stream = numpy_stream(seed, "FactorVAE")
    table = np.zeros((2, scaled.shape[1], factors.shape[1]), int)
    for vote in range(votes):
        order = stream.permutation(len(codes))
        number = (vote // 2) % factors.shape[1]  # as often in either half
        values = factors[order, number]
        # A stable sort of shuffled faces draws evenly among equal ones.
        nearest = order[np.argsort(np.abs(values - values[0]), kind="stable")[:members]]
        table[vote % 2, scaled[nearest].var(axis=0).argmin(), number] += 1
    foreseen = table[0].argmax(axis=1)
    return float(table[1][np.arange(len(foreseen)), foreseen].sum() / table[1].sum())


def is_of_classes(factor: Values) -> bool:
    """Whether a factor (N,) has but a few whole values."""
    values = np.unique(factor)
    return len(values) <= MOST_CLASSES and bool((values == np.round(values)).all())


def _checked(codes: Values, factors: Values) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Both as float64; of the factors those that vary."""
    factors = factors[:, np.ptp(factors, axis=0) > 0] if len(factors) else factors[:, :0]
    if len(codes) < 10 or codes.shape[1] < 2 or factors.shape[1] < 2:
        raise UnusableInput(
            "scores of disentanglement need at least 10 faces, 2 dimensions and 2 factors that "
            f"vary, not {len(codes)}, {codes.shape[1]} and {factors.shape[1]}."
        )
    return codes.astype(np.float64), factors.astype(np.float64)


def _binned(values: Values, bins: int) -> NDArray[np.int64]:
    """The bin of each value, by its rank; equal values share one."""
    edges = np.quantile(values, np.arange(1, bins) / bins)
    return np.asarray(np.searchsorted(edges, values, side="right"), np.int64)


def _alone(importance: NDArray[np.float64]) -> float:
    """1 less the entropy of each row in units of its greatest, weighted by the sums of the rows."""
    sums = importance.sum(axis=1)
    rows = importance[sums > 0]
    if not len(rows):
        return 0.0
    return float(np.average(1 - entropy(rows, axis=1, base=rows.shape[1]), weights=sums[sums > 0]))
