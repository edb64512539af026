"""Finding eyes without labels: an aligned set is its own teacher.

All faces of an aligned set have their eyes at the same two places. Cut out under a random
rotation, scale, shift and mirroring, a face shows its eyes where the transform has put them: that
is the target. Cuts that are no faces come from the same pictures.

Shapes: images (B, 3, S, S) in 0…1, red first; terms (B,).
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F  # noqa: N812 (PyTorch's own abbreviation)
from pydantic import Field
from torch import Tensor

from lik.alignment.augmentation import augment
from lik.alignment.cuts import (
    REFERENCE,
    Cuts,
    EyePositions,
    Rng,
    cuts_with_eyes_at,
    turned_about_centre,
)
from lik.alignment.model import CUT, Aligner
from lik.alignment.negatives import make_negatives
from lik.objectives.interface import ObjectiveSettings

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


@dataclass(frozen=True)
class Task:
    """Faces to be found: cuts (B, 1, size, size) in 0…1, and where the eyes are in them."""

    cuts: Tensor
    eyes: EyePositions


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
        task = self.task(pictures, generator)
        others = self.negatives(pictures, generator)
        # One batch of both: its averages are those that batch norm meets in use.
        sight = model.look(torch.cat([task.cuts, others]) * 255)
        count = len(images)
        left, right = (
            _pseudo_huber((found[:count] - true).norm(dim=1) / task.eyes.distance)
            for found, true in ((sight.left, task.eyes.left), (sight.right, task.eyes.right))
        )
        eyes = (left + right) / 2
        face = (F.softplus(-sight.face[:count]) + F.softplus(sight.face[count:])) / 2
        return {"loss": eyes + self.settings.face * face, "eyes": eyes, "face": face}

    def task(self, pictures: Tensor, generator: torch.Generator | None) -> Task:
        """Grey pictures (B, 1, S, S) → faces under random transforms and in random light."""
        settings = self.settings
        rng = Rng(len(pictures), generator, pictures.device)
        # Nearly right cuts are off by a quarter of what the others are off by.
        off = torch.where(rng.chance(settings.near), 0.25, 1.0)
        angle = off * rng.uniform(-settings.angle, settings.angle).deg2rad()
        scale = rng.log_uniform(settings.smallest, settings.largest) ** off
        shift = off[:, None] * rng.uniform(-settings.shift, settings.shift, 2)
        mirrored = rng.chance(0.5)
        cuts, eyes = transformed(self._eyes_on(pictures.device), angle, scale, shift, mirrored)
        return Task(augment(cuts.take(pictures, self.size), rng), eyes)

    def negatives(self, pictures: Tensor, generator: torch.Generator | None) -> Tensor:
        """Grey pictures (B, 1, S, S) → as many cuts that are no faces."""
        cuts = make_negatives(pictures, self._eyes_on(pictures.device), self.size, generator)
        return augment(cuts, Rng(len(cuts), generator, cuts.device))

    def _eyes_on(self, device: torch.device) -> EyePositions:
        return EyePositions(self.eyes.left.to(device), self.eyes.right.to(device))


def transformed(
    eyes: EyePositions, angle: Tensor, scale: Tensor, shift: Tensor, mirrored: Tensor
) -> tuple[Cuts, EyePositions]:
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


def _pseudo_huber(error: Tensor) -> Tensor:
    """Errors (B,) → (B,): quadratic near 0, linear beyond `DELTA`."""
    return (error.square() + DELTA**2).sqrt() - DELTA
