"""Layers, and how they begin, that several families share."""

import torch
from torch import nn


def begin_as_nearest(layer: nn.Conv2d) -> None:
    """Begin a convolution before a pixel shuffle by two such that it enlarges evenly (ICNR).

    The four positions of each channel start with the same weights, so that there is no lattice at
    the beginning (arXiv:1707.02937).
    """
    assert layer.bias is not None
    with torch.no_grad():
        for values in (layer.weight, layer.bias):
            values.copy_(values[::4].repeat_interleave(4, dim=0))


def begin_at_zero(layer: nn.Conv2d | nn.Linear) -> None:
    """Begin a layer such that it gives zero, as the last one of what is added to something."""
    assert layer.bias is not None
    nn.init.zeros_(layer.weight)
    nn.init.zeros_(layer.bias)
