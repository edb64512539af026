"""The trial behind `lik evaluate-changes`: each attribute by each method, before one judge."""

import hashlib
import itertools
from collections.abc import Callable, Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray

from lik.cli.change_results import Result
from lik.core.errors import UnusableInput
from lik.evaluation.changes import SHARES, Change, Judged, at_success, away, sweep
from lik.evaluation.counterfactuals import TrueChange, Truth
from lik.evaluation.regions import eyes_of, region_of
from lik.faces.drawn.redrawing import can_be_redrawn
from lik.latent.directions import Direction, difference_of_means, labels_of
from lik.latent.guided import Guidance, Guide, guide
from lik.latent.judging import logits_of_pictures
from lik.latent.normals import classifier_normal
from lik.latent.regression import partial_effects
from lik.latent.session import BATCH, Codes, Session

if TYPE_CHECKING:
    from lik.faces.set.faceset import FaceSet
    from lik.models.classifier import LoadedClassifier

GROWTH = 1.25
"""From one strength of a direction to the next."""
LONGEST = 30.0
"""The longest step along a direction that is tried, in prior σ."""
DISTANCE = 6.0
"""How far guided changes are taken, in σ of the target's logit."""
CEILING = (0.4, 2.0)
"""Level of the logit, in σ, beyond which no face need go: just beyond the boundary at first, and
then so far that another network is sure to see it too."""
STOPS = 20
SHOWN = 4
"""Faces of a strip."""


