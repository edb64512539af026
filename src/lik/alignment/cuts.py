"""Grey cuts out of pictures of aligned faces: similarity transforms, where the eyes land, and
what a camera and the world do to a cut.

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

    def to(self, device: torch.device) -> "EyePositions":
        return EyePositions(self.left.to(device), self.right.to(device))

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
    half = distance[:, None] / 2 * torch.stack([angle.cos(), angle.sin()], dim=1)
    cuts = cuts_at(middle, eyes.middle, scale, turn, sign)
    return cuts, EyePositions(middle - half, middle + half)


def cuts_at(point: Tensor, there: Tensor, scale: Tensor, turn: Tensor, sign: Tensor) -> Cuts:
    """The cuts of which ``point`` (B, 2) lies ``there`` (B, 2) in the picture.

    Enlarged by ``scale`` (B,), turned by ``turn`` (B,), mirrored where ``sign`` (B,) is −1.
    """
    cos, sin = scale * turn.cos(), scale * turn.sin()
    matrix = torch.stack([sign * cos, -sin, sign * sin, cos], dim=1).view(-1, 2, 2)
    return Cuts(matrix, there - (matrix @ point[:, :, None])[:, :, 0])


def turned_about_centre(points: Tensor, angle: Tensor) -> Tensor:
    """Points (2,) or (B, 2) turned by ``angle`` (B,) about the middle of the square."""
    x, y = (points - 0.5).expand(len(angle), 2).unbind(1)
    cos, sin = angle.cos(), angle.sin()
    return torch.stack([x * cos - y * sin, x * sin + y * cos], dim=1) + 0.5


class Rng:
    """Random numbers for B cuts from one generator, (B,) each."""

    def __init__(self, count: int, generator: torch.Generator | None, device: torch.device) -> None:
        self.count, self.generator, self.device = count, generator, device

    def _empty(self, *shape: int) -> Tensor:
        return torch.empty(shape, device=self.device)

    def uniform(self, low: float, high: float, *shape: int) -> Tensor:
        """Uniform numbers in low…high, (B,) or (B, *shape)."""
        return self._empty(self.count, *shape).uniform_(low, high, generator=self.generator)

    def log_uniform(self, low: float, high: float) -> Tensor:
        """Numbers in low…high whose logarithm is uniform."""
        logarithms = torch.tensor([low, high]).log().tolist()
        return self.uniform(*logarithms).exp()

    def chance(self, probability: float) -> Tensor:
        """True with this probability."""
        return self.uniform(0, 1) < probability

    def sign(self) -> Tensor:
        """−1 half of the time, else 1."""
        return torch.where(self.chance(0.5), -1.0, 1.0)

    def normal(self, *shape: int) -> Tensor:
        """Standard normal numbers (B, *shape)."""
        return self._empty(self.count, *shape).normal_(generator=self.generator)

    def whole(self, low: int, high: int) -> int:
        """One whole number, low ≤ n < high."""
        drawn = self._empty(1).uniform_(low, high, generator=self.generator)
        return min(int(drawn.item()), high - 1)


def per_cut(values: Tensor) -> Tensor:
    """A number for each cut, (B,) → (B, 1, 1, 1)."""
    return values[:, None, None, None]


def augment(cuts: Tensor, rng: Rng) -> Tensor:
    """Cuts (B, 1, S, S) in 0…1 under random light, sharpness, covers, contrast and noise.

    They are rounded to 8 bits.
    """
    lit = _lit(cuts.clamp(0, 1), rng)
    covered = _covered(_sharpened(lit, rng), rng)
    contrast = per_cut(rng.log_uniform(0.08, 1.6))
    level = per_cut(rng.uniform(0.0, 1.0))  # where the grey values lie that the contrast leaves
    middle = contrast / 2 + level * (1 - contrast)
    noise = per_cut(rng.uniform(0, 1).square() * 0.06) * contrast
    grey = middle + contrast * (covered - 0.5) + noise * rng.normal(*cuts.shape[1:])
    return (grey.clamp(0, 1) * 255).round() / 255


def _lit(cuts: Tensor, rng: Rng) -> Tensor:
    """A gamma, and a light that falls off to one side."""
    size = cuts.shape[-1]
    across = torch.linspace(-1, 1, size, device=cuts.device)
    angle, strength = rng.uniform(-torch.pi, torch.pi), rng.uniform(0, 1).square() * 0.8
    x, y = (strength * angle.cos())[:, None, None], (strength * angle.sin())[:, None, None]
    light = 1 + (x * across[None, None, :] + y * across[None, :, None])[:, None] / 2**0.5
    gamma = per_cut(rng.log_uniform(0.5, 2.0))
    return ((cuts + 1e-3) ** gamma * light).clamp(0, 1)


def _sharpened(cuts: Tensor, rng: Rng) -> Tensor:
    """Between quite blurred (amount −1) and sharpened (positive amounts)."""
    blurred = F.pad(cuts, (2, 2, 2, 2), mode="replicate")
    for _ in range(2):  # binomial weights; a convolution of one channel takes twenty times as long
        blurred = blurred[..., :-2] / 4 + blurred[..., 1:-1] / 2 + blurred[..., 2:] / 4
        blurred = blurred[..., :-2, :] / 4 + blurred[..., 1:-1, :] / 2 + blurred[..., 2:, :] / 4
    amount = per_cut(rng.uniform(-1, 0.8))
    return (cuts + amount * (cuts - blurred)).clamp(0, 1)


def _covered(cuts: Tensor, rng: Rng) -> Tensor:
    """A quarter of the cuts get a rectangle of one grey, or of another cut, laid over them."""
    size = cuts.shape[-1]
    pixels = (torch.arange(size, device=cuts.device) + 0.5) / size

    def inside(middle: Tensor, side: Tensor) -> Tensor:
        return (pixels - middle[:, None]).abs() < side[:, None] / 2

    across = inside(rng.uniform(0, 1), rng.uniform(0.1, 0.5))
    down = inside(rng.uniform(0, 1), rng.uniform(0.1, 0.5))
    covered = across[:, None, None, :] & down[:, None, :, None] & per_cut(rng.chance(0.25))
    flat = per_cut(rng.uniform(0, 1)).expand_as(cuts)
    cover = torch.where(per_cut(rng.chance(0.5)), flat, cuts.roll(1, dims=0))
    return torch.where(covered, cover, cuts)
