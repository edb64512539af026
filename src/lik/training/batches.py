"""The faces of a set, batch by batch, in an order that the seed alone decides.

Batches are float32 (B, 3, S, S) in 0…1 on the training device.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from lik.core.pixels import Pictures, to_float
from lik.core.randomness import numpy_stream


@dataclass(frozen=True)
class Batches:
    """Some faces of a set, to be gone through in batches.

    Attributes:
        pictures: uint8 (N, S, S, 3), perhaps memory-mapped; or a tensor that lies on the device.
        indices: which of them take part.
        batch_size: faces in a batch; the last of an epoch may be smaller.
    """

    pictures: Pictures | Tensor
    indices: np.ndarray
    batch_size: int
    device: torch.device
    seed: int = 0
    mirror: bool = False

    @property
    def steps(self) -> int:
        """Batches in an epoch."""
        return -(-len(self.indices) // self.batch_size)

    def in_order(self) -> Iterator[Tensor]:
        """Every face once, in the order of the set, never mirrored."""
        for start in range(0, len(self.indices), self.batch_size):
            yield self._gather(self.indices[start : start + self.batch_size])

    def epoch(self, epoch: int, first_step: int = 0) -> Iterator[Tensor]:
        """Every face once, shuffled; from ``first_step`` on, for an epoch that was broken off."""
        random = numpy_stream(self.seed, "order", epoch)
        order = random.permutation(self.indices)
        mirrored = random.random(len(order)) < 0.5
        for step in range(first_step, self.steps):
            part = slice(step * self.batch_size, (step + 1) * self.batch_size)
            images = self._gather(order[part])
            if self.mirror:
                flags = torch.from_numpy(mirrored[part]).to(self.device)
                images = torch.where(flags[:, None, None, None], images.flip(3), images)
            yield images

    def _gather(self, chosen: np.ndarray) -> Tensor:
        if isinstance(self.pictures, Tensor):
            return to_float(self.pictures[torch.from_numpy(chosen).to(self.pictures.device)])
        return to_float(torch.from_numpy(self.pictures[chosen]).to(self.device))


def on_device(pictures: Pictures, device: torch.device) -> Pictures | Tensor:
    """The pictures as a uint8 tensor on a GPU where they fit in half of its free memory.

    On the CPU, or where they do not fit, they stay memory-mapped.
    """
    if device.type != "cuda":
        return pictures
    free, _ = torch.cuda.mem_get_info(device)
    return (
        torch.from_numpy(np.array(pictures)).to(device) if pictures.nbytes < free / 2 else pictures
    )
