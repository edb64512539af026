"""The plan of an attribute classifier's training."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from torch import Tensor, nn

from lik.models.classifier import AnyClassifierSettings, build_classifier
from lik.objectives.augmentation import NUMBERS
from lik.objectives.classification import ClassificationSettings, classification
from lik.objectives.interface import Objective
from lik.training.batches import Batch, Noise
from lik.training.fast import DeviceSettings
from lik.training.recipe import AdamSettings, TrainingPlan
from lik.training.step import Loss


class ClassifierPlan(TrainingPlan):
    """Everything that determines an attribute classifier, beside its face set.

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

    def noise_width(self, model: Any) -> int:
        return NUMBERS

    def build(self) -> nn.Module:
        return build_classifier(self.model)

    def loss(self, model: Any, state: Objective | None = None) -> Loss:
        def loss(batch: Batch, noise: Noise) -> Mapping[str, Tensor]:
            assert batch.labels is not None
            numbers = noise.normal(NUMBERS) if model.training else None
            return classification(self.objective, model, batch.images, batch.labels, numbers)

        return loss


def as_labels(attributes: NDArray[np.floating]) -> NDArray[np.float32]:
    """Attributes (N, A) of a face set → 1 where above 0, 0 where not, NaN where unknown.

    So do directions take them, and so are real-valued ones cut in two.
    """
    return np.where(np.isnan(attributes), np.nan, attributes > 0).astype(np.float32)


def learnable(labels: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Which of the attributes (A,) some of the faces are known to have, and some to lack."""
    return np.asarray((labels == 1).any(axis=0) & (labels == 0).any(axis=0))
