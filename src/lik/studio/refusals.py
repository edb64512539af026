"""What the studio refuses: a status, a code for programs, and a sentence for people."""

import json
import logging
import re
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lik.core.errors import FailedOnTheWay, OtherWeights, UnusableInput

HINTS = {
    "calibration": "Directions of this run are not fitted: lik fit-directions makes them.",
    "network": "This needs a network that tells attributes: lik train-classifier makes one.",
    "faces": "The face set of this run is not where it was.",
    "photograph": "Drop the photograph in again.",
}
"""What an error may need → what a person can do about it."""

_PATH = re.compile(r"(?<![\w:/.])(?:[A-Za-z]:)?(?:[\\/][^\s\\/:;,'\"“”()]+){2,}[\\/]?")


log = logging.getLogger("lik.studio")


class Refused(Exception):
    """A request that is not answered; the message is one sentence, and names no path."""

    def __init__(self, status: int, code: str, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.status, self.code, self.hint = status, code, hint

    @property
    def told(self) -> dict[str, Any]:
        """What the page is told, as plain values."""
        return {"error": {"code": self.code, "message": str(self), "hint": self.hint}}

    @property
    def body(self) -> bytes:
        """The same as JSON."""
        return json.dumps(self.told).encode()


def refusal_of(error: Exception, names: Mapping[Path, str] | None = None) -> Refused:
    """An error of Lik, or any other one, as what is answered; what nobody foresaw is noted.

    ``names``: places that messages may speak of → what is said instead.
    """
    if isinstance(error, Refused):
        return error
    if isinstance(error, UnusableInput):
        hint = HINTS.get(error.needs or "")
        status, code = (
            (409, "other-weights") if isinstance(error, OtherWeights) else (422, "unusable")
        )
        return Refused(status, code, without_paths(str(error), names or {}), hint)
    if isinstance(error, FailedOnTheWay):
        return Refused(503, "failed", without_paths(str(error), names or {}))
    if isinstance(error, TimeoutError):
        return Refused(503, "too-slow", "this took too long, and was given up.")
    _note(error)
    return Refused(500, "unforeseen", "something went wrong that nobody foresaw.")


def _note(error: Exception) -> None:
    """Log the kind of an error and where it arose; never its words, which may hold names."""
    frames = traceback.extract_tb(error.__traceback__)
    where = f"{frames[-1].name}, line {frames[-1].lineno}" if frames else "nowhere"
    log.error("unforeseen %s in %s", type(error).__name__, where)


def without_paths(message: str, names: Mapping[Path, str]) -> str:
    """A sentence in which places have their names, and what else looks like a path has none."""
    for place, name in sorted(names.items(), key=lambda item: -len(str(item[0]))):
        message = message.replace(str(place), name)
    return _PATH.sub("…", message)
