"""The moving average of the weights (Polyak & Juditsky 1992), smoother than those of any step."""

import copy
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn


class MovingAverage:
    """A second model whose weights follow those of the first.

    Early on, when the weights move fast, the average is short: the decay of step t is at most
    (1 + t) / (10 + t), as in TensorFlow's ExponentialMovingAverage. The averages of batch
    normalisation are taken over as they are.
    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        self.model = copy.deepcopy(model).eval().requires_grad_(False)
        self.decay = decay
        self.steps = 0

    @torch.no_grad()
    def update(self, model: nn.Module) -> None:
        """Move towards the weights of ``model``, after a step."""
        decay = min(self.decay, (1 + self.steps) / (10 + self.steps))
        self.steps += 1
        ours: list[Tensor] = list(self.model.parameters())
        theirs: list[Tensor] = list(model.parameters())
        torch._foreach_lerp_(ours, theirs, 1 - decay)
        for kept, new in zip(self.model.buffers(), model.buffers(), strict=True):
            kept.copy_(new)

    def state_dict(self) -> dict[str, Any]:
        return {"steps": self.steps, "weights": self.model.state_dict()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.steps = state["steps"]
        weights: Mapping[str, Tensor] = state["weights"]
        self.model.load_state_dict(weights)
