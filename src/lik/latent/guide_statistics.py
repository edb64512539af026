"""What a guiding network says of faces: the units in which guided changes are measured.

RUN/directions/guided.json   kept by lik fit-directions --method guided
"""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lik.core.artifacts import check_version, read_json, write_json
from lik.core.errors import UnusableInput
from lik.faces.set.faceset import FaceSet
from lik.latent.calibration import JUDGED
from lik.latent.directions import labels_of
from lik.latent.judging import logits_of, logits_of_pictures
from lik.latent.regression import partial_effects
from lik.latent.session import Codes, Session
from lik.models.classifier import AttributeClassifier

GUIDED = "guided"
"""The method, and the name of the file."""

FORMAT = "lik-guide"
VERSION = 1
LEARN_FROM = 4000
"""Faces whose codes give the scale, and among which those of each class are looked for."""
SEEN = 1000
"""Faces whose logits give the spread."""


@dataclass(frozen=True)
class Medians:
    """Median logit of the decodings of faces without a trait, and of faces with it."""

    without: float
    having: float


@dataclass(frozen=True)
class GuideStatistics:
    """What one network says of the faces of one run.

    All numbers have four digits, so that what is measured again is the same, whatever was in a
    batch together.

    Attributes:
        spread: attribute → σ of its logit over real faces, in the order of the network's logits.
        medians: attribute → where its classes are; those that do not divide the faces are missing.
        scale: (D,) standard deviations of the codes of faces.
        along: attribute → (D,) its partial effect, along which faces set out; those that do not
            divide the faces are missing.
        made: the hashes of model, network and face set.
        beside: hash of each network that guides beside it → σ of its logits, in the same order.
    """

    spread: Mapping[str, float]
    medians: Mapping[str, Medians]
    scale: Sequence[float]
    along: Mapping[str, Sequence[float]]
    made: Mapping[str, Any]
    beside: Mapping[str, Sequence[float]] = field(default_factory=dict)

    def distance(self, name: str) -> float:
        """How far strength 1 moves the logit: from the median without a trait to that with it.

        Raises:
            UnusableInput: the network does not tell the decodings of the two classes apart.
        """
        found = self.medians.get(name)
        if found is None or found.having <= found.without:
            why = (
                "all faces that were looked at have it, or none has"
                if found is None
                else "the network sees it no more in decodings of faces with it than of those "
                "without"
            )
            raise UnusableInput(
                f"strength 1 of {name} cannot be said, for {why}: name a probability, as "
                f"--to {name}=0.9."
            )
        return found.having - found.without

    def wanted(self, name: str, strength: float, logit: float) -> float:
        """How far a face with this logit shall move at a strength: as the median face would.

        That is ``strength`` times `distance`, but not beyond where the median face arrives: at
        strength 1 the median of the faces with the trait. A face that is there already stays.
        """
        length, medians = self.distance(name), self.medians[name]
        beyond = max(0.0, abs(strength) - 1) * length
        if strength >= 0:
            return min(strength * length, max(0.0, medians.having + beyond - logit))
        return max(strength * length, min(0.0, medians.without - beyond - logit))

    @property
    def fingerprint(self) -> str:
        """A short hash that other faces, other codes or another network change."""
        told = json.dumps([[*self.spread.values()], [*self.scale], dict(self.along)])
        return hashlib.sha256(told.encode()).hexdigest()[:16]

    def save(self, run: Path) -> Path:
        """Write them beside a run."""
        path = _path(run)
        attributes = {
            name: {"spread": spread} | (vars(self.medians[name]) if name in self.medians else {})
            for name, spread in self.spread.items()
        }
        content = {
            "format": FORMAT, "version": VERSION, "made": dict(self.made),
            "attributes": attributes, "scale": list(self.scale),
            "along": {name: list(vector) for name, vector in self.along.items()},
            "beside": {network: list(spread) for network, spread in self.beside.items()},
        }  # fmt: skip
        path.parent.mkdir(parents=True, exist_ok=True)
        write_json(path, content)
        return path

    @classmethod
    def load(cls, run: Path) -> "GuideStatistics | None":
        """Read what is kept beside a run; None where nothing is.

        Raises:
            UnusableInput: it is broken, or of a newer Lik.
        """
        path = _path(run)
        if not path.is_file():
            return None
        content = read_json(path)
        if not isinstance(content, dict) or content.get("format") != FORMAT:
            raise UnusableInput(f"{path} is not of lik fit-directions --method guided: remove it.")
        check_version(str(path), content.get("version"), VERSION)
        try:
            entries = content["attributes"].items()
            if any(len(spread) != len(entries) for spread in content.get("beside", {}).values()):
                raise ValueError("beside")
            return cls(
                {name: float(entry["spread"]) for name, entry in entries},
                {
                    name: Medians(float(entry["without"]), float(entry["having"]))
                    for name, entry in entries
                    if "having" in entry
                },
                [float(value) for value in content["scale"]],
                {
                    name: [float(value) for value in vector]
                    for name, vector in content["along"].items()
                },
                dict(content["made"]),
                {
                    network: [float(value) for value in spread]
                    for network, spread in content.get("beside", {}).items()
                },
            )
        except (KeyError, AttributeError, TypeError, ValueError) as error:
            raise UnusableInput(f"{path} is broken: fit it again.") from error


