"""Networks over many pictures or codes: a batch at a time, on a device, without gradients.

Pictures are uint8 (N, S, S, 3), and go to the network as images float32 (B, 3, S, S) in 0…1; all
else, such as codes (N, D), goes as it is.
"""

from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lik.core.events import Progress, no_progress
from lik.core.pixels import to_float

BATCH = 256
"""Pictures or codes that go through a network at once."""

T = TypeVar("T")
Inputs = NDArray[Any] | Tensor


def slices(count: int, size: int = BATCH) -> Iterator[slice]:
    """The batches of ``count`` things; a single empty one of none."""
    return (slice(start, start + size) for start in range(0, max(count, 1), size))


def _on_device(inputs: Inputs, device: str | torch.device) -> Tensor:
    """Pictures as images, or numbers as they are, on a device."""
    if inputs.dtype in (np.uint8, torch.uint8):
        return to_float(inputs).to(device)
    tensor = inputs if isinstance(inputs, Tensor) else torch.from_numpy(np.asarray(inputs))
    return tensor.to(device)


def batches(
    network: Callable[..., T],
    *inputs: Inputs,
    device: str | torch.device = "cpu",
    size: int = BATCH,
    progress: Progress = no_progress,
    stage: str = "",
) -> Iterator[T]:
    """What a network makes of ``inputs``, each (N, …), a batch at a time and in order.

    ``progress`` is told under ``stage`` how many have been through. Of no inputs at all there is
    one empty batch.
    """
    count = len(inputs[0])
    for part in slices(count, size):
        with torch.no_grad():  # and never around a yield: it would hold for whoever asks
            result = network(*(_on_device(one[part], device) for one in inputs))
        yield result
        progress(stage, min(part.stop, count), count)


def through(
    network: Callable[..., Tensor],
    *inputs: Inputs,
    device: str | torch.device = "cpu",
    size: int = BATCH,
    progress: Progress = no_progress,
    stage: str = "",
) -> NDArray[np.float32]:
    """``inputs``, each (N, …) → what a network makes of them, float32 (N, …)."""
    made = batches(network, *inputs, device=device, size=size, progress=progress, stage=stage)
    return np.concatenate([result.float().cpu().numpy() for result in made])
