"""Sample grids over epochs: the same faces and the same samples after one epoch and another.

A strip holds the pictures of an epoch side by side and pixel by pixel, so that all can be
drawn from strips whenever it is wanted.
"""

from collections.abc import Sequence

import numpy as np
from PIL import Image

from lik.figures.grids import PAPER, Pictures, Row, rows_of, sheet

COLUMNS = 8
MOST_ROWS = 16
SHOWN_FACES, SHOWN_SAMPLES = 6, 8
"""How many of an epoch's faces and samples the grid of the whole run shows."""


def epoch_grid(
    originals: Pictures, reconstructions: Pictures, samples: Pictures, title: str, subtitle: str
) -> Image.Image:
    """Faces (K, S, S, 3), what the model makes of them, and samples of the prior below."""
    first, *others = rows_of(samples, COLUMNS)
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
    """One row an epoch, of at most `MOST_ROWS`: reconstructions of ``originals``, then samples.

    The pictures of an epoch are the reconstructions of all originals, followed by the samples.
    """
    chosen = np.unique(np.linspace(0, len(epochs) - 1, min(len(epochs), MOST_ROWS)).round())
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
