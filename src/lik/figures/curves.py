"""Curves of a training: the loss and its parts after each epoch."""

import io
from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image


@dataclass(frozen=True)
class Curve:
    """One figure over the epochs, on the training faces and (where there are any) on others."""

    title: str
    epochs: Sequence[int]
    train: Sequence[float]
    validation: Sequence[float | None]


def training_curves(
    curves: Sequence[Curve], title: str, scale: str, unit: str = "nats per image"
) -> Image.Image:
    """Draw curves side by side; ``scale`` says what the figures are sums of."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot
    from matplotlib.ticker import MaxNLocator

    figure, axes = pyplot.subplots(1, len(curves), figsize=(4.4 * len(curves), 3.9))
    for axis, curve in zip(axes, curves, strict=True):
        marker = "o" if len(curve.epochs) < 40 else None
        axis.plot(
            curve.epochs, curve.train, marker=marker, markersize=3.5,
            color="#2a6f97", label="training (running mean)",
        )  # fmt: skip
        known = [
            (e, v) for e, v in zip(curve.epochs, curve.validation, strict=True) if v is not None
        ]
        if known:
            axis.plot(
                *zip(*known, strict=True), marker=marker, markersize=3.5,
                color="#e07a1f", label="validation (after the epoch)",
            )  # fmt: skip
        axis.set_title(curve.title)
        axis.set_xlabel("epoch")
        axis.xaxis.set_major_locator(MaxNLocator(integer=True))
        axis.spines[["top", "right"]].set_visible(False)
        axis.grid(alpha=0.25)
    axes[0].set_ylabel(unit)
    axes[0].legend(frameon=False, fontsize=9)
    figure.suptitle(f"{title}   ·   loss = {scale}", fontsize=13)
    return rendered(figure)


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
