"""Curves of a training: the loss and its parts after each epoch, and one part against the other."""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib
from matplotlib import pyplot
from matplotlib.ticker import MaxNLocator
from PIL import Image

matplotlib.use("Agg")

TRAINING, VALIDATION = "#2a6f97", "#e07a1f"
MARKED = 40
"""Curves of fewer epochs than this have a mark at each."""

ACROSS = 4
"""Panels beside each other at most."""


@dataclass(frozen=True)
class Curve:
    """One metric over the epochs, on the training faces and (where there are any) on others."""

    title: str
    epochs: Sequence[int]
    train: Sequence[float]
    validation: Sequence[float | None]


def training_curves(
    curves: Sequence[Curve],
    title: str,
    scale: str,
    unit: str = "nats per image",
    plane: tuple[Curve, Curve] | None = None,
) -> Image.Image:
    """Draw curves side by side; ``scale`` says what the metrics are sums of.

    ``plane``, a rate and a distortion, adds a panel with the trajectory of the run in their plane.
    """
    panels = len(curves) + (plane is not None)
    rows = -(-panels // ACROSS)
    across = -(-panels // rows)
    figure, grid = pyplot.subplots(
        rows, across, figsize=(4.4 * across, 3.6 * rows + 0.3), squeeze=False
    )
    axes = grid.flatten()
    for axis in axes[panels:]:
        axis.set_visible(False)
    for axis, curve in zip(axes, curves, strict=False):
        train = known_points(curve.epochs, curve.train)
        draw_line(axis, train, color=TRAINING, label="training (running mean)")
        validation = known_points(curve.epochs, curve.validation)
        draw_line(axis, validation, color=VALIDATION, label="validation (after the epoch)")
        over_epochs(axis, curve.title)
    axes[0].set_ylabel(unit)
    axes[0].legend(frameon=False, fontsize=9)
    if plane is not None:
        _draw_plane(axes[panels - 1], *plane)
    figure.suptitle(f"{title}   ·   loss = {scale}", fontsize=13)
    return rendered(figure)


def _draw_plane(axis: Any, rate: Curve, distortion: Curve) -> None:
    """Rate to the right, distortion upwards; the first and the last epoch are named."""
    for values, against, colour in (
        (rate.train, distortion.train, TRAINING),
        (rate.validation, distortion.validation, VALIDATION),
    ):
        pairs = zip(values, against, strict=True)
        known = [(r, d) for r, d in pairs if r is not None and d is not None]
        draw_line(axis, known, color=colour)
        if known:
            axis.plot(*known[-1], marker="o", markersize=7, color=colour)
    for index in (0, -1):
        axis.annotate(
            f"epoch {rate.epochs[index]}", (rate.train[index], distortion.train[index]),
            xytext=(6, 6), textcoords="offset points", fontsize=8, color="#5f6368",
        )  # fmt: skip
        if len(rate.epochs) == 1:
            break
    axis.margins(x=0.16)
    plain(axis, f"{distortion.title} against {rate.title}")
    axis.set_xlabel(f"{rate.title} (rate)")
    axis.set_ylabel(f"{distortion.title} (distortion)")


def draw_line(axis: Any, points: Sequence[tuple[float, float]], **style: Any) -> None:
    """Draw a line through points, with a mark at each where there are few; nothing where none."""
    if points:
        marker = "o" if len(points) < MARKED else None
        axis.plot(*zip(*points, strict=True), **{"marker": marker, "markersize": 3.5} | style)


def known_points(epochs: Sequence[int], values: Sequence[float | None]) -> list[tuple[int, float]]:
    """Epochs and values of a curve without those that are None."""
    return [(e, v) for e, v in zip(epochs, values, strict=True) if v is not None]


def over_epochs(axis: Any, title: str) -> None:
    """Make a panel one of something over whole epochs."""
    plain(axis, title)
    axis.set_xlabel("epoch")
    axis.xaxis.set_major_locator(MaxNLocator(integer=True))


def plain(axis: Any, title: str) -> None:
    """Give a panel its title, a faint grid, and no frame."""
    axis.set_title(title)
    axis.spines[["top", "right"]].set_visible(False)
    axis.grid(alpha=0.25)


def rendered(figure: Any, dpi: int = 130) -> Image.Image:
    """A matplotlib figure as a picture, laid out tightly; the figure is closed."""
    figure.tight_layout()
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=dpi)
    pyplot.close(figure)
    buffer.seek(0)
    return Image.open(buffer).convert("RGB")
