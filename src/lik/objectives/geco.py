"""KL made as small as a target error allows: GECO (Rezende & Viola, arXiv:1810.00597)."""

import math
from collections.abc import Mapping

import torch
from pydantic import Field
from torch import Tensor, nn

from lik.core.configuration import Settings

BOUND = 10.0
"""Of |log multiplier|: a target that cannot be met, or is met by anything, does not overflow."""


class GecoSettings(Settings):
    """``error``: the target of the reconstruction error, per value (pixel and channel).

    With sse it is the mean square error. ``decay`` of the moving average of the error; ``rate``:
    how much log λ grows in a step in which that average is twice the target.
    """

    error: float = Field(gt=0)
    decay: float = Field(0.99, ge=0, lt=1)
    rate: float = Field(0.01, gt=0)


class Geco(nn.Module):
    """The multiplier λ of the constraint *error ≤ target*, which it enforces in training.

    λ rises while the moving average of the error is above the target, and falls while it is below
    (algorithm 1 of the paper); here it looks at the error relative to the target, so that one rate
    suits all of them. 1/λ is the β that the target amounts to.
    """

    log_multiplier: Tensor
    average: Tensor
    seen: Tensor

    def __init__(self, settings: GecoSettings) -> None:
        super().__init__()
        self.settings = settings
        for name in ("log_multiplier", "average", "seen"):
            self.register_buffer(name, torch.tensor(0.0))

    def forward(self, errors: Tensor, values: int) -> Tensor:
        """Errors (B,) of images of so many ``values`` → λ (error − target), in nats, (B,)."""
        multiplier = self.log_multiplier.exp()
        if self.training:
            self._update(errors.detach().mean() / values)
        return multiplier * (errors - self.settings.error * values)

    def metrics(self) -> dict[str, float]:
        """λ and the moving average of the error per value; waits for the device."""
        return {
            "multiplier": float(self.log_multiplier.exp()),
            "average_error": float(self.average),
        }

    def restore(self, metrics: Mapping[str, float]) -> None:
        """Put back the λ of `metrics`."""
        self.log_multiplier.fill_(math.log(metrics.get("multiplier", 1.0)))

    def _update(self, error: Tensor) -> None:
        # By the average of the steps before this one, which is the same in all processes.
        off = (self.average / self.settings.error - 1).clamp(max=1)
        off = torch.where(self.seen > 0, off, 0.0)
        moved = self.log_multiplier + self.settings.rate * off
        self.log_multiplier.copy_(moved.clamp(-BOUND, BOUND))
        weight = (1 / (self.seen + 1)).clamp(min=1 - self.settings.decay)
        self.average.lerp_(error, weight)
        self.seen += 1
