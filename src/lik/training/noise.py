"""The randomness of one batch: the same for a face, however many processes share the batch."""

from dataclasses import dataclass, field

import torch
from torch import Tensor


@dataclass(frozen=True)
class Noise:
    """What a loss draws from.

    Attributes:
        generator: for whatever randomness an objective needs.
        total: faces in the whole batch, over all processes.
        share: which of them this process has.
    """

    generator: torch.Generator
    total: int
    share: slice = field(default_factory=lambda: slice(None))

    def normal(self, width: int) -> Tensor:
        """Standard normal numbers (B, width), a row for each face of this process."""
        device = self.generator.device
        whole = torch.empty(self.total, width, device=device).normal_(generator=self.generator)
        return whole[self.share]
