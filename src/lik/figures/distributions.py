"""Distributions and correlations: histograms, bars of frequencies, a map of correlations."""

from collections.abc import Sequence

import numpy as np
from matplotlib import pyplot
from numpy.typing import NDArray
from PIL import Image

from lik.faces.set.statistics import Frequency
from lik.figures.curves import rendered

Values = NDArray[np.float64]

BLUE, ORANGE, GREEN, PALE = "#2a6f97", "#e07a1f", "#4f8a5b", "#c9d6df"
SPLIT_COLOURS = {"train": BLUE, "validation": ORANGE, "test": GREEN}


def histograms(panels: Sequence[tuple[str, Values]], columns: int = 3) -> Image.Image:
    """How values are distributed, one panel for each title with its values (N,), NaN left out."""
    columns = min(columns, len(panels))
    lines = -(-len(panels) // columns)
    figure, axes = pyplot.subplots(
        lines, columns, figsize=(3.6 * columns, 2.6 * lines), squeeze=False
    )
    for axis in axes.flat[len(panels) :]:
        axis.set_visible(False)
    for axis, (title, values) in zip(axes.flat, panels, strict=False):
        known = values[~np.isnan(values)]
        axis.hist(known, bins=min(60, max(5, round(np.sqrt(len(known))))), color=BLUE)
        median = float(np.median(known))
        axis.axvline(median, color=ORANGE, linewidth=1.5)
        extent = float(known.max() - known.min()) or 1.0
        digits = max(0, 2 - int(np.floor(np.log10(extent))))
        axis.set_title(f"{title}  ·  median {round(median, digits) + 0.0:g}", fontsize=10)
        axis.set_ylabel("faces", fontsize=9)
        axis.tick_params(labelsize=8)
        axis.spines[["top", "right"]].set_visible(False)
    return rendered(figure)


def frequency_bars(frequencies: Sequence[Frequency]) -> Image.Image:
    """How often each attribute is present, often ones above; a dot for each split."""
    ordered = sorted(frequencies, key=lambda frequency: frequency.overall)
    places = np.arange(len(ordered))
    figure, axis = pyplot.subplots(figsize=(9.2, 1.3 + 0.24 * len(ordered)))
    shares = [100 * frequency.overall for frequency in ordered]
    axis.barh(places, shares, color=PALE, height=0.72, label="all")
    splits = [split for split in SPLIT_COLOURS if any(split in f.of_split for f in ordered)]
    for split in splits if len(splits) > 1 else []:
        dots = [100 * frequency.of_split.get(split, np.nan) for frequency in ordered]
        axis.scatter(dots, places, s=15, color=SPLIT_COLOURS[split], label=split, zorder=3)
    axis.set_yticks(places, [_spoken(frequency.name) for frequency in ordered], fontsize=9)
    axis.set_ylim(-0.7, len(ordered) - 0.3)
    axis.set_xlim(0, 104)
    for place, share in enumerate(shares):
        axis.text(103.5, place, f"{share:.1f} %", fontsize=8, va="center", ha="right")
    axis.set_xlabel("per cent of the faces of which it is known")
    axis.spines[["top", "right"]].set_visible(False)
    axis.grid(axis="x", alpha=0.25)
    axis.set_axisbelow(True)
    axis.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=4, frameon=False, fontsize=9)
    return rendered(figure)


def correlation_map(matrix: Values, names: Sequence[str]) -> Image.Image:
    """Correlations (A, A) as colours, orange together, blue apart; white with a dot undefined.

    Attributes that go together stand side by side.
    """
    order = _side_by_side(matrix)
    shown = matrix[np.ix_(order, order)].copy()
    np.fill_diagonal(shown, np.nan)  # every attribute goes with itself
    labels = [_spoken(names[index]) for index in order]
    side = 3.4 + 0.21 * len(labels)
    figure, axis = pyplot.subplots(figsize=(side + 0.6, side))
    edge = max(0.1, float(np.nanmax(np.abs(shown), initial=0.1)))
    drawn = axis.imshow(shown, cmap="PuOr_r", vmin=-edge, vmax=edge, interpolation="nearest")
    places = np.arange(len(labels))
    axis.set_xticks(places, labels, rotation=90, fontsize=9)
    axis.set_yticks(places, labels, fontsize=9)
    axis.set_xticks(places[:-1] + 0.5, minor=True)
    axis.set_yticks(places[:-1] + 0.5, minor=True)
    axis.grid(which="minor", color="white", linewidth=0.6)
    axis.tick_params(which="both", length=0)
    axis.spines[:].set_visible(False)
    undefined = np.argwhere(np.isnan(matrix[np.ix_(order, order)]))
    axis.scatter(undefined[:, 1], undefined[:, 0], s=3, color="#b0b4ba")
    if len(labels) <= 14:
        for row, column in np.argwhere(~np.isnan(shown)):
            value = shown[row, column]
            colour = "white" if abs(value) > 0.7 * edge else "#202124"
            axis.text(
                column, row, f"{value:.2f}", ha="center", va="center", fontsize=7, color=colour
            )
    bar = figure.colorbar(drawn, ax=axis, shrink=0.6, pad=0.02)
    bar.set_label("correlation", fontsize=9)
    bar.ax.tick_params(labelsize=8)
    return rendered(figure, dpi=180)


def _side_by_side(matrix: Values) -> NDArray[np.int64]:
    """An order in which attributes that correlate are neighbours.

    That of the angles that the two first eigenvectors give them (Friendly 2002, Corrgrams), cut
    where the angles lie furthest apart.
    """
    known = np.nan_to_num(matrix)
    if len(known) < 3:
        return np.arange(len(known))
    np.fill_diagonal(known, 1)
    vectors = np.linalg.eigh(known)[1]
    angles = np.arctan2(vectors[:, -2], vectors[:, -1])
    order = np.argsort(angles, kind="stable")
    gaps = np.diff(angles[order], append=angles[order[0]] + 2 * np.pi)
    return np.asarray(np.roll(order, -int(np.argmax(gaps)) - 1), np.int64)


def _spoken(name: str) -> str:
    return name.replace("_", " ")
