"""The plan of the alignment network's training."""

import math
from typing import Any, Literal

import torch
from pydantic import Field, model_validator
from torch import nn

from lik.models.aligner import CUT, Aligner, AlignerSettings
from lik.objectives.alignment import Alignment, AlignmentSettings
from lik.objectives.cuts import REFERENCE
from lik.training.loop import Loss
from lik.training.recipe import AdamSettings, Plan


class FallingAdamSettings(AdamSettings):
    """Adam with a learning rate that falls to zero along half a cosine (arXiv:1608.03983).

    A run that is extended afterwards goes on at the rate of the longer run.
    """

    learning_rate: float = Field(2e-3, gt=0)
    epsilon: float = Field(1e-8, gt=0)

    def rate(self, step: int, steps: int) -> float:
        return self.learning_rate * (1 + math.cos(math.pi * step / steps)) / 2


class AlignerPlan(Plan):
    """Everything that determines an alignment network.

    ``eyes`` of all faces of the set: left x, y, right x, y in shares of the side. There is no
    mirroring of the faces themselves, for that would move the eyes: the objective mirrors.
    """

    model: AlignerSettings = AlignerSettings()
    objective: AlignmentSettings = AlignmentSettings()
    optimizer: FallingAdamSettings = FallingAdamSettings()
    batch_size: int = Field(128, ge=1)
    epochs: int = Field(40, ge=1)
    mirror: Literal[False] = False
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
        return Aligner(self.model)

    def loss(self, model: nn.Module) -> Loss:
        assert isinstance(model, Aligner)
        alignment = Alignment(self.objective, self.eyes, CUT)
        return lambda images, noise: alignment(model, images, noise)


def eyes_of_crop(crop: dict[str, Any]) -> tuple[float, float, float, float] | None:
    """Where a crop rule puts the eyes, in shares of the side; None where it does not say.

    A rule that cuts wider than the reference frame enlarges it about its middle.
    """
    explicit = any(crop.get(key) is not None for key in ("x", "y", "side"))
    if crop.get("kind") not in ("fixed", "aligned") or explicit:
        return None
    widen = crop.get("widen", 1.0)
    points = torch.cat([REFERENCE.left, REFERENCE.right])
    left_x, left_y, right_x, right_y = (0.5 + (points - 0.5) / widen).tolist()
    return left_x, left_y, right_x, right_y
