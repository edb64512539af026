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
    """A zip file in whose list the names that are not in UTF-8 do not claim to be."""

    def read(self, size: int | None = -1, /) -> bytes:
        data = super().read(-1 if size is None else size)
        if not data.startswith(ENTRY):
            return data
        listed, at = bytearray(data), 0
        while listed[at : at + 4] == ENTRY:
            name, extra, comment = (
                int.from_bytes(listed[at + where : at + where + 2], "little")
                for where in (28, 30, 32)
            )
            start = at + ENTRY_BYTES
            try:
                listed[start : start + name].decode("utf-8")
            except UnicodeDecodeError:
                listed[at + 9] &= 0xF7  # the flag of UTF-8
            at = start + name + extra + comment
        return bytes(listed)


def is_zip(path: Path) -> bool:
    """Whether a file is a zip, whole or broken, by its first bytes or what stands at its end."""
    with open(path, "rb") as file:
        return file.read(2) == b"PK" or path.suffix.lower() == ".zip" or zipfile.is_zipfile(path)


def _is_link(entry: zipfile.ZipInfo) -> bool:
    return stat.S_ISLNK(entry.external_attr >> 16)
