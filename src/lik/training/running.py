"""A run from its plan to its weights, kept on the disk on the way."""

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
from lik.core.events import Notify, no_notices
from lik.core.locks import held
from lik.core.randomness import derive, torch_stream
from lik.core.run_folder import RunFolder
from lik.core.workers import Workers
from lik.models.saved import save_model, saved_step
from lik.objectives.interface import Objective
from lik.training import fast, journal
from lik.training.batches import Batches, Noise, on_device
from lik.training.callback import Callback
from lik.training.checkpoint import open_run, require_run, save_state
from lik.training.loop import Limit, TrainingProgress, TrainState, measure, train
from lik.training.processes import ALONE, Processes
from lik.training.recipe import TrainingPlan
from lik.training.step import Loss, MovingAverage, Step

SAVE_EVERY_SECONDS = 30.0


@dataclass(frozen=True)
class TrainingData:
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
    """How a call of `run_training` ended.

    Attributes:
        finished: whether the last epoch is done; else the callback asked to stop.
        resumed_from: the step at which it began. state: where it ended.
        model: with the weights that are for use.
    """

    finished: bool
    resumed_from: int
    state: TrainState
    model: nn.Module


def run_training(
    folder: RunFolder,
    plan: TrainingPlan,
    data: TrainingData,
    device: torch.device,
    callback: Callback | None = None,
    notify: Notify = no_notices,
    processes: Processes = ALONE,
) -> Outcome:
    """Train a new run, or go on with one where it was left; more epochs than before extend it.

    Nothing is written before all is seen to fit. Of several processes the first one alone writes,
    validates and calls back. When the callback asks to stop, the state is saved.

    Raises:
        UnusableInput: another plan or face set than the run was begun with, fewer epochs than are
            done, a run that another process trains, a folder that holds something else, or a
            model that cannot be trained on these faces.
        FailedOnTheWay: the disk is full, too many steps could not be taken, or another process of
            the same training was lost.
    """
    require_run(folder)
    callback = callback or Callback()
    pictures, size, seed = on_device(data.pictures, device), plan.batch_size, plan.seed
    validation = Batches(pictures, data.validation, size, device, seed, labels=data.labels)
    training = replace(validation, indices=data.train, mirror=plan.mirror)
    training = replace(training, rank=processes.rank, processes=processes.count)
    objective = plan.state(len(data.train), device)
    if processes.count > 1 and plan.objective.whole_batch:
        raise UnusableInput(
            f"objective.{plan.objective.whole_batch} looks at whole batches, which several "
            "processes share: train it with one process."
        )
    notify = notify if processes.first else no_notices
    step, how = build_step(plan, device, len(data.train), objective, processes, notify)
    _require_learnable(plan, step, training)
    checkpointer = Checkpointer(
        folder, plan, data.description, step, validation, callback, processes
    )
    busy = f"{folder.path} is being trained by another process: wait for it, or stop it first."
    if processes.first:
        folder.path.mkdir(parents=True, exist_ok=True)
    with held(folder.lock, busy) if processes.first else nullcontext():
        checkpointer.begin(how.facts(device), notify)
        state, resumed_from = checkpointer.state, checkpointer.state.step
        if processes.first:
            callback.began(plan, state, training.steps, how.describe(device))
        limit = Limit(plan.epochs, plan.patience)
        try:
            finished = train(step, training, state, limit, checkpointer, processes)
        except RuntimeError as error:
            if processes.count == 1:
                raise
            reason = str(error).splitlines()[0]
            raise FailedOnTheWay(
                f"another process of this training was lost ({reason}): the same command goes on "
                "from the last saved state."
            ) from error
    return Outcome(finished, resumed_from, state, step.shown)


