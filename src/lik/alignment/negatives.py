"""Cuts that are no faces, made from the very pictures that hold the faces.

They stand for what a detector takes for a face by mistake: parts of a face, hair and background,
faces far too large, too small or on their head, texture and figures.

Shapes: pictures (B, 1, S, S) in 0…1; cuts (B, 1, size, size).
"""

import torch
import torch.nn.functional as F  # noqa: N812 (PyTorch's own abbreviation)
from torch import Tensor

from lik.alignment.cuts import (
    REFERENCE,
    EyePositions,
    Rng,
    cuts_at,
    cuts_with_eyes_at,
    per_cut,
    turned_about_centre,
)


def make_negatives(
    pictures: Tensor, eyes: EyePositions, size: int, generator: torch.Generator | None
) -> Tensor:
    """A cut that is no face for each picture; the kinds share the batch evenly."""
    kinds = (_beside, _beside, _detail, _turned, _distant, _scrambled, _texture, _figures)
    parts = []
    for kind, part in zip(kinds, torch.tensor_split(pictures, len(kinds)), strict=True):
        if len(part):
            parts.append(kind(part, eyes, size, Rng(len(part), generator, part.device)))
    return torch.cat(parts)


def _beside(pictures: Tensor, eyes: EyePositions, size: int, rng: Rng) -> Tensor:
    """Half a face or less, at the edge: the middle lies half a frame and more from the face's."""
    frame = _frame(eyes)
    direction = rng.uniform(-torch.pi, torch.pi)
    reach = rng.uniform(0.5, 1.0) * frame
    centre = _frame_centre(eyes) + reach[:, None] * torch.stack(
        [direction.cos(), direction.sin()], dim=1
    )
    return _squares(pictures, centre.clamp(0, 1), rng.log_uniform(0.25, 1.0) * frame, size, rng)


def _detail(pictures: Tensor, eyes: EyePositions, size: int, rng: Rng) -> Tensor:
    """A small part of the picture, wherever it lies: an eye, a mouth, a cheek, hair."""
    side = rng.log_uniform(0.12, 0.42) * _frame(eyes)
    return _squares(pictures, rng.uniform(0.05, 0.95, 2), side, size, rng)


def _turned(pictures: Tensor, eyes: EyePositions, size: int, rng: Rng) -> Tensor:
    """A whole face, lying on its side or standing on its head."""
    angle = rng.uniform(80, 280).deg2rad()
    return _faces(pictures, eyes, size, rng, angle, rng.log_uniform(0.7, 1.5))


def _distant(pictures: Tensor, eyes: EyePositions, size: int, rng: Rng) -> Tensor:
    """A face that is far too small for the cut; what surrounds it is the picture in mirrors."""
    angle = rng.uniform(-25, 25).deg2rad()
    return _faces(pictures, eyes, size, rng, angle, rng.log_uniform(2.1, 4.0))


def _scrambled(pictures: Tensor, eyes: EyePositions, size: int, rng: Rng) -> Tensor:
    """Tiles of several faces, every one of them in a wrong place."""
    angle = rng.uniform(-25, 25).deg2rad()
    cuts = _faces(pictures, eyes, size, rng, angle, rng.log_uniform(0.75, 1.3))
    rows = (2, 4)[rng.whole(0, 2)]
    tile = size // rows
    tiles = cuts.view(-1, rows, tile, rows, tile).permute(1, 3, 0, 2, 4).flatten(0, 1)
    tiles = tiles.roll(rng.whole(1, rows**2), dims=0)
    if rows == 4:
        tiles = torch.stack([part.roll(number, 0) for number, part in enumerate(tiles)])
    tiles = tiles.view(rows, rows, -1, tile, tile).permute(2, 0, 3, 1, 4)
    return tiles.reshape(-1, 1, size, size)


def _texture(pictures: Tensor, eyes: EyePositions, size: int, rng: Rng) -> Tensor:
    """Noise of all finenesses, more or less of each."""
    cuts = torch.zeros(len(pictures), 1, size, size, device=pictures.device)
    for cells in (2, 4, 8, 16, 32):
        noise = F.interpolate(
            rng.normal(1, cells, cells), (size, size), mode="bicubic", align_corners=False
        )
        cuts += noise * per_cut(rng.uniform(0, 1).square())
    return _half_symmetrical((0.5 + 0.2 * cuts).clamp(0, 1), rng)


def _figures(pictures: Tensor, eyes: EyePositions, size: int, rng: Rng) -> Tensor:
    """Discs and bars over one another, as in letters, wheels, windows and patterns of cloth."""
    device = pictures.device
    pixels = (torch.arange(size, device=device) + 0.5) / size
    cuts = per_cut(rng.uniform(0, 1)).expand(-1, 1, size, size)
    for _ in range(rng.whole(3, 12)):
        middle, angle = rng.uniform(0, 1, 2), rng.uniform(-torch.pi, torch.pi)
        long, short = rng.log_uniform(0.08, 0.6), rng.log_uniform(0.03, 0.3)
        across = pixels[None, None, :] - middle[:, 0, None, None]
        down = pixels[None, :, None] - middle[:, 1, None, None]
        cos, sin = angle.cos()[:, None, None], angle.sin()[:, None, None]
        u = (across * cos + down * sin) / long[:, None, None]
        v = (down * cos - across * sin) / short[:, None, None]
        round_ = rng.chance(0.5)[:, None, None]
        reach = torch.where(
            round_, (u.square() + v.square()).sqrt(), torch.maximum(u.abs(), v.abs())
        )
        cuts = torch.where((reach < 1)[:, None], per_cut(rng.uniform(0, 1)), cuts)
    return _half_symmetrical(cuts, rng)


def _half_symmetrical(cuts: Tensor, rng: Rng) -> Tensor:
    """Half of the cuts, the other half with its left side mirrored on its right."""
    left = cuts[..., : cuts.shape[-1] // 2]
    return torch.where(per_cut(rng.chance(0.5)), torch.cat([left, left.flip(3)], dim=3), cuts)


def _faces(
    pictures: Tensor, eyes: EyePositions, size: int, rng: Rng, angle: Tensor, scale: Tensor
) -> Tensor:
    reference = REFERENCE.to(pictures.device)
    middle = turned_about_centre(reference.middle, angle) + rng.uniform(-0.1, 0.1, 2)
    distance = reference.distance / scale
    cuts, _ = cuts_with_eyes_at(eyes, middle, distance, angle, rng.chance(0.5))
    return cuts.take(pictures, size)


def _squares(pictures: Tensor, centre: Tensor, side: Tensor, size: int, rng: Rng) -> Tensor:
    turn = torch.where(rng.chance(0.7), rng.uniform(-25, 25), rng.uniform(-180, 180)).deg2rad()
    half = torch.full_like(centre, 0.5)
    return cuts_at(half, centre, side, turn, rng.sign()).take(pictures, size)


def _frame(eyes: EyePositions) -> Tensor:
    """The side of the reference frame, in shares of the picture."""
    return eyes.distance / REFERENCE.distance.to(eyes.left.device)


def _frame_centre(eyes: EyePositions) -> Tensor:
    return eyes.middle + _frame(eyes) * (0.5 - REFERENCE.middle.to(eyes.left.device))
