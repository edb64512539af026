"""What a person sees of a training while it runs, and how a signal stops it."""

import signal
import sys
import time
from types import FrameType
from typing import Any

from torch import nn

from lik.cli.terminal import note, progress_bar
from lik.training.journal import EpochRecord, Figures
from lik.training.loop import Position, Progress
from lik.training.recipe import Plan
from lik.training.run import Observer


class TrainingBar(Observer):
    """A bar on a terminal, a line an epoch elsewhere, and a way to stop with a signal."""

    def __init__(self, digits: int = 2) -> None:
        self.digits = digits
        self.stopping = False
        self.epoch_started = time.monotonic()

    def __enter__(self) -> "TrainingBar":
        self.before = {s: signal.signal(s, self._stop) for s in (signal.SIGINT, signal.SIGTERM)}
        self.context = progress_bar("figures")
        self.progress = self.context.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        self.context.__exit__(*error)
        for number, handler in self.before.items():
            signal.signal(number, handler)

    def began(self, recipe: Plan, resumed: Position, steps_per_epoch: int, how: str) -> None:
        note(f"On {how}.")
        self.epochs = recipe.epochs
        self.epoch_started = time.monotonic()
        if resumed.step and resumed.epoch < recipe.epochs:
            note(f"Going on in epoch {resumed.epoch + 1}, after {resumed.step:,} steps.")
        if self.progress is not None:
            self.task = self.progress.add_task(
                "training",
                total=recipe.epochs * steps_per_epoch,
                completed=resumed.step,
                figures="",
            )

    def progressed(self, progress: Progress) -> None:
        if self.progress is None:
            return
        self.progress.update(
            self.task,
            completed=progress.step,
            description=f"epoch {progress.epoch}/{self.epochs}",
            figures=f"{figures_in_words(progress.figures, self.digits - 1)}  "
            f"{progress.images_per_second:,.0f} images/s",
        )

    def noted(self, remark: str) -> None:
        note(remark)

    def epoch_ended(self, record: EpochRecord, model: nn.Module) -> None:
        line = (
            f"epoch {record.epoch:>3}/{self.epochs}  {figures_in_words(record.train, self.digits)}"
        )
        if record.validation:
            line += f"  validation {record.validation['loss']:.{self.digits}f}"
        line += f"  {record.images_per_second:,.0f} images/s"
        if self.progress is not None:
            self.progress.console.print(line, highlight=False)
        else:
            took = time.monotonic() - self.epoch_started
            self.epoch_started = time.monotonic()
            note(f"{line}  {_minutes((self.epochs - record.epoch) * took)} to go")

    def should_stop(self) -> bool:
        return self.stopping

    def _stop(self, number: int, frame: FrameType | None) -> None:
        if self.stopping:
            sys.exit(130)
        self.stopping = True
        note("Stopping after this step; once more ends at once.")


def figures_in_words(figures: Figures, digits: int) -> str:
    """A loss and its parts, each after its name."""
    return "  ".join(f"{spelt(name)} {value:.{digits}f}" for name, value in figures.items())


def spelt(name: str) -> str:
    """The name of a figure as people read it."""
    return "KL" if name == "kl" else name


def _minutes(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"
