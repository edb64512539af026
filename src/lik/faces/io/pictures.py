"""What pictures, what holds them, and what is said of those that cannot be read.

Pictures are uint8 (H, W, 3), red first. Sizes are those of the upright picture, after the
orientation that EXIF asks for.
"""

from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]

LITTER = {".DS_Store", "Thumbs.db", "desktop.ini", "__MACOSX"}
"""What operating systems leave in folders and archives: passed over in silence."""


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


def is_litter(name: str) -> bool:
    """Whether a file, named with '/', is what an operating system leaves behind."""
    parts = name.split("/")
    return any(part in LITTER or part.startswith("._") for part in parts)


def stamp(path: Path) -> tuple[int, int]:
    """Time of change and size of a file: what a process keeps of it holds while these do.

    Raises:
        OSError: the file is not there.
    """
    state = path.stat()
    return state.st_mtime_ns, state.st_size
