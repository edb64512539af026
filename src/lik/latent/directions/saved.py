"""Directions that were fitted once and are kept beside the run.

RUN/directions/NAME.safetensors   one vector (D,) for each direction, of strength 1
RUN/directions/NAME.json          what each means, how it was found, and from what
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from safetensors import SafetensorError
from safetensors.numpy import load_file, save

from lik.core.artifacts import check_version, read_json, replacing, sha256_of, write_json
from lik.core.configuration import Settings, nearest, validated
from lik.core.errors import UnusableInput
from lik.latent.directions.calibration import Calibration
from lik.latent.directions.direction import Direction

VERSION = 1


class _Entry(Settings):
    unit: str
    calibration: Calibration | None = None


class _Description(Settings):
    format: Literal["lik-directions"] = "lik-directions"
    version: int = VERSION
    name: str
    made: dict[str, Any]
    vectors_sha256: str
    directions: dict[str, _Entry]


@dataclass(frozen=True)
class DirectionSet:
    """Directions of one method, or one given by example.

    Attributes:
        name: of the set, and of its files.
        directions: name of each → its vector of strength 1.
        calibrations: name → how strength 1 was found, where a network told it.
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
        tensors, file = _paths(run, self.name)
        vectors = {name: direction.vector for name, direction in self.directions.items()}
        with replacing(tensors) as temporary:
            temporary.write_bytes(save(vectors))
        entries = {
            name: _Entry(unit=direction.unit, calibration=self.calibrations.get(name))
            for name, direction in self.directions.items()
        }
        description = _Description(
            name=self.name, made=dict(self.made), vectors_sha256=sha256_of(tensors),
            directions=entries,
        )  # fmt: skip
        write_json(file, description.model_dump(mode="json", exclude_none=True))
        return tensors

    @classmethod
    def load(cls, run: Path, name: str, model_sha256: str | None = None) -> "DirectionSet":
        """Read a set back.

        Raises:
            UnusableInput: there is none, it is broken or of a newer Lik, or it was fitted on other
                weights than ``model_sha256`` says.
        """
        tensors, file = _paths(run, name)
        if not file.is_file():
            raise UnusableInput(
                f"{run} has no directions '{name}'.{nearest(name, saved_sets(run))} "
                "lik fit-directions makes them."
            )
        content = read_json(file)
        if not isinstance(content, dict) or content.get("format") != "lik-directions":
            raise UnusableInput(f"{file} holds no directions of Lik.")
        check_version(str(file), content.get("version"), VERSION)
        told = validated(_Description, content, str(file))
        if not tensors.is_file() or sha256_of(tensors) != told.vectors_sha256:
            raise UnusableInput(f"{tensors} is not what {file.name} vouches for: fit again.")
        if model_sha256 is not None and told.made.get("model_sha256") not in (None, model_sha256):
            raise UnusableInput(
                f"the directions '{name}' are of other weights than {run} has now: fit them again."
            )
        try:
            vectors = load_file(tensors)
            directions = {
                key: Direction(key, vectors[key], entry.unit)
                for key, entry in told.directions.items()
            }
        except (KeyError, SafetensorError) as error:
            raise UnusableInput(f"{tensors} is broken: fit the directions again.") from error
        calibrations = {
            key: entry.calibration for key, entry in told.directions.items() if entry.calibration
        }
        return cls(name, directions, calibrations, told.made)


def saved_sets(run: Path) -> list[str]:
    """Names of the direction sets beside a run, in alphabetical order."""
    files = (Path(run) / "directions").glob("*.json")
    return sorted(file.stem for file in files if file.with_suffix(".safetensors").is_file())


def _paths(run: Path, name: str) -> tuple[Path, Path]:
    if not name or any(sign in name for sign in "/\\") or name.startswith("."):
        raise UnusableInput(f"'{name}' cannot name directions: use letters, digits, - and _.")
    folder = Path(run) / "directions"
    return folder / f"{name}.safetensors", folder / f"{name}.json"
