"""Inspecting: what is in a face set, as facts and as a page."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from lik.faces.set.faceset import SPLITS, FaceSet
from lik.faces.set.statistics import (
    Correlation,
    Frequency,
    Quartiles,
    correlations,
    frequencies,
    members,
    quartiles_of,
    strongest,
)
from lik.figures.inspection import RANKINGS, write_inspection

PAIRS = 10
"""Correlations that are shown."""


@dataclass(frozen=True)
class Inspection:
    """What is in a face set.

    Attributes:
        quartiles: of each measure of which something is known.
        limits: field of `lik.faces.set.quality.Limits` → a value that would leave out about one
            face in a hundred, and how many it would.
        groups: the names of near-duplicates, group by group, the largest first.
        frequencies: of the attributes. correlations: the strongest between them.
    """

    faces: FaceSet
    quartiles: dict[str, Quartiles]
    limits: dict[str, tuple[float, int]]
    groups: list[list[str]]
    frequencies: list[Frequency]
    correlations: list[Correlation]

    def facts(self) -> list[tuple[str, str]]:
        """The set in a few lines: what, and how much of it."""
        faces, about = self.faces, self.faces.description
        details = [(key, value) for key, value in faces.crop.items() if key != "kind"]
        crop = ", ".join(f"{key} {value}" for key, value in details if value is not None)
        count = len(self.groups)
        copies = f"{sum(map(len, self.groups)):,} faces in {count:,} group{'s' * (count > 1)}"
        return [
            ("source", about["source"]),
            ("pictures", f"{about['pictures']:,}"),
            ("faces kept", f"{len(faces):,} of {faces.size}×{faces.size} pixels"),
            *(("left out", f"{n:,}  {reason}") for reason, n in about["rejected"].items()),
            ("splits", ", ".join(f"{len(faces.indices(split)):,} {split}" for split in SPLITS)),
            ("crop", faces.crop["kind"] + (f" ({crop})" if crop else "")),
            ("detector", _detector(about["detector"])),
            ("attributes", str(len(faces.attribute_names) or "none")),
            ("near-duplicates", copies if count else "none"),
        ]

    def answer(self) -> dict[str, Any]:
        """The same as plain values, for programs."""
        faces, about = self.faces, self.faces.description
        measured = {name: None for name in faces.measures if name != "duplicate"}
        return {
            "faces": len(faces),
            "size": faces.size,
            **{key: about[key] for key in ("pictures", "source", "crop", "detector", "rejected")},
            "splits": {split: len(faces.indices(split)) for split in SPLITS},
            "measures": measured | {name: asdict(q) for name, q in self.quartiles.items()},
            "duplicates": self.groups,
            "attributes": [asdict(frequency) for frequency in self.frequencies],
            "correlations": [asdict(pair) for pair in self.correlations],
        }

    def write_page(
        self, path: Path, command: str = "", in_words: Callable[[str, float], str] | None = None
    ) -> None:
        """Write a page that shows the set; it holds the faces themselves.

        ``command`` made it; ``in_words`` says how a limit is set, from its name and value.
        """
        words = {"in_words": in_words} if in_words else {}
        write_inspection(path, self.faces, self.frequencies, self.facts(), command, **words)


def inspect(path: str | Path) -> Inspection:
    """Count and measure what is in a face set.

    Raises:
        UnusableInput: there is none at ``path``, or it is broken.
    """
    faces = FaceSet.open(path)
    suggested = {rank.limit: rank.suggestion(faces.measures[rank.measure]) for rank in RANKINGS}
    return Inspection(
        faces,
        quartiles_of(faces.measures),
        {name: limit for name, limit in suggested.items() if limit is not None},
        [[faces.names[i] for i in group] for group in members(faces.measures["duplicate"])],
        frequencies(faces),
        strongest(correlations(faces.attributes), faces.attribute_names, PAIRS),
    )


def _detector(detector: dict[str, Any] | None) -> str:
    """What found the faces, in words."""
    if not detector:
        return "none: the crop needs no detection"
    network = detector.get("network")
    parts = [detector.get("boxes"), f"alignment network {network[:12]}" if network else None]
    return ", ".join([*filter(None, parts), *(["turned"] if detector.get("turned") else [])])
