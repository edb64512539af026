"""Tar files of pictures, in the WebDataset convention or any other.

In that convention the files of one sample share their name up to the first dot of its last part:
``000123.jpg`` is a picture, ``000123.json`` and ``000123.cls`` hold what is known of it. Nothing is
ever written to disk.
"""

import bz2
import functools
import gzip
import io
import json
import lzma
import math
import os
import tarfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from lik.core.errors import UnusableInput
from lik.faces.io.decoding import PictureFile, read_bounded
from lik.faces.io.labels import LabelTable, is_trait
from lik.faces.io.pictures import SUFFIXES, NotAPicture, is_litter, stamp
from lik.faces.io.several import Joined
from lik.faces.io.source import Source, split_of

LABELS = {".json", ".cls", ".txt"}
MAX_LABEL_BYTES = 2**20
UNREADABLE = "damaged in the tar"
MAX_HEADER_BYTES = 2**20
"""Of a header that holds a long name or other notes."""

BROKEN = (
    OSError, EOFError, tarfile.TarError, zlib.error, lzma.LZMAError, ValueError, OverflowError,
    RecursionError, MemoryError,
)  # fmt: skip
PACKED: dict[bytes, Any] = {
    b"\x1f\x8b": gzip.open,
    b"BZh": bz2.open,
    b"\xfd7zXZ\0": lzma.open,
}
"""The first bytes of compressed tars, and what opens them."""

BLOCK = 512


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
        with_pictures = {_key(name) for name in opened.places if _suffix(name) in SUFFIXES}
        names = [
            name
            for name in opened.places
            if _suffix(name) in SUFFIXES or _key(name) not in with_pictures
        ]
        return sorted(names) if opened.plain else names

    def label_files(self) -> list[str]:
        """The files of labels, in the order in which they lie in the tar."""
        return [name for name in self._opened().places if _suffix(name) in LABELS]

    def open(self, name: str) -> PictureFile:
        return PictureFile(self.read(name))

    def read(self, name: str) -> bytes:
        """The bytes of a file.

        Raises:
            NotAPicture: it is larger than is read, or not there any more.
        """
        opened = self._opened()
        try:
            offset, size = opened.places[name]
            opened.file.seek(offset)
            return read_bounded(opened.file, size)
        except (KeyError, *BROKEN) as error:
            raise NotAPicture(UNREADABLE) from error

    def _opened(self) -> "_Opened":
        try:
            return _open(self.path, stamp(self.path))
        except BROKEN as error:
            raise UnusableInput(
                f"{self.path} cannot be read as a tar ({error or 'it breaks off'})."
            ) from error


def tar_source(paths: list[Path], description: str) -> Source:
    """One tar, or the shards of a set, with their labels.

    Labels are the numbers and truth values in .json, and the number in .cls or .txt.

    Raises:
        UnusableInput: a file is no tar or breaks off, or a .json in it is none.
    """
    tars = [Tar(path) for path in paths]
    listed = [tar.names() for tar in tars]
    table = LabelTable()
    splits: list[str | None] = []
    for tar, names in zip(tars, listed, strict=True):
        _collect(tar, names, len(splits), table)
        splits += [split_of(tar.path.name, len(tars) > 1)] * len(names)
    bases = [path.name.split(".", 1)[0] for path in paths]
    container = tars[0] if len(tars) == 1 else Joined(tars, bases, listed)
    return Source(description, container, container.names(), splits, *table.columns(len(splits)))


def is_tar(path: Path) -> bool:
    """Whether a file is a tar, plain or compressed, by its first bytes or its name."""
    start = _start(path)
    return start.startswith(tuple(PACKED)) or start[257:262] == b"ustar" or path.suffix == ".tar"


def _start(path: Path) -> bytes:
    with open(path, "rb") as file:
        return file.read(BLOCK)


