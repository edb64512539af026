"""Guided changes on the command line: lik change --method guided."""

import math
from collections.abc import Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lik.cli.output import note, stages
from lik.core.errors import UnusableInput

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lik.faces.set.faceset import FaceSet
    from lik.latent.amounts import Amounts
    from lik.latent.guide_statistics import GuideStatistics
    from lik.latent.guided import Guidance
    from lik.latent.guided_ways import GuidedChanges
    from lik.latent.session import Codes, Session
    from lik.models.classifier import LoadedClassifier

SHORT = 0.95
"""Share of the wanted movement below which it is said that a face stopped early."""


@dataclass(frozen=True)
class GuidedWalk:
    """What is wanted of each face: amounts, then probabilities, one after the other as given.

    Attributes:
        told: what a PNG says of it, so that it can be done again.
        limited: whether a face that has a trait already is left as it is, as `GuideStatistics`
            says; a change of before there was a limit is repeated without.
    """

    changes: "GuidedChanges"
    amounts: "Amounts"
    aims: Mapping[str, float]
    told: Mapping[str, Any]
    limited: bool = True

    def shifts(self, codes: "Codes") -> "Codes":
        """What is added to the code of each face, (N, D)."""
        import numpy as np

        count = len(codes) * (sum(map(bool, self.amounts.values())) + len(self.aims))
        with _counted(self.changes, count):
            moved = np.stack([self._moved(code, number) for number, code in enumerate(codes, 1)])
        shifts: Codes = moved - codes
        return shifts

    def seen(self, codes: "Codes") -> dict[str, list[float]]:
        """The probability of each trait in each face (N, D), as the network sees its decoding."""
        from lik.latent.calibration import probability_of

        names = [name for name, amount in self.amounts.items() if amount]
        return {
            name: [probability_of(logit) for logit in self.changes.logits(codes, name)]
            for name in dict.fromkeys([*names, *self.aims])
        }

    def _moved(self, code: "Codes", number: int) -> "Codes":
        from lik.latent.guided_ways import distance_to

        for name, amount in self.amounts.items():
            if amount:
                code = self._walked(code, name, self._length(code, name, float(amount)), number)
        for name, probability in self.aims.items():
            logit = float(self.changes.logits(code[None], name)[0])
            code = self._walked(code, name, distance_to(probability, logit), number)
        return code

    def _length(self, code: "Codes", name: str, strength: float) -> float:
        """How far the logit of a face (D,) shall move."""
        statistics = self.changes.statistics
        if not self.limited:
            return strength * statistics.distance(name)
        return statistics.wanted(name, strength, float(self.changes.logits(code[None], name)[0]))

    def _walked(self, code: "Codes", name: str, distance: float, number: int) -> "Codes":
        if distance == 0:
            note(f"{name}: face {number} is there already, and stays as it is.")
            return code
        way = self.changes.way(code, name, distance)
        if way.moved.max() < SHORT * abs(distance):
            share = max(0.0, float(way.moved.max()) / abs(distance))
            note(
                f"{name}: face {number} goes {100 * share:.0f} % of the way in logits, and no "
                "further."
            )
        return way.at(abs(distance))


def open_walk(
    session: "Session", run: str, faces: str | None, features: Sequence[str],
    amounts: "Amounts", aims: Mapping[str, float], earlier: Mapping[str, Any],
) -> GuidedWalk:  # fmt: skip
    """What guides photographs; ``earlier`` is what a PNG says of a change that is repeated.

    Raises:
        UnusableInput: no network, or one that does not know a trait, or nothing to measure it on.
    """
    from lik.latent.guide_statistics import GUIDED

    names = list(amounts)
    changes, networks = open_guided(
        session, run, faces, features, names, [*names, *aims], _guidance(earlier)
    )
    for name, amount in amounts.items():
        if amount:
            changes.statistics.distance(name)  # a wrong one is refused before the work
    limited = bool(earlier.get("limited", True))
    told = {
        "method": GUIDED,
        "limited": limited,
        "network_sha256": networks[0].sha256,
        "beside_sha256": [network.sha256 for network in networks[1:]],
        "measured": changes.statistics.fingerprint,
        "guidance": asdict(changes.guidance),
    }
    return GuidedWalk(changes, amounts, aims, told, limited)


def open_guided(
    session: "Session", run: str, faces: str | None, features: Sequence[str],
    measured: Sequence[str], names: Sequence[str], guidance: "Guidance | None" = None,
) -> "tuple[GuidedChanges, list[LoadedClassifier]]":  # fmt: skip
    """The guided changes of a run by networks that know ``names``; the first one measures.

    ``measured`` are those of which strengths are asked. What is kept beside the run is taken where
    it fits; else training faces are looked at.
    """
    import numpy as np

    from lik.cli.networks import column_of
    from lik.latent.guided import Guide
    from lik.latent.guided_ways import GuidedChanges

    networks = open_guides(session, features)
    for name in names:
        if ":" in name:
            raise UnusableInput(f"guided changes move attributes, and '{name}' is none.")
        column_of(networks[0], name)
    statistics = _statistics(session, run, faces, networks, measured)
    beside = [
        Guide(other.network, np.asarray(statistics.beside[other.sha256])) for other in networks[1:]
    ]
    return GuidedChanges(session, networks[0].network, statistics, guidance, beside), networks


