"""A run from its recipe to its weights: begun, gone on with, and kept on the disk on the way."""

import copy
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from lik.core.artifacts import remove_stale_parts, write_json, write_text
from lik.core.configuration import differences, read_yaml, to_yaml, validated
from lik.core.errors import UnusableInput
from lik.core.locks import held
from lik.core.randomness import derive, torch_stream
from lik.core.run_folder import RunFolder, read_environment
from lik.models.saved import save_model, saved_step
from lik.training import journal
from lik.training.batches import Batches, on_device
from lik.training.checkpoint import (
    Stateful,
    discard_damaged,
    has_state,
    load_state,
    save_state,
)
from lik.training.environment import environment
from lik.training.loop import EpochEnd, Position, Progress, adam, train
from lik.training.recipe import Plan

SAVE_EVERY_SECONDS = 30.0


@dataclass(frozen=True)
class Data:
    """What a run takes from a face set: pictures uint8 (N, S, S, 3), its splits, and what it is."""

    pictures: Any
    train: Any
    validation: Any
    description: dict[str, Any]
    """``path``, ``crop`` and ``attribute_names`` of the face set, as plain values, ``hash`` of its
    pixels and ``index_hash`` of its splits and labels."""


@dataclass(frozen=True)
class Outcome:
    """How a call of `run_training` ended."""

    finished: bool
    resumed_from: int
    position: Position
    model: nn.Module


class Observer:
    """Told what happens in a run; the methods do nothing until a front end overrides them."""

    def began(self, recipe: Plan, resumed: Position, steps_per_epoch: int) -> None: ...
    def progressed(self, progress: Progress) -> None: ...
    def noted(self, remark: str) -> None: ...
    def epoch_ended(self, record: journal.EpochRecord, model: nn.Module) -> None:
        """An epoch is over; ``model`` has the weights for pictures, and is in evaluation mode."""

    def should_stop(self) -> bool:
        return False


def run_training(
    folder: RunFolder, recipe: Plan, data: Data, device: torch.device, observer: Observer
) -> Outcome:
    """Train a new run, or go on with one where it was left; more epochs than before extend it.

    Nothing is written before all is seen to fit.

    Returns:
        whether the last epoch is done; False means that the observer asked to stop, and that the
        state is saved.

    Raises:
        UnusableInput: another recipe or face set than the run was begun with, fewer epochs than
            are done, a run that another process trains, a folder that holds something else, or a
            model that cannot be trained on these faces.
    """
    _require_run(folder)
    torch.manual_seed(derive(recipe.seed, "weights"))
    model = recipe.build().to(device)
    adam_settings = recipe.optimizer
    optimizer = adam(
        model,
        adam_settings.learning_rate,
        (adam_settings.beta1, adam_settings.beta2),
        adam_settings.epsilon,
    )
    pictures = on_device(data.pictures, device)

    def batches(indices: Any, mirror: bool) -> Batches:
        return Batches(pictures, indices, recipe.batch_size, device, recipe.seed, mirror)

    training = batches(data.train, recipe.mirror)
    validation = batches(data.validation, False) if len(data.validation) else None
    _require_learnable(recipe, model, training)

    def save_weights() -> None:
        # The weights may be passed on; where the face set lay is nobody's business then.
        metadata = {key: value for key, value in data.description.items() if key != "path"}
        metadata |= {"epochs": position.epoch, "step": position.step}
        metadata["objective"] = recipe.objective.model_dump(mode="json")
        save_model(folder.model, model, recipe.model, metadata)

    parts: dict[str, Stateful] = {"model": model, "optimizer": optimizer}

    def save() -> None:
        states = {name: part.state_dict() for name, part in parts.items()}
        save_state(folder.state, states, position)
        save_weights()

    folder.path.mkdir(parents=True, exist_ok=True)
    busy = f"{folder.path} is being trained by another process: wait for it, or stop it first."
    with held(folder.lock, busy):
        position = _begin(folder, recipe, data.description, parts, observer)
        if position.step and saved_step(folder.model) != position.step:
            save_weights()  # killed after the state was saved and before the weights were
        resumed_from = position.step
        observer.began(recipe, position, training.steps)
        finished = train(
            model,
            recipe.loss(model),
            optimizer,
            lambda step: adam_settings.rate(step, recipe.epochs * training.steps),
            training,
            validation,
            position,
            recipe.epochs,
            _Keeper(folder, recipe.objective.scale, observer, save, model),
        )
    return Outcome(finished, resumed_from, position, model)


