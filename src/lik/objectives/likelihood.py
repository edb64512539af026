"""log p(x | z) under the objective that a run was trained with, where that is a likelihood."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from lik.core.errors import UnusableInput
from lik.objectives.reconstruction import sse

LogDensity = Callable[[Tensor, Tensor], Tensor]
"""Images (B, 3, S, S) in 0…1 and what was decoded for them → log p(x | z), nats, (B,)."""

VARIANCES = {"sse": 0.5, "half_sse": 1.0}


@dataclass(frozen=True)
class Likelihood:
    """How a decoder's picture is read as a distribution of pictures.

    Attributes:
        name: what it is, for people.
        discrete: whether it gives 8-bit pixels a probability; else a density over pixels in 0…1.
        log_density: constants included.
    """

    name: str
    discrete: bool
    log_density: LogDensity


def likelihood(objective: Mapping[str, Any], state: Mapping[str, float]) -> Likelihood:
    """The likelihood of an ``objective`` as a saved model's metadata keep it, and its ``state``.

    Raises:
        UnusableInput: an error that is no −log p(x | z).
    """
    name = objective.get("reconstruction", "sse")
    if name not in VARIANCES:
        raise UnusableInput(f"{name} is no −log p(x | z), so this model has no likelihood.")
    return gaussian(VARIANCES[name])


def gaussian(variance: float) -> Likelihood:
    """N(x; x̂, σ² I)."""

    def log_density(images: Tensor, decoded: Tensor) -> Tensor:
        constant = images[0].numel() * math.log(2 * math.pi * variance)
        return -0.5 * (sse(images, decoded) / variance + constant)

    return Likelihood(f"Gaussian with σ² = {variance:.4g}", False, log_density)
