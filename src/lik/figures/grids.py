"""Sheets of pictures for people to look at: rows and columns, epochs, and tiles with lines below.

A strip holds the pictures of an epoch side by side and pixel by pixel, so that all can be drawn
from strips whenever it is wanted.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

Pictures = NDArray[np.uint8]

INK, FAINT, PAPER = (32, 33, 36), (110, 113, 120), (255, 255, 255)
MARGIN, GAP, GROUP_GAP, CAPTION = 20, 4, 16, 18

SAMPLE_COLUMNS, MOST_EPOCHS = 8, 16
SHOWN_FACES, SHOWN_SAMPLES = 6, 8
"""How many of an epoch's faces and samples the grid of the whole run shows."""

TILE_COLUMNS, TILE_GAP, LINE = 3, 22, 17
LEAST_TILE = 256
"""Pixels that a tile is wide at least, so that its lines have room below it."""
HIGH, LOW = (42, 111, 151), (178, 58, 72)
"""Colours of the bar of SSIM, from 1 to 0."""


@dataclass(frozen=True)
class Row:
    """One row of a sheet: pictures uint8 (K, S, S, 3), its label, and whether it begins a group.

    ``captions`` are small words below the pictures, from the left.
    """

    pictures: Pictures
    label: str = ""
    new_group: bool = False
    captions: Sequence[str] = ()


def sheet(
    rows: Sequence[Row],
    title: str = "",
    subtitle: str = "",
    column_labels: Sequence[str] = (),
    tile: int = 128,
) -> Image.Image:
    """Lay out rows of pictures, each shown ``tile`` pixels wide, under a title.

    Rows may differ in length; column labels stand above the columns from the left. Without a
    title, which a page may give, nothing stands above them.
    """
    side = rows[0].pictures.shape[1]
    enlarged = max(1, round(tile / side)) * side
    text, small, tiny, bold = font(15), font(13), font(11), font(22, bold=True)
    label_width = max(
        (_width(line, text) for row in rows for line in row.label.split("\n")), default=0
    )
    left = MARGIN + (label_width + 12 if label_width else 0)
    columns = max(len(row.pictures) for row in rows)
    width = left + columns * (enlarged + GAP) - GAP + MARGIN
    width = max(width, 2 * MARGIN + 440)
    title_lines = _wrapped(title, bold, width - 2 * MARGIN) if title else []
    subtitle_lines = _wrapped(subtitle, text, width - 2 * MARGIN) if subtitle else []
    top = MARGIN + 30 * len(title_lines) + 21 * len(subtitle_lines) + (12 if title else 0)
    labels_top = top
    if column_labels:
        top += 18 * max(label.count("\n") + 1 for label in column_labels) + 4
    groups = sum(row.new_group for row in rows[1:])
    captions = CAPTION * sum(bool(row.captions) for row in rows)
    height = top + len(rows) * (enlarged + GAP) - GAP + groups * GROUP_GAP + captions + MARGIN
    image = Image.new("RGB", (width, height), PAPER)
    draw = ImageDraw.Draw(image)
    y = MARGIN
    for line in title_lines:
        draw.text((MARGIN, y), line, INK, bold)
        y += 30
    for line in subtitle_lines:
        draw.text((MARGIN, y), line, FAINT, text)
        y += 21
    for column, label in enumerate(column_labels):
        x = left + column * (enlarged + GAP) + enlarged / 2
        draw.multiline_text((x, labels_top), label, FAINT, small, anchor="ma", align="center")
    y = top
    for number, row in enumerate(rows):
        if row.new_group and number:
            y += GROUP_GAP
        if row.label:
            draw.multiline_text((MARGIN, y + enlarged / 2), row.label, INK, text, anchor="lm")
        for column, picture in enumerate(row.pictures):
            tile_image = Image.fromarray(picture)
            if enlarged != side:
                tile_image = tile_image.resize((enlarged, enlarged), Image.Resampling.BICUBIC)
            image.paste(tile_image, (left + column * (enlarged + GAP), y))
        y += enlarged + GAP
        if row.captions:
            for column, caption in enumerate(row.captions):
                x = left + column * (enlarged + GAP) + enlarged / 2
                fitting = _shortened(caption, tiny, enlarged + GAP - 2)
                draw.text((x, y - GAP + 2), fitting, FAINT, tiny, anchor="ma")
            y += CAPTION
    return image