def build_step(
    plan: TrainingPlan,
    device: torch.device,
    faces: int,
    objective: Objective,
    processes: Processes = ALONE,
    notify: Notify = no_notices,
) -> tuple[Step, fast.Acceleration]:
    """The model with fresh weights and all that will change them, and what makes it fast.

    ``faces`` are those of an epoch, ``objective`` is what `TrainingPlan.state` gives; ``notify`` is
    given a sentence where something that makes it fast fails later.
    """
    fast.prepare(plan.device, device)
    torch.manual_seed(derive(plan.seed, "weights"))
    # Channels last is how convolutions are fastest, and how the pictures lie in memory.
    model = plan.build().to(device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    alone = processes.count == 1
    how = fast.choose_acceleration(
        plan.device,
        device,
        plan.epochs * faces,
        sum(weight.numel() for weight in model.parameters()),
        recordable=alone and plan.objective.recordable,
        shareable=plan.batch_size if alone and plan.objective.shareable else 1,
        normalised=any(isinstance(layer, nn.BatchNorm2d) for layer in model.modules()),
    )
    fast.quicken(model)
    shared = processes.shared(model, device)

    def loss_of(model: nn.Module, objective: Objective, size: int, notify: Notify) -> Loss:
        loss = plan.loss(fast.InPrecision(model, how.precision), objective)
        return fast.quick_loss(loss, how, model, objective, width, size, notify)

    width, settings, steps = plan.noise_width(model), plan.optimizer, -(-faces // plan.batch_size)
    parts: dict[str, Any] = {
        "model": model,
        "optimizer": settings.build(nn.ModuleList([model, objective])),
        "rate": lambda number: settings.rate(number, plan.epochs * steps),
        "clip": settings.clip,
        "average": MovingAverage(model, plan.ema) if plan.ema is not None else None,
        "processes": processes.count,
        "objective": objective,
    }
    if how.shares > 1:
        replicas = fast.replicate(model, objective, loss_of, plan.batch_size, how.shares, notify)
        workers = Workers(how.workers, how.threads)
        passes = fast.SharedPasses(replicas, workers, plan.batch_size)
        parts |= {"workers": workers, "shared_passes": passes}
        return plan.step_class(**parts, loss=replicas[0].loss), how
    parts["loss"] = loss_of(shared, objective, plan.batch_size, notify)
    if how.graph:
        recorder = fast.CudaRecorder(device)
        parts |= {"batch_size": plan.batch_size, "recorder": recorder, "notify": notify}
        return fast.GraphedStep(**parts, compiled=how.compiled), how
    return plan.step_class(**parts), how


@dataclass(eq=False)
class Checkpointer:
    """Validates, writes what the loop reports into the run, and passes it on to the callback.

    In processes other than the first it does none of it.
    """

    folder: RunFolder
    plan: TrainingPlan
    description: dict[str, Any]
    step: Step
    validation: Batches
    callback: Callback
    processes: Processes

    def __post_init__(self) -> None:
        self.provenance = self.plan.provenance()
        self.state = TrainState()
        self.saved_at = time.monotonic()

    def begin(self, facts: dict[str, Any], notify: Notify) -> None:
        """Go on where the run was left; the first process looks, the others take it over."""
        parts = self.step.parts()
        if self.processes.first:
            self.state = open_run(self.folder, self.plan, self.description, parts, facts, notify)
            if self.state.step and saved_step(self.folder.model) != self.state.step:
                self._save_weights()  # killed after the state was saved and before they were
        states = {name: part.state_dict() for name, part in parts.items()}
        self.state, states = self.processes.from_first((self.state, states))
        if not self.processes.first:
            for name, part in parts.items():
                part.load_state_dict(states[name])

    def measure(self) -> journal.Metrics | None:
        """The means over the validation faces, by the weights that are for use.

        The objective is taken at its present weights.
        """
        metrics = None
        if self.processes.first and self.validation.steps:
            loss = self.plan.loss(self.step.shown, self.step.objective.eval())
            metrics = measure(self.step.shown, loss, self.validation, self.step.workers)
        answer: journal.Metrics | None = self.processes.from_first(metrics)
        return answer

    def progressed(self, progress: TrainingProgress) -> None:
        if not self.processes.first:
            return
        self.callback.progressed(progress)
        if time.monotonic() - self.saved_at > SAVE_EVERY_SECONDS:
            self.save()

    def epoch_ended(
        self,
        train: journal.Metrics,
        validation: journal.Metrics | None,
        images_per_second: float,
        best: bool,
    ) -> None:
        if not self.step.objective.settled():
            # Its weights change: later losses do not compare, and the next epoch is the best one.
            self.state.best = None
        if not self.processes.first:
            return
        shown = self.step.shown.eval()
        record = journal.EpochRecord(
            self.state.epoch, self.state.step, train, validation, images_per_second,
            self.plan.objective.scale, self._details(shown),
        )  # fmt: skip
        journal.append(self.folder.journal, record)
        if best:
            self._write(self.folder.best_model, shown)
        self.callback.epoch_ended(record, shown)

    def should_stop(self) -> bool:
        return self.callback.should_stop()

    def save(self) -> None:
        """Save, unless the last steps were skipped: then the weights may be what is wrong."""
        if self.processes.first and not int(self.step.guard.in_a_row):
            states = {name: part.state_dict() for name, part in self.step.parts().items()}
            save_state(self.folder.state, states, self.state)
            self._save_weights()
        self.saved_at = time.monotonic()

    def _details(self, shown: nn.Module) -> dict[str, Any]:
        found: dict[str, Any] = {
            "learning_rate": self.step.rate(max(0, self.state.step - 1)),
            "skipped_steps": int(self.step.guard.skipped),
        }
        if arrived := self.step.objective.metrics():
            found["objective"] = arrived
        if self.validation.steps:
            found |= self.plan.details(shown, (b.images for b in self.validation.in_order()))
        return found

    def _save_weights(self) -> None:
        """The last weights: averaged ones for use, where there are any, beside the plain."""
        if self.step.average is not None:
            self._write(self.folder.plain_model, self.step.model)
        self._write(self.folder.model, self.step.shown)

    def _write(self, path: Path, model: nn.Module) -> None:
        # The weights may be passed on; where the face set lay is nobody's business then.
        metadata = {key: value for key, value in self.description.items() if key != "path"}
        metadata |= {"epochs": self.state.epoch, "step": self.state.step}
        metadata["objective"] = self.plan.objective.model_dump(mode="json")
        metadata |= self.provenance
        if arrived := self.step.objective.metrics():
            metadata["objective_state"] = arrived
        save_model(path, model, self.plan.model, metadata)


def _require_learnable(plan: TrainingPlan, step: Step, batches: Batches) -> None:
    """Try a batch of one face, where there will be one: batch normalisation may not take it."""
    faces = len(batches.indices)
    if plan.batch_size > 1 and faces % plan.batch_size != 1:
        return
    trial, objective = copy.deepcopy(step.model).train(), copy.deepcopy(step.objective)
    single = replace(batches, batch_size=1)
    noise = Noise(torch_stream(0, "trial", device=batches.device), 1)
    try:
        with torch.no_grad():
            plan.loss(trial, objective)(next(single.in_order()), noise)
    except ValueError as error:
        sizes = range(plan.batch_size + 1, faces + 1)
        fitting = next((str(size) for size in sizes if faces % size != 1), "none: add faces")
        raise UnusableInput(
            f"this model cannot learn from a batch of a single face, which {faces:,} faces in "
            f"batches of {plan.batch_size} leave: choose another batch_size ({fitting})."
        ) from error
