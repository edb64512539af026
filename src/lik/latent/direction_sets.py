"""Directions that were fitted once and are kept beside the run.

RUN/directions/NAME.safetensors   one vector (D,) for each direction, of strength 1
RUN/directions/NAME.json          what each means, how it was found, and from what
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file, save

from lik.core.artifacts import check_version, read_json, replacing, sha256_of, write_json
from lik.core.configuration import nearest
from lik.core.errors import UnusableInput
from lik.latent.calibration import Calibration
from lik.latent.directions import Direction

FORMAT = "lik-directions"
VERSION = 1
STRENGTH = "strength"
"""The unit of a calibrated direction: 1 takes the median face from without to with."""


@dataclass(frozen=True)
class DirectionSet:
    """Directions of one method, or one given by example.

    Attributes:
        name: of the set, and of its files.
        directions: name of each → its vector of strength 1.
        calibrations: name → how strength 1 was found, where a network judged it.
        made: method, options, and the hashes of model, face set and network that it is from.
    """

    name: str
    directions: Mapping[str, Direction]
    calibrations: Mapping[str, Calibration] = field(default_factory=dict)
    made: Mapping[str, Any] = field(default_factory=dict)

    def direction(self, name: str) -> Direction:
        """A direction by name; one unit of it is strength 1.

        Raises:
            UnusableInput: there is none of this name; the nearest one is named.
        """
        if name not in self.directions:
            raise UnusableInput(
                f"the directions '{self.name}' know no '{name}'.{nearest(name, self.directions)}"
            )
        return self.directions[name]

    def save(self, run: Path) -> Path:
        """Write the set beside a run; the vectors first, then the JSON that vouches for them."""
        tensors, description = _paths(run, self.name)
        vectors = {name: direction.vector for name, direction in self.directions.items()}
        with replacing(tensors) as temporary:
            temporary.write_bytes(save(vectors))
        entries = {
            name: {"unit": direction.unit} | _calibration(self.calibrations.get(name))
            for name, direction in self.directions.items()
        }
        content = {
            "format": FORMAT, "version": VERSION, "name": self.name, "made": dict(self.made),
            "vectors_sha256": sha256_of(tensors), "directions": entries,
        }  # fmt: skip
        write_json(description, content)
        return tensors

    @classmethod
    def load(cls, run: Path, name: str, model_sha256: str | None = None) -> "DirectionSet":
        """Read a set back.

        Raises:
            UnusableInput: there is none, it is broken or of a newer Lik, or it was fitted on other
                weights than ``model_sha256`` says.
        """
        tensors, description = _paths(run, name)
        if not description.is_file():
            raise UnusableInput(
                f"{run} has no directions '{name}'.{nearest(name, saved_sets(run))} "
                "lik fit-directions makes them."
            )
        content = read_json(description)
        if not isinstance(content, dict) or content.get("format") != FORMAT:
            raise UnusableInput(f"{description} holds no directions of Lik.")
        check_version(str(description), content.get("version"), VERSION)
        if not tensors.is_file() or sha256_of(tensors) != content.get("vectors_sha256"):
            raise UnusableInput(f"{tensors} is not what {description.name} vouches for: fit again.")
        made = content.get("made", {})
        if model_sha256 is not None and made.get("model_sha256") not in (None, model_sha256):
            raise UnusableInput(
                f"the directions '{name}' are of other weights than {run} has now: fit them again."
            )
        try:
            vectors, entries = load_file(tensors), content["directions"]
            directions = {
                key: Direction(key, vectors[key], entry["unit"]) for key, entry in entries.items()
            }
            calibrations = {
                key: Calibration(**entry["calibration"])
                for key, entry in entries.items()
                if "calibration" in entry
            }
        except (KeyError, TypeError, SafetensorError) as error:
            raise UnusableInput(f"{description} is broken: fit the directions again.") from error
        return cls(name, directions, calibrations, made)


def saved_sets(run: Path) -> list[str]:
    """Names of the direction sets beside a run, in alphabetical order."""
    return sorted(file.stem for file in (Path(run) / "directions").glob("*.json"))


def calibrated(direction: Direction, calibration: Calibration) -> Direction:
    """The direction with the length that strength 1 has."""
    length = max(float(np.linalg.norm(direction.vector)), 1e-12)
    vector = direction.vector * np.float32(calibration.length / length)
    return Direction(direction.name, vector, STRENGTH)


def _calibration(calibration: Calibration | None) -> dict[str, Any]:
    return {} if calibration is None else {"calibration": asdict(calibration)}


def _paths(run: Path, name: str) -> tuple[Path, Path]:
    if not name or any(sign in name for sign in "/\\") or name.startswith("."):
        raise UnusableInput(f"'{name}' cannot name directions: use letters, digits, - and _.")
    folder = Path(run) / "directions"
    return folder / f"{name}.safetensors", folder / f"{name}.json"
