"""What is learned of a run once and kept beside it, such as what faces are like to it."""

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from lik.app.opened import OpenedRun
from lik.core.errors import FailedOnTheWay, OtherWeights
from lik.core.events import Notify

T = TypeVar("T")


def read_kept(
    run: OpenedRun, path: Path, load: Callable[[Path], T], what: str, notify: Notify
) -> T | None:
    """What is kept at ``path``; None where nothing is, or it was learned of other weights.

    ``what``: it is, in words, for a notice.

    Raises:
        UnusableInput: it is broken.
    """
    if not path.is_file():
        return None
    try:
        return load(path)
    except OtherWeights:
        notify(f"{run.name} was trained on since: {what} is learned anew.")
        return None


def keep(
    run: OpenedRun, path: Path, save: Callable[[Path], object], what: str, notify: Notify
) -> None:
    """Keep something beside a run, if that is the user's own; a notice where it cannot be."""
    if not run.path.is_dir() or run.borrowed:
        return
    try:
        save(path)
    except FailedOnTheWay as error:
        notify(f"{what} is not kept: {error}")
