"""The figures of docs/kl.md: curves only.

A course is the list of lines that `trained.Course` wrote; an end is what `trained.measured` gives.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib

matplotlib.use("Agg")
import numpy as np
from matplotlib import pyplot
from PIL import Image

from lik.figures.curves import plain, rendered
from linear import Spectrum

Course = Sequence[dict[str, Any]]
GREY, ORANGE = "#5f6368", "#e07a1f"
OTHERS = (ORANGE, "#b23a48", "#7a5195", "#3a8f5c", "#8a6d3b")
RATE, DISTORTION = "rate: KL, nats per image", "distortion: Σ(x−x̂)²"


def rate_distortion(
    courses: Mapping[float, Course],
    ends: Mapping[float, dict[str, Any]],
    others: Mapping[str, dict[str, Any]],
    spectrum: Spectrum,
) -> Image.Image:
    """The way of each β through the plane, and where the ways end, with tangents of slope −β."""
    figure, (left, right) = pyplot.subplots(1, 2, figsize=(12.4, 5.0))
    colours = _blues(courses)
    for beta, course in courses.items():
        passed = [line for line in course if "rate" in line]
        rates, distortions = [p["rate"] for p in passed], [p["distortion"] for p in passed]
        left.plot(rates, distortions, color=colours[beta], marker="o", markersize=3, linewidth=1.2,
                  label=f"β = {beta:g}")  # fmt: skip
        left.plot(rates[-1], distortions[-1], color=colours[beta], marker="o", markersize=7)
    start = [line for line in next(iter(courses.values())) if "rate" in line][0]  # noqa: RUF015
    left.annotate("untrained", (start["rate"], start["distortion"]), xytext=(8, 0),
                  textcoords="offset points", fontsize=9, color=GREY, va="center")  # fmt: skip
    left.set_yscale("log")
    left.yaxis.set_major_formatter(matplotlib.ticker.ScalarFormatter())
    left.yaxis.set_minor_formatter(matplotlib.ticker.ScalarFormatter())
    left.tick_params(axis="y", which="minor", labelsize=8)
    left.set_title("On the way: after every epoch, held-out faces")
    _draw_ends(right, ends, others, spectrum, colours)
    for axis in (left, right):
        plain(axis, axis.get_title())
        axis.set_xlabel(RATE)
        axis.set_ylabel(DISTORTION)
        axis.legend(frameon=False, fontsize=9)
    return rendered(figure)


def _draw_ends(
    axis: Any,
    ends: Mapping[float, dict[str, Any]],
    others: Mapping[str, dict[str, Any]],
    spectrum: Spectrum,
    colours: Mapping[float, str],
) -> None:
    points = {beta: (m["kl"], m["reconstruction"]) for beta, m in ends.items()}
    rates, distortions = np.array(list(points.values())).T
    wide, high = np.ptp(rates) or 1.0, np.ptp(distortions) or 1.0
    for beta, (rate, distortion) in points.items():
        # As long as a seventh of the panel, whatever the slope.
        reach = wide / 7 / np.hypot(1, beta * wide / high)
        axis.plot(
            [rate - reach, rate + reach], [distortion + beta * reach, distortion - beta * reach],
            color=ORANGE, linewidth=1.6,
            label="slope −β" if beta == next(iter(points)) else None,
        )  # fmt: skip
        axis.plot(rate, distortion, "o", color=colours[beta], markersize=7, zorder=3)
        axis.annotate(f"β = {beta:g}", (rate, distortion), xytext=(9, 5),
                      textcoords="offset points", fontsize=9)  # fmt: skip
    span = np.geomspace(min(ends) / 1.5, max(ends) * 1.5, 60)
    curve = np.array([spectrum.at(beta)[:2] for beta in span])
    axis.plot(*curve.T, color=GREY, linestyle="--", linewidth=1, zorder=1,
              label="best linear model (computed on the training faces)")  # fmt: skip
    for marker, (label, m) in zip("DsP", others.items(), strict=False):
        axis.plot(m["kl"], m["reconstruction"], marker, color=OTHERS[1], markersize=8,
                  markerfacecolor="none", markeredgewidth=1.6, linestyle="none", label=label,
                  zorder=4)  # fmt: skip
    axis.set_title("Where they end: test faces")


def over_steps(courses: Mapping[str, Course]) -> Image.Image:
    """KL over the steps of every run, from before the first one."""
    sweep = {label: course for label, course in courses.items() if _is_sweep(label)}
    rest = {label: course for label, course in courses.items() if not _is_sweep(label)}
    groups = [group for group in (sweep, rest) if group]
    figure, axes = pyplot.subplots(1, len(groups), figsize=(6.2 * len(groups), 4.4), squeeze=False)
    blues = list(_blues(sweep).values())
    for axis, group in zip(axes[0], groups, strict=True):
        colours = blues if group is sweep else list(OTHERS)
        for (label, course), colour in zip(group.items(), colours, strict=False):
            steps, kl = kl_windows(course)
            axis.plot(steps, kl, color=colour, linewidth=1.4, label=label)
        axis.set_xscale("symlog", linthresh=20, linscale=0.4)
        axis.set_xlim(left=0)
        axis.set_ylim(bottom=0)
        axis.set_xlabel("step (from 20 on logarithmic)")
        axis.xaxis.set_major_formatter(matplotlib.ticker.StrMethodFormatter("{x:,.0f}"))
        axis.legend(frameon=False, fontsize=9)
        plain(axis, axis.get_title())
    axes[0][0].set_ylabel("KL, nats per image (training faces)")
    figure.suptitle("KL begins near zero, grows, and settles", fontsize=13)
    return rendered(figure)


def dimensions(ends: Mapping[float, dict[str, Any]], spectrum: Spectrum) -> Image.Image:
    """KL of each dimension, sorted, and how many carry anything, over β."""
    from lik.training.journal import ACTIVE

    figure, (left, right) = pyplot.subplots(1, 2, figsize=(12.4, 4.4), width_ratios=(1.5, 1))
    colours = _blues(ends)
    for beta, measures in ends.items():
        ordered = np.sort(measures["kl_per_dimension"])[::-1]
        left.plot(np.arange(1, len(ordered) + 1), np.maximum(ordered, 1e-4), color=colours[beta],
                  linewidth=1.6, label=f"β = {beta:g}")  # fmt: skip
    left.axhline(ACTIVE, color=GREY, linestyle="--", linewidth=1)
    left.set_yscale("log")
    left.set_ylim(bottom=1e-4)
    left.set_xlabel("dimension, by rank")
    left.set_ylabel("KL, nats per image")
    left.set_title("KL of each dimension, sorted (test faces)")
    left.legend(frameon=False, fontsize=9)
    betas = list(ends)
    right.plot(betas, [ends[beta]["active_units"] for beta in betas], marker="o",
               color=colours[1.0] if 1.0 in colours else OTHERS[0], label="trained")  # fmt: skip
    right.plot(betas, [spectrum.at(beta)[2] for beta in betas], color=GREY, linestyle="--",
               marker="o", markersize=3, label="best linear model")  # fmt: skip
    right.set_xscale("log", base=2)
    right.xaxis.set_major_formatter(matplotlib.ticker.StrMethodFormatter("{x:g}"))
    right.set_xticks(betas)
    right.set_ylim(0, 1.08 * len(next(iter(ends.values()))["kl_per_dimension"]))
    right.set_xlabel("β (published scale)")
    right.set_title(f"active units (KL > {ACTIVE:g} nats)")
    right.legend(frameon=False, fontsize=9)
    for axis in (left, right):
        plain(axis, axis.get_title())
    return rendered(figure)


def warm_up(courses: Mapping[str, Course], steps: int) -> Image.Image:
    """KL with and without warm-up, and below it the weight of KL."""
    figure, (upper, lower) = pyplot.subplots(
        2, 1, figsize=(8.6, 5.6), sharex=True, height_ratios=(3, 1)
    )
    for (label, course), colour in zip(courses.items(), ("#2a6f97", *OTHERS), strict=False):
        upper.plot(*kl_windows(course), color=colour, linewidth=1.4, label=label)
        at = np.arange(steps + 1)
        lower.plot(at, _weight(label, at, steps), color=colour, linewidth=1.4)
    upper.set_ylabel("KL, nats per image (training faces)")
    upper.set_ylim(bottom=0)
    upper.legend(frameon=False, fontsize=9)
    upper.set_title("Where β rises, KL falls")
    lower.set_ylabel("weight of KL")
    lower.set_xlabel("step")
    for axis in (upper, lower):
        plain(axis, axis.get_title())
    return rendered(figure)


def kl_windows(course: Course) -> tuple[list[float], list[float]]:
    """Steps and KL of a course: the untrained model, then means since the last look.

    What was written is the mean of an epoch so far; two of them give the mean in between.
    """
    start = [line["rate"] for line in course if line["step"] == 0 and "rate" in line]
    steps, values = [0.0] * bool(start), start[:1]
    before: dict[str, Any] = {"step_in_epoch": 0, "kl": 0.0}
    for line in (line for line in course if "kl" in line):
        if line["step_in_epoch"] <= before["step_in_epoch"]:
            before = {"step_in_epoch": 0, "kl": 0.0}
        count = line["step_in_epoch"] - before["step_in_epoch"]
        total = line["kl"] * line["step_in_epoch"] - before["kl"] * before["step_in_epoch"]
        steps.append(line["step"] - count / 2)
        values.append(total / count)
        before = line
    return steps, values


def _weight(label: str, steps: Any, total: int) -> Any:
    """The weight of KL at each step, as `kl.planned` asks for it."""
    if "linear" in label:
        return np.minimum(steps / (total // 2), 1)
    if "cyclical" in label:
        warm = total * 4 // 5
        return np.where(steps < warm, np.minimum((steps * 4 / warm % 1) / 0.5, 1), 1)
    return np.ones_like(steps)


def _is_sweep(label: str) -> bool:
    return label.startswith("β = ") and "," not in label


def _blues(keys: Mapping[Any, Any]) -> dict[Any, Any]:
    """A colour for each, from light to dark."""
    shades = pyplot.get_cmap("YlGnBu")(np.linspace(0.35, 0.98, max(1, len(keys))))
    return dict(zip(keys, shades, strict=False))
