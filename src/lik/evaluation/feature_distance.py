"""How different two pictures look to a network: the distance of its maps.

As LPIPS (arXiv:1801.03924) without its learned weights: at each position of each layer the channels
are brought to unit length, and what is measured is the squared distance of the two vectors. It is 0
for equal pictures, at most 2 for maps without negative values, and compares only where the network
and its layers are the same: say which it was.

Shapes: pictures uint8 (N, S, S, 3), or images (N, 3, S, S) in 0…1; maps (B, C, H, W).
"""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lik.core.batched import through
from lik.core.errors import UnusableInput
from lik.core.pixels import Pictures


class HasFeatures(Protocol):
    """A network that gives its maps."""

    def features(self, images: Tensor) -> Sequence[Tensor]:
        """Images (B, 3, S, S) in 0…1 → maps (B, C, H, W), from shallow to deep."""
        ...


SMALL = 1e-10
"""Added to lengths, so that positions where nothing responds count as equal."""

BATCH = 128


def feature_distance(
    first: Pictures | Tensor,
    second: Pictures | Tensor,
    network: HasFeatures,
    device: str | torch.device = "cpu",
) -> NDArray[np.float64]:
    """The distance of each picture of ``first`` from the one of ``second``, (N,).

    Raises:
        UnusableInput: the two differ in number or size.
    """
    if _shape(first) != _shape(second):
        raise UnusableInput(
            f"pictures can be compared one by one where their numbers and sizes are the same, not "
            f"{tuple(first.shape)} and {tuple(second.shape)}."
        )

    def distance(one: Tensor, other: Tensor) -> Tensor:
        return distance_of_maps(network.features(one), network.features(other))

    return through(distance, first, second, device=device, size=BATCH).astype(np.float64)


def distance_of_maps(first: Sequence[Tensor], second: Sequence[Tensor]) -> Tensor:
    """The mean over the layers of their mean squared distances at a position, (B,)."""
    layers = [
        (_unit(one.float()) - _unit(other.float())).square().sum(dim=1).mean(dim=(1, 2))
        for one, other in zip(first, second, strict=True)
    ]
    return torch.stack(layers).mean(dim=0)


def _unit(maps: Tensor) -> Tensor:
    """Maps (B, C, H, W) with the channels of each position at unit length."""
    length: Tensor = torch.linalg.vector_norm(maps, dim=1, keepdim=True)
    return maps / (length + SMALL)


def _shape(pictures: Pictures | Tensor) -> tuple[int, ...]:
    """(N, S, S, 3), of images (N, 3, S, S) too."""
    size = tuple(pictures.shape)
    channels_first = isinstance(pictures, Tensor) and len(size) == 4
    return (size[0], *size[2:], size[1]) if channels_first else size
