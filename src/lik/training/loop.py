"""The training loop: it takes any loss of a batch, and knows neither files nor screens.

It serves whatever gives ``loss(images, generator) → terms``, named tensors (B,) of which ``loss``
is minimised; what shows, saves or stops it comes as small callbacks.
"""

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from lik.core.errors import FailedOnTheWay
from lik.core.randomness import torch_stream
from lik.training.batches import Batches
from lik.training.journal import Figures

READ_EVERY = 20
"""Steps between two looks at the figures, which wait for the device."""


Loss = Callable[[Tensor, torch.Generator], Mapping[str, Tensor]]
"""Images (B, 3, S, S) and a source of noise → ``loss`` and its parts, each (B,)."""

Rate = Callable[[int], float]
"""The learning rate of a step, counted over the whole run."""


@dataclass
class Position:
    """How far a run is: whole epochs done, steps done in the present one, steps in all."""

    epoch: int = 0
    step_in_epoch: int = 0
    step: int = 0
    images_in_epoch: int = 0
    sums: Figures = field(default_factory=dict)


@dataclass(frozen=True)
class Progress:
    """What a watcher is told every few steps: the running means of the present epoch."""

    epoch: int
    step_in_epoch: int
    step: int
    figures: Figures
    images_per_second: float


@dataclass(frozen=True)
class EpochEnd:
    """What a watcher is told after each epoch."""

    epoch: int
    step: int
    train: Figures
    validation: Figures | None
    images_per_second: float


class Watcher(Protocol):
    """What the loop tells and asks; all of it happens between steps."""

    def progressed(self, progress: Progress) -> None: ...
    def epoch_ended(self, end: EpochEnd) -> None: ...
    def should_stop(self) -> bool: ...
    def save(self) -> None: ...


def adam(model: nn.Module, learning_rate: float, betas: tuple[float, float], epsilon: float) -> Any:
    """Adam with one kernel for all weights, which is the same arithmetic and faster."""
    return torch.optim.Adam(
        model.parameters(), lr=learning_rate, betas=betas, eps=epsilon, fused=True
    )


def train(
    model: nn.Module,
    loss: Loss,
    optimizer: torch.optim.Optimizer,
    rate: Rate,
    batches: Batches,
    validation: Batches | None,
    position: Position,
    epochs: int,
    watcher: Watcher,
) -> bool:
    """Train from ``position`` to the end of epoch ``epochs``; ``position`` is kept up to date.

    Returns:
        True when the last epoch is done, False when the watcher asked to stop.

    Raises:
        FailedOnTheWay: the loss is no longer a finite number.
    """
    while position.epoch < epochs:
        model.train()
        speed = _Speed()
        totals = _Totals(position.sums)
        for images in batches.epoch(position.epoch, position.step_in_epoch):
            noise = torch_stream(batches.seed, "noise", position.step, device=batches.device)
            for group in optimizer.param_groups:
                group["lr"] = rate(position.step)
            terms = loss(images, noise)
            optimizer.zero_grad(set_to_none=True)
            terms["loss"].mean().backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            totals.add(terms)
            position.step += 1
            position.step_in_epoch += 1
            position.images_in_epoch += len(images)
            speed.count(len(images))
            last = position.step_in_epoch == batches.steps
            stop = watcher.should_stop()
            if last or stop or position.step_in_epoch % READ_EVERY == 0:
                position.sums = totals.values()
                watcher.progressed(_progress(position, speed.images_per_second))
            if stop and not last:
                watcher.save()
                return False
        _end_epoch(model, loss, batches, validation, position, watcher, speed.images_per_second)
        if position.epoch < epochs and watcher.should_stop():
            return False
    return True


def measure(model: nn.Module, loss: Loss, batches: Batches) -> Figures:
    """Mean terms over all of ``batches``, in evaluation mode, one seeded sample per image."""
    was_training = model.training
    model.eval()
    totals = _Totals()
    noise = torch_stream(batches.seed, "validation", device=batches.device)
    with torch.no_grad():
        for images in batches.in_order():
            totals.add(loss(images, noise))
    model.train(was_training)
    return {name: total / len(batches.indices) for name, total in totals.values().items()}


def _end_epoch(
    model: nn.Module,
    loss: Loss,
    batches: Batches,
    validation: Batches | None,
    position: Position,
    watcher: Watcher,
    images_per_second: float,
) -> None:
    figures = _means(position)
    position.epoch += 1
    position.step_in_epoch = position.images_in_epoch = 0
    position.sums = {}
    measured = measure(model, loss, validation) if validation else None
    watcher.epoch_ended(
        EpochEnd(position.epoch, position.step, figures, measured, images_per_second)
    )
    watcher.save()


def _progress(position: Position, images_per_second: float) -> Progress:
    return Progress(
        position.epoch + 1,
        position.step_in_epoch,
        position.step,
        _means(position),
        images_per_second,
    )


def _means(position: Position) -> Figures:
    if not all(map(math.isfinite, position.sums.values())):
        raise FailedOnTheWay(
            f"the loss is no longer a finite number (epoch {position.epoch + 1}, step "
            f"{position.step}): try a lower learning rate, such as optimizer.learning_rate=1e-4."
        )
    return {name: total / position.images_in_epoch for name, total in position.sums.items()}


class _Totals:
    """Sums of named terms over images; they stay on the device until they are read."""

    def __init__(self, start: Figures | None = None) -> None:
        self.totals: dict[str, Tensor | float] = dict(start or {})

    def add(self, terms: Mapping[str, Tensor]) -> None:
        for name, values in terms.items():
            self.totals[name] = self.totals.get(name, 0.0) + values.detach().sum().double()

    def values(self) -> Figures:
        return {name: float(total) for name, total in self.totals.items()}


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
