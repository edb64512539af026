"""A source: pictures with what is known of them before any face is found."""

import hashlib
import re
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lik.faces.io.folder import Folder
from lik.faces.io.pictures import Container
from lik.faces.io.zips import Zip

SPLIT_NAMES = {
    "train": "train",
    "training": "train",
    "validation": "validation",
    "valid": "validation",
    "val": "validation",
    "dev": "validation",
    "test": "test",
}
"""The three splits, by the names that are in use for them."""


@dataclass(frozen=True)
class Source:
    """N pictures with their splits and labels.

    Attributes:
        description: what the source is, for people.
        container: reads the pictures.
        names: the pictures in order.
        splits: 'train', 'validation', 'test', or None where the source has none.
        attribute_names, attributes: labels (N, A), NaN where unknown.
        factor_names, factors: true values of what was drawn (N, F); empty for photographs.
        eyes: where the eyes of each picture are (N, 2, 2): first the one of smaller x, then the
            other, each (x, y) in shares of the upright picture's width and height, counted from
            its upper left corner; NaN where unknown, empty (0, 2, 2) where all are.
        aligned: the pictures are square faces already, so that nothing is to be detected.
    """

    description: str
    container: Container
    names: list[str]
    splits: list[str | None]
    attribute_names: list[str] = field(default_factory=list)
    attributes: NDArray[np.float64] = field(default_factory=lambda: np.zeros((0, 0)))
    factor_names: list[str] = field(default_factory=list)
    factors: NDArray[np.float64] = field(default_factory=lambda: np.zeros((0, 0)))
    eyes: NDArray[np.float64] = field(default_factory=lambda: np.zeros((0, 2, 2)))
    aligned: bool = False

    @property
    def identity(self) -> str:
        """A hash of the names, splits, labels and eyes: the same job has the same one."""
        digest = hashlib.sha256()
        for part in (self.names, self.splits, self.attribute_names, self.factor_names):
            digest.update(repr(part).encode())
        for values in (self.attributes, self.eyes):
            digest.update(np.ascontiguousarray(values).tobytes())
        return digest.hexdigest()

    @property
    def fingerprint(self) -> str:
        """A hash of the pictures' sizes and times: another where one was replaced."""
        return ""


def container_of(path: Path) -> Container:
    """A folder or a zip, as a container."""
    return Folder(path) if path.is_dir() else Zip(path)


def hashed_split(name: str) -> str:
    """80 % train, 10 % validation, 10 % test, by a hash of the name alone."""
    bucket = int.from_bytes(hashlib.sha256(name.encode()).digest()[:4], "big") % 10
    return "test" if bucket == 9 else "validation" if bucket == 8 else "train"


def split_of(file: str, among_others: bool) -> str | None:
    """The split that a file of a set is named after, as ``train-00000-of-00019.parquet``.

    Args:
        file: its name relative to the set, with '/'; a folder ``test`` speaks for its files.
        among_others: the set has several files, so that ``test.parquet`` names a split too.
    """
    *folders, name = file.lower().split("/")
    stem = name.split(".", 1)[0]
    sharded = re.fullmatch(rf"(?:.*[-_])?({'|'.join(SPLIT_NAMES)})[-_]\d.*", stem)
    if sharded:
        return SPLIT_NAMES[sharded[1]]
    named = [stem] if among_others else []
    return next((SPLIT_NAMES[part] for part in named + folders[::-1] if part in SPLIT_NAMES), None)
