"""A zip archive of picture files. Nothing of it is ever written to disk."""

import functools
import io
import stat
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path

from lik.core.errors import UnusableInput
from lik.faces.io.decoding import PictureFile, read_bounded
from lik.faces.io.pictures import NotAPicture, is_litter, state_of

ENCRYPTED = "encrypted in the zip"
UNREADABLE = "damaged in the zip"
COMPRESSION = "compressed in the zip by another method than deflate"

HEADER = b"PK\3\4"
"""How what lies before each file begins."""

ENTRY, ENTRY_BYTES = b"PK\1\2", 46
"""How an entry of the list at the end begins, and its bytes before the name."""


@dataclass(frozen=True)
class Zip:
    """All files of a zip archive, by their names in it; of equal names the last is taken."""

    path: Path

    def names(self) -> list[str]:
        entries = self._archive().NameToInfo.values()
        names = (entry.filename for entry in entries if not entry.is_dir() and not _is_link(entry))
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


def _is_link(entry: zipfile.ZipInfo) -> bool:
    return stat.S_ISLNK(entry.external_attr >> 16)
