"""Locks between processes: the kernel lets go of them when a process ends, however it ends."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lik.core.errors import UnusableInput

try:
    import fcntl
except ImportError:  # not on Windows: there nothing is held
    fcntl = None  # type: ignore[assignment]


@contextmanager
def held(path: Path, refusal: str) -> Iterator[None]:
    """Hold the file ``path``, which is made where it is missing and stays.

    On a file system that knows no locks the work goes on without one.

    Raises:
        UnusableInput: another process holds it; ``refusal`` is the sentence.
    """
    with open(path, "a") as file:
        try:
            if fcntl is not None:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UnusableInput(refusal) from None
        except OSError:
            pass
        yield
