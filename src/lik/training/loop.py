"""The training loop: it takes any loss of a batch, and knows neither files nor screens.

It serves whatever gives ``loss(batch, noise) → terms``, named tensors (B,) of which ``loss`` is
minimised; what shows, saves or stops it is one callback.
"""

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

import torch
from torch import Tensor, nn

from lik.core.errors import FailedOnTheWay
from lik.core.randomness import torch_stream
from lik.core.workers import Workers
from lik.training.batches import Batch, Batches, Noise
from lik.training.journal import Metrics
from lik.training.processes import ALONE, Processes
from lik.training.shares import shares_of
from lik.training.step import Loss, Step

READ_EVERY = 20
"""Steps between two looks at the metrics, which wait for the device."""


@dataclass
class TrainState:
    """How far a run is: whole epochs done, steps done in the present one, steps in all.

    ``sums`` of the terms over the ``images`` of the present epoch, which is one of the sums;
    ``best`` validation loss so far and the epoch that had it; whether the run has ended early.
    """

    epoch: int = 0
    step_in_epoch: int = 0
    step: int = 0
    sums: Metrics = field(default_factory=dict)
    best: float | None = None
    best_epoch: int = 0
    stopped_early: bool = False


@dataclass(frozen=True)
class TrainingProgress:
    """What a callback is given every few steps: the running means of the present epoch."""

    epoch: int
    step_in_epoch: int
    step: int
    metrics: Metrics
    images_per_second: float


class LoopCallback(Protocol):
    """What the loop calls between steps, when the state is up to date.

    ``measure`` gives the means over the validation faces, where there are any.
    """

    def measure(self) -> Metrics | None: ...
    def progressed(self, progress: TrainingProgress) -> None: ...
    def epoch_ended(
        self, train: Metrics, validation: Metrics | None, images_per_second: float, best: bool
    ) -> None: ...
    def should_stop(self) -> bool: ...
    def save(self) -> None: ...


@dataclass(frozen=True)
class Limit:
    """When a run ends: after so many epochs, or so many without a better validation loss."""

    epochs: int
    patience: int | None = None


def train(
    step: Step,
    batches: Batches,
    state: TrainState,
    limit: Limit,
    callback: LoopCallback,
    processes: Processes = ALONE,
) -> bool:
    """Train from ``state`` to the limit; ``state`` is kept up to date.

    An epoch after which a loss is no finite number is not saved.

    Returns:
        True when the last epoch is done, False when the callback asked to stop.

    Raises:
        FailedOnTheWay: too many steps in a row could not be taken, or the last loss is no number.
    """
    with step.workers:
        return _train(step, batches, state, limit, callback, processes)


def _train(
    step: Step,
    batches: Batches,
    state: TrainState,
    limit: Limit,
    callback: LoopCallback,
    processes: Processes,
) -> bool:
    while state.epoch < limit.epochs and not state.stopped_early:
        step.model.train()
        step.objective.train()
        speed = _Speed()
        totals = _Totals(state.sums, processes, batches.device)
        for batch in batches.epoch(state.epoch, state.step_in_epoch):
            generator = torch_stream(batches.seed, "noise", state.step, device=batches.device)
            totals.add(step(batch, Noise(generator, batch.total, batches.share), state.step))
            state.step += 1
            state.step_in_epoch += 1
            speed.count(batch.total)
            last = state.step_in_epoch == batches.steps
            look = last or state.step_in_epoch % READ_EVERY == 0
            # All processes stop after the same step.
            stop = (look or processes.count == 1) and processes.any(
                callback.should_stop(), batches.device
            )
            if look or stop:
                state.sums = totals.values()
                step.guard.require_progress(state.step, step.rate(state.step - 1))
                progress = TrainingProgress(
                    state.epoch + 1, state.step_in_epoch, state.step, _means(state),
                    speed.images_per_second,
                )  # fmt: skip
                callback.progressed(progress)
            if stop and not last:
                callback.save()
                return False
        _end_epoch(state, limit, callback, speed.images_per_second, step.workers)
        if state.epoch < limit.epochs and processes.any(callback.should_stop(), batches.device):
            return False
    return True