class Trial:
    """What is measured, on which faces, by whom; results gather in ``results``.

    With ``codes`` (N, D), generated faces are changed, and the real ones give the spreads alone.

    Attributes:
        told: called with what is being measured, how much of it is done, and of how much.
    """

    def __init__(
        self, session: Session, faces: "FaceSet", judging: "LoadedClassifier",
        guides: "list[LoadedClassifier]", chosen: NDArray[np.int64], steps: int, seed: int,
        codes: Codes | None = None,
    ) -> None:  # fmt: skip
        self.session, self.faces, self.judging, self.seed = session, faces, judging, seed
        self.originals = np.asarray(faces.images[chosen])
        self.generated = codes is not None
        self.codes = session.encode(self.originals) if codes is None else codes
        training = faces.to_learn_from()
        self.training = session.encode(faces.images[training])
        self.labels = faces.attributes[training]
        self.guides = [Guide(network.network, self._spread(network)) for network in guides]
        self.guide_names = guides[0].network.attributes if guides else ()
        self.guidance = Guidance.in_steps(steps)
        self.spread = self._spread(judging)
        self.before = self.judge(self.codes)
        self.results: list[Result] = []
        self.shown: dict[tuple[str, str], NDArray[np.uint8]] = {}
        self._joint: dict[str, Direction] | None = None
        session.model.requires_grad_(False)
        self.truth: Truth | None = None
        if not self.generated and can_be_redrawn(faces):
            self.truth = Truth(session, faces, chosen, self.judge, self.before, seed)
        self.true_changes: dict[str, TrueChange] = {}
        self.told: Callable[[str, int, int], None] = lambda what, done, total: None

    def conditions(self, method: str) -> dict[str, Any]:
        """What a result by a method depends on, beside model, faces and networks."""
        common = {"index_sha256": self.faces.index_hash, "device": str(self.session.device)}
        drawn = hashlib.sha256(np.ascontiguousarray(self.codes).tobytes()).hexdigest()
        common |= {"codes_sha256": drawn} if self.generated else {}
        return common if method != "guided" else common | asdict(self.guidance)

    def judge(self, codes: Codes) -> Judged:
        """What the judge sees in the decodings of codes (N, D)."""
        logits, features, images = [], [], []
        for decoded in self.session.decode_batches(codes):
            with torch.no_grad():
                seen = self.judging.network.embedding(decoded)
                logits.append(self.judging.network.head(seen).float().cpu().numpy())
            features.append(seen.float().cpu().numpy())
            images.append(decoded.cpu().numpy())
        return Judged(np.concatenate(logits), np.concatenate(features), np.concatenate(images))

    def measure(self, attribute: str, method: str) -> None:
        """Flip an attribute by a method, further and further, and keep what was seen."""
        target, signs, region = self._aim(attribute)
        ways = dict(self._ways(attribute, method, signs))
        true = self._true_change(attribute)
        beside = None if true is None else true.beside
        judged = self._counted(f"{attribute}, {method}: judging", ways)
        changes = sweep(self.judge, judged, self.before, target, self.spread, region, beside=beside)
        at_shares = {f"{share:g}": at_success(changes, share) for share in SHARES}
        nearest = min(changes[1:], key=lambda change: abs(change.flipped - 0.8))
        self.results.append(Result(attribute, method, changes, at_shares))
        self.shown[attribute, method] = self.session.decode(ways[nearest.strength][:SHOWN])

    def take(self, result: Result, shown: NDArray[np.uint8]) -> None:
        """Take over what was measured before."""
        self._true_change(result.attribute)
        self.results.append(result)
        self.shown[result.attribute, result.method] = shown

    def _counted(self, what: str, ways: dict[float, Codes]) -> Iterator[tuple[float, Codes]]:
        for number, way in enumerate(ways.items()):
            self.told(what, number, len(ways))
            yield way

    def _aim(self, attribute: str) -> tuple[int, NDArray[np.float32], NDArray[np.bool_] | None]:
        """An attribute's logit, where each face shall go (N,), and where the trait lies."""
        target = self.judging.network.attributes.index(attribute)
        region = region_of(attribute, self.session.size, eyes_of(self.faces))
        return target, away(self.before.logits[:, target]), region

    def _true_change(self, attribute: str) -> TrueChange | None:
        if self.truth is None:
            return None
        target, signs, region = self._aim(attribute)
        true = self.truth.of(attribute, target, signs, self.codes, self.spread, region)
        self.true_changes[attribute] = true
        return true

    def result(self, attribute: str, method: str) -> Result:
        """What was measured."""
        return next(r for r in self.results if (r.attribute, r.method) == (attribute, method))

    def at(self, attribute: str, method: str, share: float) -> Change | None:
        """The change at which a share of the faces is flipped; None where it never is."""
        return self.result(attribute, method).at_shares[f"{share:g}"]

    def _ways(
        self, attribute: str, method: str, signs: NDArray[np.float32]
    ) -> Iterator[tuple[float, Codes]]:
        """Strength and codes (N, D), from weak to strong."""
        if method == "guided":
            yield from self._guided(attribute, signs)
            return
        vector = self._direction(attribute, method).vector
        length = float(np.linalg.norm(vector))
        strength = 0.5
        while strength <= LONGEST:
            yield strength, self.codes + signs[:, None] * np.float32(strength / length) * vector
            strength *= GROWTH

    def _direction(self, attribute: str, method: str) -> Direction:
        names = self.faces.attribute_names
        labels = labels_of(attribute, self.labels, names)
        if method == "means":
            return difference_of_means(attribute, self.training, labels)
        if method in ("logistic", "svm"):
            return classifier_normal(attribute, self.training, labels, method, self.seed)  # type: ignore[arg-type]
        if method != "joint":
            raise UnusableInput(
                f"there is no method '{method}': give means, joint, logistic, svm or guided."
            )
        if self._joint is None:
            self._joint = partial_effects(names, self.training, self.labels)
        if attribute not in self._joint:
            raise UnusableInput(f"{attribute} does not divide the faces of {self.faces.path}.")
        return self._joint[attribute]

    def _guided(self, attribute: str, signs: NDArray[np.float32]) -> Iterator[tuple[float, Codes]]:
        target = self.guide_names.index(attribute)
        starts = range(0, len(self.codes), BATCH)
        total, looked = len(starts) * (self.guidance.steps + 1), itertools.count(1)

        def decode(codes: torch.Tensor) -> torch.Tensor:
            self.told(f"{attribute}, guided", next(looked), total)
            images: torch.Tensor = self.session.model.decode(codes)
            return images

        along = self._direction(attribute, "joint").vector
        parts = [
            guide(
                self.codes[start : start + BATCH], decode, self.guides, target,
                signs[start : start + BATCH], DISTANCE, self.training.std(axis=0), along, CEILING,
                guidance=self.guidance,
                stops=min(STOPS, self.guidance.steps), seed=self.seed, device=self.session.device,
            )
            for start in starts
        ]  # fmt: skip
        for number, distance in enumerate(parts[0].distances):
            yield float(distance), np.concatenate([part.codes[number] for part in parts])

    def _spread(self, loaded: "LoadedClassifier") -> NDArray[np.float64]:
        """σ of a network's logits over the original faces, (A,)."""
        logits = logits_of_pictures(loaded.network, self.originals, self.session.device)
        spread: NDArray[np.float64] = np.maximum(logits.std(axis=0), 1e-6)
        return spread
