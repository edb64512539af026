"""A run from its recipe to its weights, kept on the disk on the way."""

import copy
import time
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from lik.core.errors import FailedOnTheWay, UnusableInput
from lik.core.locks import held
from lik.core.randomness import torch_stream
from lik.core.run_folder import RunFolder
from lik.models.saved import save_model, saved_step
from lik.training import journal
from lik.training.batches import Batches, on_device
from lik.training.building import build_step
from lik.training.checkpoint import save_state
from lik.training.loop import EpochEnd, Limit, Position, Progress, measure, train
from lik.training.noise import Noise
from lik.training.opening import open_run, require_run
from lik.training.processes import ALONE, Processes
from lik.training.recipe import Plan
from lik.training.step import Step

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
    labels: NDArray[np.float32] | None = None
    """(N, A), a row for each of the pictures, for what learns from labels."""


@dataclass(frozen=True)
class Outcome:
    """How a call of `run_training` ended."""

    finished: bool
    resumed_from: int
    position: Position
    model: nn.Module


class Observer:
    """Told what happens in a run; the methods do nothing until a front end overrides them."""

    def began(self, recipe: Plan, resumed: Position, steps_per_epoch: int, how: str) -> None:
        """Training begins at ``resumed``; ``how`` says in words what makes it fast."""

    def progressed(self, progress: Progress) -> None: ...
    def noted(self, remark: str) -> None: ...
    def epoch_ended(self, record: journal.EpochRecord, model: nn.Module) -> None:
        """An epoch is over; ``model`` has the weights for pictures, and is in evaluation mode."""

    def should_stop(self) -> bool:
        return False


def run_training(
    folder: RunFolder,
    recipe: Plan,
    data: Data,
    device: torch.device,
    observer: Observer,
    processes: Processes = ALONE,
) -> Outcome:
    """Train a new run, or go on with one where it was left; more epochs than before extend it.

    Nothing is written before all is seen to fit. Of several processes the first one alone writes,
    validates and is observed.

    Returns:
        whether the last epoch is done; False means that the observer asked to stop, and that the
        state is saved.

    Raises:
        UnusableInput: another recipe or face set than the run was begun with, fewer epochs than
            are done, a run that another process trains, a folder that holds something else, or a
            model that cannot be trained on these faces.
        FailedOnTheWay: the disk is full, too many steps could not be taken, or another process of
            the same training was lost.
    """
    require_run(folder)
    training, validation = _batches(recipe, data, device, processes)
    objective = recipe.state(len(data.train), device)
    if processes.count > 1 and recipe.objective.whole_batch:
        raise UnusableInput(
            f"objective.{recipe.objective.whole_batch} looks at whole batches, which several "
            "processes share: train it with one process."
        )
    tell = observer.noted if processes.first else lambda remark: None
    step, how = build_step(recipe, device, len(data.train), objective, processes, tell)
    _require_learnable(recipe, step, training)
    keeper = _Keeper(folder, recipe, data.description, step, validation, observer, processes)
    busy = f"{folder.path} is being trained by another process: wait for it, or stop it first."
    if processes.first:
        folder.path.mkdir(parents=True, exist_ok=True)
    with held(folder.lock, busy) if processes.first else nullcontext():
        keeper.begin(how.facts(device))
        resumed_from = keeper.position.step
        if processes.first:
            observer.began(recipe, keeper.position, training.steps, how.describe(device))
        finished = _trained(step, training, keeper, recipe, processes)
    return Outcome(finished, resumed_from, keeper.position, step.shown)


def _batches(
    recipe: Plan, data: Data, device: torch.device, processes: Processes
) -> tuple[Batches, Batches | None]:
    """The training faces, shared among the processes, and the validation faces."""
    pictures = on_device(data.pictures, device)
    training = Batches(
        pictures, data.train, recipe.batch_size, device, recipe.seed, recipe.mirror,
        processes.rank, processes.count, data.labels,
    )  # fmt: skip
    if not len(data.validation):
        return training, None
    return training, Batches(
        pictures, data.validation, recipe.batch_size, device, recipe.seed, labels=data.labels
    )


def _trained(
    step: Step, batches: Batches, keeper: "_Keeper", recipe: Plan, processes: Processes
) -> bool:
    limit = Limit(recipe.epochs, recipe.patience)
    try:
        return train(step, batches, keeper.measured, keeper.position, limit, keeper, processes)
    except RuntimeError as error:
        if processes.count == 1:
            raise
        reason = str(error).splitlines()[0]
        raise FailedOnTheWay(
            f"another process of this training was lost ({reason}): the same command goes on from "
            "the last saved state."
        ) from error


