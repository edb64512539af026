"""How fast this machine trains: the first model for a few seconds, on pictures without meaning."""

import time
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from lik.core.pixels import Pictures
from lik.core.randomness import numpy_stream
from lik.training.batches import Batches, on_device
from lik.training.building import build_step
from lik.training.loop import EpochEnd, Limit, Position, Progress, train
from lik.training.recipe import load_recipe

PAPER_FACES, PAPER_EPOCHS = 104_861, 15
"""What the paper trained its first model on, and for how long."""

SIZE = 64
FEW = 4096
"""Pictures of the trial: as many as make reading them, batch by batch, no different."""


@dataclass(frozen=True)
class Trial:
    """What a trial has shown.

    Attributes:
        how: what made it fast, in words.
        warm_up: seconds of the first steps, in which compilation happens.
        images_per_second: after that.
    """

    how: str
    warm_up: float
    images_per_second: float

    @property
    def expected(self) -> float:
        """Seconds of the paper's training of the first model, its validations apart."""
        return self.warm_up + PAPER_EPOCHS * PAPER_FACES / self.images_per_second


class _Clock:
    """A watcher that looks at the time whenever the loop has waited for the device."""

    def __init__(self, seconds: float, batch_size: int) -> None:
        self.seconds, self.batch_size = seconds, batch_size
        self.began = time.perf_counter()
        self.warm: tuple[float, int] | None = None
        self.now = self.began, 0

    def progressed(self, progress: Progress) -> None:
        self.now = time.perf_counter(), progress.step
        self.warm = self.warm or self.now

    def should_stop(self) -> bool:
        return self.warm is not None and self.now[0] - self.warm[0] >= self.seconds

    def save(self) -> None: ...
    def epoch_ended(self, end: EpochEnd) -> None: ...

    @property
    def images_per_second(self) -> float:
        assert self.warm is not None
        steps = self.now[1] - self.warm[1]
        return steps * self.batch_size / (self.now[0] - self.warm[0])


def try_training(
    device: torch.device, seconds: float = 10.0, pictures: Pictures | Tensor | None = None
) -> Trial:
    """Train the first model as `lik train` does, with what it chooses by itself; keep nothing.

    ``seconds``, more than 0, are those that are measured, after the first steps. ``pictures`` are
    taken from where they lie; without them random ones serve.
    """
    if pictures is None:
        shape = (FEW, SIZE, SIZE, 3)
        drawn = numpy_stream(0, "trial").integers(0, 256, shape, dtype=np.uint8)
        pictures = on_device(drawn, device)
    recipe = load_recipe("paper-first", (), pictures.shape[1])
    step, how = build_step(recipe, device, PAPER_FACES, recipe.state(PAPER_FACES, device))
    batches = Batches(pictures, np.arange(len(pictures)), recipe.batch_size, device)
    clock = _Clock(seconds, recipe.batch_size)
    endless = Limit(epochs=10**9)
    train(step, batches, lambda: None, Position(), endless, clock)
    assert clock.warm is not None
    return Trial(how.describe(device), clock.warm[0] - clock.began, clock.images_per_second)
