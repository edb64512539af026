"""Where pictures lie and how they are read: folders and zips of files, decoded to RGB.

Pictures are uint8 (H, W, 3), red first.
"""

import zipfile
from pathlib import Path
from typing import Any, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from lik.core.errors import UnusableInput

Picture = NDArray[np.uint8]

LITTER = {".DS_Store", "Thumbs.db", "desktop.ini", "__MACOSX"}
"""What operating systems leave in folders and zips: passed over in silence."""


class NotAPicture(Exception):
    """A file that holds no picture that can be read; the message is the reason."""


class Container(Protocol):
    """Something that holds pictures by name; it can be sent to another process."""

    def names(self) -> list[str]:
        """The names of all candidates, in the order of the set."""

    def picture(self, name: str) -> Picture:
        """The picture of that name; raises `NotAPicture`."""


class Folder:
    """All files of a folder and the folders in it, named relative to it with '/'."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def names(self) -> list[str]:
        files = (file for file in self.path.rglob("*") if file.is_file())
        names = (file.relative_to(self.path).as_posix() for file in files)
        return sorted(name for name in names if not _is_litter(name))

    def picture(self, name: str) -> Picture:
        try:
            data = (self.path / name).read_bytes()
        except OSError as error:
            raise NotAPicture(f"cannot be read ({error.strerror})") from error
        return decode(data)


class Zip:
    """All files of a zip archive, by their names in it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._archive: zipfile.ZipFile | None = None

    def __getstate__(self) -> dict[str, object]:
        return {"path": self.path, "_archive": None}

    def names(self) -> list[str]:
        entries = self._opened().infolist()
        names = (entry.filename for entry in entries if not entry.is_dir())
        return sorted(name for name in names if not _is_litter(name))

    def picture(self, name: str) -> Picture:
        try:
            data = self._opened().read(name)
        except (zipfile.BadZipFile, OSError, RuntimeError, NotImplementedError, EOFError) as error:
            raise NotAPicture(f"cannot be read from the zip ({error})") from error
        return decode(data)

    def _opened(self) -> zipfile.ZipFile:
        if self._archive is None:
            try:
                self._archive = zipfile.ZipFile(self.path)
            except (zipfile.BadZipFile, OSError) as error:
                raise UnusableInput(f"{self.path} cannot be read as a zip ({error}).") from error
        return self._archive


def decode(data: bytes) -> Picture:
    """The bytes of a picture file → RGB uint8 (H, W, 3).

    Greyscale and 16 bits are converted, transparent pixels laid over white, and the orientation
    of EXIF is respected.

    Raises:
        NotAPicture: the bytes are of no format that OpenCV reads, or broken.
    """
    buffer = np.frombuffer(data, np.uint8)
    if not len(buffer):
        raise NotAPicture("the file is empty")
    try:
        picture: NDArray[Any] | None = None
        if not data.startswith(b"\xff\xd8"):  # a JPEG has no alpha
            raw = cv2.imdecode(buffer, cv2.IMREAD_UNCHANGED)
            if raw is not None and raw.ndim == 3 and raw.shape[2] == 4:
                picture = _over_white(raw)
        if picture is None:
            picture = cv2.imdecode(buffer, cv2.IMREAD_COLOR)
    except cv2.error as error:
        raise NotAPicture(f"cannot be decoded ({error.err})") from error
    if picture is None:
        raise NotAPicture("no picture, or of a format that is not read")
    return np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2RGB), np.uint8)


def _over_white(picture: NDArray[Any]) -> Picture:
    full = 65535.0 if picture.dtype == np.uint16 else 255.0
    scaled = picture.astype(np.float32) / full
    alpha = scaled[:, :, 3:]
    flat = scaled[:, :, :3] * alpha + (1 - alpha)
    return np.asarray(np.round(flat * 255).clip(0, 255), np.uint8)


def _is_litter(name: str) -> bool:
    parts = name.split("/")
    return any(part in LITTER or part.startswith("._") for part in parts)
