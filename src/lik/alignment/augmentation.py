"""What a camera and the world do to a cut: light, contrast, sharpness, noise, things in the way.

Shapes: cuts (B, 1, S, S) in 0…1; so is what is given back, on the steps of 8 bits.
"""

import torch
import torch.nn.functional as F  # noqa: N812 (PyTorch's own abbreviation)
from torch import Tensor

from lik.alignment.cuts import Rng


def augment(cuts: Tensor, rng: Rng) -> Tensor:
    """The cuts under random light, sharpness, covers, contrast and noise, rounded to 8 bits."""
    lit = _lit(cuts.clamp(0, 1), rng)
    covered = _covered(_sharpened(lit, rng), rng)
    contrast = _wide(rng.log_uniform(0.08, 1.6))
    level = _wide(rng.uniform(0.0, 1.0))  # where the grey values lie that the contrast leaves
    middle = contrast / 2 + level * (1 - contrast)
    noise = _wide(rng.uniform(0, 1).square() * 0.06) * contrast
    grey = middle + contrast * (covered - 0.5) + noise * rng.normal(*cuts.shape[1:])
    return (grey.clamp(0, 1) * 255).round() / 255


def _lit(cuts: Tensor, rng: Rng) -> Tensor:
    """A gamma, and a light that falls off to one side."""
    size = cuts.shape[-1]
    across = torch.linspace(-1, 1, size, device=cuts.device)
    angle, strength = rng.uniform(-torch.pi, torch.pi), rng.uniform(0, 1).square() * 0.8
    x, y = (strength * angle.cos())[:, None, None], (strength * angle.sin())[:, None, None]
    light = 1 + (x * across[None, None, :] + y * across[None, :, None])[:, None] / 2**0.5
    gamma = _wide(rng.log_uniform(0.5, 2.0))
    return ((cuts + 1e-3) ** gamma * light).clamp(0, 1)


def _sharpened(cuts: Tensor, rng: Rng) -> Tensor:
    """Between quite blurred (amount −1) and sharpened (positive amounts)."""
    blurred = F.pad(cuts, (2, 2, 2, 2), mode="replicate")
    for _ in range(2):  # binomial weights; a convolution of one channel takes twenty times as long
        blurred = blurred[..., :-2] / 4 + blurred[..., 1:-1] / 2 + blurred[..., 2:] / 4
        blurred = blurred[..., :-2, :] / 4 + blurred[..., 1:-1, :] / 2 + blurred[..., 2:, :] / 4
    amount = _wide(rng.uniform(-1, 0.8))
    return (cuts + amount * (cuts - blurred)).clamp(0, 1)


def _covered(cuts: Tensor, rng: Rng) -> Tensor:
    """A quarter of the cuts get a rectangle of one grey, or of another cut, laid over them."""
    size = cuts.shape[-1]
    pixels = (torch.arange(size, device=cuts.device) + 0.5) / size

    def inside(middle: Tensor, side: Tensor) -> Tensor:
        return (pixels - middle[:, None]).abs() < side[:, None] / 2

    across = inside(rng.uniform(0, 1), rng.uniform(0.1, 0.5))
    down = inside(rng.uniform(0, 1), rng.uniform(0.1, 0.5))
    covered = across[:, None, None, :] & down[:, None, :, None] & _wide(rng.chance(0.25))
    flat = _wide(rng.uniform(0, 1)).expand_as(cuts)
    cover = torch.where(_wide(rng.chance(0.5)), flat, cuts.roll(1, dims=0))
    return torch.where(covered, cover, cuts)


def _wide(values: Tensor) -> Tensor:
    return values[:, None, None, None]
