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
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from lik.core.artifacts import check_version, read_json, sha256_of
from lik.core.configuration import Settings, validated
from lik.core.errors import UnusableInput
from lik.core.tables import ShownAsTable, Table

FORMAT = "lik-faceset"
VERSION = 3
NAME_COLUMNS = ["name", "split"]
BOX_COLUMNS = ["x", "y", "side", "angle"]
MEASURES = ["score", "detected", "sharpness", "brightness", "padding_fraction", "duplicate"]
"""What is measured of a face, and the columns of index.csv that hold it.

score       how sure the detector was: confidence 0…1 of the alignment network or of YuNet;
            where only the cascade looked, the weight of its last stage
detected    side of the detection in the source picture, in pixels
sharpness, brightness   see `lik.faces.set.quality`
padding_fraction        share of the crop, 0…1, that lies outside of the picture
duplicate   number of the group of near-duplicates; empty where the face has none
"""


SPLITS = ("train", "validation", "test")
ATTRIBUTE_COLUMNS = 3
"""Attributes that stand beside each other where a set shows itself."""


class _Crop(BaseModel):
    """Any crop rule; `lik.faces.crop.cropping.crop_rule` checks the rest of it."""

    model_config = ConfigDict(extra="allow")
    kind: str


class _Hashes(BaseModel):
    """The SHA-256 of the files of a set, of which these two are always there."""

    model_config = ConfigDict(extra="allow")
    images: str = Field(alias="images.npy")
    index: str = Field(alias="index.csv")


class _Description(Settings):
    """What faceset.json holds."""

    model_config = ConfigDict(strict=True)

    format: Literal["lik-faceset"]
    version: Literal[3]
    source: str
    detector: dict[str, Any] | None
    crop: _Crop
    size: int = Field(ge=1)
    pictures: int
    kept: int = Field(ge=1)
    splits: dict[str, int]
    rejected: dict[str, int]
    attribute_names: list[str]
    sha256: _Hashes
    job: dict[str, Any]
    fingerprint: str


@dataclass(frozen=True)
class Rejected:
    """A picture, or one face of it, that was left out; a thumbnail (T, T, 3) where there is one."""

    name: str
    reason: str
    thumbnail: NDArray[np.uint8] | None


@dataclass(frozen=True, repr=False)
class FaceSet(ShownAsTable):
    """N faces with their splits and attributes; it shows its numbers, for faces may be private.

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
    def index_hash(self) -> str:
        """The SHA-256 of index.csv, as it was when the set was made."""
        return str(self.description["sha256"]["index.csv"])

    def tables(self) -> Sequence[Table]:
        splits = [f"{len(self.indices(split)):,} {split}" for split in SPLITS]
        facts = [
            ("faces", f"{len(self):,} of {self.size}×{self.size} pixels"),
            ("splits", ", ".join(splits)),
            ("source", str(self.description["source"])),
            ("crop", str(self.crop["kind"])),
        ]
        shares = [
            (name, _level(values))
            for name, values in zip(self.attribute_names, self.attributes.T, strict=True)
        ]
        if not shares:
            return [Table(facts)]
        high = -(-len(shares) // ATTRIBUTE_COLUMNS)
        shares += [("", "")] * (high * ATTRIBUTE_COLUMNS - len(shares))
        rows = [sum(shares[row::high], ()) for row in range(high)]
        return [
            Table(facts),
            Table(rows, before=["attributes, and how many of the faces have them"]),
        ]

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
            UnusableInput: there is none, it is broken, or another version of Lik made it.
        """
        path = Path(path)
        description = read_description(path)
        images = _images(path / "images.npy", description)
        attribute_names = list(description["attribute_names"])
        columns = NAME_COLUMNS + BOX_COLUMNS + MEASURES + attribute_names
        index = path / "index.csv"
        found, rows = _rows(index, len(images))
        if found != columns:
            raise _broken(index, "its columns are not those that faceset.json says")
        names = [row[0] for row in rows]
        twice = [name for name, count in Counter(names).items() if count > 1]
        if twice:
            raise _broken(index, f"it has '{twice[0]}' more than once")
        numbers = _numbers(index, [row[2:] for row in rows], len(columns) - 2)
        boxes, measures, attributes = np.split(numbers, [4, 4 + len(MEASURES)], axis=1)
        factor_names: list[str] = []
        factors = None
        if (path / "factors.csv").is_file():
            factor_names, rows_of_factors = _rows(path / "factors.csv", len(images))
            factors = _numbers(path / "factors.csv", rows_of_factors, len(factor_names))
        return cls(
            path,
            images,
            names,
            np.array([row[1] for row in rows], dtype=np.str_),
            boxes,
            dict(zip(MEASURES, measures.T, strict=True)),
            attribute_names,
            attributes,
            factor_names,
            factors,
            description,
        )

    def rejected(self) -> list[Rejected]:
        """Everything that was left out, in the order of the source."""
        _, rows = _rows(self.path / "rejected.csv")
        file = self.path / "rejected.npy"
        thumbnails = np.load(file, mmap_mode="r", allow_pickle=False) if file.is_file() else ()
        return [
            Rejected(name, reason, np.array(thumbnails[int(number)]) if number else None)
            for name, reason, number in rows
        ]

    def verify(self) -> None:
        """Read every byte and compare with the hashes that were stored.

        Raises:
            UnusableInput: a file is not what it was when the set was made.
        """
        changed = changed_files(self.path, self.description)
        if changed:
            raise _broken(self.path / changed[0], "it has changed since the set was made")


