"""Sheets of small pictures, laid out in labelled rows and columns for people to look at."""

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