def measure(
    session: Session,
    network: AttributeClassifier,
    faces: FaceSet,
    names: Sequence[str],
    made: Mapping[str, Any],
    told: Callable[[int, int], None] = lambda done, total: None,
    beside: Mapping[str, AttributeClassifier] | None = None,
) -> GuideStatistics:
    """Look at training faces, and at decodings of those with and without each of ``names``.

    Which faces have a trait is what the face set says; of one that it does not know, what the
    network says of the faces themselves. Networks ``beside`` it, by hash, look at the faces alone,
    for the spread of their logits.
    """
    chosen = faces.to_learn_from()[:LEARN_FROM]
    codes = session.encode(faces.images[chosen])
    pictures = faces.images[chosen[:SEEN]]
    looked = len(pictures)
    logits = logits_of_pictures(network, pictures, session.device, told)

    def labels(name: str) -> NDArray[np.floating]:
        if name in faces.attribute_names:
            return labels_of(name, faces.attributes, faces.attribute_names)[chosen]
        own: NDArray[np.floating] = np.full(len(chosen), np.nan, np.float32)
        own[: len(logits)] = logits[:, network.attributes.index(name)]
        return own

    known = {name: labels(name) for name in network.attributes}
    classes = {name: _classes(known[name]) for name in names}
    wanted = np.unique(np.concatenate([np.zeros(0, np.int64), *sum(classes.values(), ())]))
    decoded = logits[:0]
    if len(wanted):
        decoded = logits_of(
            session, network, codes[wanted],
            lambda done, total: told(looked + done, looked + total),
        )  # fmt: skip

    def median(name: str, group: NDArray[np.int64]) -> float:
        column = network.attributes.index(name)
        return _digits(float(np.median(decoded[np.searchsorted(wanted, group), column])))

    medians = {
        name: Medians(median(name, lacking), median(name, having))
        for name, (lacking, having) in classes.items()
        if len(lacking) and len(having)
    }
    others = {
        sha256: _all_digits(_spread(logits_of_pictures(other, pictures, session.device)))
        for sha256, other in (beside or {}).items()
    }
    return GuideStatistics(
        {
            name: _digits(float(sigma))
            for name, sigma in zip(network.attributes, _spread(logits), strict=True)
        },
        medians,
        _all_digits(_scale(codes)),
        _along(codes, known),
        made,
        others,
    )


def _spread(logits: NDArray[np.floating]) -> NDArray[np.float64]:
    spread: NDArray[np.float64] = np.maximum(logits.std(axis=0, dtype=np.float64), 1e-6)
    return spread


def _along(codes: Codes, labels: Mapping[str, NDArray[np.floating]]) -> dict[str, list[float]]:
    """Partial effects of what divides the faces, of which there may be nothing."""
    try:
        effects = partial_effects(list(labels), codes, np.stack([*labels.values()], axis=1))
    except UnusableInput:
        return {}
    return {name: _all_digits(effect.vector) for name, effect in effects.items()}


def _scale(codes: Codes) -> NDArray[np.float64]:
    scale: NDArray[np.float64] = codes.std(axis=0, dtype=np.float64)
    return scale


def _classes(labels: NDArray[np.floating]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The first faces without a trait and with it; of whom nothing is known is in neither."""
    return np.flatnonzero(labels <= 0)[:JUDGED], np.flatnonzero(labels > 0)[:JUDGED]


def _digits(value: float) -> float:
    return float(f"{value:.4g}")


def _all_digits(values: NDArray[np.floating]) -> list[float]:
    return [_digits(float(value)) for value in values]


def _path(run: Path) -> Path:
    return Path(run) / "directions" / f"{GUIDED}.json"
