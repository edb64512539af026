"""What pictures, what holds them, and what is said of those that cannot be read.

Pictures are uint8 (H, W, 3), red first. Sizes are those of the upright picture, after the
orientation that EXIF asks for.
"""

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


class NotAPicture(Exception):
    """Something that holds no picture that can be read.

    The message is the reason, for people. Reasons are counted, so that the same trouble has the
    same words, without sizes or names.
    """


class Encoded(Protocol):
    """A picture of which the size is known and the pixels can be asked for, more than once."""

    @property
    def width(self) -> int:
        """Pixels from left to right of the whole upright picture."""

    @property
    def height(self) -> int:
        """Pixels from top to bottom of the whole upright picture."""

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
    """Time of change and size of a file: what a process keeps of it holds while these do.

    Raises:
        OSError: the file is not there.
    """
    state = path.stat()
    return state.st_mtime_ns, state.st_size
