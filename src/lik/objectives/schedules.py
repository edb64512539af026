"""How weights change over the steps of a training: pure functions of the step, a tensor.

The step stays where the model is, so that nothing waits for it and nothing is compiled anew.
"""

import torch
from torch import Tensor


def linear(step: Tensor, steps: int) -> Tensor:
    """From 0 at the first step to 1 after ``steps``, and 1 from there on."""
    return (step.float() / steps).clamp(max=1)


def cyclical(step: Tensor, steps: int, cycles: int, share: float) -> Tensor:
    """From 0 to 1 and at once back to 0, ``cycles`` times in ``steps``; 1 from there on.

    Each cycle rises over its first ``share`` and stays at 1 for the rest (Fu et al.,
    arXiv:1903.10145, equation 6).
    """
    in_cycle = torch.remainder(step.float() * cycles / steps, 1)
    return torch.where(step < steps, (in_cycle / share).clamp(max=1), 1.0)
