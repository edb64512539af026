"""The training loop: it takes any loss of a batch, and knows neither files nor screens.

It serves whatever gives ``loss(images, generator) → terms`` with (B,) tensors; what shows,
saves or stops it comes as small callbacks.
"""

import time
from collections.abc import Callable
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


class BatchTerms(Protocol):
    """What a loss gives: tensors (B,), in nats per image."""

    @property
    def loss(self) -> Tensor: ...
    @property
    def reconstruction(self) -> Tensor: ...
    @property
    def kl(self) -> Tensor: ...


Loss = Callable[[Tensor, torch.Generator], BatchTerms]


@dataclass
class Position:
    """How far a run is: whole epochs done, steps done in the present one, steps in all."""

    epoch: int = 0
    step_in_epoch: int = 0
    step: int = 0
    images_in_epoch: int = 0
    sums: list[float] = field(default_factory=lambda: [0.0, 0.0, 0.0])


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
        totals = torch.tensor(position.sums, dtype=torch.float64, device=batches.device)
        for images in batches.epoch(position.epoch, position.step_in_epoch):
            noise = torch_stream(batches.seed, "noise", position.step, device=batches.device)
            terms = loss(images, noise)
            optimizer.zero_grad(set_to_none=True)
            terms.loss.mean().backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            totals += _sums(terms)
            position.step += 1
            position.step_in_epoch += 1
            position.images_in_epoch += len(images)
            speed.count(len(images))
            last = position.step_in_epoch == batches.steps
            stop = watcher.should_stop()
            if last or stop or position.step_in_epoch % READ_EVERY == 0:
                position.sums = totals.tolist()
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
    totals = torch.zeros(3, dtype=torch.float64, device=batches.device)
    noise = torch_stream(batches.seed, "validation", device=batches.device)
    with torch.no_grad():
        for images in batches.in_order():
            totals += _sums(loss(images, noise))
    model.train(was_training)
    return Figures(*(totals / len(batches.indices)).tolist())


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
    position.sums = [0.0, 0.0, 0.0]
    measured = measure(model, loss, validation) if validation else None
    watcher.epoch_ended(
        EpochEnd(position.epoch, position.step, figures, measured, images_per_second)
    )
    watcher.save()


def _sums(terms: BatchTerms) -> Tensor:
    parts = torch.stack([terms.loss, terms.reconstruction, terms.kl])
    return parts.detach().sum(dim=1).double()


def _progress(position: Position, images_per_second: float) -> Progress:
    return Progress(
        position.epoch + 1,
        position.step_in_epoch,
        position.step,
        _means(position),
        images_per_second,
    )


def _means(position: Position) -> Figures:
    figures = Figures(*(total / position.images_in_epoch for total in position.sums))
    if not all(map(_finite, position.sums)):
        raise FailedOnTheWay(
            f"the loss is no longer a finite number (epoch {position.epoch + 1}, step "
            f"{position.step}): try a lower learning rate, such as optimizer.learning_rate=1e-4."
        )
    return figures


def _finite(value: float) -> bool:
    return value - value == 0


class _Speed:
    """Images per second since the first step of an epoch, that step's warm-up left out."""

    def __init__(self) -> None:
        self.started: float | None = None
        self.images = 0

    def count(self, images: int) -> None:
        if self.started is None:
            self.started = time.perf_counter()
        else:
            self.images += images

    @property
    def images_per_second(self) -> float:
        if not self.images or self.started is None:
            return 0.0
        return self.images / (time.perf_counter() - self.started)
