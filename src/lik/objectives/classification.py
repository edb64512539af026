"""Which attributes a face has, learned from labels that need not all be known.

Shapes: images (B, 3, S, S) in 0…1; logits and labels (B, A), labels 1, 0 or NaN; terms (B,).
"""

from collections.abc import Callable

import torch.nn.functional as F  # noqa: N812 (PyTorch's own abbreviation)
from pydantic import Field
from torch import Tensor

from lik.objectives.augmentation import AugmentationSettings, augment
from lik.objectives.interface import ObjectiveSettings


class ClassificationSettings(AugmentationSettings, ObjectiveSettings):
    """How faces are augmented in training, and the ``smoothing`` of their labels.

    A known label of 1 is learned as 1 − smoothing / 2 (arXiv:1512.00567).
    """

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
