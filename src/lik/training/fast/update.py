"""What a step does once it has gradients, in lines of arithmetic that compile into few kernels.

It is what `lik.training.step.Step.optimizer_step` does with PyTorch's fused Adam. On a GPU
that gives one block of threads 65,536 weights, so that a model of a million keeps 16 of an H100's
132 multiprocessors busy; and guard, sums and running statistics are dozens of launches, each of
which takes longer than its work.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor


@dataclass(frozen=True)
class Moments:
    """What Adam remembers of each weight: steps taken (), first and second moment, as the weight.

    They lie in the state of the optimizer itself, so that what is saved is the same.
    """

    steps: list[Tensor]
    first: list[Tensor]
    second: list[Tensor]

    @classmethod
    def of(cls, optimizer: torch.optim.Optimizer, weights: Sequence[Tensor]) -> "Moments":
        """The moments of an optimizer, zeros where it has not taken a step."""
        for weight in weights:
            state: dict[str, Any] = optimizer.state[weight]
            if not state:
                state["step"] = torch.zeros((), dtype=torch.float32, device=weight.device)
                state["exp_avg"] = torch.zeros_like(weight, memory_format=torch.preserve_format)
                state["exp_avg_sq"] = torch.zeros_like(weight, memory_format=torch.preserve_format)
        states = [optimizer.state[weight] for weight in weights]
        names = ("step", "exp_avg", "exp_avg_sq")
        return cls(*([state[name] for state in states] for name in names))


def adam_step(
    weights: Sequence[Tensor],
    gradients: Sequence[Tensor],
    moments: Moments,
    rate: Tensor,
    betas: tuple[float, float],
    epsilon: float,
    clip_scale: Tensor | None,
    skip: Tensor,
) -> None:
    """One step of Adam (arXiv:1412.6980, algorithm 1), in place.

    Args:
        weights, gradients: of the same shapes. moments: of the same weights.
        rate: the learning rate, ().
        betas, epsilon: as in the paper.
        clip_scale: divides all gradients, (), or None.
        skip: (), bool: where it is true all stays as it is, whatever the gradients are.
    """
    decay, decay_of_squares = betas
    for weight, gradient, steps, first, second in zip(
        weights, gradients, moments.steps, moments.first, moments.second, strict=True
    ):
        g = gradient if clip_scale is None else gradient / clip_scale
        number = steps + 1
        mean = first + (g - first) * (1 - decay)
        square = second * decay_of_squares + g * g * (1 - decay_of_squares)
        size = rate / (1 - decay**number)
        deviation = square.sqrt() / (1 - decay_of_squares**number).sqrt() + epsilon
        moved = weight - size * mean / deviation
        for tensor, new in ((weight, moved), (first, mean), (second, square), (steps, number)):
            tensor.copy_(torch.where(skip, tensor, new))
