"""The plan of an attribute network's training."""

from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field
from torch import Tensor, nn

from lik.core.acceleration import PLAIN, Acceleration, DeviceSettings
from lik.models.classifier import AnyClassifierSettings, build_classifier
from lik.objectives.classification import NUMBERS, ClassificationObjective, ClassificationSettings
from lik.training.batches import Batch
from lik.training.noise import Noise
from lik.training.recipe import AdamSettings, Plan
from lik.training.step import Loss


class AttributePlan(Plan):
    """Everything that determines an attribute network, beside its face set.

    Compilation does not pay for networks that are trained in minutes.
    """

    model: AnyClassifierSettings
    objective: ClassificationSettings = ClassificationSettings()
    optimizer: AdamSettings = AdamSettings(
        learning_rate=2e-3, epsilon=1e-8, schedule="cosine", warmup=100
    )
    batch_size: int = Field(128, ge=1)
    epochs: int = Field(15, ge=1)
    mirror: bool = True
    ema: float | None = Field(0.995, gt=0, lt=1)
    device: DeviceSettings = DeviceSettings(compile=False)

    def build(self) -> nn.Module:
        return build_classifier(self.model)

    def loss(
        self, model: nn.Module, how: Acceleration = PLAIN, state: nn.Module | None = None
    ) -> Loss:
        objective = ClassificationObjective(self.objective)

        def passes(images: Tensor) -> Tensor:
            lower = how.precision != torch.float32 and model.training
            with torch.autocast(images.device.type, how.precision, enabled=lower):
                logits: Tensor = model(images)
            return logits

        def loss(batch: Batch, noise: Noise) -> Mapping[str, Tensor]:
            assert batch.labels is not None
            if not model.training:
                return objective(passes, batch.images, batch.labels)
            numbers = noise.normal(NUMBERS)
            if len(numbers) < len(batch.images):  # a share of nothing, which counts for nothing
                numbers = numbers.new_zeros(len(batch.images), NUMBERS)
            return objective(passes, batch.images, batch.labels, numbers)

        return loss


def as_labels(attributes: NDArray[np.floating]) -> NDArray[np.float32]:
    """Attributes (N, A) of a face set → 1 where above 0, 0 where not, NaN where unknown.

    So do directions take them, and so are real-valued ones cut in two.
    """
    return np.where(np.isnan(attributes), np.nan, attributes > 0).astype(np.float32)


def learnable(labels: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Which of the attributes (A,) some of the faces are known to have, and some to lack."""
    return np.asarray((labels == 1).any(axis=0) & (labels == 0).any(axis=0))
