"""What each contestant is given, and what it has to offer."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

BATCH, RATE, EPSILON = 64, 5e-4, 1e-7
LATENT = {"first": 128, "second": 100}


@dataclass(frozen=True)
class Task:
    """What a contestant is given."""

    model: str
    device: str
    train: Any
    test: Any
    noise: Any

    @property
    def latent(self) -> int:
        return LATENT[self.model]


@dataclass(frozen=True)
class Contestant:
    """What it is, how it trains an epoch, and what it makes of held-out faces.

    ``epochs`` trains one epoch each time it is gone on with; ``outputs`` gives, for images float32
    (B, S, S, 3) and noise (B, D), their reconstructions, means and log variances as arrays.
    """

    versions: str
    precision: str
    epochs: Iterator[Any]
    outputs: Callable[[Any, Any], tuple[Any, Any, Any]]