def measure(
    model: nn.Module, loss: Loss, batches: Batches, workers: Workers | None = None
) -> Metrics:
    """Mean terms over all of ``batches``, in evaluation mode, one seeded sample per image."""
    workers = workers or Workers()
    was_training = model.training
    model.eval()
    totals = _Totals({}, ALONE, batches.device)
    generator = torch_stream(batches.seed, "validation", device=batches.device)

    @torch.no_grad()
    def sums(share: tuple[Batch, Noise]) -> dict[str, Tensor]:
        return {name: values.sum().double() for name, values in loss(*share).items()}

    for batch in batches.in_order():
        shares = shares_of(batch, Noise(generator, batch.total), workers.count)
        for of_share in workers.each(sums, shares):
            totals.add(of_share)
    model.train(was_training)
    return {name: total / len(batches.indices) for name, total in totals.values().items()}


def _end_epoch(
    state: TrainState,
    limit: Limit,
    callback: LoopCallback,
    images_per_second: float,
    workers: Workers,
) -> None:
    train = _means(state)
    state.epoch += 1
    state.step_in_epoch = 0
    state.sums = {}
    validation = callback.measure()
    sound = all(math.isfinite(known["loss"]) for known in (train, validation) if known)
    best = (
        sound and validation is not None and (state.best is None or validation["loss"] < state.best)
    )
    if validation is not None and best:
        state.best, state.best_epoch = validation["loss"], state.epoch
    waited = state.epoch - state.best_epoch
    state.stopped_early = (
        limit.patience is not None and state.best is not None and waited >= limit.patience
    )
    with workers.resting():
        callback.epoch_ended(train, validation, images_per_second, best)
        if sound:
            callback.save()
    if not sound and state.epoch >= limit.epochs:
        raise FailedOnTheWay(
            f"the loss after the last epoch, {state.epoch}, is no finite number; what was saved "
            "before is intact: begin a new run with a lower learning rate."
        )


def _means(state: TrainState) -> Metrics:
    """The means over the images of the present epoch whose steps were taken; NaN without any."""
    images = state.sums["images"] or math.nan
    return {name: total / images for name, total in state.sums.items() if name != "images"}


class _Totals:
    """Sums of named terms over images; they stay on the device until they are read.

    They go on from ``start``, the sums over all processes, which the first one has.
    """

    def __init__(self, start: Metrics, processes: Processes, device: torch.device) -> None:
        self.processes = processes
        mine = start if processes.first else dict.fromkeys(start, 0.0)
        self.totals = {
            name: torch.tensor(value, dtype=torch.float64, device=device)
            for name, value in mine.items()
        }

    def add(self, sums: Mapping[str, Tensor]) -> None:
        if not self.totals:
            self.totals = {name: torch.zeros_like(value) for name, value in sums.items()}
        torch._foreach_add_(list(self.totals.values()), [sums[name] for name in self.totals])

    def values(self) -> Metrics:
        """The sums over all processes, in one reading from the device."""
        totals = self.processes.total(self.totals)
        values = torch.stack(list(totals.values())).tolist() if totals else []
        return dict(zip(totals, values, strict=True))


class _Speed:
    """Images per second of an epoch; its first step, a warm-up, counts only while it is alone."""

    def __init__(self) -> None:
        self.began = self.started = time.perf_counter()
        self.first = self.images = 0

    def count(self, images: int) -> None:
        if self.first:
            self.images += images
        else:
            self.first, self.started = images, time.perf_counter()

    @property
    def images_per_second(self) -> float:
        if self.images:
            return self.images / (time.perf_counter() - self.started)
        return self.first / (time.perf_counter() - self.began)
