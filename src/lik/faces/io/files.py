"""Pictures as files: in a folder with the folders in it, in a zip, or one in memory."""

import functools
import hashlib
import io
import os
import re
import stat
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path

from lik.core.errors import UnusableInput
from lik.faces.io.decoding import PictureFile, read_bounded
from lik.faces.io.pictures import NotAPicture, is_litter, state_of


@dataclass(frozen=True)
class Folder:
    """All files of a folder and the folders in it, named relative to it with '/'.

    Links to files are followed. Links to folders are not: they could lead in circles, or out of
    the folder. Hidden files and folders are passed over. Bytes of a name that are not UTF-8 are
    written as ``\\xNN``.
    """

    path: Path

    def names(self) -> list[str]:
        found: list[str] = []
        waiting = [""]
        while waiting:
            inner = waiting.pop()
            try:
                with os.scandir(self.path / inner) as entries:
                    for entry in entries:
                        if is_litter(entry.name):
                            continue
                        name = f"{inner}/{entry.name}" if inner else entry.name
                        if entry.is_dir(follow_symlinks=False):
                            waiting.append(name)
                        elif _is_candidate(entry):
                            found.append(os.fsencode(name).decode("utf-8", "backslashreplace"))
            except OSError as error:
                raise UnusableInput(
                    f"the folder {self.path / inner} cannot be read ({error.strerror})."
                ) from error
        return sorted(found)

    def stamp(self, name: str) -> str:
        try:
            time, size = state_of(self._file(name))
        except OSError:  # a link to nowhere
            return ""
        return f"{time}-{size}"

    def open(self, name: str) -> PictureFile:
        try:
            with open(self._file(name), "rb") as file:
                data = read_bounded(file)
        except OSError as error:
            raise NotAPicture(f"cannot be read ({error.strerror})") from error
        return PictureFile(data)

    def _file(self, name: str) -> Path:
        path = self.path / name
        if "\\x" not in name or path.exists():
            return path
        escaped = rb"\\x([89a-f][0-9a-f])"
        raw = re.sub(escaped, lambda found: bytes.fromhex(found[1].decode()), name.encode())
        return self.path / os.fsdecode(raw)


@dataclass(frozen=True)
class InMemory:
    """The bytes of one picture file, and what people call it; nothing of it is on a disk."""

    data: bytes
    name: str = "the photograph"

    def __str__(self) -> str:
        return self.name

    def names(self) -> list[str]:
        return [self.name]

    def stamp(self, name: str) -> str:
        return self.sha256

    def open(self, name: str) -> PictureFile:
        return PictureFile(self.data)

    @functools.cached_property
    def sha256(self) -> str:
        """The hash of the bytes."""
        return hashlib.sha256(self.data).hexdigest()


def _is_candidate(entry: "os.DirEntry[str]") -> bool:
    """A file or a link that leads to one or nowhere; no pipe or device, which could hang."""
    try:
        return entry.is_file() or (entry.is_symlink() and not os.path.exists(entry.path))
    except OSError:  # links in a circle
        return True


ENCRYPTED = "encrypted in the zip"
UNREADABLE = "damaged in the zip"
COMPRESSION = "compressed in the zip by another method than deflate"

HEADER = b"PK\3\4"
"""How what lies before each file begins."""

ENTRY, ENTRY_BYTES = b"PK\1\2", 46
"""How an entry of the list at the end begins, and its bytes before the name."""


@dataclass(frozen=True)
class Zip:
    """All files of a zip, by their names in it; of equal names the last is taken.

    Nothing of it is ever written to disk.
    """

    path: Path

    def names(self) -> list[str]:
        entries = self._archive().NameToInfo.values()
        files = (entry for entry in entries if not entry.is_dir())
        names = (e.filename for e in files if not stat.S_ISLNK(e.external_attr >> 16))
        return sorted(name for name in names if not is_litter(name))

    def stamp(self, name: str) -> str:
        entry = self._archive().getinfo(name)
        return f"{entry.CRC:08x}-{entry.file_size}"

    def open(self, name: str) -> PictureFile:
        archive = self._archive()
        try:
            entry = archive.getinfo(name)
            if entry.flag_bits & 1:
                raise NotAPicture(ENCRYPTED)
            # Python gives the others no bound on what a piece of them may grow to.
            if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                raise NotAPicture(COMPRESSION)
            with archive.open(entry) as file:
                data = read_bounded(file)
        except (zipfile.BadZipFile, zlib.error, OSError, RuntimeError, EOFError, KeyError) as error:
            raise NotAPicture(UNREADABLE) from error
        return PictureFile(data)

    def _archive(self) -> zipfile.ZipFile:
        try:
            return _opened(self.path, state_of(self.path))
        except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
            raise UnusableInput(f"{self.path} cannot be read as a zip ({error}).") from error


@functools.lru_cache(maxsize=4)
def _opened(path: Path, state: tuple[int, int]) -> zipfile.ZipFile:
    """The archive, opened and listed once in a process."""
    try:
        return zipfile.ZipFile(path)
    except UnicodeDecodeError:  # one name that is not what it claims ends the listing of all
        return zipfile.ZipFile(_Renaming(path, "rb"))


class _Renaming(io.FileIO):
    """A zip file in which names that are not in UTF-8 do not claim to be."""

    def read(self, size: int | None = -1, /) -> bytes:
        data = bytearray(super().read(-1 if size is None else size))
        if data.startswith(HEADER):  # which is read without its name
            name = super().read(int.from_bytes(data[26:28], "little"))
            self.seek(-len(name), io.SEEK_CUR)
            data[7] = _flag(data[7], name)
        at = 0
        while data[at : at + 4] == ENTRY:
            lengths = (data[at + place : at + place + 2] for place in (28, 30, 32))
            name, notes, comment = (int.from_bytes(length, "little") for length in lengths)
            start = at + ENTRY_BYTES
            data[at + 9] = _flag(data[at + 9], data[start : start + name])
            at = start + name + notes + comment
        return bytes(data)


def _flag(flag: int, name: bytes | bytearray) -> int:
    """The upper flags of an entry, without that of UTF-8 where the name is not."""
    try:
        name.decode("utf-8")
    except UnicodeDecodeError:
        return flag & ~0x08
    return flag


def is_zip(path: Path) -> bool:
    """Whether a file is a zip, whole or broken, by its first bytes or what stands at its end."""
    with open(path, "rb") as file:
        return file.read(2) == b"PK" or path.suffix.lower() == ".zip" or zipfile.is_zipfile(path)
