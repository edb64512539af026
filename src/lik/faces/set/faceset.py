"""Reading a face set: the folder that `lik prepare` makes.

images.npy     uint8 (N, S, S, 3), memory-mapped
index.csv      one row per face: name, split, crop box, measures, attributes
faceset.json   source, detector, crop rule, counts, attribute names, hashes
rejected.csv   every picture left out, with the reason
rejected.npy   thumbnails of some of them, uint8 (R, T, T, 3)
factors.csv    true factors, for drawn faces only
"""

import csv
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lik.core.artifacts import check_version, read_json, sha256_of
from lik.core.errors import UnusableInput

FORMAT = "lik-faceset"
VERSION = 2
NAME_COLUMNS = ["name", "split"]
BOX_COLUMNS = ["x", "y", "side", "angle"]
MEASURES = ["score", "detected", "sharpness", "brightness", "invented", "duplicate"]
"""What is measured of a face, and the columns of index.csv that hold it.

score       how sure the detector was: confidence 0…1 of the alignment network or of YuNet;
            where only the cascade looked, the weight of its last stage
detected    side of the detection in the source picture, in pixels
sharpness, brightness   see `lik.faces.set.quality`
invented    share of the crop, 0…1, that lies outside of the picture
duplicate   number of the group of near-duplicates; empty where the face has none
"""


@dataclass(frozen=True)
class Rejected:
    """A picture, or one face of it, that was left out; a thumbnail (T, T, 3) where there is one."""

    name: str
    reason: str
    thumbnail: NDArray[np.uint8] | None


@dataclass(frozen=True)
class FaceSet:
    """N faces with their splits and attributes.

    Attributes:
        images: uint8 (N, S, S, 3), memory-mapped, read only.
        names, splits: what each face is called; 'train', 'validation' or 'test'.
        boxes: (N, 4) corner x and y, side and angle of the crop in the picture, as `Square` has.
        measures: name of `MEASURES` → (N,), NaN where unknown.
        attributes: (N, A), 1 and −1 or real numbers, NaN where unknown.
        factors: (N, F) true values of drawn faces, or None.
        description: all of faceset.json.
    """

    path: Path
    images: NDArray[np.uint8]
    names: list[str]
    splits: NDArray[np.str_]
    boxes: NDArray[np.float64]
    measures: dict[str, NDArray[np.float64]]
    attribute_names: list[str]
    attributes: NDArray[np.float64]
    factor_names: list[str]
    factors: NDArray[np.float64] | None
    description: dict[str, Any]

    def __len__(self) -> int:
        return len(self.images)

    @property
    def size(self) -> int:
        """Side S of the faces, in pixels."""
        return int(self.images.shape[1])

    @property
    def crop(self) -> dict[str, Any]:
        """The crop rule, as plain values."""
        return dict(self.description["crop"])

    @property
    def hash(self) -> str:
        """The SHA-256 of images.npy, as it was when the set was made."""
        return str(self.description["sha256"]["images.npy"])

    @property
    def index_hash(self) -> str | None:
        """The SHA-256 of index.csv, as it was when the set was made, where it was kept."""
        stored: str | None = self.description["sha256"].get("index.csv")
        return stored

    def indices(self, split: str | None = None) -> NDArray[np.int64]:
        """The faces of a split, in order; of all splits for None."""
        chosen = np.ones(len(self), bool) if split is None else self.splits == split
        return np.flatnonzero(chosen)

    def to_learn_from(self) -> NDArray[np.int64]:
        """The training faces, or all where none are for training."""
        training = self.indices("train")
        return training if len(training) else self.indices()

    @classmethod
    def open(cls, path: str | Path) -> "FaceSet":
        """Open a face set and see that its parts fit together.

        Raises:
            UnusableInput: there is none, it is broken, or a newer Lik made it.
        """
        path = Path(path)
        description = _description(path)
        images = _images(path / "images.npy", description)
        index = path / "index.csv"
        columns, rows = _rows(index)
        if len(rows) != len(images):
            raise UnusableInput(
                f"{index} has {len(rows)} rows for {len(images)} faces: prepare the set again."
            )
        attribute_names = [str(name) for name in description["attribute_names"]]
        own = len(columns) - len(attribute_names)
        if columns[:2] != NAME_COLUMNS or columns[own:] != attribute_names:
            raise UnusableInput(
                f"{index} does not have the columns that faceset.json says: prepare the set again."
            )
        numbers = _numbers(index, [row[2:] for row in rows]).reshape(len(rows), len(columns) - 2)
        known = dict(zip(columns[2:own], numbers.T, strict=False))
        unknown = np.full(len(rows), np.nan)
        boxes = [known.get(name, np.zeros(len(rows))) for name in BOX_COLUMNS]
        factor_names, factors = _factors(path / "factors.csv", len(images))
        return cls(
            path,
            images,
            [row[0] for row in rows],
            np.array([row[1] for row in rows], dtype=np.str_),
            np.stack(boxes, axis=1),
            {name: known.get(name, unknown) for name in MEASURES},
            attribute_names,
            numbers[:, own - 2 :],
            factor_names,
            factors,
            description,
        )

    def rejected(self) -> list["Rejected"]:
        """Everything that was left out, in the order of the source."""
        columns, rows = _rows(self.path / "rejected.csv")
        file = self.path / "rejected.npy"
        thumbnails = np.load(file, mmap_mode="r", allow_pickle=False) if file.is_file() else ()
        entries = [dict(zip(columns, row, strict=True)) for row in rows]
        numbers = [int(entry.get("thumbnail") or -1) for entry in entries]
        return [
            Rejected(
                entry["name"],
                entry["reason"],
                np.array(thumbnails[number]) if 0 <= number < len(thumbnails) else None,
            )
            for entry, number in zip(entries, numbers, strict=True)
        ]

    def verify(self) -> None:
        """Read every byte and compare with the hashes that were stored.

        Raises:
            UnusableInput: a file is not what it was when the set was made.
        """
        for name, expected in self.description["sha256"].items():
            file = self.path / name
            try:
                found = sha256_of(file)
            except OSError as error:
                raise UnusableInput(
                    f"{file} cannot be read ({error.strerror or error}): prepare the set again."
                ) from error
            if found != expected:
                raise UnusableInput(
                    f"{file} has changed since the set was made: prepare the set again."
                )


