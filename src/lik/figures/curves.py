"""Curves of a training: the loss and its parts after each epoch, and one part against the other."""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from PIL import Image

TRAINING, VALIDATION = "#2a6f97", "#e07a1f"
MARKED = 40
"""Curves of fewer epochs than this have a mark at each."""

ACROSS = 4
"""Panels beside each other at most."""


@dataclass(frozen=True)
class Curve:
    """One figure over the epochs, on the training faces and (where there are any) on others."""

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
    """Draw curves side by side; ``scale`` says what the figures are sums of.

    ``plane``, a rate and a distortion, adds a panel with the way of the run in their plane.
    """
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot
    from matplotlib.ticker import MaxNLocator

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
        marker = "o" if len(curve.epochs) < MARKED else None
        axis.plot(
            curve.epochs, curve.train, marker=marker, markersize=3.5,
            color=TRAINING, label="training (running mean)",
        )  # fmt: skip
        known = known_points(curve.epochs, curve.validation)
        if known:
            axis.plot(
                *zip(*known, strict=True), marker=marker, markersize=3.5,
                color=VALIDATION, label="validation (after the epoch)",
            )  # fmt: skip
        axis.set_title(curve.title)
        axis.set_xlabel("epoch")
        axis.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes[0].set_ylabel(unit)
    axes[0].legend(frameon=False, fontsize=9)
    if plane is not None:
        _draw_plane(axes[panels - 1], *plane, unit)
    for axis in axes:
        axis.spines[["top", "right"]].set_visible(False)
        axis.grid(alpha=0.25)
    figure.suptitle(f"{title}   ·   loss = {scale}", fontsize=13)
    return rendered(figure)


def _draw_plane(axis: Any, rate: Curve, distortion: Curve, unit: str) -> None:
    """Rate to the right, distortion upwards; the first and the last epoch are named."""
    for values, against, colour in (
        (rate.train, distortion.train, TRAINING),
        (rate.validation, distortion.validation, VALIDATION),
    ):
        known = [
            (r, d) for r, d in zip(values, against, strict=True) if r is not None and d is not None
        ]
        if not known:
            continue
        marker = "o" if len(known) < MARKED else None
        axis.plot(*zip(*known, strict=True), marker=marker, markersize=3.5, color=colour)
        axis.plot(*known[-1], marker="o", markersize=7, color=colour)
    ends = {rate.epochs[0]: 0, rate.epochs[-1]: -1}
    for epoch, index in ends.items():
        axis.annotate(
            f"epoch {epoch}", (rate.train[index], distortion.train[index]),
            xytext=(6, 6), textcoords="offset points", fontsize=8, color="#5f6368",
        )  # fmt: skip
    axis.margins(x=0.16)
    axis.set_title(f"{distortion.title} against {rate.title}")
    axis.set_xlabel(f"{rate.title} (rate)")
    axis.set_ylabel(f"{distortion.title} (distortion)")


def known_points(epochs: Sequence[int], values: Sequence[float | None]) -> list[tuple[int, float]]:
    """Epochs and values of a curve without those that are None."""
    return [(e, v) for e, v in zip(epochs, values, strict=True) if v is not None]


def rendered(figure: object, dpi: int = 130) -> Image.Image:
    """A matplotlib figure as a picture, laid out tightly; the figure is closed."""
    from matplotlib import pyplot
    from matplotlib.figure import Figure

    assert isinstance(figure, Figure)
    figure.tight_layout()
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=dpi)
    pyplot.close(figure)
    buffer.seek(0)
    return Image.open(buffer).convert("RGB")
