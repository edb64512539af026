"""Grey cuts out of pictures of aligned faces: similarity transforms, and where the eyes land.

Points are (x, y) in shares of the side of a square, counted from its upper left corner, so that
pixel i of n covers i/n…(i+1)/n. Angles are in radians, positive from x to y (clockwise to the eye).

Shapes: pictures (B, 1, S, S); cuts (B, 1, 64, 64); points (B, 2); scalars of each cut (B,).
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F  # noqa: N812 (PyTorch's own abbreviation)
from torch import Tensor

from lik.core.reference import LEFT_EYE, RIGHT_EYE

SAMPLES = 2
"""Samples along each side of a pixel of the cut: cuts that reduce a picture do not alias."""


@dataclass(frozen=True)
class EyePositions:
    """Two points, (2,) or (B, 2); ``left`` is the one with the smaller x."""

    left: Tensor
    right: Tensor

    @property
    def middle(self) -> Tensor:
        return (self.left + self.right) / 2

    @property
    def distance(self) -> Tensor:
        distance: Tensor = torch.linalg.vector_norm(self.right - self.left, dim=-1)
        return distance


REFERENCE = EyePositions(torch.tensor(LEFT_EYE), torch.tensor(RIGHT_EYE))
"""Where the eyes are in the reference frame."""


@dataclass(frozen=True)
class Cuts:
    """Where B cuts lie in their pictures: a point u of the cut is matrix · u + offset there.

    ``matrix`` (B, 2, 2), ``offset`` (B, 2).
    """

    matrix: Tensor
    offset: Tensor

    def in_picture(self, points: Tensor) -> Tensor:
        """Points (B, 2) of the cuts, in their pictures."""
        return (self.matrix @ points[:, :, None])[:, :, 0] + self.offset

    def take(self, pictures: Tensor, size: int) -> Tensor:
        """Pictures (B, 1, S, S) → cuts (B, 1, size, size), mirrored at the picture's borders."""
        fine = SAMPLES * size
        middles = (torch.arange(fine, device=pictures.device) + 0.5) / fine
        # PyTorch counts a picture from −1 to 1.
        across = 2 * self.matrix[:, None, None, :, 0] * middles[None, None, :, None]
        down = 2 * self.matrix[:, None, None, :, 1] * middles[None, :, None, None]
        grid = across + (down + 2 * self.offset[:, None, None, :] - 1)
        sampled = F.grid_sample(
            pictures, grid, mode="bilinear", padding_mode="reflection", align_corners=False
        )
        return F.avg_pool2d(sampled, SAMPLES)


def cuts_with_eyes_at(
    eyes: EyePositions, middle: Tensor, distance: Tensor, angle: Tensor, mirrored: Tensor
) -> tuple[Cuts, EyePositions]:
    """The cuts in which the eyes of a picture land where they are wanted, and where that is.

    ``middle`` (B, 2), ``distance`` (B,) and ``angle`` (B,) say it of the line between the eyes in
    the cut, ``mirrored`` (B,) bool whether the cut shows its picture in a mirror.
    """
    between = eyes.right - eyes.left
    sign = torch.where(mirrored, -1.0, 1.0)
    turn = torch.atan2(between[..., 1], between[..., 0]) - sign * angle
    scale = eyes.distance / distance
    cos, sin = scale * turn.cos(), scale * turn.sin()
    matrix = torch.stack([sign * cos, -sin, sign * sin, cos], dim=1).view(-1, 2, 2)
    offset = eyes.middle - (matrix @ middle[:, :, None])[:, :, 0]
    half = distance[:, None] / 2 * torch.stack([angle.cos(), angle.sin()], dim=1)
    return Cuts(matrix, offset), EyePositions(middle - half, middle + half)


def turned_about_centre(points: Tensor, angle: Tensor) -> Tensor:
    """Points (2,) or (B, 2) turned by ``angle`` (B,) about the middle of the square."""
    x, y = (points - 0.5).expand(len(angle), 2).unbind(1)
    cos, sin = angle.cos(), angle.sin()
    return torch.stack([x * cos - y * sin, x * sin + y * cos], dim=1) + 0.5


class Rng:
    """Random numbers for B cuts from one generator, (B,) each."""

    def __init__(self, count: int, generator: torch.Generator | None, device: torch.device) -> None:
        self.count, self.generator, self.device = count, generator, device

    def uniform(self, low: float, high: float, *shape: int) -> Tensor:
        """Uniform numbers in low…high, (B,) or (B, *shape)."""
        size = (self.count, *shape)
        return torch.empty(size, device=self.device).uniform_(low, high, generator=self.generator)

    def log_uniform(self, low: float, high: float) -> Tensor:
        """Numbers in low…high whose logarithm is uniform."""
        logarithms = torch.tensor([low, high]).log().tolist()
        return self.uniform(*logarithms).exp()

    def chance(self, probability: float) -> Tensor:
        """True with this probability."""
        return self.uniform(0, 1) < probability

    def normal(self, *shape: int) -> Tensor:
        """Standard normal numbers (B, *shape)."""
        size = (self.count, *shape)
        return torch.empty(size, device=self.device).normal_(generator=self.generator)

    def whole(self, low: int, high: int) -> int:
        """One whole number, low ≤ n < high."""
        drawn = torch.empty(1, device=self.device).uniform_(low, high, generator=self.generator)
        return min(int(drawn.item()), high - 1)