class _Keeper:
    """Writes what the loop reports into the run, and passes it on to the observer.

    In processes other than the first it does neither.
    """

    def __init__(
        self,
        folder: RunFolder,
        recipe: Plan,
        description: dict[str, Any],
        step: Step,
        validation: Batches | None,
        observer: Observer,
        processes: Processes,
    ) -> None:
        self.folder, self.recipe, self.description = folder, recipe, description
        self.step, self.validation = step, validation
        self.observer, self.processes = observer, processes
        self.made_with = recipe.made_with()
        self.position = Position()
        self.saved_at = time.monotonic()

    def begin(self, facts: dict[str, Any]) -> None:
        """Go on where the run was left; the first process looks, the others take it over."""
        parts = self.step.parts()
        if self.processes.first:
            self.position = open_run(
                self.folder, self.recipe, self.description, parts, facts, self.observer.noted
            )
            if self.position.step and saved_step(self.folder.model) != self.position.step:
                self._save_weights()  # killed after the state was saved and before they were
        states = {name: part.state_dict() for name, part in parts.items()}
        self.position, states = self.processes.from_first((self.position, states))
        if not self.processes.first:
            for name, part in parts.items():
                part.load_state_dict(states[name])

    def measured(self) -> journal.Figures | None:
        """The means over the validation faces, by the weights that are for use.

        The objective is taken at its present weights.
        """
        figures = None
        if self.processes.first and self.validation is not None:
            shown = self.step.shown
            figures = measure(
                shown, self.recipe.loss(shown, state=self.step.objective), self.validation
            )
        answer: journal.Figures | None = self.processes.from_first(figures)
        return answer

    def progressed(self, progress: Progress) -> None:
        if not self.processes.first:
            return
        self.observer.progressed(progress)
        if time.monotonic() - self.saved_at > SAVE_EVERY_SECONDS:
            self.save()

    def epoch_ended(self, end: EpochEnd) -> None:
        if not self.recipe.settled(self.step.objective):
            # Its weights change: later losses do not compare, and the next epoch is the best one.
            self.position.best = None
        if not self.processes.first:
            return
        shown = self.step.shown.eval()
        record = journal.EpochRecord(
            end.epoch, end.step, end.train, end.validation, end.images_per_second,
            self.recipe.objective.scale, self._details(shown),
        )  # fmt: skip
        journal.append(self.folder.journal, record)
        if end.best:
            self._write(self.folder.best_model, shown)
        self.observer.epoch_ended(record, shown)

    def should_stop(self) -> bool:
        return self.observer.should_stop()

    def save(self) -> None:
        """Save, unless the last steps were skipped: then the weights may be what is wrong."""
        if self.processes.first and not int(self.step.guard.in_a_row):
            states = {name: part.state_dict() for name, part in self.step.parts().items()}
            save_state(self.folder.state, states, self.position)
            self._save_weights()
        self.saved_at = time.monotonic()

    def _details(self, shown: nn.Module) -> dict[str, Any]:
        found: dict[str, Any] = {
            "learning_rate": self.step.rate(max(0, self.position.step - 1)),
            "skipped_steps": int(self.step.guard.skipped),
        }
        if state := self.recipe.figures(self.step.objective):
            found["objective"] = state
        if self.validation is not None:
            found |= self.recipe.details(
                shown, (batch.images for batch in self.validation.in_order())
            )
        return found

    def _save_weights(self) -> None:
        """The last weights: averaged ones for use, where there are any, beside the plain."""
        if self.step.average is not None:
            self._write(self.folder.plain_model, self.step.model)
        self._write(self.folder.model, self.step.shown)

    def _write(self, path: Path, model: nn.Module) -> None:
        # The weights may be passed on; where the face set lay is nobody's business then.
        metadata = {key: value for key, value in self.description.items() if key != "path"}
        metadata |= {"epochs": self.position.epoch, "step": self.position.step}
        metadata["objective"] = self.recipe.objective.model_dump(mode="json")
        metadata |= self.made_with
        if state := self.recipe.figures(self.step.objective):
            metadata["objective_state"] = state
        save_model(path, model, self.recipe.model, metadata)


def _require_learnable(recipe: Plan, step: Step, batches: Batches) -> None:
    """Try a batch of one face, where there will be one: batch normalisation may not take it."""
    faces = len(batches.indices)
    if recipe.batch_size > 1 and faces % recipe.batch_size != 1:
        return
    trial, objective = copy.deepcopy(step.model).train(), copy.deepcopy(step.objective)
    single = replace(batches, batch_size=1)
    noise = Noise(torch_stream(0, "trial", device=batches.device), 1)
    try:
        with torch.no_grad():
            recipe.loss(trial, state=objective)(next(single.in_order()), noise)
    except ValueError as error:
        sizes = range(recipe.batch_size + 1, faces + 1)
        fitting = next((str(size) for size in sizes if faces % size != 1), "none: add faces")
        raise UnusableInput(
            f"this model cannot learn from a batch of a single face, which {faces:,} faces in "
            f"batches of {recipe.batch_size} leave: choose another batch_size ({fitting})."
        ) from error
