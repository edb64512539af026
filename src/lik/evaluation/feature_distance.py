"""How far two faces lie apart in the maps of a network, from shallow to deep."""

from collections.abc import Sequence
from typing import Protocol

import torch
from torch import Tensor

AT_ONCE = 128


class HasFeatures(Protocol):
    """A network that gives its maps: images (B, 3, S, S) in 0…1 → maps (B, C, H, W)."""

    def features(self, images: Tensor) -> Sequence[Tensor]: ...


@torch.no_grad()
def feature_distance(first: Tensor, second: Tensor, network: HasFeatures) -> Tensor:
    """The distance of each pair of images (N, 3, S, S) in 0…1, (N,), from 0 for equal ones.

    At every place of a map both vectors over the channels are brought to length 1; the squared
    distances of these are averaged over the places, and then over the maps. This is the distance
    of Zhang et al. (arXiv:1801.03924, equation 1) with all its weights w equal.
    """
    distances = []
    for start in range(0, len(first), AT_ONCE):
        part = slice(start, start + AT_ONCE)
        maps = zip(network.features(first[part]), network.features(second[part]), strict=True)
        per_map = [(_unit(one) - _unit(other)).square().sum(dim=1).mean(dim=(1, 2))
                   for one, other in maps]  # fmt: skip
        distances.append(torch.stack(per_map).mean(dim=0).double())
    return torch.cat(distances) if distances else torch.zeros(0, dtype=torch.float64)


def _unit(maps: Tensor) -> Tensor:
    lengths: Tensor = maps.norm(dim=1, keepdim=True)
    return maps / lengths.clamp(min=1e-10)
