"""Files that are whole or not there: atomic writing, names, hashes, JSON, a word on failure."""

import errno
import hashlib
import json
import os
import platform
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any

from lik.core.errors import FailedOnTheWay, UnusableInput

_HOST = hashlib.sha256(platform.node().encode()).hexdigest()[:6]
"""Tells this machine's processes from those of others that share its disk."""


@contextmanager
def replacing(path: Path, keep: Path | None = None) -> Iterator[Path]:
    """Give a temporary path; when the block ends well, the file there takes the place of ``path``.

    The content is on the disk before the name is: a crash, a full disk or an exception leaves the
    previous file untouched. With ``keep``, a path in the same folder, that previous file is to be
    found there afterwards.
    """
    path = Path(path)
    temporary = _part_of(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _remove_stale_parts_once(path.parent)
        yield temporary
        with open(temporary, "rb+") as file:
            os.fsync(file.fileno())
        if keep is not None and path.exists():
            _rename_copy(path, keep)
        os.replace(temporary, path)
        _sync_folder(path.parent)
    except OSError as error:
        raise _failed_writing(path, error) from error
    finally:
        with suppress(OSError):  # the error above says more
            temporary.unlink(missing_ok=True)


def remove_stale_parts(folder: Path) -> None:
    """Delete what `replacing` and `whole_folder` left in ``folder`` when they were killed here."""
    for file in folder.glob(".*.part*"):
        match = re.fullmatch(r"\..+\.(?:([0-9a-f]+)-)?(\d+)\.part(\.\w+)?", file.name)
        if not match or match[1] not in (None, _HOST) or _is_alive(int(match[2])):
            continue
        if file.is_dir() and not file.is_symlink():
            shutil.rmtree(file, ignore_errors=True)
        else:
            file.unlink(missing_ok=True)


@contextmanager
def whole_folder(path: Path) -> Iterator[Path]:
    """Give a temporary folder, which takes the place of ``path`` when the block ends well.

    What is at ``path`` is there until then, and stays there otherwise.
    """
    path = Path(path)
    temporary, before = _part_of(path), _part_of(path.with_name(f"{path.name} before"))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _remove_stale_parts_once(path.parent)
        temporary.mkdir()
        yield temporary
        if path.exists():
            os.replace(path, before)
        os.replace(temporary, path)
    except OSError as error:
        raise FailedOnTheWay(
            f"{path} could not be written: {(error.strerror or str(error)).lower()}."
        ) from error
    finally:
        if before.exists() and not path.exists():
            with suppress(OSError):
                os.replace(before, path)
        for folder in (temporary, before):
            shutil.rmtree(folder, ignore_errors=True)


def require_room(path: Path) -> None:
    """See, before the work that leads there, that something can be written at ``path``.

    Raises:
        UnusableInput: a file lies where a folder must, or nothing may be written there.
    """
    try:
        there = next(parent for parent in path.absolute().parents if parent.exists())
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise UnusableInput(f"{path} cannot be written: {reason}.") from None
    if not there.is_dir():
        raise UnusableInput(f"{there} is a file: {path} cannot lie in it.")
    if not os.access(there, os.W_OK):
        raise UnusableInput(f"{there} may not be written to.")


def file_stem(name: str, most: int = 150) -> str:
    """Any name as the stem of a file: no path, nothing hidden, at most ``most`` bytes.

    A name that can stay as it is stays so; others get a hash, so that two never share a file.
    """
    safe = re.sub(r"[^\w .,+=@()~-]|^[. ]|[. ]$", "_", name) or "_"
    if safe == name and len(name.encode()) <= most:
        return name
    mark = f"-{hashlib.sha256(name.encode(errors='surrogatepass')).hexdigest()[:8]}"
    short = safe.encode(errors="replace")[: most - len(mark)].decode(errors="ignore")
    return short + mark


def write_text(path: Path, text: str) -> None:
    """Write a UTF-8 file whole or not at all."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: Path, content: Any) -> None:
    """Write JSON that a person can read, whole or not at all."""
    write_text(path, json.dumps(content, indent=2, ensure_ascii=False) + "\n")


def read_json(path: Path) -> Any:
    """Read a JSON file.

    Raises:
        UnusableInput: the file is missing or holds no JSON.
    """
    try:
        return json.loads(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UnusableInput(f"{path} is missing.") from None
    except (OSError, ValueError, RecursionError) as error:
        raise UnusableInput(f"{path} cannot be read as JSON ({error}).") from error


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file's content, in hexadecimal."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def check_version(what: str, found: Any, known: int) -> None:
    """Raise UnusableInput for what a newer Lik has written, or does not say its version."""
    if not isinstance(found, int):
        raise UnusableInput(f"{what} does not say its format version as a number: it is broken.")
    if found > known:
        raise UnusableInput(
            f"{what} has format version {found}, and this Lik knows versions up to {known}: "
            "update Lik to use it."
        )


def _part_of(path: Path) -> Path:
    """Where a file is written before it takes its place; its suffix says the format to some."""
    suffix = path.suffix if re.fullmatch(r"\.\w{1,12}", path.suffix) else ""
    return path.with_name(f".{file_stem(path.name)}.{_HOST}-{os.getpid()}.part{suffix}")


@cache
def _remove_stale_parts_once(folder: Path) -> None:
    """Once in a process: a folder may be large, and be written to often."""
    with suppress(OSError):
        remove_stale_parts(folder)


def _rename_copy(path: Path, other: Path) -> None:
    """Give a file a second name, which may be taken; without hard links it has that name alone."""
    second = _part_of(other)
    try:
        second.unlink(missing_ok=True)
        os.link(path, second)
    except OSError:  # such as on FAT: until the new file is in place, there is only the other name
        os.replace(path, other)
    else:
        os.replace(second, other)


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except OSError:
        return True
    return True


def _sync_folder(folder: Path) -> None:
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _failed_writing(path: Path, error: OSError) -> FailedOnTheWay:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        reason = "the disk is full"
    else:
        reason = (error.strerror or str(error)).lower()
    return FailedOnTheWay(
        f"{path} could not be written: {reason}; what was there before is intact."
    )
