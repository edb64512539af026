"""What guided edits are measured by: std of codes and logits over faces, and shared directions.

RUN/directions/guided.json   kept beside the run, for one state of its weights
"""

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Literal

from lik.core.artifacts import check_version, read_json, write_json
from lik.core.configuration import Settings, validated
from lik.core.errors import UnusableInput

GUIDED = "guided"
"""The method, and the name of the file."""
VERSION = 1


class GuidedStatistics(Settings):
    """Measures of the faces of one run.

    All numbers have four digits, so that what is measured again is the same, whatever was in a
    batch together.

    Attributes:
        model_sha256: the weights that they are of. faces_sha256: the faces. faces: their set.
        attributes: the A attributes that every network below knows, in this order.
        scale: (D,) standard deviations of the codes of faces.
        along: attribute → (D,) its joint effect, along which faces set out; those that do not
            divide the faces are missing.
        stds: hash of a network → (A,) standard deviations of its logits over faces; the first one
            measures. paths: hash of a network → where it lay.
    """

    format: Literal["lik-guided"] = "lik-guided"
    version: int = VERSION
    model_sha256: str
    faces_sha256: str
    faces: str
    attributes: tuple[str, ...]
    scale: tuple[float, ...]
    along: dict[str, tuple[float, ...]]
    stds: dict[str, tuple[float, ...]]
    paths: dict[str, str]

    @property
    def fingerprint(self) -> str:
        """A short hash that other faces, other codes or other networks change."""
        told = json.dumps([self.attributes, self.scale, self.along, self.stds])
        return hashlib.sha256(told.encode()).hexdigest()[:16]

    def save(self, run: Path) -> Path:
        """Write them beside a run."""
        path = _path(run)
        write_json(path, self.model_dump(mode="json"))
        return path

    @classmethod
    def load(cls, run: Path) -> "GuidedStatistics | None":
        """Read what is kept beside a run; None where nothing is.

        Raises:
            UnusableInput: it is broken, or of a newer Lik.
        """
        path = _path(run)
        if not path.is_file():
            return None
        content = read_json(path)
        if not isinstance(content, dict) or content.get("format") != "lik-guided":
            raise UnusableInput(f"{path} holds no statistics of guided edits: remove it.")
        check_version(str(path), content.get("version"), VERSION)
        return validated(cls, content, str(path))


def four_digits(values: Iterable[float]) -> tuple[float, ...]:
    """The numbers rounded to four significant digits."""
    return tuple(float(f"{value:.4g}") for value in values)


def _path(run: Path) -> Path:
    return Path(run) / "directions" / f"{GUIDED}.json"
