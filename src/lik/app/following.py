"""A training followed by its files while it runs: its journal as it grows, and how it stands."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lik.app.overview import Overview, overview
from lik.app.watching import epochs_with_grids
from lik.core.run_folder import RunFolder
from lik.training import journal


class JournalTail:
    """What a journal has said since it was last asked; no file is held open meanwhile."""

    def __init__(self, folder: RunFolder) -> None:
        self._path = folder.journal
        self._file, self._end = 0, 0

    def read(self) -> tuple[list[journal.EpochRecord], bool]:
        """The new records, and whether they stand in place of all before: a run went back."""
        try:
            found = self._path.stat()
        except OSError:
            anew, self._file, self._end = self._end > 0, 0, 0
            return [], anew
        anew = self._end > 0 and (found.st_ino != self._file or found.st_size < self._end)
        if anew:
            self._end = 0
        self._file = found.st_ino
        records, self._end = journal.read_on(self._path, self._end)
        return records, anew


def plain_record(record: journal.EpochRecord) -> dict[str, Any]:
    """The numbers of an epoch as plain values; those that are none (NaN) are None.

    The KL of each dimension, which is long, is left to `dimensions_of`.
    """
    details = {
        name: value
        for name, value in record.details.items()
        if isinstance(value, int | float) and not isinstance(value, bool)
    }
    return {
        "epoch": record.epoch, "step": record.step,
        "train": _finite(record.train), "validation": _finite(record.validation),
        "images_per_second": _number(record.images_per_second), "details": _finite(details),
    }  # fmt: skip


def dimensions_of(record: journal.EpochRecord) -> list[float | None] | None:
    """The KL of each latent dimension after an epoch, in nats; None where nobody wrote it."""
    told = record.details.get("kl_per_dimension")
    return [_number(kl) for kl in told] if isinstance(told, list) else None


def describe_training(path: Path) -> dict[str, Any] | None:
    """How a run stands, from its files alone; None for what has no journal and makes none."""
    folder = RunFolder(path)
    found = overview(path, path)
    if not found.records and found.state not in ("running", "stopped"):
        return None
    metrics = _finite(found.metrics)
    return {
        "name": found.name, "state": found.state, "model": found.model, "size": found.size,
        "latent": found.latent, "faces": found.faces, "scale": found.scale,
        "epochs_done": found.epochs_done, "epochs": found.epochs,
        "loss": metrics["loss"] if metrics else None, "validated": found.validated,
        "best": _best(found), "active": journal.ACTIVE, "grids": epochs_with_grids(folder),
    }  # fmt: skip


def _best(found: Overview) -> dict[str, float] | None:
    return {"epoch": found.best[0], "loss": found.best[1]} if found.best else None


def _finite(numbers: Mapping[str, float] | None) -> dict[str, float | None] | None:
    return None if numbers is None else {name: _number(one) for name, one in numbers.items()}


def _number(value: Any) -> float | None:
    """A number with as many digits as a curve can show; None for what is none."""
    return float(f"{value:.7g}") if math.isfinite(value) else None
