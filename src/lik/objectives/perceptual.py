"""Distance in the features of a network (Hou, Shen, Sun & Qiu, arXiv:1610.00291)."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

Features = Callable[[Tensor], Sequence[Tensor]]
"""Images (B, 3, S, S) in 0…1 → feature maps (B, C, H, W), from shallow to deep.

Its weights are to be fixed; gradients go through it to the images."""


def feature_distance(
    features: Features,
    images: Tensor,
    reconstructions: Tensor,
    layers: Sequence[int] | None = None,
) -> Tensor:
    """Σ over layers of ½ the mean square difference of two feature maps, (B,).

    Equations 3 and 4 of the paper: 1 / (2CHW) Σ (Φ(x) − Φ(x̂))² of each layer, added up. The unit
    is that of the features, squared. ``layers`` counts the network's maps from 0; all by default.
    """
    with torch.no_grad():
        targets = features(images)
    found = features(reconstructions)
    chosen = range(len(found)) if layers is None else layers
    distances = [
        0.5 * (found[layer].float() - targets[layer].float()).square().flatten(1).mean(dim=1)
        for layer in chosen
    ]
    return torch.stack(distances).sum(dim=0)
