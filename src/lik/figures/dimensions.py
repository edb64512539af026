"""What each latent dimension carries, and how many carry anything."""

from collections.abc import Sequence

import numpy as np
from matplotlib import pyplot
from matplotlib.ticker import MaxNLocator
from PIL import Image

from lik.figures.curves import TRAINING, draw_line, over_epochs, plain, rendered

FLOOR = 1e-4
"""Nats below which a dimension is drawn as carrying nothing at all."""


def dimension_figure(
    kl: Sequence[float],
    epochs: Sequence[int],
    active_units: Sequence[int],
    threshold: float,
    title: str,
) -> Image.Image:
    """Draw the sorted KL of each dimension, (D,), and the number of active ones over the epochs.

    A dimension is active where its KL is above ``threshold`` nats per image.
    """
    figure, (left, right) = pyplot.subplots(1, 2, figsize=(11, 3.9), width_ratios=(1.5, 1))
    ordered = np.sort(np.asarray(kl, np.float64))[::-1]
    ranks = np.arange(1, len(ordered) + 1)
    active = ordered > threshold
    for part, colour, label in (
        (active, TRAINING, f"active: {active.sum()} of {len(ordered)}"),
        (~active, "#b0b4ba", "not active"),
    ):
        if part.any():
            heights = np.maximum(ordered[part], FLOOR)
            left.bar(ranks[part], heights, width=1.0, color=colour, label=label)
    left.axhline(threshold, color="#5f6368", linewidth=1, linestyle="--")
    left.set_yscale("log")
    left.set_ylim(FLOOR, max(2 * ordered[0], 10 * threshold))
    left.set_xlim(0.5, len(ordered) + 0.5)
    plain(left, "KL of each dimension, sorted")
    left.set_xlabel("dimension, by rank")
    left.set_ylabel("nats per image")
    left.legend(frameon=False, fontsize=9)
    draw_line(right, list(zip(epochs, active_units, strict=True)), color=TRAINING)
    right.axhline(len(ordered), color="#b0b4ba", linewidth=1)
    right.set_ylim(0, 1.08 * len(ordered))
    over_epochs(right, f"active dimensions (KL > {threshold:g}) of {len(ordered)}")
    right.yaxis.set_major_locator(MaxNLocator(integer=True))
    figure.suptitle(title, fontsize=13)
    return rendered(figure)