class _Keeper:
    """Writes what the loop reports into the run, and passes it on to the observer."""

    def __init__(
        self,
        folder: RunFolder,
        scale: str,
        observer: Observer,
        save: Callable[[], None],
        model: nn.Module,
    ) -> None:
        self.folder, self.scale, self.observer, self._save = folder, scale, observer, save
        self.model = model
        self.saved_at = time.monotonic()

    def progressed(self, progress: Progress) -> None:
        self.observer.progressed(progress)
        if time.monotonic() - self.saved_at > SAVE_EVERY_SECONDS:
            self.save()

    def epoch_ended(self, end: EpochEnd) -> None:
        record = journal.EpochRecord(
            end.epoch, end.step, end.train, end.validation, end.images_per_second, self.scale
        )
        journal.append(self.folder.journal, record)
        self.observer.epoch_ended(record, self.model.eval())

    def should_stop(self) -> bool:
        return self.observer.should_stop()

    def save(self) -> None:
        self._save()
        self.saved_at = time.monotonic()


def _begin(
    folder: RunFolder,
    recipe: Plan,
    description: dict[str, Any],
    parts: dict[str, Stateful],
    observer: Observer,
) -> Position:
    """See where a run is to go on, and only then write down what it is."""
    position, state = Position(), None
    stored = read_environment(folder) if folder.environment.is_file() else None
    if stored is not None:
        _require_same(folder, recipe, description, stored["faces"])
        if has_state(folder.state):
            state = load_state(folder.state)
            state.restore(parts)
            position = state.position
        begun = position.epoch + (position.step_in_epoch > 0)
        if recipe.epochs < begun:
            raise UnusableInput(
                f"{folder.path} has begun epoch {begun} already: epochs={recipe.epochs} cannot "
                "undo it."
            )
    if state is not None:
        discard_damaged(folder.state, state)
        if state.remark:
            observer.noted(state.remark)
    journal.rewind(folder.journal, position.step)
    for place in (folder.path, folder.state.parent, folder.figures, folder.life):
        remove_stale_parts(place)
    if stored is None:
        write_json(folder.environment, environment(description))
    elif stored["faces"] != description:  # it was moved
        write_json(folder.environment, stored | {"faces": description})
    write_text(folder.recipe, to_yaml(recipe))
    return position


def _require_run(folder: RunFolder) -> None:
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
    folder: RunFolder, recipe: Plan, description: dict[str, Any], faces: dict[str, Any]
) -> None:
    """Refuse to go on with a run of another recipe, or of other ``faces``."""
    if not folder.recipe.is_file():
        if any(file.exists() for file in (folder.model, folder.state, folder.journal)):
            raise UnusableInput(
                f"{folder.path} holds what lik train has not made, for it has no "
                f"{folder.recipe.name}: choose another name for the run."
            )
        return  # killed between the making of the folder and its first file
    old = validated(type(recipe), read_yaml(folder.recipe), str(folder.recipe))
    changed = differences(old, recipe)
    changed.pop("epochs", None)
    if changed:
        shown = ", ".join(f"{key}: {old} → {new}" for key, (old, new) in changed.items())
        raise UnusableInput(
            f"{folder.path} was begun with another recipe ({shown}): "
            "give the same one again, or another name for the run."
        )
    _require_same_faces(folder, description, faces)
    if folder.model.exists() and not has_state(folder.state):
        raise UnusableInput(
            f"{folder.path} has weights but no {folder.state.relative_to(folder.path)}, which "
            "going on needs: put it back, or choose another name for the run."
        )


def _require_same_faces(
    folder: RunFolder, description: dict[str, Any], faces: dict[str, Any]
) -> None:
    for key, what in (
        ("hash", "another face set"),
        ("index_hash", "a face set of other splits or labels"),
    ):
        before, now = faces.get(key), description.get(key)
        if key == "index_hash" and None in (before, now):
            continue  # runs did not always keep it
        if before != now:
            raise UnusableInput(
                f"{folder.path} was begun on {what} (SHA-256 {str(before)[:12]}…, "
                f"now {str(now)[:12]}…): give that one, or another name for the run."
            )


def _require_learnable(recipe: Plan, model: nn.Module, batches: Batches) -> None:
    """Try a batch of one face, where there will be one: batch normalisation may not take it."""
    faces = len(batches.indices)
    if recipe.batch_size > 1 and faces % recipe.batch_size != 1:
        return
    trial = copy.deepcopy(model).train()
    noise = torch_stream(0, "trial", device=batches.device)
    try:
        with torch.no_grad():
            recipe.loss(trial)(next(batches.in_order())[:1], noise)
    except ValueError as error:
        sizes = range(recipe.batch_size + 1, faces + 1)
        fitting = next((str(size) for size in sizes if faces % size != 1), "none: add faces")
        raise UnusableInput(
            f"this model cannot learn from a batch of a single face, which {faces:,} faces in "
            f"batches of {recipe.batch_size} leave: choose another batch_size ({fitting})."
        ) from error
