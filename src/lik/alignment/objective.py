"""Finding eyes without labels: an aligned set is its own teacher.

All faces of an aligned set have their eyes at the same two places. Cut out under a random
rotation, scale, shift and mirroring, a face shows its eyes where the transform has put them: that
is the target. Cuts that are no faces come from the same pictures.

Shapes: images (B, 3, S, S) in 0…1, red first; terms (B,).
"""

from dataclasses import dataclass
from typing import Protocol

import torch
import torch.nn.functional as F  # noqa: N812 (PyTorch's own abbreviation)
from pydantic import Field
from torch import Tensor

from lik.alignment.augmentation import disturbed
from lik.alignment.counterparts import no_faces
from lik.alignment.cuts import (
    REFERENCE,
    Cuts,
    Dice,
    Eyes,
    cuts_with_eyes_at,
    turned_about_centre,
)
from lik.objectives.settings import ObjectiveSettings

SOFT = 0.01
"""Below this share of the eye distance an error counts by its square."""

LUMA = (0.299, 0.587, 0.114)
"""Grey as OpenCV makes it of red, green and blue."""


class AlignmentSettings(ObjectiveSettings):
    """How far cuts are off the reference frame.

    ``angle`` in degrees to either side; ``smallest`` and ``largest`` side in sides of the frame;
    ``shift`` in shares of the side; ``near``: the share of cuts that are nearly right already, as
    the second and third look at a face are; ``face``: weight of the judgement "is it a face".
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


class Sight(Protocol):
    """Where the eyes are (B, 2), in shares of the cut, and the logit (B,) of a face."""

    @property
    def left(self) -> Tensor: ...
    @property
    def right(self) -> Tensor: ...
    @property
    def face(self) -> Tensor: ...


class Model(Protocol):
    """Whatever looks at cuts (B, 1, 64, 64), grey, 0…255."""

    def look(self, cuts: Tensor) -> Sight: ...


@dataclass(frozen=True)
class Task:
    """Faces to be found: cuts (B, 1, size, size) in 0…1, and where the eyes are in them."""

    cuts: Tensor
    eyes: Eyes


class Alignment:
    """The objective for faces whose eyes are all at ``eyes`` (left x, y, right x, y)."""

    def __init__(
        self, settings: AlignmentSettings, eyes: tuple[float, float, float, float], size: int = 64
    ) -> None:
        self.settings, self.size = settings, size
        self.eyes = Eyes(torch.tensor(eyes[:2]), torch.tensor(eyes[2:]))

    def __call__(
        self, model: Model, images: Tensor, generator: torch.Generator | None = None
    ) -> dict[str, Tensor]:
        """Images → the loss, the mean error of an eye in eye distances, and the cross-entropy."""
        pictures = grey(images)
        task = self.task(pictures, generator)
        others = self.others(pictures, generator)
        # One batch of both: its averages are those that batch norm meets in use.
        sight = model.look(torch.cat([task.cuts, others]) * 255)
        count = len(images)
        left, right = (
            _softened((found[:count] - true).norm(dim=1) / task.eyes.distance)
            for found, true in ((sight.left, task.eyes.left), (sight.right, task.eyes.right))
        )
        eyes = (left + right) / 2
        face = (F.softplus(-sight.face[:count]) + F.softplus(sight.face[count:])) / 2
        return {"loss": eyes + self.settings.face * face, "eyes": eyes, "face": face}

    def task(self, pictures: Tensor, generator: torch.Generator | None) -> Task:
        """Grey pictures (B, 1, S, S) → faces under random transforms and in random light."""
        settings = self.settings
        dice = Dice(len(pictures), generator, pictures.device)
        # Nearly right cuts are off by a quarter of what the others are off by.
        off = torch.where(dice.chance(settings.near), 0.25, 1.0)
        angle = off * dice.uniform(-settings.angle, settings.angle).deg2rad()
        scale = dice.log_uniform(settings.smallest, settings.largest) ** off
        shift = off[:, None] * dice.uniform(-settings.shift, settings.shift, 2)
        mirrored = dice.chance(0.5)
        cuts, eyes = transformed(self._eyes_on(pictures.device), angle, scale, shift, mirrored)
        return Task(disturbed(cuts.take(pictures, self.size), dice), eyes)

    def others(self, pictures: Tensor, generator: torch.Generator | None) -> Tensor:
        """Grey pictures (B, 1, S, S) → as many cuts that are no faces."""
        cuts = no_faces(pictures, self._eyes_on(pictures.device), self.size, generator)
        return disturbed(cuts, Dice(len(cuts), generator, cuts.device))

    def _eyes_on(self, device: torch.device) -> Eyes:
        return Eyes(self.eyes.left.to(device), self.eyes.right.to(device))


def transformed(
    eyes: Eyes, angle: Tensor, scale: Tensor, shift: Tensor, mirrored: Tensor
) -> tuple[Cuts, Eyes]:
    """Cuts that are off the reference frame, and where the eyes are in them.

    ``angle`` (B,) turns the face, ``scale`` (B,) enlarges the cut, both about its middle;
    ``shift`` (B, 2) moves the face, in shares of the cut.
    """
    device = angle.device
    centred = (REFERENCE.middle.to(device) - 0.5) / scale[:, None] + 0.5
    middle = turned_about_centre(centred, angle) + shift
    distance = REFERENCE.distance.to(device) / scale
    return cuts_with_eyes_at(eyes, middle, distance, angle, mirrored)


def grey(images: Tensor) -> Tensor:
    """Images (B, 3, S, S) → (B, 1, S, S)."""
    weights = torch.tensor(LUMA, device=images.device).view(1, 3, 1, 1)
    return (images * weights).sum(dim=1, keepdim=True)


def _softened(error: Tensor) -> Tensor:
    return (error.square() + SOFT**2).sqrt() - SOFT