def rows_of(pictures: Pictures, columns: int) -> list[Row]:
    """Pictures (N, S, S, 3) broken into rows of ``columns``."""
    return [Row(pictures[start : start + columns]) for start in range(0, len(pictures), columns)]


def epoch_grid(
    originals: Pictures, reconstructions: Pictures, samples: Pictures, title: str, subtitle: str
) -> Image.Image:
    """Faces (K, S, S, 3), what the model makes of them, and samples of the prior below."""
    first, *others = rows_of(samples, SAMPLE_COLUMNS)
    rows = [
        Row(originals, "originals"),
        Row(reconstructions, "reconstructions"),
        Row(first.pictures, "samples", new_group=True),
        *others,
    ]
    return sheet(rows, title, subtitle)


def epochs_grid(
    epochs: Sequence[tuple[int, Pictures]], originals: Pictures, title: str, subtitle: str
) -> Image.Image:
    """One row an epoch, of at most `MOST_EPOCHS`: reconstructions of ``originals``, then samples.

    The pictures of an epoch are the reconstructions of all originals, followed by the samples.
    """
    chosen = np.unique(np.linspace(0, len(epochs) - 1, min(len(epochs), MOST_EPOCHS)).round())
    side = originals.shape[1]
    faces = originals[:SHOWN_FACES]
    between = np.full((1, side, side, 3), PAPER, np.uint8)
    rows = [Row(faces, "originals")]
    for number, (epoch, pictures) in enumerate(epochs[int(index)] for index in chosen):
        samples = pictures[len(originals) :][:SHOWN_SAMPLES]
        row = np.concatenate([pictures[: len(faces)], between, samples])
        rows.append(Row(row, f"epoch {epoch}", new_group=number == 0))
    return sheet(rows, title, subtitle, tile=64)


def strip(pictures: Pictures) -> Image.Image:
    """Pictures (N, S, S, 3) side by side: N·S pixels wide and S high."""
    return Image.fromarray(np.concatenate(list(pictures), axis=1))


def unstripped(image: Image.Image) -> Pictures:
    """The pictures of a strip, (N, S, S, 3)."""
    pixels = np.asarray(image.convert("RGB"))
    side = image.height
    count = image.width // side
    return pixels.reshape(side, count, side, 3).transpose(1, 0, 2, 3)


@dataclass(frozen=True)
class Tile:
    """A picture uint8 (H, W, 3), a heading, lines below it, and its SSIM (None: no bar)."""

    picture: Pictures
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
    rows = -(-len(tiles) // TILE_COLUMNS)
    top = MARGIN + 34 + 20 * len(notes) + 10
    whole_width = 2 * MARGIN + TILE_COLUMNS * (wide + TILE_GAP) - TILE_GAP
    image = Image.new("RGB", (whole_width, top + rows * (high + below + TILE_GAP)), PAPER)
    draw = ImageDraw.Draw(image)
    draw.text((MARGIN, MARGIN), title, INK, font(22, bold=True))
    for number, note in enumerate(notes):
        draw.text((MARGIN, MARGIN + 34 + 20 * number), note, FAINT, font(14))
    for number, tile in enumerate(tiles):
        row, column = divmod(number, TILE_COLUMNS)
        corner = MARGIN + column * (wide + TILE_GAP), top + row * (high + below + TILE_GAP)
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


@cache
def font(size: int, bold: bool = False) -> ImageFont.FreeTypeFont:
    """DejaVu Sans, which has Greek letters and comes with matplotlib."""
    import matplotlib

    name = "DejaVuSans-Bold.ttf" if bold else "DejaVuSans.ttf"
    return ImageFont.truetype(str(Path(matplotlib.get_data_path(), "fonts", "ttf", name)), size)


def _width(text: str, font: ImageFont.FreeTypeFont) -> int:
    return round(font.getlength(text))


def _shortened(text: str, font: ImageFont.FreeTypeFont, width: int) -> str:
    """The text, its middle left out where it is too wide."""
    if _width(text, font) <= width:
        return text
    kept = len(text) - 1
    while kept > 2 and _width(f"{text[: kept // 2]}…{text[-(kept - kept // 2) :]}", font) > width:
        kept -= 1
    return f"{text[: kept // 2]}…{text[-(kept - kept // 2) :]}"


def _wrapped(text: str, font: ImageFont.FreeTypeFont, width: int) -> list[str]:
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if lines[-1] and _width(longer, font) > width:
            lines.append(word)
        else:
            lines[-1] = longer
    return lines