def _collect(tar: Tar, names: list[str], start: int, table: LabelTable) -> None:
    """Put into a table what a tar says of its pictures, which have the indices from ``start``."""
    pictures: dict[str, list[int]] = {}
    for index, name in enumerate(names, start):
        pictures.setdefault(_key(name), []).append(index)
    for file in tar.label_files():
        if _key(file) in pictures:
            for label, value in _labels(tar, file).items():
                for index in pictures[_key(file)]:
                    table.set(index, label, value)


def _labels(tar: Tar, file: str) -> dict[str, float]:
    try:
        data = tar.read(file)[:MAX_LABEL_BYTES]
        if _suffix(file) == ".json":
            fields = json.loads(data)
            fields = fields if isinstance(fields, dict) else {}
        else:
            fields = {_suffix(file)[1:]: _number(data)}
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


def _number(data: bytes) -> float | None:
    """The number that a text holds alone; None for a caption."""
    try:
        return float(data)
    except ValueError:
        return None


@dataclass(frozen=True)
class _Opened:
    """An open tar: where each file lies (offset, size), in its order."""

    file: IO[bytes]
    plain: bool
    places: dict[str, tuple[int, int]]


@functools.lru_cache(maxsize=4)
def _open(path: Path, state: tuple[int, int]) -> _Opened:
    """The tar, opened and listed once in a process."""
    start = _start(path)
    packed = next((opener for mark, opener in PACKED.items() if start.startswith(mark)), None)
    file = packed(path) if packed else open(path, "rb")  # noqa: SIM115 – it stays
    places = {name: (offset, size) for name, offset, size in _members(file) if not is_litter(name)}
    return _Opened(file, packed is None, places)


def _members(file: IO[bytes]) -> Iterator[tuple[str, int, int]]:
    """Name, offset and size of each plain file.

    Headers of the usual kind are read here, four times as fast as by tarfile, which reads the
    others: hundreds of thousands of files are listed in seconds.
    """
    archive = tarfile.TarFile(fileobj=io.BytesIO(bytes(2 * BLOCK)))  # opening reads without a bound
    archive.fileobj = file
    at = 0
    while True:
        file.seek(max(at - 1, 0))  # one byte more tells an end from a file that breaks off
        block = file.read(BLOCK + (at > 0))
        if at and not block:
            raise tarfile.ReadError("it breaks off")
        block = block[at > 0 :]
        if not block.strip(b"\0"):
            return
        simple = _simple_header(block)
        if simple is not None:
            name, size = simple
            offset = at + BLOCK
            at = offset + -(-size // BLOCK) * BLOCK
            yield name, offset, size
            continue
        header = tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
        if header.size < 0 or (not header.isreg() and header.size > MAX_HEADER_BYTES):
            raise tarfile.ReadError("it is damaged")
        file.seek(at)
        archive.offset = at
        member = tarfile.TarInfo.fromtarfile(archive)
        if archive.offset <= at:
            raise tarfile.ReadError("it is damaged")
        at = archive.offset
        if member.isreg() and not member.issparse():
            yield _in_utf8(os.fsencode(member.name)), member.offset_data, member.size


def _simple_header(block: bytes) -> tuple[str, int] | None:
    """Name and size in a header that stands for itself; None for all other headers."""
    kind, magic, digits = block[156:157], block[257:263], block[124:135]
    if kind not in (b"0", b"\0") or magic not in (b"ustar\0", b"ustar ") or not digits.isdigit():
        return None
    name = block[:100].split(b"\0", 1)[0]
    prefix = block[345:500].split(b"\0", 1)[0] if magic == b"ustar\0" else b""
    if name.endswith(b"/"):
        return None
    return _in_utf8(prefix + b"/" + name if prefix else name), int(digits, 8)


def _in_utf8(name: bytes) -> str:
    return name.decode("utf-8", "backslashreplace").removeprefix("./")


def _key(name: str) -> str:
    folder, slash, base = name.rpartition("/")
    return folder + slash + base.split(".", 1)[0]


def _suffix(name: str) -> str:
    dot = name.rfind(".")
    return name[dot:].lower() if dot > name.rfind("/") else ""
