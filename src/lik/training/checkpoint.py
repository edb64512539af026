"""The full state of a run, in one file, whole or not there; and how a run is opened for training.

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
from typing import Any

import torch

from lik.core.artifacts import (
    check_version,
    remove_stale_parts,
    replacing,
    write_json,
    write_text,
)
from lik.core.configuration import differences, read_yaml, to_yaml, validated
from lik.core.errors import UnusableInput
from lik.core.events import Notify
from lik.core.run_folder import RunFolder, read_environment
from lik.training import journal
from lik.training.environment import environment
from lik.training.loop import TrainState
from lik.training.recipe import TrainingPlan

VERSION = 2

MARK = b"\nlik sha256 "
CHECKSUM = len(MARK) + hashlib.sha256().digest_size
"""Bytes at the end of a state: the mark, and the SHA-256 of all that is before it."""


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

    def restore(self, targets: Mapping[str, Any]) -> None:
        """Put the parts back into ``targets`` of the same names, such as a model and an optimizer.

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


def open_run(
    folder: RunFolder,
    recipe: TrainingPlan,
    description: dict[str, Any],
    parts: Mapping[str, Any],
    facts: dict[str, Any],
    notify: Notify,
) -> TrainState:
    """Put back what was saved of a run into ``parts``, and write down what the run is.

    Nothing is written before all is seen to fit. ``facts`` of how it is trained now, such as its
    device, come into environment.json; ``notify`` is given a sentence where the last state was
    damaged, or batches were shared otherwise.

    Raises:
        UnusableInput: the run was begun otherwise, or its state cannot be read.
    """
    reached, state = TrainState(), None
    stored = read_environment(folder) if folder.environment.is_file() else None
    if stored is not None:
        _require_same(folder, recipe, description, stored["faces"])
        if has_state(folder.state):
            state = load_state(folder.state)
            state.restore(parts)
            reached = state.train_state
        begun = reached.epoch + (reached.step_in_epoch > 0)
        if recipe.epochs < begun:
            raise UnusableInput(
                f"{folder.path} has begun epoch {begun} already: epochs={recipe.epochs} cannot "
                "undo it."
            )
    if state is not None:
        discard_damaged(folder.state, state)
        if state.remark:
            notify(state.remark)
        before, shares = (stored or {}).get("shares"), facts.get("shares")
        if before not in (None, shares):
            notify(
                f"batches are passed in {shares} shares, and were in {before}: sums differ in the "
                "last bits, and batch normalisation, where there is any, is over other faces."
            )
    journal.rewind(folder.journal, reached.step)
    for place in (folder.path, folder.state.parent, folder.figures, folder.grids):
        remove_stale_parts(place)
    if stored is None:
        write_json(folder.environment, environment(description) | facts)
    elif stored != (now := stored | {"faces": description} | facts):  # moved, or trained elsewhere
        write_json(folder.environment, now)
    write_text(folder.recipe, to_yaml(recipe))
    return reached


def require_run(folder: RunFolder) -> None:
    """Refuse what exists and is no run; hidden files are what a killed beginning leaves."""
    foreign = folder.path.is_file() or (
        folder.path.is_dir()
        and not folder.environment.is_file()
        and any(not file.name.startswith(".") for file in folder.path.iterdir())
    )
    if foreign:
        raise UnusableInput(
            f"{folder.path} exists and is no run of Lik: choose another name for the run."
        )


def _require_same(
    folder: RunFolder, recipe: TrainingPlan, description: dict[str, Any], faces: dict[str, Any]
) -> None:
    """Refuse to go on with a run of another recipe, or of other ``faces``."""
    if not folder.recipe.is_file():
        if any(file.exists() for file in (folder.model, folder.state, folder.journal)):
            raise UnusableInput(
                f"{folder.path} holds what no training has made, for it has no "
                f"{folder.recipe.name}: choose another name for the run."
            )
        return  # killed between the making of the folder and its first file
    old = validated(type(recipe), read_yaml(folder.recipe), str(folder.recipe))
    changed = differences(old, recipe)
    # How long it is trained may change, and by what means it is made fast.
    changed = {k: v for k, v in changed.items() if k != "epochs" and not k.startswith("device.")}
    if changed:
        shown = ", ".join(f"{key}: {old} → {new}" for key, (old, new) in changed.items())
        raise UnusableInput(
            f"{folder.path} was begun with another recipe ({shown}): "
            "give the same one again, or another name for the run."
        )
    for key, what in (
        ("hash", "another face set"),
        ("index_hash", "a face set of other splits or labels"),
    ):
        before, now = faces.get(key), description.get(key)
        if before != now:
            raise UnusableInput(
                f"{folder.path} was begun on {what} (SHA-256 {str(before)[:12]}…, "
                f"now {str(now)[:12]}…): give that one, or another name for the run."
            )
    if folder.model.exists() and not has_state(folder.state):
        raise UnusableInput(
            f"{folder.path} has weights but no {folder.state.relative_to(folder.path)}, which "
            "going on needs: put it back, or choose another name for the run."
        )
