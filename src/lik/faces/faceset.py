"""Reading a face set: the folder that `lik prepare` makes.

images.npy     uint8 (N, S, S, 3), memory-mapped
index.csv      one row per face: name, split, crop box, score, attributes
faceset.json   source, detector, crop rule, counts, attribute names, hashes
rejected.csv   every picture left out, with the reason
factors.csv    true factors, for drawn faces only
"""

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lik.core.artifacts import read_json, sha256_of
from lik.core.errors import UnusableInput

FORMAT = "lik-faceset"
VERSION = 1
BOX_COLUMNS = ["name", "split", "x", "y", "side", "score"]


@dataclass(frozen=True)
class FaceSet:
    """N faces with their splits and attributes.

    Attributes:
        images: uint8 (N, S, S, 3), memory-mapped, read only.
        names, splits: what each face is called; 'train', 'validation' or 'test'.
        attributes: (N, A), 1 and −1 or real numbers, NaN where unknown.
        factors: (N, F) true values of drawn faces, or None.
        description: all of faceset.json.
    """

    path: Path
    images: NDArray[np.uint8]
    names: list[str]
    splits: NDArray[np.str_]
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

    def indices(self, split: str | None = None) -> NDArray[np.int64]:
        """The faces of a split, in order; of all splits for None."""
        chosen = np.ones(len(self), bool) if split is None else self.splits == split
        return np.flatnonzero(chosen)

    @classmethod
    def open(cls, path: str | Path) -> "FaceSet":
        """Open a face set and see that its parts fit together.

        Raises:
            UnusableInput: there is none, it is broken, or a newer Lik made it.
        """
        path = Path(path)
        description = _description(path)
        images = _images(path / "images.npy", description)
        columns, rows = _rows(path / "index.csv")
        if len(rows) != len(images):
            raise UnusableInput(
                f"{path / 'index.csv'} has {len(rows)} rows for {len(images)} faces: "
                "prepare the set again."
            )
        attribute_names = columns[len(BOX_COLUMNS) :]
        labels = _numbers(path / "index.csv", [row[len(BOX_COLUMNS) :] for row in rows])
        factor_names, factors = _factors(path / "factors.csv", len(images))
        return cls(
            path,
            images,
            [row[0] for row in rows],
            np.array([row[1] for row in rows], dtype=np.str_),
            attribute_names,
            labels.reshape(len(rows), len(attribute_names)),
            factor_names,
            factors,
            description,
        )

    def verify(self) -> None:
        """Read every byte and compare with the hashes that were stored.

        Raises:
            UnusableInput: a file is not what it was when the set was made.
        """
        for name, expected in self.description["sha256"].items():
            if sha256_of(self.path / name) != expected:
                raise UnusableInput(
                    f"{self.path / name} has changed since the set was made: prepare it again."
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
    if description.get("version", 0) > VERSION:
        raise UnusableInput(
            f"{path} has format version {description['version']}, and this Lik knows versions up "
            f"to {VERSION}: update Lik to use it."
        )
    missing = {"size", "kept", "crop", "sha256"} - set(description)
    if missing:
        raise UnusableInput(f"{file} lacks {', '.join(sorted(missing))}: prepare the set again.")
    return description


def _images(path: Path, description: dict[str, Any]) -> NDArray[np.uint8]:
    expected = (description["kept"], description["size"], description["size"], 3)
    try:
        images: NDArray[np.uint8] = np.load(path, mmap_mode="r", allow_pickle=False)
    except FileNotFoundError:
        raise UnusableInput(f"{path} is missing: prepare the set again.") from None
    except (ValueError, OSError, EOFError) as error:
        raise UnusableInput(f"{path} is broken ({error}): prepare the set again.") from error
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
