"""Finding eyes without labels: an aligned set is its own teacher. The objective and the plan of it.

All faces of an aligned set have their eyes at the same two places. Cut out under a random
rotation, scale, shift and mirroring, a face shows its eyes where the transform has put them: that
is the target. Cuts that are no faces come from the same pictures.

Shapes: images (B, 3, S, S) in 0…1, red first; terms (B,).
"""

from typing import Any, Literal

import torch
import torch.nn.functional as F  # noqa: N812 (PyTorch's own abbreviation)
from pydantic import Field, model_validator
from torch import Tensor, nn

from lik.alignment.cuts import (
    REFERENCE,
    Cuts,
    EyePositions,
    Rng,
    augment,
    cuts_with_eyes_at,
    turned_about_centre,
)
from lik.alignment.model import CUT, Aligner, AlignerSettings
from lik.alignment.negatives import make_negatives
from lik.core.reference import eyes_in_crop
from lik.objectives.interface import Objective, ObjectiveSettings
from lik.training.fast import DeviceSettings
from lik.training.recipe import AdamSettings, TrainingPlan
from lik.training.step import Loss

DELTA = 0.01
"""Where pseudo-Huber turns from a square to a line, in eye distances."""

LUMA = (0.299, 0.587, 0.114)
"""Grey as OpenCV makes it of red, green and blue."""


class AlignmentSettings(ObjectiveSettings):
    """How far cuts are off the reference frame.

    ``angle`` in degrees to either side; ``smallest`` and ``largest`` side in sides of the frame;
    ``shift`` in shares of the side; ``near``: the share of cuts that are nearly right already, as
    the second and third look at a face are; ``face``: weight of the classification "is it a face".
    """

    angle: float = Field(35, ge=0, le=60)
    smallest: float = Field(0.68, gt=0)
    largest: float = Field(1.45, gt=0)
    shift: float = Field(0.2, ge=0, lt=0.5)
    near: float = Field(0.5, ge=0, le=1)
    face: float = Field(0.5, ge=0)

    @property
    def scale(self) -> str:
        return f"eye error in eye distances + {self.face:g}·cross-entropy of 'a face'"


class Alignment:
    """The objective for faces whose eyes are all at ``eyes`` (left x, y, right x, y)."""

    def __init__(
        self, settings: AlignmentSettings, eyes: tuple[float, float, float, float], size: int = CUT
    ) -> None:
        self.settings, self.size = settings, size
        self.eyes = EyePositions(torch.tensor(eyes[:2]), torch.tensor(eyes[2:]))

    def __call__(
        self, model: Aligner, images: Tensor, generator: torch.Generator | None = None
    ) -> dict[str, Tensor]:
        """Images → the loss, the mean error of an eye in eye distances, and the cross-entropy."""
        pictures = grey(images)
        cuts, true = self.task(pictures, generator)
        others = self.negatives(pictures, generator)
        # One batch of both: its averages are those that batch norm meets in use.
        sight = model.look(torch.cat([cuts, others]) * 255)
        count = len(images)
        left, right = (
            _pseudo_huber((found[:count] - eye).norm(dim=1) / true.distance)
            for found, eye in ((sight.left, true.left), (sight.right, true.right))
        )
        eyes = (left + right) / 2
        face = (F.softplus(-sight.face[:count]) + F.softplus(sight.face[count:])) / 2
        return {"loss": eyes + self.settings.face * face, "eyes": eyes, "face": face}

    def task(
        self, pictures: Tensor, generator: torch.Generator | None
    ) -> tuple[Tensor, EyePositions]:
        """Grey pictures (B, 1, S, S) → cuts (B, 1, size, size) in 0…1, and where the eyes are.

        They are faces under random transforms and in random light.
        """
        settings = self.settings
        rng = Rng(len(pictures), generator, pictures.device)
        # Nearly right cuts are off by a quarter of what the others are off by.
        off = torch.where(rng.chance(settings.near), 0.25, 1.0)
        angle = off * rng.uniform(-settings.angle, settings.angle).deg2rad()
        scale = rng.log_uniform(settings.smallest, settings.largest) ** off
        shift = off[:, None] * rng.uniform(-settings.shift, settings.shift, 2)
        mirrored = rng.chance(0.5)
        cuts, eyes = transformed(self.eyes.to(pictures.device), angle, scale, shift, mirrored)
        return augment(cuts.take(pictures, self.size), rng), eyes

    def negatives(self, pictures: Tensor, generator: torch.Generator | None) -> Tensor:
        """Grey pictures (B, 1, S, S) → as many cuts that are no faces."""
        cuts = make_negatives(pictures, self.eyes.to(pictures.device), self.size, generator)
        return augment(cuts, Rng(len(cuts), generator, cuts.device))


def transformed(
    eyes: EyePositions, angle: Tensor, scale: Tensor, shift: Tensor, mirrored: Tensor
) -> tuple[Cuts, EyePositions]:
    """Cuts that are off the reference frame, and where the eyes are in them.

    ``angle`` (B,) turns the face, ``scale`` (B,) enlarges the cut, both about its middle;
    ``shift`` (B, 2) moves the face, in shares of the cut.
    """
    reference = REFERENCE.to(angle.device)
    centred = (reference.middle - 0.5) / scale[:, None] + 0.5
    middle = turned_about_centre(centred, angle) + shift
    return cuts_with_eyes_at(eyes, middle, reference.distance / scale, angle, mirrored)


def grey(images: Tensor) -> Tensor:
    """Images (B, 3, S, S) → (B, 1, S, S)."""
    weights = torch.tensor(LUMA, device=images.device).view(1, 3, 1, 1)
    return (images * weights).sum(dim=1, keepdim=True)


def _pseudo_huber(error: Tensor) -> Tensor:
    """Errors (B,) → (B,): quadratic near 0, linear beyond `DELTA`."""
    return (error.square() + DELTA**2).sqrt() - DELTA


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
        return lambda batch, noise: alignment(model, batch.images, noise.own())


def eyes_of_crop(crop: dict[str, Any]) -> tuple[float, float, float, float] | None:
    """Where a crop rule puts the eyes, in shares of the side; None where it does not say.

    A rule that cuts wider than the reference frame enlarges it about its middle.
    """
    explicit = any(crop.get(key) is not None for key in ("x", "y", "side"))
    if crop.get("kind") not in ("fixed", "aligned") or explicit:
        return None
    left, right = eyes_in_crop(crop.get("widen", 1.0))
    return *left, *right
