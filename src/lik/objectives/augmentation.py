"""Faces a little moved and in other light, as random numbers say.

Shapes: images (B, 3, S, S) in 0…1; numbers (B, NUMBERS), standard normal.
"""

import torch
import torch.nn.functional as F  # noqa: N812 (PyTorch's own abbreviation)
from pydantic import Field
from torch import Tensor

from lik.core.configuration import Settings

NUMBERS = 9
"""Random numbers that augment one face: angle, zoom, shift 2, contrast, light, colour 3."""

FARTHEST = 2.0
"""Standard deviations beyond which no number goes."""


class AugmentationSettings(Settings):
    """How far faces are augmented: standard deviations of normal numbers, cut at two.

    ``angle`` in degrees; ``zoom`` and ``contrast`` as shares; ``shift`` in shares of the side;
    ``light``, and ``colour`` of each channel by itself, in shares of the range of the pixels.
    """

    angle: float = Field(4.0, ge=0, le=45)
    zoom: float = Field(0.05, ge=0, lt=0.4)
    shift: float = Field(0.025, ge=0, lt=0.25)
    contrast: float = Field(0.1, ge=0, lt=0.4)
    light: float = Field(0.05, ge=0, lt=0.4)
    colour: float = Field(0.015, ge=0, lt=0.4)


def augment(images: Tensor, noise: Tensor, settings: AugmentationSettings) -> Tensor:
    """Images turned, scaled, shifted and in other light, as far as ``noise`` (B, NUMBERS) says.

    What comes in from outside of a picture is mirrored at its border.
    """
    numbers = noise.clamp(-FARTHEST, FARTHEST).to(images.dtype)
    angle = torch.deg2rad(settings.angle * numbers[:, 0])
    zoom = 1 + settings.zoom * numbers[:, 1]
    # PyTorch counts a picture from −1 to 1, so that its side is 2.
    shift = 2 * settings.shift * numbers[:, 2:4]
    cos, sin = zoom * angle.cos(), zoom * angle.sin()
    matrix = torch.stack([cos, -sin, shift[:, 0], sin, cos, shift[:, 1]], dim=1).view(-1, 2, 3)
    grid = F.affine_grid(matrix, list(images.shape), align_corners=False)
    moved = F.grid_sample(images, grid, padding_mode="reflection", align_corners=False)
    contrast = (1 + settings.contrast * numbers[:, 4])[:, None, None, None]
    light = settings.light * numbers[:, 5:6] + settings.colour * numbers[:, 6:9]
    return ((moved - 0.5) * contrast + 0.5 + light[:, :, None, None]).clamp(0, 1)
