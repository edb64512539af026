"""Files that are whole or not there: atomic writing, hashes, JSON, and a clear word on failure."""

import errno
import hashlib
import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from lik.core.errors import FailedOnTheWay, UnusableInput


@contextmanager
def replacing(path: Path, keep: Path | None = None) -> Iterator[Path]:
    """Give a temporary path; when the block ends well, the file there takes the place of ``path``.

    The content is on the disk before the name is: a crash, a full disk or an exception leaves the
    previous file untouched. With ``keep``, a path in the same folder, that previous file is to be
    found there afterwards.
    """
    path = Path(path)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part{path.suffix}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
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
    """Delete what `replacing` left in ``folder`` when its process was killed."""
    for file in folder.glob(".*.part*"):
        match = re.fullmatch(r"\..+\.(\d+)\.part(\.\w+)?", file.name)
        if match and not _is_alive(int(match[1])):
            file.unlink(missing_ok=True)


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
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise UnusableInput(f"{path} cannot be read as JSON ({error}).") from error


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file's content, in hexadecimal."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def check_version(what: str, found: Any, known: int) -> None:
    """Refuse what a newer Lik has written, and what does not say which version it is.

    Raises:
        UnusableInput: ``found`` is above ``known``, or no number.
    """
    if not isinstance(found, int):
        raise UnusableInput(f"{what} does not say its format version as a number: it is broken.")
    if found > known:
        raise UnusableInput(
            f"{what} has format version {found}, and this Lik knows versions up to {known}: "
            "update Lik to use it."
        )


def _rename_copy(path: Path, other: Path) -> None:
    """Give a file a second name, which may be taken; without hard links it has that name alone."""
    second = other.with_name(f".{other.name}.{os.getpid()}.part{other.suffix}")
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
