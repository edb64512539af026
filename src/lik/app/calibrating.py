"""How strong an edit must be for people to see it: strengths measured on pictures of faces.

Codes are (N, D), pictures uint8 (N, S, S, 3), logits (N, A).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lik.app.carrying import Carrier
from lik.app.opened import OpenedRun
from lik.app.selection import column_of
from lik.core.events import Notify, Progress
from lik.core.pixels import Pictures
from lik.faces.set.faceset import FaceSet
from lik.latent.directions.direction import CALIBRATED_ON, Calibration, LogitOfCodes, calibrate
from lik.latent.session import Codes, logits_of_pictures
from lik.models.classifier import LoadedClassifier

ALONG = 3
"""Traits that are named as moving along."""
FEWEST = 20
"""Validation faces of each class, below which strengths are calibrated on training faces."""

Places = Callable[[float], Codes]
"""A length → where it leads the codes of some faces."""


class Calibrator:
    """Faces with and without each trait, and their codes, which are fitted once.

    Args:
        networks: a trait is there where all of them see it. names: of the traits; one that the
            networks do not know is left out, as is one that all faces have or none, and said.
    """

    def __init__(
        self,
        run: OpenedRun,
        faces: FaceSet,
        networks: Sequence[LoadedClassifier],
        names: Sequence[str],
        progress: Progress,
        notify: Notify,
    ) -> None:
        self._run, self._networks, self._progress = run, networks, progress
        self._attributes = networks[0].network.attributes
        groups = {}
        for name in names:
            if name not in self._attributes:
                notify(f"{name} is not calibrated: the network does not know it.")
                continue
            both = _faces_for(faces, column_of(faces, name))
            if all(len(group) for group in both):
                groups[name] = both
            else:
                notify(f"{name} is not calibrated: no faces have it, or all.")
        self._groups: dict[str, list[NDArray[np.intp]]] = {}
        if not groups:
            return
        chosen = np.unique(np.concatenate([np.concatenate(both) for both in groups.values()]))
        self._pictures = faces.images[chosen]
        self._codes = run.codes(self._pictures, run.usual_inversion, progress)
        for name, both in groups.items():
            self._groups[name] = [np.searchsorted(chosen, group) for group in both]

    def calibrations(
        self, moving: Callable[[str, Codes], Places], lengths: Sequence[float], sign: int = 1
    ) -> dict[str, Calibration]:
        """Find strength 1 of each trait, on pictures of faces onto which edits are carried.

        Args:
            moving: a trait, and codes of faces without it → where each length leads them.
            lengths: those that are tried first.
            sign: −1 for strength −1, of faces that have the trait, and to its absence.
        """
        found = {}
        for done, (name, both) in enumerate(self._groups.items()):
            self._progress("calibrating", done, len(self._groups))
            lacking, having = both[::sign]
            pictures, codes = self._pictures[lacking], self._codes[lacking]
            carrier = Carrier(self._run, pictures, codes)
            seen = _Seen(self._run, self._networks, sign, pictures, carrier.carried)
            column, places = self._attributes.index(name), moving(name, codes)
            one = calibrate(
                places, lengths,
                seen.trait(self._pictures[having], column), seen.trait_after(column),
                None if self._run.recogniser is None else seen.person,
            )  # fmt: skip
            along = seen.along(name, places(one.length))
            found[name] = one.model_copy(update={"along": along})
        return found


def _faces_for(
    faces: FaceSet, labels: NDArray[np.floating]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Faces without and with a trait on which its strength is calibrated, by their index."""
    for chosen in (faces.indices("validation"), faces.to_learn_from()):
        lacking, having = chosen[labels[chosen] <= 0], chosen[labels[chosen] > 0]
        if min(len(lacking), len(having)) >= FEWEST:
            break
    return lacking[:CALIBRATED_ON], having[:CALIBRATED_ON]


@dataclass(frozen=True)
class _Seen:
    """What networks see of pictures of faces, and once edits are carried onto them.

    Attributes:
        sign: −1 where a trait is wanted absent. pictures: (N, S, S, 3).
        carried: codes (N, D) → the pictures with an edit to these.
    """

    run: OpenedRun
    networks: Sequence[LoadedClassifier]
    sign: int
    pictures: Pictures
    carried: Callable[[Codes], Pictures]

    def logits(self, pictures: Pictures) -> NDArray[np.float32]:
        """Pictures → the least logits that the networks have of each trait, or of none, (N, A)."""
        device = self.run.session.device
        of_each = [logits_of_pictures(one.network, pictures, device) for one in self.networks]
        return np.asarray(np.min(np.multiply(self.sign, of_each), axis=0), np.float32)

    def trait(self, pictures: Pictures, column: int) -> NDArray[np.float32]:
        """The same of one trait, (N,)."""
        return self.logits(pictures)[:, column]

    def trait_after(self, column: int) -> LogitOfCodes:
        """The same once the change to codes (N, D) is carried onto the pictures."""
        return lambda moved: self.trait(self.carried(moved), column)

    def person(self, moved: Codes) -> float:
        """How far people move by it, in distances between two photographs of one person."""
        recogniser = self.run.recogniser
        assert recogniser is not None
        distances = recogniser.distances(self.pictures, self.carried(moved))
        return float(distances.mean() / recogniser.same)

    def along(self, name: str, moved: Codes) -> dict[str, float]:
        """Other traits that are then seen in more or fewer faces, those that change most."""
        before, after = (
            (self.logits(pictures) > 0).mean(axis=0)
            for pictures in (self.pictures, self.carried(moved))
        )
        names = self.networks[0].network.attributes
        changes = dict(zip(names, (self.sign * (after - before)).tolist(), strict=True))
        changes.pop(name, None)
        most = sorted(changes, key=lambda other: -abs(changes[other]))[:ALONG]
        return {other: round(changes[other], 3) for other in most if abs(changes[other]) >= 0.05}
