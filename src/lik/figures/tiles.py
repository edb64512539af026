"""Pictures laid out as tiles in rows of three, below each what is to be said of it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from lik.figures.grids import FAINT, INK, MARGIN, PAPER, font

COLUMNS, GAP, LINE = 3, 22, 17
LEAST_TILE = 256
"""Pixels that a tile is wide at least, so that its lines have room below it."""

HIGH, LOW = (42, 111, 151), (178, 58, 72)
"""Colours of the bar of SSIM, from 1 to 0."""


@dataclass(frozen=True)
class Tile:
    """A picture uint8 (H, W, 3), a heading, lines below it, and its SSIM (None: no bar)."""

    picture: NDArray[np.uint8]
    heading: str
    lines: Sequence[str] = ()
    ssim: float | None = None


def draw_tiles(tiles: Sequence[Tile], title: str, notes: Sequence[str]) -> Image.Image:
    """Lay tiles out in rows of three, in their order; ``notes`` are lines below the title.

    Small pictures are enlarged by whole factors without smoothing, so that every pixel is seen.
    """
    height, width = tiles[0].picture.shape[:2]
    factor = max(1, -(-LEAST_TILE // width))
    wide, high = factor * width, factor * height
    below = 14 + 24 + LINE * max(len(tile.lines) for tile in tiles)
    rows = -(-len(tiles) // COLUMNS)
    top = MARGIN + 34 + 20 * len(notes) + 10
    image = Image.new(
        "RGB", (2 * MARGIN + COLUMNS * (wide + GAP) - GAP, top + rows * (high + below + GAP)), PAPER
    )
    draw = ImageDraw.Draw(image)
    draw.text((MARGIN, MARGIN), title, INK, font(22, bold=True))
    for number, note in enumerate(notes):
        draw.text((MARGIN, MARGIN + 34 + 20 * number), note, FAINT, font(14))
    for number, tile in enumerate(tiles):
        row, column = divmod(number, COLUMNS)
        corner = MARGIN + column * (wide + GAP), top + row * (high + below + GAP)
        enlarged = tile.picture.repeat(factor, axis=0).repeat(factor, axis=1)
        image.paste(Image.fromarray(enlarged), corner)
        _write_below(draw, tile, corner[0], corner[1] + high, wide)
    return image


def _write_below(draw: ImageDraw.ImageDraw, tile: Tile, x: int, y: int, wide: int) -> None:
    if tile.ssim is not None:
        draw.rectangle((x, y + 5, x + wide - 1, y + 9), fill=(232, 234, 237))
        share = min(max(tile.ssim, 0.0), 1.0)
        blend = (np.array(LOW) + share * (np.array(HIGH) - np.array(LOW))).astype(int)
        if share > 0:
            draw.rectangle((x, y + 5, x + round(share * (wide - 1)), y + 9), fill=tuple(blend))
    draw.text((x, y + 14), tile.heading, INK, font(15, bold=True))
    for number, line in enumerate(tile.lines):
        draw.text((x, y + 14 + 24 + LINE * number), line, FAINT, font(13))
