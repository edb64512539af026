"""Curves of several runs on common axes; what has another scale has other axes."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib import pyplot
from PIL import Image

from lik.figures.curves import MARKED, draw_line, known_points, over_epochs, rendered

MOST_CURVES = 12
MOST_GROUPS = 5
COLOURS = ("#2a6f97", "#e07a1f", "#3a8f5c", "#b23a48", "#7a5195", "#8a6d3b")
STYLES = ("-", "--")
"""With six colours, twelve curves that can be told apart, also in grey."""


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
            label=_shortened(curve.name),
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


def _shortened(name: str) -> str:
    return name if len(name) <= 32 else f"{name[:15]}…{name[-16:]}"
