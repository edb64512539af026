"""A folder of picture files, with the folders in it."""

import os
import re
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
                            found.append(_in_utf8(name))
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
        return self.path / _from_utf8(name) if "\\x" in name and not path.exists() else path


def _is_candidate(entry: "os.DirEntry[str]") -> bool:
    """A file or a link that leads to one or nowhere; no pipe or device, which could hang."""
    try:
        return entry.is_file() or (entry.is_symlink() and not os.path.exists(entry.path))
    except OSError:  # links in a circle
        return True


def _in_utf8(name: str) -> str:
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def _from_utf8(name: str) -> str:
    raw = re.sub(
        rb"\\x([89a-f][0-9a-f])", lambda found: bytes.fromhex(found[1].decode()), name.encode()
    )
    return os.fsdecode(raw)
