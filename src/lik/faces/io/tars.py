"""Tar files of pictures, in the WebDataset convention or any other.

In that convention the files of one sample share their name up to the first dot of its last part:
``000123.jpg`` is a picture, ``000123.json`` and ``000123.cls`` hold what is known of it. Nothing is
ever written to disk.
"""

import bz2
import functools
import gzip
import json
import lzma
import math
import tarfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from lik.core.errors import UnusableInput
from lik.faces.io.decoding import PictureFile, read_bounded
from lik.faces.io.labels import is_number, is_trait, table_of
from lik.faces.io.pictures import (
    NotAPicture,
    Source,
    has_picture_suffix,
    is_litter,
    key_of,
    state_of,
    suffix_of,
)

LABELS = {".json", ".cls", ".txt"}
MAX_LABEL_BYTES = 2**20
UNREADABLE = "damaged in the tar"
MAX_HEADER_BYTES = 2**20
"""Of a header that holds a long name or other notes."""

BROKEN = (
    OSError, EOFError, tarfile.TarError, zlib.error, lzma.LZMAError, ValueError, OverflowError,
    RecursionError, MemoryError,
)  # fmt: skip
PACKED: dict[bytes, Any] = {b"\x1f\x8b": gzip.open, b"BZh": bz2.open, b"\xfd7zXZ\0": lzma.open}
"""The first bytes of compressed tars, and what opens them."""


@dataclass(frozen=True)
class Tar:
    """The files of a tar, by their names in it; of equal names the last is taken.

    Links and devices are passed over, and so are the files that share their key with a picture
    and are none. The pictures of a plain tar are in the order of their names and found by their
    offsets; those of a compressed one (gz, bz2, xz) stay in its own order, so that it is read
    from front to back.
    """

    path: Path

    def names(self) -> list[str]:
        opened = self._opened()
        with_pictures = {key_of(name) for name in opened.places if has_picture_suffix(name)}
        names = [
            name
            for name in opened.places
            if has_picture_suffix(name) or key_of(name) not in with_pictures
        ]
        return sorted(names) if opened.plain else names

    def label_files(self) -> list[str]:
        """The files of labels, in the order in which they lie in the tar."""
        return [name for name in self._opened().places if suffix_of(name) in LABELS]

    def stamp(self, name: str) -> str:
        return "-".join(map(str, self._opened().places[name]))

    def open(self, name: str) -> PictureFile:
        return PictureFile(self.read(name))

    def read(self, name: str) -> bytes:
        """The bytes of a file, of which NotAPicture is raised where they cannot be had."""
        opened = self._opened()
        try:
            offset, size, _ = opened.places[name]
            opened.file.seek(offset)
            return read_bounded(opened.file, size)
        except (KeyError, *BROKEN) as error:
            raise NotAPicture(UNREADABLE) from error

    def _opened(self) -> "_Opened":
        try:
            return _open(self.path, state_of(self.path))
        except BROKEN as error:
            raise UnusableInput(
                f"{self.path} cannot be read as a tar ({error or 'it breaks off'})."
            ) from error


def tar_source(path: Path, split: str | None) -> Source:
    """A tar with its labels: numbers and truth values in .json, the number in .cls or .txt.

    Raises:
        UnusableInput: the file is no tar or breaks off, or a .json in it is none.
    """
    tar = Tar(path)
    names = tar.names()
    pictures: dict[str, list[int]] = {}
    for index, name in enumerate(names):
        pictures.setdefault(key_of(name), []).append(index)
    columns: dict[str, NDArray[np.float64]] = {}
    for file in tar.label_files():
        if key_of(file) in pictures:
            for label, value in _labels(tar, file).items():
                column = columns.setdefault(label, np.full(len(names), np.nan))
                column[pictures[key_of(file)]] = value
    labels = table_of(columns, len(names))
    return Source(f"tar {path.name}", tar, names, [split] * len(names), *labels)


def is_tar(path: Path) -> bool:
    """Whether a file is a tar, plain or compressed, by its first bytes or its name."""
    start = _start(path)
    return (
        start.startswith(tuple(PACKED))
        or start[257:262] == b"ustar"
        or path.suffix.lower() == ".tar"
    )


def _start(path: Path) -> bytes:
    with open(path, "rb") as file:
        return file.read(tarfile.BLOCKSIZE)


def _labels(tar: Tar, file: str) -> dict[str, float]:
    try:
        data = tar.read(file)[:MAX_LABEL_BYTES]
        if suffix_of(file) == ".json":
            fields = json.loads(data)
            fields = fields if isinstance(fields, dict) else {}
        else:
            # A number alone; a caption is no label.
            fields = {suffix_of(file)[1:]: float(data)} if is_number(data) else {}
        numbers = {
            name: float(value)
            for name, value in fields.items()
            if isinstance(value, bool | int | float) and is_trait(name)
        }
    except (NotAPicture, ValueError, OverflowError, RecursionError) as error:
        raise UnusableInput(
            f"{file} in {tar.path} cannot be read ({error}): mend or leave it out."
        ) from error
    return {name: value for name, value in numbers.items() if math.isfinite(value)}


@dataclass(frozen=True)
class _Opened:
    """An open tar: where each file lies (offset, size, time of change), in its order."""

    file: IO[bytes]
    plain: bool
    places: dict[str, tuple[int, int, int]]


@functools.lru_cache(maxsize=4)
def _open(path: Path, state: tuple[int, int]) -> _Opened:
    """The tar, opened and listed once in a process."""
    start = _start(path)
    packed = next((opener for mark, opener in PACKED.items() if start.startswith(mark)), None)
    file = packed(path) if packed else open(path, "rb")  # noqa: SIM115 – it stays
    places = {
        name: (member.offset_data, member.size, int(member.mtime))
        for member in _members(file)
        if member.isreg() and not member.issparse() and not is_litter(name := _in_utf8(member.name))
    }
    return _Opened(file, packed is None, places)


def _members(file: IO[bytes]) -> Iterator[tarfile.TarInfo]:
    """All members; a header that is damaged is said, where tarfile takes it for the end."""
    headers: Any = _Bounded(file)
    archive: Any = tarfile.open(fileobj=headers, mode="r:", encoding="utf-8")  # noqa: SIM115 – stays
    while (member := archive.next()) is not None:
        archive.members.clear()  # they would be kept, 1 kB each
        if member.size < 0:
            raise tarfile.ReadError("it is damaged")
        yield member
    file.seek(archive.offset)
    if file.read(tarfile.BLOCKSIZE).strip(b"\0"):
        raise tarfile.ReadError("it is damaged or breaks off")


class _Bounded:
    """What tarfile reads headers from: no more at once than headers may have."""

    def __init__(self, file: IO[bytes]) -> None:
        self.seek, self.tell = file.seek, file.tell
        self._read = file.read

    def read(self, size: int) -> bytes:
        if not 0 <= size <= MAX_HEADER_BYTES:
            raise tarfile.ReadError("it is damaged")
        return self._read(size)


def _in_utf8(name: str) -> str:
    raw = name.encode("utf-8", "surrogateescape")
    return raw.decode("utf-8", "backslashreplace").removeprefix("./")
