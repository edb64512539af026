"""Pictures, what holds them, and a source: pictures with what is known of them beforehand.

Pictures are uint8 (H, W, 3), red first, and upright, after the orientation that EXIF asks for.
"""

import hashlib
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]

LITTER = {
    "__macosx", "@eadir", "@recycle", "#recycle", "#snapshot", "$recycle.bin", "lost+found",
    "system volume information", "thumbs.db", "ehthumbs.db", "desktop.ini", "icon\r",
}  # fmt: skip
"""What systems and programs leave in folders and archives, in small letters."""

SUFFIXES = {
    ".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff", ".gif", ".ppm", ".pgm", ".avif",
    ".jp2", ".heic",
}  # fmt: skip
"""What files of pictures end with, where they lie among others; elsewhere it does not matter."""

SPLIT_NAMES = {
    "train": "train", "training": "train", "validation": "validation", "valid": "validation",
    "val": "validation", "dev": "validation", "test": "test",
}  # fmt: skip
"""The three splits, by the names that are in use for them."""


class NotAPicture(Exception):
    """Something that holds no picture that can be read; the message is the reason, for people.

    Reasons are counted, so that the same trouble has the same words, without sizes or names.
    """


class Encoded(Protocol):
    """A picture of which the upright size is known and the pixels can be asked for repeatedly."""

    @property
    def width(self) -> int: ...

    @property
    def height(self) -> int: ...

    def decode(self, least: int | None = None) -> Picture:
        """The upright pixels, RGB uint8 (H, W, 3).

        With ``least`` the picture may come in a half, a fourth or an eighth of its size, as long
        as its shorter side has ``least`` pixels or more. It is then still the whole picture: its
        scale is ``width / W``, right to less than one of its own pixels at the far edge.

        Raises:
            NotAPicture: the pixels cannot be read.
        """


class Container(Protocol):
    """Something that holds pictures by name; it can be sent to another process.

    What is sent is small: the other process opens and lists the files anew, once.
    """

    def names(self) -> list[str]:
        """The names of all candidates, in the order of the set, each once."""

    def open(self, name: str) -> Encoded:
        """The picture of that name, its header read and its pixels not yet.

        Raises:
            NotAPicture: it cannot be read, or is more than Lik takes.
        """

    def stamp(self, name: str) -> str:
        """What is another where the file of that name has been replaced, without reading it."""


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
        """A hash of the pictures' sizes and times or checksums: another where one was replaced.

        No picture is read for it. It belongs to the place: a copy of a folder may have another.
        """
        digest = hashlib.sha256()
        for name in self.names:
            digest.update(f"{name!r} {self.container.stamp(name)}\n".encode())
        return digest.hexdigest()


def is_litter(name: str) -> bool:
    """Whether a file, named with '/', is hidden or what a system or program leaves behind.

    Copies of pictures lie in such places (``.ipynb_checkpoints``, ``.thumbnails``, ``@eaDir``).
    """
    parts = name.replace("\\", "/").split("/")
    return any(
        (part[:1] == "." and part not in (".", "..")) or part.lower() in LITTER for part in parts
    )


def suffix_of(name: str) -> str:
    """The suffix of a file, named with '/', in small letters: ``.jpg``."""
    dot = name.rfind(".")
    return name[dot:].lower() if dot > name.rfind("/") else ""


def key_of(name: str) -> str:
    """The name of a file, with '/', up to the first dot of its last part."""
    folder, slash, base = name.rpartition("/")
    return folder + slash + base.split(".", 1)[0]


def has_picture_suffix(name: str) -> bool:
    """Whether a file is called as pictures are."""
    return suffix_of(name) in SUFFIXES


def state_of(path: Path) -> tuple[int, int]:
    """Time of change and size of a file: what a process keeps of it holds while these do."""
    state = path.stat()
    return state.st_mtime_ns, state.st_size


def hashed_split(name: str) -> str:
    """80 % train, 10 % validation, 10 % test, by a hash of the name alone."""
    bucket = int.from_bytes(hashlib.sha256(name.encode()).digest()[:4], "big") % 10
    return "test" if bucket == 9 else "validation" if bucket == 8 else "train"


def split_of(file: str, among_others: bool) -> str | None:
    """The split that a file of a set is named after, as ``train-00000-of-00019.parquet``.

    Its name is relative to the set, with '/': a folder ``test`` speaks for its files. Only where
    the file is ``among_others``, ``test.parquet`` names a split too.
    """
    *folders, name = file.lower().split("/")
    stem = name.split(".", 1)[0]
    sharded = re.fullmatch(rf"(?:.*[-_])?({'|'.join(SPLIT_NAMES)})[-_]\d.*", stem)
    if sharded:
        return SPLIT_NAMES[sharded[1]]
    named = [stem] if among_others else []
    return next((SPLIT_NAMES[part] for part in named + folders[::-1] if part in SPLIT_NAMES), None)
