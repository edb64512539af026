"""Curves over the epochs: of one training, of several side by side, and of its dimensions."""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib
import numpy as np
from matplotlib import pyplot
from matplotlib.ticker import MaxNLocator
from PIL import Image

matplotlib.use("Agg")

TRAINING, VALIDATION = "#2a6f97", "#e07a1f"
MARKED = 40
"""Curves of fewer epochs than this have a mark at each."""

ACROSS = 4
"""Panels beside each other at most."""

MOST_CURVES, MOST_GROUPS = 12, 5
COLOURS = ("#2a6f97", "#e07a1f", "#3a8f5c", "#b23a48", "#7a5195", "#8a6d3b")
STYLES = ("-", "--")
"""With six colours, twelve curves that can be told apart, also in grey."""

FLOOR = 1e-4
"""Nats below which a dimension is drawn as carrying nothing at all."""


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
    for index in sorted({0, len(rate.epochs) - 1}):
        axis.annotate(
            f"epoch {rate.epochs[index]}", (rate.train[index], distortion.train[index]),
            xytext=(6, 6), textcoords="offset points", fontsize=8, color="#5f6368",
        )  # fmt: skip
    axis.margins(x=0.16)
    plain(axis, f"{distortion.title} against {rate.title}")
    axis.set_xlabel(f"{rate.title} (rate)")
    axis.set_ylabel(f"{distortion.title} (distortion)")


@dataclass(frozen=True)
class RunCurve:
    """One run: its epochs, and its metrics by part after each (None where there are none)."""

    name: str
    epochs: Sequence[int]
    parts: dict[str, Sequence[float | None]]


@dataclass(frozen=True)
class Group:
    """Runs whose metrics compare, and a sentence of what they share."""

    heading: str
    curves: Sequence[RunCurve]
    note: str = ""
    unit: str = "nats per image"


def comparison(groups: Sequence[Group], title: str) -> Image.Image:
    """Draw a row of panels for each group: the loss and its parts over the epochs.

    Of each group the first `MOST_CURVES` are drawn; of the groups, the first `MOST_GROUPS`.
    """
    groups = groups[:MOST_GROUPS]
    columns = max(len(_parts(group)) for group in groups)
    figure, axes = pyplot.subplots(
        len(groups), columns, figsize=(4.3 * columns + 2.6, 3.7 * len(groups) + 0.6),
        squeeze=False,
    )  # fmt: skip
    for row, group in zip(axes, groups, strict=True):
        parts = _parts(group)
        for axis, part in zip(row, parts, strict=False):
            _draw_part(axis, group, part)
        for axis in row[len(parts) :]:
            axis.set_visible(False)
        row[0].set_ylabel(group.unit)
        row[0].annotate(
            group.heading + (f"   ({group.note})" if group.note else ""), (0, 1.16),
            xycoords="axes fraction", fontsize=11, fontweight="bold",
        )  # fmt: skip
        handles, labels = row[0].get_legend_handles_labels()
        row[len(parts) - 1].legend(
            handles, labels, frameon=False, fontsize=9, loc="upper left", bbox_to_anchor=(1.02, 1)
        )
    figure.suptitle(title, fontsize=13)
    return rendered(figure)


def _draw_part(axis: Any, group: Group, part: str) -> None:
    drawn = group.curves[:MOST_CURVES]
    marker = "o" if max(len(curve.epochs) for curve in drawn) < MARKED else None
    for number, curve in enumerate(drawn):
        draw_line(
            axis,
            known_points(curve.epochs, curve.parts.get(part, [None] * len(curve.epochs))),
            color=COLOURS[number % len(COLOURS)],
            linestyle=STYLES[number // len(COLOURS)],
            marker=marker,
            markersize=3,
            label=curve.name if len(curve.name) <= 32 else f"{curve.name[:15]}…{curve.name[-16:]}",
        )
    top = _top(group, part)
    if top is not None:
        axis.set_ylim(top=top)
    over_epochs(axis, part)


def _parts(group: Group) -> list[str]:
    return list(dict.fromkeys(part for curve in group.curves for part in curve.parts))


def _top(group: Group, part: str) -> float | None:
    """An upper limit where the first epochs would flatten all that comes after them.

    It leaves out the first tenth of each curve, and is used where it at least halves the range.
    """
    everything, later = [], []
    for curve in group.curves[:MOST_CURVES]:
        known = [value for value in curve.parts.get(part, ()) if value is not None]
        everything += known
        later += known[len(known) // 10 :]
    if not later:
        return None
    low, high, top = min(everything), max(everything), max(later)
    return top + 0.05 * (top - low) if top - low < (high - low) / 2 else None


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