def _description(path: Path) -> dict[str, Any]:
    if not path.exists():
        raise UnusableInput(f"there is no face set at {path}: lik prepare makes one.")
    file = path / "faceset.json"
    if not file.is_file():
        raise UnusableInput(
            f"{path} is no finished face set (no faceset.json): make it with lik prepare SOURCE "
            f"{path}."
        )
    description = read_json(file)
    if not isinstance(description, dict) or description.get("format") != FORMAT:
        raise UnusableInput(f"{file} does not describe a face set of Lik.")
    check_version(str(path), description.get("version"), VERSION)
    broken = [key for key, holds in _REQUIRED.items() if not holds(description.get(key))]
    if broken:
        raise UnusableInput(
            f"{file} lacks {', '.join(broken)}, or it is not what it should be: prepare the set "
            "again."
        )
    return description


def _are_words(value: Any) -> bool:
    return all(isinstance(word, str) for word in value)


_REQUIRED: dict[str, Callable[[Any], bool]] = {
    "size": lambda value: isinstance(value, int),
    "kept": lambda value: isinstance(value, int),
    "crop": lambda value: isinstance(value, dict) and isinstance(value.get("kind"), str),
    "sha256": lambda value: (
        isinstance(value, dict) and "images.npy" in value and _are_words(value.values())
    ),
    "attribute_names": lambda value: isinstance(value, list) and _are_words(value),
}
"""What faceset.json must hold, and what is asked of it."""


def _images(path: Path, description: dict[str, Any]) -> NDArray[np.uint8]:
    expected = (description["kept"], description["size"], description["size"], 3)
    try:
        images: NDArray[np.uint8] = np.load(path, mmap_mode="r", allow_pickle=False)
    except FileNotFoundError:
        raise UnusableInput(f"{path} is missing: prepare the set again.") from None
    except (ValueError, OSError, EOFError, zipfile.BadZipFile) as error:
        raise UnusableInput(f"{path} is broken ({error}): prepare the set again.") from error
    if not isinstance(images, np.ndarray):  # NumPy opens archives of arrays as well
        raise UnusableInput(f"{path} is broken (no single array): prepare the set again.")
    if images.dtype != np.uint8 or images.shape != expected:
        raise UnusableInput(
            f"{path} is broken: it holds {images.dtype} {images.shape} where faceset.json says "
            f"uint8 {expected}; prepare the set again."
        )
    return images


def _rows(path: Path) -> tuple[list[str], list[list[str]]]:
    try:
        with open(path, encoding="utf-8", newline="") as file:
            lines = list(csv.reader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UnusableInput(f"{path} cannot be read ({error}): prepare the set again.") from error
    if not lines or any(len(line) != len(lines[0]) for line in lines):
        raise UnusableInput(f"{path} is broken: its rows differ in length; prepare the set again.")
    return lines[0], lines[1:]


def _numbers(path: Path, rows: list[list[str]]) -> NDArray[np.float64]:
    try:
        return np.array([[float(v) if v else np.nan for v in row] for row in rows], np.float64)
    except ValueError as error:
        raise UnusableInput(f"{path} is broken ({error}): prepare the set again.") from error


def _factors(path: Path, count: int) -> tuple[list[str], NDArray[np.float64] | None]:
    if not path.is_file():
        return [], None
    columns, rows = _rows(path)
    if len(rows) != count:
        raise UnusableInput(f"{path} has {len(rows)} rows for {count} faces: prepare it again.")
    return columns, _numbers(path, rows).reshape(count, len(columns))
