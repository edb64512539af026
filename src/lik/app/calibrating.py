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


def calibrations_of(
    run: OpenedRun,
    faces: FaceSet,
    networks: Sequence[LoadedClassifier],
    names: Sequence[str],
    moving: Callable[[str, Codes], Places],
    lengths: Sequence[float],
    progress: Progress,
    notify: Notify,
    sign: int = 1,
) -> dict[str, Calibration]:
    """Find strength 1 of each trait, on pictures of faces onto which edits are carried.

    Args:
        networks: a trait is there where all of them see it. names: of the traits; one that the
            networks do not know is left out, and said.
        moving: a trait, and codes of faces without it → where each length leads them.
        lengths: those that are tried first.
        sign: −1 for strength −1, of faces that have the trait, and to its absence.
    """
    calibrations: dict[str, Calibration] = {}
    attributes = networks[0].network.attributes
    groups = {}
    for name in names:
        both = _faces_for(faces, sign * column_of(faces, name))
        if name not in attributes:
            notify(f"{name} is not calibrated: the network does not know it.")
        elif not all(len(group) for group in both):
            notify(f"{name} is not calibrated: no faces have it, or all.")
        else:
            groups[name] = both
    if not groups:
        return calibrations
    known = list(groups)
    chosen = np.unique(np.concatenate([np.concatenate(group) for group in groups.values()]))
    pictures = faces.images[chosen]
    codes = run.codes(pictures, run.usual_inversion, progress)
    place = {index: number for number, index in enumerate(chosen)}
    for done, name in enumerate(known):
        progress("calibrating", done, len(known))
        lacking, having = ([place[index] for index in group] for group in groups[name])
        carrier = Carrier(run, pictures[lacking], codes[lacking])
        seen = _Seen(run, networks, sign, pictures[lacking], carrier.carried)
        column, places = attributes.index(name), moving(name, codes[lacking])
        found = calibrate(
            places, lengths, seen.trait(pictures[having], column), seen.trait_after(column),
            None if run.recogniser is None else seen.person,
        )  # fmt: skip
        along = seen.along(name, places(found.length))
        calibrations[name] = found.model_copy(update={"along": along})
    return calibrations


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
