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
from lik.training.checkpoint import load_state, save_state
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
    def epoch_ended(self, record: journal.EpochRecord) -> None: ...
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
    faces = len(data.train)
    how = choose_acceleration(recipe.device, device, recipe.epochs * faces)
    if recipe.device.deterministic:
        torch.use_deterministic_algorithms(True)
    training, validation = _batches(recipe, data, device, processes)
    step = _new_step(recipe, device, how, training.steps, processes)
    _require_learnable(recipe, step.model, training)
    weights = _Weights(folder, recipe, data.description, step)
    if not processes.first:
        position = _join(folder, recipe, step)
        observer = Observer()
        keeper = _Keeper(folder, recipe, observer, None, step, lambda: {})
        finished = _trained(step, training, lambda: None, position, recipe, keeper, processes)
        return Outcome(finished, position.step, position, step.shown)

    def details() -> dict[str, Any]:
        found: dict[str, Any] = {"learning_rate": step.rate(max(0, position.step - 1))}
        found["skipped_steps"] = int(step.guard.skipped)
        shown = step.shown.eval()
        return found | (recipe.details(shown, validation.in_order()) if validation else {})

    def measured() -> journal.Figures | None:
        if validation is None:
            return None
        return measure(step.shown, recipe.loss(step.shown), validation)

    folder.path.mkdir(parents=True, exist_ok=True)
    busy = f"{folder.path} is being trained by another process: wait for it, or stop it first."
    with held(folder.lock, busy):
        position = _begin(folder, recipe, data.description, step)
        if position.step and saved_step(folder.model) != position.step:
            weights.save(position)  # killed after the state was saved and before the weights were
        resumed_from = position.step
        processes.wait()  # until the folder is what the others are to find
        observer.began(recipe, position, training.steps, how.describe(device))
        keeper = _Keeper(folder, recipe, observer, weights, step, details)
        keeper.position = position
        finished = _trained(step, training, measured, position, recipe, keeper, processes)
    return Outcome(finished, resumed_from, position, step.shown)


def _batches(
    recipe: Plan, data: Data, device: torch.device, processes: Processes
) -> tuple[Batches, Batches | None]:
    """The training faces, shared among the processes, and the validation faces."""
    pictures = on_device(data.pictures, device)
    training = Batches(
        pictures, data.train, recipe.batch_size, device, recipe.seed, recipe.mirror,
        processes.rank, processes.count,
    )  # fmt: skip
    if not len(data.validation):
        return training, None
    return training, Batches(pictures, data.validation, recipe.batch_size, device, recipe.seed)


def _new_step(
    recipe: Plan, device: torch.device, how: Acceleration, steps: int, processes: Processes
) -> Step:
    """The model with fresh weights, and all that will change them."""
    torch.manual_seed(derive(recipe.seed, "weights"))
    # Channels last is how convolutions are fastest, and how the pictures lie in memory.
    model = recipe.build().to(device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    settings = recipe.optimizer
    optimizer = adam(
        model, settings.learning_rate, (settings.beta1, settings.beta2), settings.epsilon
    )
    return Step(
        model,
        recipe.loss(processes.shared(model, device), how),
        optimizer,
        lambda number: settings.rate(number, recipe.epochs * steps),
        settings.clip,
        Average(model, recipe.ema) if recipe.ema is not None else None,
        processes.count,
    )


def _trained(
    step: Step,
    batches: Batches,
    measured: Callable[[], journal.Figures | None],
    position: Position,
    recipe: Plan,
    keeper: "_Keeper",
    processes: Processes,
) -> bool:
    limit = Limit(recipe.epochs, recipe.patience)
    try:
        return train(step, batches, measured, position, limit, keeper, processes)
    except RuntimeError as error:
        if processes.count == 1:
            raise
        reason = str(error).splitlines()[0]
        raise FailedOnTheWay(
            f"another process of this training was lost ({reason}): the same command goes on from "
            "the last saved state."
        ) from error


class _Weights:
    """The slim weights of a run, for use."""

    def __init__(
        self, folder: RunFolder, recipe: Plan, description: dict[str, Any], step: Step
    ) -> None:
        self.folder, self.recipe, self.step = folder, recipe, step
        # The weights may be passed on; where the face set lay is nobody's business then.
        self.metadata = {key: value for key, value in description.items() if key != "path"}
        self.metadata["objective"] = recipe.objective.model_dump(mode="json")

    def save(self, position: Position) -> None:
        """Write the last weights: averaged ones for use, where there are any, beside the plain."""
        if self.step.average is not None:
            self._write(self.folder.plain_model, self.step.model, position)
        self._write(self.folder.model, self.step.shown, position)

    def save_best(self, position: Position) -> None:
        """Write the weights that had the best validation loss so far."""
        self._write(self.folder.best_model, self.step.shown, position)

    def _write(self, path: Path, model: nn.Module, position: Position) -> None:
        reached = {"epochs": position.epoch, "step": position.step}
        save_model(path, model, self.recipe.model, self.metadata | reached)


class _Keeper:
    """Writes what the loop reports into the run, and passes it on to the observer."""

    def __init__(
        self,
        folder: RunFolder,
        recipe: Plan,
        observer: Observer,
        weights: _Weights | None,
        step: Step,
        details: Callable[[], dict[str, Any]],
    ) -> None:
        self.folder, self.scale = folder, recipe.objective.scale
        self.observer, self.weights, self.step, self.details = observer, weights, step, details
        self.position = Position()
        self.saved_at = time.monotonic()

    def progressed(self, progress: Progress) -> None:
        self.observer.progressed(progress)
        if time.monotonic() - self.saved_at > SAVE_EVERY_SECONDS:
            self.save()

    def epoch_ended(self, end: EpochEnd) -> None:
        if self.weights is None:
            return
        record = journal.EpochRecord(
            end.epoch, end.step, end.train, end.validation, end.images_per_second, self.scale,
            self.details(),
        )  # fmt: skip
        journal.append(self.folder.journal, record)
        if end.best:
            self.weights.save_best(self.position)
        self.observer.epoch_ended(record, self.step.shown)

    def should_stop(self) -> bool:
        return self.observer.should_stop()

    def save(self) -> None:
        if self.weights is not None:
            save_state(self.folder.state, self.step.parts(), self.position)
            self.weights.save(self.position)
        self.saved_at = time.monotonic()


def _join(folder: RunFolder, recipe: Plan, step: Step) -> Position:
    """Go on where the first process does, which has checked that it may."""
    raise NotImplementedError


def _begin(
    folder: RunFolder,
    recipe: Plan,
    description: dict[str, Any],
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
) -> Position:
    """See where a run is to go on, and only then write down what it is."""
    position = Position()
    stored = read_environment(folder) if folder.environment.is_file() else None
    if stored is not None:
        _require_same(folder, recipe, description, stored["faces"])
        if folder.state.is_file():
            position = load_state(folder.state, model, optimizer)
        begun = position.epoch + (position.step_in_epoch > 0)
        if recipe.epochs < begun:
            raise UnusableInput(
                f"{folder.path} has begun epoch {begun} already: epochs={recipe.epochs} cannot "
                "undo it."
            )
    journal.rewind(folder.journal, position.step)
    for place in (folder.path, folder.state.parent, folder.figures):
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
    if folder.model.exists() and not folder.state.is_file():
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
