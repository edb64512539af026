"""Which attributes a face has, learned from labels that need not all be known.

Shapes: images (B, 3, S, S) in 0…1; logits and labels (B, A), labels 1, 0 or NaN; terms (B,).
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F  # noqa: N812 (PyTorch's own abbreviation)
from pydantic import Field
from torch import Tensor

from lik.objectives.interface import ObjectiveSettings

NUMBERS = 9
"""Random numbers that augment one face: angle, zoom, shift 2, contrast, light, colour 3."""

FARTHEST = 2.0
"""Standard deviations beyond which no number goes."""


class ClassificationSettings(ObjectiveSettings):
    """How faces are augmented in training: standard deviations of normal numbers, cut at two.

    ``angle`` in degrees; ``zoom`` and ``contrast`` as shares; ``shift`` in shares of the side;
    ``light``, and ``colour`` of each channel by itself, in shares of the range of the pixels.
    ``smoothing``: a known label of 1 is learned as 1 − smoothing / 2 (arXiv:1512.00567).
    """

    angle: float = Field(4.0, ge=0, le=45)
    zoom: float = Field(0.05, ge=0, lt=0.4)
    shift: float = Field(0.025, ge=0, lt=0.25)
    contrast: float = Field(0.1, ge=0, lt=0.4)
    light: float = Field(0.05, ge=0, lt=0.4)
    colour: float = Field(0.015, ge=0, lt=0.4)
    smoothing: float = Field(0.0, ge=0, lt=1)

    @property
    def scale(self) -> str:
        return "cross-entropy in nats, mean over the attributes"


def classification(
    settings: ClassificationSettings,
    model: Callable[[Tensor], Tensor],
    images: Tensor,
    labels: Tensor,
    noise: Tensor | None = None,
) -> dict[str, Tensor]:
    """Images and labels → the loss in nats, and the share of the labels that are met.

    Both are means over the known labels of an image; where none is known, both are 0. ``model``
    gives the logits; the images are augmented by standard normal ``noise`` (B, NUMBERS), if any.
    """
    if noise is not None:
        images = augment(images, noise, settings)
    logits = model(images).float()
    met = (logits > 0) == (labels > 0.5)
    return {
        "loss": over_known(cross_entropy(logits, labels, settings.smoothing), labels),
        "accuracy": over_known(met.float(), labels),
    }


def cross_entropy(logits: Tensor, labels: Tensor, smoothing: float = 0.0) -> Tensor:
    """Binary cross-entropy of each label in nats, (B, A); 0 where the label is NaN."""
    unknown = labels.isnan()
    wanted = labels.masked_fill(unknown, 0.5) * (1 - smoothing) + smoothing / 2
    losses = F.binary_cross_entropy_with_logits(logits, wanted, reduction="none")
    return losses.masked_fill(unknown, 0.0)


def over_known(values: Tensor, labels: Tensor) -> Tensor:
    """Means (B,) of the values (B, A) whose labels are known."""
    known = ~labels.isnan()
    return (values * known).sum(dim=1) / known.sum(dim=1).clamp(min=1)


def augment(images: Tensor, noise: Tensor, settings: ClassificationSettings) -> Tensor:
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
