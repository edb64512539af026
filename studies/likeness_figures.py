"""The figures of the second half of docs/likeness.md."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import matplotlib

matplotlib.use("Agg")
import numpy as np
from matplotlib import pyplot
from PIL import Image

from lik.figures.curves import rendered
from lik.figures.grids import Row, sheet

COLOURS = ("#9aa0a6", "#2a6f97", "#3a8f5c", "#e07a1f", "#b23a48")


@dataclass(frozen=True)
class Measure:
    """A column of the table and a panel of the figure."""

    key: str
    heading: str
    digits: int
    more_is_better: bool


MEASURES = (
    Measure("psnr", "PSNR, dB", 2, True),
    Measure("ssim", "SSIM", 4, True),
    Measure("ms_ssim", "MS-SSIM", 4, True),
    Measure("trained_distance", "distance in the training network", 4, False),
    Measure("judged_distance", "distance in the judge", 4, False),
    Measure("frechet_reconstructions", "Fréchet distance in the judge, reconstructions", 2, False),
    Measure("frechet", "Fréchet distance in the judge, samples", 2, False),
)


def bars(found: Mapping[str, Mapping[str, Any]]) -> Image.Image:
    """A panel for each measure and for the rate, a bar for each objective; the best has an edge."""
    shown = [m for m in MEASURES if all(m.key in measures for measures in found.values())]
    panels = [Measure("kl", "rate: KL, nats", 1, False), *shown]
    columns = 3 if len(panels) > 4 else len(panels) + 1
    rows = -(-(len(panels) + 1) // columns)
    figure, axes = pyplot.subplots(
        rows, columns, figsize=(3.3 * columns, 3.0 * rows), squeeze=False
    )
    places = np.arange(len(found))
    for axis, panel in zip(axes.flat, panels, strict=False):
        values = [measures[panel.key] for measures in found.values()]
        best = (max if panel.more_is_better else min)(values)
        drawn = axis.bar(places, values, color=COLOURS[: len(values)], width=0.72)
        for bar, value in zip(drawn, values, strict=True):
            if value == best and panel.key != "kl":
                bar.set_edgecolor("#202124")
                bar.set_linewidth(1.6)
            axis.annotate(f"{value:.{min(panel.digits, 3)}f}", (bar.get_x() + 0.36, value),
                          ha="center", va="bottom", fontsize=8)  # fmt: skip
        if panel.key in ("psnr", "ssim", "ms_ssim"):  # differences count here, not ratios
            spread = max(values) - min(values) or abs(best) * 0.1
            axis.set_ylim(min(values) - spread, max(values) + 0.3 * spread)
        else:
            axis.set_ylim(0, 1.15 * max(values))
        better = "" if panel.key == "kl" else " ↑" if panel.more_is_better else " ↓"
        axis.set_title(panel.heading.replace("judge, ", "judge,\n") + better,
                       fontsize=10)  # fmt: skip
        axis.set_xticks([])
        axis.spines[["top", "right"]].set_visible(False)
    for axis in axes.flat[len(panels) :]:
        axis.set_axis_off()
    handles = [pyplot.Rectangle((0, 0), 1, 1, color=colour) for colour in COLOURS[: len(found)]]
    axes.flat[len(panels)].legend(
        handles, list(found), loc="center left", frameon=False, fontsize=9, title="trained for"
    )
    return rendered(figure)


def faces(rows: Mapping[str, Any], title: str) -> Image.Image:
    """Pictures uint8 (N, S, S, 3) of each label, one row each."""
    return sheet([Row(pictures, label) for label, pictures in rows.items()], title, tile=128)
