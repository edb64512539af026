"""Changes of drawn faces against the truth: their decodings beside those of true counterfactuals.

The true counterfactual of a drawn face is the face drawn again with the trait changed and all
else the same (`lik.faces.drawn.redrawing`). As the decoder cannot show what its code does not
hold, what a change is held against is the decoding of that picture's own code.
Images are (N, 3, S, S) in 0…1, factors as of `lik.evaluation.factors`.
"""

from dataclasses import asdict, dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn.functional import adaptive_avg_pool2d

from lik.evaluation.changes import Change, Judge, Judged, measure_change
from lik.evaluation.factors import FactorReader, fit_reader
from lik.faces.drawn.factors import BEHIND
from lik.faces.drawn.redrawing import counterfactuals
from lik.faces.set.faceset import FaceSet
from lik.latent.session import Codes, Session

READ_SIDE = 32
"""Side to which decodings are scaled down before factors are read from their pixels."""
FITTED = 3000
"""Training faces, at the most, that the reading of factors is fitted to."""


@dataclass(frozen=True)
class ChangeBesideTruth(Change):
    """A change of drawn faces, beside what the change of the one trait would truly look like.

    Attributes:
        counterfactual_error: squared error of the changed decodings against those of the true
            counterfactuals, over that of the unchanged ones: 0 for exactly the true change, 1 for
            one that is no better than none.
        factor_leakage: mean |movement| of the factors that are not behind the trait, as read from
            the decodings, each in its own σ over training faces.
        Both over the faces that have a counterfactual; None where no face has.
    """

    counterfactual_error: float | None
    factor_leakage: float | None


@dataclass(frozen=True)
class TrueChange:
    """The true change of an attribute, on M of N faces, and what a change is held against.

    Attributes:
        places: (M,) which of the faces. before, after: their decodings, (M, 3, S, S).
        change: what the judge sees of the true change itself; its strength is the mean length of
            the way between the two codes. None for M = 0.
    """

    attribute: str
    places: NDArray[np.int64]
    before: NDArray[np.floating]
    after: NDArray[np.floating]
    reader: FactorReader
    change: ChangeBesideTruth | None

    def beside(self, change: Change, changed: Judged) -> ChangeBesideTruth:
        """A measured change of all N faces, with what the truth says of it."""
        if not len(self.places):
            return ChangeBesideTruth(**asdict(change), counterfactual_error=None,
                                     factor_leakage=None)  # fmt: skip
        images = changed.images[self.places]
        return ChangeBesideTruth(
            **asdict(change),
            counterfactual_error=counterfactual_error(self.before, images, self.after),
            factor_leakage=factor_leakage(self.reader, self.before, images, self.attribute),
        )


def counterfactual_error(
    before: NDArray[np.floating], changed: NDArray[np.floating], true: NDArray[np.floating]
) -> float:
    """Σ (changed − true)² / Σ (before − true)², over all faces and pixels."""
    left = float(np.square(changed.astype(np.float64) - true).sum())
    whole = float(np.square(before.astype(np.float64) - true).sum())
    return left / max(whole, 1e-12)


def factor_leakage(
    reader: FactorReader,
    before: NDArray[np.floating],
    changed: NDArray[np.floating],
    attribute: str,
) -> float | None:
    """Mean |movement| of all that is read but the factors behind an attribute, in σ."""
    others = reader.of_others(BEHIND[attribute])
    if not others.any():
        return None
    moved = reader.read(pixels_read(changed)) - reader.read(pixels_read(before))
    return float(np.abs(moved[:, others]).mean())


def pixels_read(images: NDArray[np.floating]) -> NDArray[np.float32]:
    """Images (N, 3, S, S) → the pixels (N, K) that factors are read from."""
    side = min(READ_SIDE, images.shape[-1])
    small = adaptive_avg_pool2d(torch.from_numpy(np.asarray(images, np.float32)), side)
    return np.asarray(small.flatten(1).numpy(), np.float32)


class Truth:
    """What is true of N drawn faces, whose decodings are ``before`` as the judge sees them."""

    def __init__(
        self, session: Session, faces: FaceSet, chosen: NDArray[np.int64], judge: Judge,
        before: Judged, seed: int = 0,
    ) -> None:  # fmt: skip
        assert faces.factors is not None
        self.session, self.faces, self.chosen = session, faces, chosen
        self.judge, self.before = judge, before
        training = faces.to_learn_from()[:FITTED]
        codes = session.encode(np.asarray(faces.images[training]))
        seen = [pixels_read(images.cpu().numpy()) for images in session.decode_batches(codes)]
        self.reader = fit_reader(
            np.concatenate(seen), faces.factors[training], faces.factor_names, seed
        )
        self._found: dict[str, TrueChange] = {}

    def of(
        self, attribute: str, target: int, signs: NDArray[np.floating], codes: Codes,
        spread: NDArray[np.floating], region: NDArray[np.bool_] | None = None,
    ) -> TrueChange:  # fmt: skip
        """The true change of an attribute to where ``signs`` (N,) point; made once.

        ``target`` is its logit, ``codes`` (N, D) are those of the faces, ``spread`` and ``region``
        as of `measure_change`. Faces that are there already have none: the judge has misread
        their reconstruction.
        """
        if attribute not in self._found:
            drawn = counterfactuals(self.faces, self.chosen, attribute, signs)
            places = drawn.places
            before, after = _part(self.before, places), _part(self.before, places)
            change = None
            if len(places):
                true_codes = self.session.encode(drawn.pictures)
                after = self.judge(true_codes)
                way = float(np.linalg.norm(true_codes - codes[places], axis=1).mean())
                plain = measure_change(way, before, after, target, spread, region)
                change = ChangeBesideTruth(
                    **asdict(plain), counterfactual_error=0.0,
                    factor_leakage=factor_leakage(
                        self.reader, before.images, after.images, attribute
                    ),
                )  # fmt: skip
            self._found[attribute] = TrueChange(
                attribute, places, before.images, after.images, self.reader, change
            )
        return self._found[attribute]


def _part(judged: Judged, places: NDArray[np.int64]) -> Judged:
    return Judged(judged.logits[places], judged.features[places], judged.images[places])
