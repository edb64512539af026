"""How far a face goes on its guided way: as far as its own logit shall move.

The steps of `lik.latent.guided` weigh the target against all else, so they stop short of what
is asked of them, some traits at two thirds of it and some at a fifth. They are therefore asked
for more, and the face goes on their way until its logit, as the network sees its decoding, has
moved as far as it should.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from lik.latent.calibration import logit_of
from lik.latent.guide_statistics import GuideStatistics
from lik.latent.guided import Guidance, Guide, guide
from lik.latent.judging import logits_of
from lik.latent.session import Codes, Session
from lik.models.classifier import AttributeClassifier

ASKED = (4.0, 10.0)
"""How many times the wanted movement is asked for: first, and where that did not do."""
STOPS = 20
"""Places of a way that are kept; between two it is straight."""


@dataclass(frozen=True)
class Way:
    """Where a face passes: codes (K, D), its own first, and how far its logit has come, (K,)."""

    codes: Codes
    moved: NDArray[np.float64]

    def at(self, distance: float) -> Codes:
        """The first place (D,) where the logit has moved by ``distance`` ≥ 0, or the farthest."""
        beyond = np.flatnonzero(self.moved >= distance)
        if not len(beyond):
            farthest: Codes = self.codes[int(np.argmax(self.moved))]
            return farthest
        last = int(beyond[0])
        if last == 0:
            own: Codes = self.codes[0]
            return own
        first = last - 1
        share = (distance - self.moved[first]) / (self.moved[last] - self.moved[first])
        place: Codes = self.codes[first] + np.float32(share) * (
            self.codes[last] - self.codes[first]
        )
        return place


class GuidedChanges:
    """The guided changes of a run: networks guide each face on a way of its own.

    The first of them says how far a face has come; those ``beside`` it, which know the same
    attributes, take turns with it. Every face goes by itself, so that its change does not depend on
    who stands beside it.

    Attributes:
        statistics: what strengths are measured by. guidance: how the steps are weighed.
        stepped: called at every step.
    """

    def __init__(
        self,
        session: Session,
        network: AttributeClassifier,
        statistics: GuideStatistics,
        guidance: Guidance | None = None,
        beside: Sequence[Guide] = (),
    ) -> None:
        self.statistics = statistics
        self.guidance = guidance or Guidance()
        self.stepped: Callable[[], None] = lambda: None
        self._session, self._network = session, network
        self._spread = np.asarray([*statistics.spread.values()])
        self._guides = [Guide(network, self._spread), *beside]
        self._scale = np.asarray(statistics.scale, np.float32)
        session.model.requires_grad_(False)  # gradients are of codes alone

    def logits(self, codes: Codes, name: str) -> NDArray[np.float32]:
        """The logit (N,) of an attribute in what codes (N, D) decode to."""
        return logits_of(self._session, self._network, codes)[:, self._column(name)]

    def way(self, code: Codes, name: str, distance: float) -> Way:
        """The way of one face (D,) on which the logit of a trait moves by ``distance``, or back.

        `Way.moved` counts towards where it shall go: up for a positive distance, else down.
        """
        if distance == 0:
            return Way(code[None], np.zeros(1))
        way = self._walked(code, name, distance, ASKED[0])
        if way.moved.max() >= abs(distance):
            return way
        again = self._walked(code, name, distance, ASKED[1])
        # What is out of reach is not forced: all else would drift without end.
        return again if again.moved.max() >= abs(distance) else way

    def moved(self, codes: Codes, name: str, strengths: Sequence[float]) -> Codes:
        """Codes (N, D) at each of K strengths, (N, K, D).

        A face has one way up and one way down, and the strengths are places on them.
        """
        length = self.statistics.distance(name)
        ends = (min(0.0, *strengths), max(0.0, *strengths))
        places = []
        for code in codes:
            down, up = (self.way(code, name, end * length) for end in ends)
            places.append(
                [(up if strength > 0 else down).at(abs(strength) * length)
                 for strength in strengths]
            )  # fmt: skip
        return np.asarray(places, np.float32)

    def ways(self, strengths: Sequence[float]) -> int:
        """How many ways `moved` looks for, for each face."""
        return int(min(strengths) < 0) + int(max(strengths) > 0)

    def _walked(self, code: Codes, name: str, distance: float, asked: float) -> Way:
        sign, column = float(np.sign(distance)), self._column(name)
        before = float(self.logits(code[None], name)[0])
        journey = guide(
            code[None], self._decode, self._guides, column,
            np.asarray([sign]), asked * abs(distance) / float(self._spread[column]), self._scale,
            along=self._along(name), guidance=self.guidance,
            stops=min(STOPS, self.guidance.steps), device=self._session.device,
        )  # fmt: skip
        codes: Codes = np.concatenate([code[None], journey.codes[:, 0]])
        moved = sign * (self.logits(codes[1:], name).astype(np.float64) - before)
        return Way(codes, np.concatenate([[0.0], moved]))

    def _along(self, name: str) -> Codes | None:
        vector = self.statistics.along.get(name)
        return None if vector is None else np.asarray(vector, np.float32)

    def _column(self, name: str) -> int:
        return self._network.attributes.index(name)

    def _decode(self, codes: Tensor) -> Tensor:
        self.stepped()
        images: Tensor = self._session.model.decode(codes)
        return images


def distance_to(probability: float, logit: float) -> float:
    """How far a logit is from that of a probability.

    Raises:
        UnusableInput: a probability outside 0…1.
    """
    return logit_of(probability) - logit
