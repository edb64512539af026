"""What a person sees of a training while it runs and when it ends, and how a signal stops it."""

import signal
import sys
import time
from collections.abc import Mapping
from types import FrameType
from typing import Any

import typer
from torch import nn

from lik.app.overview import metric_label
from lik.app.training import Trained
from lik.cli.output import note, progress_bar, say
from lik.training.callback import Callback
from lik.training.journal import EpochRecord, Metrics
from lik.training.loop import TrainingProgress, TrainState
from lik.training.recipe import TrainingPlan


class TrainingBar(Callback):
    """A bar on a terminal, a line an epoch elsewhere, and a way to stop with a signal."""

    def __init__(self, digits: int = 2) -> None:
        self.digits = digits
        self.stopping = False
        self.trained_at = time.monotonic()

    def __enter__(self) -> "TrainingBar":
        self.before = {s: signal.signal(s, self._stop) for s in (signal.SIGINT, signal.SIGTERM)}
        self.context = progress_bar("metrics")
        self.progress = self.context.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        self.context.__exit__(*error)
        for number, handler in self.before.items():
            signal.signal(number, handler)

    def began(self, plan: TrainingPlan, resumed: TrainState, steps: int, how: str) -> None:
        note(f"On {how}.")
        self.epochs, self.batch_size = plan.epochs, plan.batch_size
        self.all_steps = plan.epochs * steps
        if resumed.step and resumed.epoch < plan.epochs:
            note(f"Going on in epoch {resumed.epoch + 1}, after {resumed.step:,} steps.")
        if self.progress is not None:
            self.task = self.progress.add_task(
                "training", total=self.all_steps, completed=resumed.step, metrics=""
            )

    def progressed(self, progress: TrainingProgress) -> None:
        self.trained_at = time.monotonic()
        if self.progress is None:
            return
        self.progress.update(
            self.task,
            completed=progress.step,
            description=f"epoch {progress.epoch}/{self.epochs}",
            metrics=f"{metrics_in_words(progress.metrics, self.digits - 1)}  "
            f"{progress.images_per_second:,.0f} images/s",
        )

    def epoch_ended(self, record: EpochRecord, model: nn.Module) -> None:
        words = metrics_in_words(record.train, self.digits)
        line = f"epoch {record.epoch:>3}/{self.epochs}  {words}"
        if record.validation:
            line += f"  validation {record.validation['loss']:.{self.digits}f}"
        line += details_in_words(record.details)
        line += f"  {record.images_per_second:,.0f} images/s"
        if self.progress is not None:
            self.progress.console.print(line, highlight=False, markup=False)
        else:
            note(f"{line}  {_minutes(self._to_go(record))} to go")

    def _to_go(self, record: EpochRecord) -> float:
        """Seconds: the steps left at this epoch's speed, and a validation after each epoch left.

        An epoch that was gone on with is no measure by itself, for only a part of it was timed.
        """
        images = (self.all_steps - record.step) * self.batch_size
        validation = time.monotonic() - self.trained_at
        return images / record.images_per_second + (self.epochs - record.epoch) * validation

    def should_stop(self) -> bool:
        return self.stopping

    def _stop(self, number: int, frame: FrameType | None) -> None:
        if self.stopping:
            sys.exit(130)
        self.stopping = True
        note("Stopping after this step; once more ends at once.")


def metrics_in_words(metrics: Metrics, digits: int) -> str:
    """A loss and its parts, each after its name."""
    return "  ".join(f"{metric_label(name)} {value:.{digits}f}" for name, value in metrics.items())


def details_in_words(details: Mapping[str, Any]) -> str:
    """Of the details of an epoch, what one wants to see at once."""
    words = ""
    if "active_units" in details:
        words += f"  {details['active_units']}"
        words += f"/{len(details['kl_per_dimension'])}" if "kl_per_dimension" in details else ""
        words += " active"
    for name, value in details.get("objective", {}).items():
        words += f"  {metric_label(name)} {value:.4g}"
    if skipped := details.get("skipped_steps"):
        words += f"  {skipped} step{'s' if skipped > 1 else ''} skipped"
    return words


def say_how_it_ended(trained: Trained) -> None:
    """Say whether a training was finished, ended early or stopped, which ends the command."""
    path, plan, state = trained.folder.path, trained.plan, trained.outcome.state
    if not trained.outcome.finished:
        say(
            f"Stopped in epoch {state.epoch + 1} of {plan.epochs} and saved: "
            "the same command goes on from there."
        )
        raise typer.Exit(130)
    if state.stopped_early and state.epoch < plan.epochs:
        say(
            f"Ended early after {state.epoch} of {plan.epochs} epochs, for the validation loss has "
            f"not been better for {plan.patience} epochs: epoch {state.best_epoch} had the best, "
            f"{state.best:.6g}, and its weights are {trained.folder.best_model}."
        )
    elif trained.finished_before:
        say(f"{path} is finished already ({plan.epochs} epochs); epochs=N extends it.")
    else:
        say(f"Finished: {plan.epochs} epochs, {state.step:,} steps.")


def _minutes(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"