def _level(values: NDArray[np.float64]) -> str:
    """How many of the faces (N,) of which it is known have an attribute, or its mean."""
    known = values[~np.isnan(values)]
    if not len(known):
        return "–"
    if np.isin(known, (-1.0, 1.0)).all():
        return f"{100 * np.mean(known > 0):3.0f} %"
    return f"mean {known.mean():.3g}"


def read_description(path: Path) -> dict[str, Any]:
    """What faceset.json says of a face set.

    Raises:
        UnusableInput: there is no finished face set at ``path``, or another version's.
    """
    if not path.exists():
        raise UnusableInput(f"there is no face set at {path}: lik prepare makes one.")
    file = path / "faceset.json"
    if not file.is_file():
        raise UnusableInput(
            f"{path} is no finished face set (no faceset.json): make it with lik prepare SOURCE "
            f"{path}."
        )
    content = read_json(file)
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise UnusableInput(f"{file} does not describe a face set of Lik.")
    check_version(str(path), content.get("version"), VERSION)
    validated(_Description, content, f"{file} is broken; prepare the set again")
    return content


def changed_files(path: Path, description: dict[str, Any]) -> list[str]:
    """The files of a set that are gone, or are not what they were when it was made."""
    return [
        name
        for name, expected in description["sha256"].items()
        if not (path / name).is_file() or sha256_of(path / name) != expected
    ]


def _broken(path: Path, why: str) -> UnusableInput:
    return UnusableInput(f"{path} is broken ({why}): prepare the set again.")


def _images(path: Path, description: dict[str, Any]) -> NDArray[np.uint8]:
    expected = (description["kept"], description["size"], description["size"], 3)
    try:
        images: NDArray[np.uint8] = np.load(path, mmap_mode="r", allow_pickle=False)
    except (ValueError, OSError, EOFError, zipfile.BadZipFile) as error:
        raise _broken(path, getattr(error, "strerror", None) or str(error)) from error
    if not isinstance(images, np.ndarray):  # NumPy opens archives of arrays as well
        raise _broken(path, "no single array")
    if images.dtype != np.uint8 or images.shape != expected:
        found = f"{images.dtype} {images.shape}"
        raise _broken(path, f"it holds {found} where faceset.json says uint8 {expected}")
    return images


def _rows(path: Path, count: int | None = None) -> tuple[list[str], list[list[str]]]:
    """The head of a table, and its rows."""
    try:
        with open(path, encoding="utf-8", newline="") as file:
            head, *rows = list(csv.reader(file))
    except (OSError, ValueError, csv.Error) as error:
        raise _broken(path, getattr(error, "strerror", None) or str(error)) from error
    if any(len(row) != len(head) for row in rows):
        raise _broken(path, "its rows differ in length")
    if count is not None and len(rows) != count:
        raise _broken(path, f"it has {len(rows)} rows for {count} faces")
    return head, rows


def _numbers(path: Path, rows: list[list[str]], columns: int) -> NDArray[np.float64]:
    try:
        numbers = [[float(v) if v else np.nan for v in row] for row in rows]
    except ValueError as error:
        raise _broken(path, str(error)) from error
    return np.array(numbers, np.float64).reshape(len(rows), columns)
