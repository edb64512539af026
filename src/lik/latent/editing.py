"""Editors: what moves codes to a trait, along a shared direction or guided, each face by itself.

Both kinds offer the same, so that photographs, traversals and benchmarks go through one code.
Codes are (N, D); K strengths give (N, K, D).
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from copy import copy
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from lik.core.batched import through
from lik.core.configuration import nearest
from lik.core.errors import UnusableInput
from lik.core.events import Progress, no_progress
from lik.latent.directions.direction import (
    Direction,
    DirectionSet,
    LogitOfCodes,
    dimension,
    logit_of,
    stepped,
    strengths_to,
)
from lik.latent.guided import (
    GUIDED,
    Classifier,
    GuidanceSettings,
    GuidedStatistics,
    guided_trajectory,
)
from lik.latent.session import BATCH, Codes, Session, logits_of
from lik.models.code_network import CodeNetwork

Strengths = Sequence[float]

DIMENSION = "dimension:"
"""Begins the name of a single latent dimension, as in dimension:17."""
END = 2.0
"""Strength of a guided edit at the end of its trajectory."""
STOPS = 40
"""Places of a trajectory that are kept; between two it is straight."""
CALIBRATED = "what shows a trait plainly in nine of ten faces without it"
"""What strength 1 is, where it is calibrated."""


class Editor(ABC):
    """Moves codes by strengths of an attribute.

    Attributes:
        method: its name. reach: where traversals end by default, in strengths.
        unit: what strength 1 is, for people. rest: what becomes of all else, for people.
        networks: the hashes of the networks that tell probabilities or guide, the first one first.
    """

    method: str
    networks: Sequence[str] = ()
    reach: float
    unit: str
    rest: str

    @abstractmethod
    def require(self, attribute: str) -> None:
        """See that an attribute can be edited, before the long work.

        Raises:
            UnusableInput: it cannot; the nearest one that can is named.
        """

    @abstractmethod
    def moved(
        self, codes: Codes, attribute: str, strengths: Strengths, progress: Progress = no_progress
    ) -> Codes:
        """Codes (N, D) at each of K strengths, (N, K, D). Strength 0 is the code itself."""

    def moved_by(
        self, codes: Codes, strengths: Mapping[str, float], progress: Progress = no_progress
    ) -> Codes:
        """Codes (N, D) moved by a strength of each of several attributes, (N, D)."""
        for attribute, strength in strengths.items():
            codes = self.moved(codes, attribute, [strength], progress)[:, 0]
        return codes

    @abstractmethod
    def moved_to(
        self, codes: Codes, attribute: str, probability: float, progress: Progress = no_progress
    ) -> Codes:
        """Codes (N, D) moved until the first network sees the probability in each, (N, D).

        What cannot be reached ends at the nearest place there is.

        Raises:
            UnusableInput: no network, or a probability outside 0…1.
        """

    @abstractmethod
    def logits(self, codes: Codes, attribute: str) -> NDArray[np.float32]:
        """The logit (N,) of an attribute, as the first network sees the decodings of codes.

        Raises:
            UnusableInput: no network.
        """


class LinearEditor(Editor):
    """Steps by multiples of directions, d = Σ s·v, the same for all faces.

    Codes keep about the length that they have (`lik.latent.directions.direction.stepped`). Single
    dimensions are added to that as they are.

    Args:
        method: the name of the directions.
        open_set: gives the set of directions, when one of them is first asked for.
        latent: number D of dimensions, each of which is a direction too, as ``dimension:17``.
        logit_of_codes: what a network sees of an attribute in what codes decode to, where there
            is a network. networks: its hash.
    """

    rest = "all else in the code keeps its proportions"

    def __init__(
        self,
        method: str,
        open_set: Callable[[], DirectionSet],
        latent: int,
        logit_of_codes: Callable[[str], LogitOfCodes] | None = None,
        networks: Sequence[str] = (),
    ) -> None:
        self.method, self.networks = method, networks
        self._open_set, self._latent = open_set, latent
        self._logit_of_codes = logit_of_codes

    @cached_property
    def directions(self) -> DirectionSet:
        """The set of directions."""
        return self._open_set()

    @property
    def reach(self) -> float:  # type: ignore[override]
        return 1.5 if self.directions.calibrations else 2.0

    @property
    def unit(self) -> str:  # type: ignore[override]
        if self.directions.calibrations:
            return f"{CALIBRATED} ({self.method})"
        return f"the direction of a trait ({self.method})"

    def require(self, attribute: str) -> None:
        self.direction(attribute)

    def direction(self, name: str) -> Direction:
        """The direction of an attribute, or of a dimension (``dimension:17``).

        Raises:
            UnusableInput: there is none of this name.
        """
        if not name.startswith(DIMENSION):
            return self.directions.direction(name)
        number = name.removeprefix(DIMENSION)
        if not number.isdecimal():
            raise UnusableInput(f"'{name}' names no dimension: write it as {DIMENSION}17.")
        return dimension(int(number), self._latent)

    def moved(
        self, codes: Codes, attribute: str, strengths: Strengths, progress: Progress = no_progress
    ) -> Codes:
        return np.stack([self.moved_by(codes, {attribute: one}) for one in strengths], axis=1)

    def moved_by(
        self, codes: Codes, strengths: Mapping[str, float], progress: Progress = no_progress
    ) -> Codes:
        def summed(single: bool) -> Codes:
            step = np.zeros(self._latent, np.float32)
            for name, strength in strengths.items():
                if name.startswith(DIMENSION) is single:
                    step = step + np.float32(strength) * self.direction(name).vector
            return step

        return stepped(codes, summed(single=False)) + summed(single=True)

    def moved_to(
        self, codes: Codes, attribute: str, probability: float, progress: Progress = no_progress
    ) -> Codes:
        vector, network = self.direction(attribute).vector, self._network()(attribute)
        strengths = strengths_to(codes, vector, network, probability)
        return stepped(codes, strengths[:, None] * vector)

    def logits(self, codes: Codes, attribute: str) -> NDArray[np.float32]:
        return np.asarray(self._network()(attribute)(codes), np.float32)

    def _network(self) -> Callable[[str], LogitOfCodes]:
        if self._logit_of_codes is None:
            raise UnusableInput(
                "a probability needs a network that tells attributes.", needs="network"
            )
        return self._logit_of_codes


class GuidedEditor(Editor):
    """Leads each face along a trajectory of its own (`lik.latent.guided`).

    Strength s of 0…2 is the place after the share √(s·length/2) of the trajectory
    (`lik.latent.guided.marked_steps`), and −s that on the trajectory away from the trait. By a
    network that reads codes both lengths are calibrated: 1 shows the trait plainly in pictures of
    nine of ten faces without it, and after −1 nine of ten that had it plainly lack it, or as many
    as any strength brings there. By others they are 1, and these see it beyond doubt. A
    trajectory is the same for all strengths, so that one can slide along it. Every face goes by
    itself: it does not matter who stands beside it.

    Attributes:
        reader: the network that reads codes, where one guides; else None.
        calibrations, away: how strengths 1 and −1 of an attribute were found, where they were.
    """

    method = GUIDED
    rest = "each face finds its own trajectory, and the networks preserve its other traits"

    def __init__(
        self,
        session: Session,
        networks: Mapping[str, Callable[..., NDArray[np.floating]]],
        statistics: GuidedStatistics,
        settings: GuidanceSettings | None = None,
    ) -> None:
        """``networks`` by their hash, all of which ``statistics`` knows; the first one measures.

        Raises:
            UnusableInput: some read codes, and others look at decodings.
        """
        readers = [one for one in networks.values() if isinstance(one, CodeNetwork)]
        if readers and len(networks) > 1:
            raise UnusableInput("the network that reads codes guides alone.")
        self.reader = readers[0] if readers else None
        usual = GuidanceSettings.reading_codes() if readers else GuidanceSettings()
        self.statistics, self.settings, self._session = statistics, settings or usual, session
        # Of other networks or other settings they say nothing.
        measured = bool(readers) and self.settings == usual
        self.calibrations = statistics.calibrations if measured else {}
        self.away = statistics.away if measured else {}
        self.networks = list(networks)
        self._classifiers = [
            Classifier(network, np.asarray(statistics.stds[sha256]))  # type: ignore[arg-type]
            for sha256, network in networks.items()
        ]
        self._scale = np.asarray(statistics.scale, np.float32)
        session.model.requires_grad_(False)  # gradients are of codes alone

    @property
    def reach(self) -> float:  # type: ignore[override]
        return 1.5 if self.calibrations else 1.0

    @property
    def unit(self) -> str:  # type: ignore[override]
        if self.calibrations:
            return f"{CALIBRATED} ({GUIDED})"
        return "the trait seen beyond doubt, by the networks that guide"

    @property
    def measured(self) -> str:
        """A short hash of what its edits are measured by."""
        lengths = [
            {name: found.length for name, found in known.items()}
            for known in (self.calibrations, self.away)
        ]
        return self.statistics.fingerprint(self.networks, lengths)

    def uncalibrated(self) -> "GuidedEditor":
        """The same trajectories, of which strength s is the place after the share √(s/2)."""
        plain = copy(self)
        plain.calibrations = plain.away = {}
        return plain

    def require(self, attribute: str) -> None:
        known = self.statistics.attributes
        if attribute not in known:
            raise UnusableInput(
                f"the networks know no attribute '{attribute}'.{nearest(attribute, known)}"
            )

    def length(self, attribute: str, sign: int) -> float:
        """Where strength 1 or −1 lies, in the strength that it would be if it were uncalibrated."""
        found = (self.calibrations if sign > 0 else self.away).get(attribute)
        return found.length if found else 1.0

    def moved(
        self, codes: Codes, attribute: str, strengths: Strengths, progress: Progress = no_progress
    ) -> Codes:
        places = np.repeat(codes[:, None, :], len(strengths), axis=1)
        for sign in (-1, 1):
            own = [k for k, strength in enumerate(strengths) if strength * sign > 0]
            if own:
                trajectory = self.trajectory(codes, attribute, sign, progress)
                for k in own:
                    places[:, k] = place_on(trajectory, abs(strengths[k]) / END)
        return places

    def moved_to(
        self, codes: Codes, attribute: str, probability: float, progress: Progress = no_progress
    ) -> Codes:
        wanted = logit_of(probability)
        signs = np.sign(wanted - self.logits(codes, attribute)).astype(np.float64)
        trajectory = self._trajectory(codes, attribute, signs, 1.0, progress)
        stops = [self.logits(stop, attribute) for stop in trajectory]
        short = signs * (wanted - np.asarray(stops, np.float64))  # (K + 1, N), > 0 before it
        places = codes.copy()
        for face in range(len(codes)):
            places[face] = _where_reached(trajectory[:, face], short[:, face])
        return places

    def logits(self, codes: Codes, attribute: str) -> NDArray[np.float32]:
        column, network = self.statistics.attributes.index(attribute), self._classifiers[0].logits
        if self.reader:
            return through(self.reader, codes, device=self._session.device)[:, column]
        return np.asarray(logits_of(self._session, network, codes)[:, column])

    def trajectory(
        self, codes: Codes, attribute: str, sign: int, progress: Progress = no_progress
    ) -> Codes:
        """Where codes (N, D) pass on their way up (1) or down (−1): (K + 1, N, D), own first."""
        signs, stretch = np.full(len(codes), float(sign)), self.length(attribute, sign)
        return self._trajectory(codes, attribute, signs, stretch, progress)

    def _trajectory(
        self,
        codes: Codes,
        attribute: str,
        signs: NDArray[np.floating],
        stretch: float,
        progress: Progress,
    ) -> Codes:
        self.require(attribute)
        along = self.statistics.along.get(attribute)
        starts = range(0, len(codes), BATCH)
        total = len(starts) * self.settings.steps
        parts, decode = [], None if self.reader else self._session.model.decode
        for number, start in enumerate(starts):
            done = number * self.settings.steps
            parts.append(
                guided_trajectory(
                    codes[start : start + BATCH], decode, self._classifiers,
                    self.statistics.attributes.index(attribute), signs[start : start + BATCH],
                    self._scale, None if along is None else np.asarray(along, np.float32),
                    self.settings, min(STOPS, self.settings.steps), stretch,
                    device=self._session.device,
                    step_done=lambda step, done=done: progress("guiding", done + step, total),  # type: ignore[misc]
                )
            )  # fmt: skip
        return np.concatenate([codes[None], np.concatenate(parts, axis=1)])


def place_on(trajectory: Codes, share: float) -> Codes:
    """The place (N, D) after a share 0…1 of the stops (K + 1, N, D); beyond them, the last."""
    at = min(max(share, 0.0), 1.0) * (len(trajectory) - 1)
    last = min(int(at), len(trajectory) - 2)
    return _between(trajectory[last], trajectory[last + 1], at - last)


def _where_reached(stops: Codes, short: NDArray[np.float64]) -> Codes:
    """The first place (D,) of stops (K + 1, D) where nothing is short, or that least short."""
    reached = short <= 0
    place = int(np.argmax(reached) if reached.any() else np.argmin(short))
    if place == 0 or not reached.any():
        return np.asarray(stops[place])
    share = short[place - 1] / (short[place - 1] - short[place])
    return _between(stops[place - 1], stops[place], share)


def _between(first: Codes, second: Codes, share: float) -> Codes:
    return np.asarray(first + np.float32(share) * (second - first))
