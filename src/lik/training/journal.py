"""The journal of a run: every logged number, one JSON object a line, in order of time."""

import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from lik.core.artifacts import write_text
from lik.core.errors import FailedOnTheWay, UnusableInput

Metrics = dict[str, float]
"""Means over a set of images, on the scale of the objective: a loss and its parts, by name."""

ACTIVE = 0.01
"""Nats per image of KL above which a latent dimension counts as active."""


@dataclass(frozen=True)
class EpochRecord:
    """One epoch: running means over training, and the validation after it (if there is a set).

    ``details`` may hold whatever else was seen, as plain values; Lik itself writes and shows
    ``kl_per_dimension`` (list of D nats per image), ``active_units`` (how many of them are above
    `ACTIVE`), ``learning_rate`` and ``skipped_steps``.
    """

    epoch: int
    step: int
    train: Metrics
    validation: Metrics | None
    images_per_second: float
    scale: str
    details: dict[str, Any] = field(default_factory=dict)


_RECORD = TypeAdapter(EpochRecord)


def append(path: Path, record: EpochRecord) -> None:
    """Add a line at the end of the journal, and see it onto the disk."""
    try:
        with open(path, "a", encoding="utf-8") as file:
            file.write(_line(record))
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise FailedOnTheWay(
            f"{path} could not be written: {(error.strerror or str(error)).lower()}."
        ) from error


def read(path: Path) -> list[EpochRecord]:
    """All complete lines of a journal; a last line cut off by a crash is passed over."""
    if not path.is_file():
        return []
    lines = _bytes_of(path).splitlines()
    records = []
    for number, line in enumerate(lines, start=1):
        try:
            records.append(_RECORD.validate_json(line))
        except ValidationError as error:
            if number == len(lines):
                break
            raise UnusableInput(f"{path}, line {number}, is no record of a run.") from error
    return records


def read_on(path: Path, start: int) -> tuple[list[EpochRecord], int]:
    """The whole lines of a journal from a byte on, and the byte at which the next one begins."""
    data = _bytes_of(path, start)
    data = data[: data.rfind(b"\n") + 1]
    try:
        records = [_RECORD.validate_json(line) for line in data.splitlines()]
    except ValidationError as error:
        raise UnusableInput(f"{path} holds a line that is no record of a run.") from error
    return records, start + len(data)


def rewind(path: Path, step: int) -> None:
    """Drop what was logged after ``step``: a resumed run will log it again."""
    if not path.is_file():
        return
    kept = [record for record in read(path) if record.step <= step]
    write_text(path, "".join(map(_line, kept)))


def _bytes_of(path: Path, start: int = 0) -> bytes:
    try:
        with open(path, "rb") as file:
            file.seek(start)
            return file.read()
    except OSError as error:
        raise UnusableInput(f"{path} cannot be read ({error.strerror}).") from error


def _line(record: EpochRecord) -> str:
    return json.dumps(asdict(record), ensure_ascii=False) + "\n"