def open_guides(session: "Session", features: Sequence[str]) -> "list[LoadedClassifier]":
    """The networks that guide together, the first of which measures.

    Raises:
        UnusableInput: there is none, or they do not go together.
    """
    from lik.cli.networks import open_network, require_same_attributes

    if not features:
        raise UnusableInput(
            "guided changes need a network that tells attributes: give it with --features, as lik "
            "train-features makes one."
        )
    networks = [open_network(path, session) for path in features]
    if len({network.sha256 for network in networks}) < len(networks):
        raise UnusableInput("the same network was given twice: give each --features once.")
    require_same_attributes(networks)
    return networks


@dataclass(frozen=True)
class GuidedStrips:
    """What draws strips of guided changes.

    Attributes:
        reach: where strips end by default, in strengths. rest: what becomes of all else.
    """

    changes: "GuidedChanges"
    reach: float = 1.0
    rest: str = "each face finds its own way, and the network holds its other logits"

    def told(self, low: float, high: float) -> str:
        """What the steps of a strip are, for people."""
        return (
            f"the logit of a trait moves by {low:g} to {high:+g} times what lies between the "
            "median faces without and with it"
        )

    def moved(
        self, codes: "Codes", names: Sequence[str], amounts: Sequence[float]
    ) -> "dict[str, Codes]":
        """Attribute → codes (N, D) at each of K strengths, (N, K, D)."""
        with _counted(self.changes, len(names) * len(codes) * self.changes.ways(amounts)):
            return {name: self.changes.moved(codes, name, amounts) for name in names}


def open_strips(
    session: "Session", run: str, faces: str | None, features: Sequence[str], names: Sequence[str]
) -> GuidedStrips:
    """What draws strips of ``names``.

    Raises:
        UnusableInput: as `open_walk`.
    """
    changes, _ = open_guided(session, run, faces, features, names, names)
    for name in names:
        changes.statistics.distance(name)
    return GuidedStrips(changes)


def fit_guide(
    session: "Session", networks: "Sequence[LoadedClassifier]", faces: "FaceSet",
    model_sha256: str, names: Sequence[str],
) -> "GuideStatistics":  # fmt: skip
    """Look at training faces, with a bar."""
    from lik.latent.guide_statistics import measure

    first, *others = networks
    made = {
        "model_sha256": model_sha256, "network_sha256": first.sha256,
        "faces_sha256": faces.hash, "faces": faces.path.name,
    }  # fmt: skip
    with stages() as step:
        return measure(
            session, first.network, faces, names, made,
            lambda done, total: step("looking at faces", done, total),
            {other.sha256: other.network for other in others},
        )  # fmt: skip


def _statistics(
    session: "Session", run: str, given: str | None,
    networks: "Sequence[LoadedClassifier]", names: Sequence[str],
) -> "GuideStatistics":  # fmt: skip
    from lik.cli.networks import model_hash
    from lik.cli.opening import open_faces_of, require_size
    from lik.latent.guide_statistics import GuideStatistics

    model = model_hash(run)
    kept = GuideStatistics.load(Path(run))
    first, *others = networks
    if kept is not None and (
        kept.made.get("model_sha256") != model
        or kept.made.get("network_sha256") != first.sha256
        or any(other.sha256 not in kept.beside for other in others)
    ):
        kept = None
    if kept is not None and given is None:
        return kept
    try:
        faces = open_faces_of(run, given)
    except UnusableInput as error:
        raise UnusableInput(
            f"guided changes are measured on real faces, or by what lik fit-directions --method "
            f"guided has kept for this network: {error}"
        ) from error
    require_size(session, faces)
    if kept is not None and kept.made.get("faces_sha256") == faces.hash:
        return kept
    return fit_guide(session, networks, faces, model, names)


def _guidance(earlier: Mapping[str, Any]) -> "Guidance | None":
    """The weights of a change that is repeated; None for those of today."""
    from lik.latent.guided import Guidance

    kept = earlier.get("guidance")
    if kept is None:
        return None
    today = asdict(Guidance())
    fits = isinstance(kept, dict) and all(
        name in today
        and (type(value) is int or (type(value) is float and type(today[name]) is float))
        and math.isfinite(value)
        and (value > 0 if name in ("steps", "reach_first", "reach") else value >= 0)
        for name, value in kept.items()
    )
    if not fits:
        raise UnusableInput("the change was guided by another Lik, which weighs otherwise.")
    if kept.keys() != today.keys():
        note("the change was guided by another Lik: it will not be quite the same.")
    return Guidance(**kept)


@contextmanager
def _counted(changes: "GuidedChanges", ways: int) -> "Iterator[None]":
    """A bar over the steps of so many ways; where one is walked twice, it waits at its end."""
    total, done = ways * (changes.guidance.steps + 1), 0  # the first look is a step as well
    with stages() as step:

        def stepped() -> None:
            nonlocal done
            done += 1
            step("guiding", min(done, total), total)

        changes.stepped = stepped
        try:
            yield
        finally:
            changes.stepped = lambda: None
