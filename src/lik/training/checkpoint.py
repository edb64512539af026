"""The full state of a training run: all that resuming needs, in one file, whole or not there.

A state is what PyTorch writes, followed by its SHA-256, so that both come to the disk under one
name in one step. Two generations are kept; where the last cannot be read, the one before serves.
"""

import hashlib
import io
import os
import pickle
import zipfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

import torch

from lik.core.artifacts import check_version, replacing
from lik.core.errors import UnusableInput
from lik.training.loop import TrainState

VERSION = 2

MARK = b"\nlik sha256 "
CHECKSUM = len(MARK) + hashlib.sha256().digest_size
"""Bytes at the end of a state: the mark, and the SHA-256 of all that is before it."""


class Stateful(Protocol):
    """What has a state: models, optimizers, averages of weights."""

    def state_dict(self) -> Any: ...
    def load_state_dict(self, state_dict: Any, /) -> Any: ...


@dataclass(frozen=True)
class SavedState:
    """A state read back.

    Attributes:
        path: the file that it was read from.
        parts: state by name: model, optimizer, and what else was saved.
        train_state: where the run stopped.
        remark: why it is not the last generation, in a sentence; None where it is.
    """

    path: Path
    parts: Mapping[str, Any]
    train_state: TrainState
    remark: str | None = None

    def restore(self, targets: Mapping[str, Stateful]) -> None:
        """Put the parts back into ``targets`` of the same names.

        Raises:
            UnusableInput: a part is missing, or is one of another model.
        """
        for name, target in targets.items():
            try:
                target.load_state_dict(self.parts[name])
            except (RuntimeError, KeyError, TypeError, ValueError, AttributeError) as error:
                raise UnusableInput(
                    f"{self.path} cannot be gone on with: its {name} is missing or does not fit "
                    f"({type(error).__name__}); delete the run to begin anew."
                ) from error


class _Unreadable(Exception):
    pass


def save_state(path: Path, parts: Mapping[str, Any], train_state: TrainState) -> None:
    """Write states by name and the train state; random streams are found again by their names.

    The state that was at ``path`` becomes the generation before.

    Raises:
        FailedOnTheWay: it cannot be written; both generations before are intact.
    """
    buffer = io.BytesIO()
    torch.save(
        {"version": VERSION, "parts": dict(parts), "train_state": asdict(train_state)},
        buffer,
    )
    content = buffer.getbuffer()
    with replacing(path, keep=_previous(path)) as temporary, open(temporary, "wb") as file:
        file.write(content)
        file.write(MARK + hashlib.sha256(content).digest())


def has_state(path: Path) -> bool:
    """Whether a run has a state at ``path``, be it only the generation before."""
    return path.is_file() or _previous(path).is_file()


def load_state(path: Path) -> SavedState:
    """Read the state at ``path``, or the generation before it where that one is damaged.

    Only tensors and plain values are read, never code (``weights_only``); all tensors lie on the
    CPU, from where `SavedState.restore` copies them to where the model is.

    Raises:
        UnusableInput: both are damaged, or a newer Lik wrote them.
    """
    try:
        return _read(path)
    except _Unreadable as error:
        damage = f"{path} cannot be read as a training state ({error})"
    try:
        before = _read(_previous(path))
    except _Unreadable:
        raise UnusableInput(
            f"{damage}, and neither can the one before it: delete the run to begin anew."
        ) from None
    remark = f"{damage}: going on from the one before it, of step {before.train_state.step:,}."
    return SavedState(before.path, before.parts, before.train_state, remark)


def discard_damaged(path: Path, state: SavedState) -> None:
    """Let ``state``, if it is the generation before, take the place of a damaged last one.

    Else the next saving would keep the damaged one and drop the good one.
    """
    if state.path != path:
        os.replace(state.path, path)


def _previous(path: Path) -> Path:
    return path.with_name(f"previous{path.suffix}")


def _read(path: Path) -> SavedState:
    try:
        content = memoryview(path.read_bytes())
    except OSError as error:
        raise _Unreadable((error.strerror or "unreadable").lower()) from error
    content, end = content[:-CHECKSUM], bytes(content[-CHECKSUM:])
    if end[: len(MARK)] != MARK:
        raise _Unreadable("its end is missing")
    if hashlib.sha256(content).digest() != end[len(MARK) :]:
        raise _Unreadable("its checksum is wrong")
    try:
        state = torch.load(io.BytesIO(content), weights_only=True, map_location="cpu")
        check_version(str(path), state["version"], VERSION)
        return SavedState(path, state["parts"], TrainState(**state["train_state"]))
    except (
        RuntimeError, KeyError, TypeError, ValueError, EOFError, OSError, IndexError,
        AttributeError, pickle.UnpicklingError, zipfile.BadZipFile,
    ) as error:  # fmt: skip
        raise _Unreadable("it is damaged") from error
