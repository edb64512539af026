"""The plan of the alignment network's training."""

from typing import Any, Literal

import torch
from pydantic import Field, model_validator
from torch import nn

from lik.alignment.model import Aligner, AlignerSettings
from lik.alignment.objective import Alignment, AlignmentSettings
from lik.core.reference import eyes_in_crop
from lik.objectives.interface import Objective
from lik.training.fast import DeviceSettings
from lik.training.recipe import AdamSettings, TrainingPlan
from lik.training.step import Loss


class AlignerPlan(TrainingPlan):
    """Everything that determines an alignment network.

    ``eyes`` of all faces of the set: left x, y, right x, y in shares of the side. There is no
    mirroring of the faces themselves, for that would move the eyes: the objective mirrors. Its
    passes are float32, for positions want more digits than bfloat16 has.
    """

    model: AlignerSettings = AlignerSettings()
    objective: AlignmentSettings = AlignmentSettings()
    optimizer: AdamSettings = AdamSettings(learning_rate=2e-3, epsilon=1e-8, schedule="cosine")
    batch_size: int = Field(128, ge=1)
    epochs: int = Field(40, ge=1)
    mirror: Literal[False] = False
    device: DeviceSettings = DeviceSettings(precision="float32", compile=False)
    eyes: tuple[float, float, float, float]

    @model_validator(mode="after")
    def _eyes_in_order(self) -> "AlignerPlan":
        left, _, right, _ = self.eyes
        if not (all(0 < share < 1 for share in self.eyes) and left < right):
            raise ValueError(
                "eyes are left x, y, right x, y in shares of the side, between 0 and 1, the left "
                "one first"
            )
        return self

    def build(self) -> nn.Module:
        # On processors, convolutions are a third faster with the channels last.
        model = Aligner(self.model)
        return model.to(memory_format=torch.channels_last)  # type: ignore[no-any-return, call-overload]

    def loss(self, model: Any, state: Objective | None = None) -> Loss:
        alignment = Alignment(self.objective, self.eyes)
        return lambda batch, noise: alignment(model, batch.images, noise.generator)


def eyes_of_crop(crop: dict[str, Any]) -> tuple[float, float, float, float] | None:
    """Where a crop rule puts the eyes, in shares of the side; None where it does not say.

    A rule that cuts wider than the reference frame enlarges it about its middle.
    """
    explicit = any(crop.get(key) is not None for key in ("x", "y", "side"))
    if crop.get("kind") not in ("fixed", "aligned") or explicit:
        return None
    left, right = eyes_in_crop(crop.get("widen", 1.0))
    return *left, *right
