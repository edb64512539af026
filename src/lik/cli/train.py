"""lik train: a recipe, a face set, a run."""

import signal
import sys
import time
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lik.cli.terminal import Device, Threads, command_line, note, progress_bar, say

if TYPE_CHECKING:
    from lik.faces.faceset import FaceSet
    from lik.training.run import Outcome, RunFolder


def train(
    recipe: Annotated[str, typer.Argument(help="A recipe's name, or a YAML file.")],
    faces: Annotated[str, typer.Argument(help="A face set, made by lik prepare.")],
    run: Annotated[str, typer.Argument(help="The folder of the run; an existing one goes on.")],
    settings: Annotated[
        list[str] | None,
        typer.Argument(help="Settings of the recipe to change.", metavar="[KEY=VALUE]..."),
    ] = None,
    device: Device = "auto",
    threads: Threads = None,
) -> None:
    """Train a model on a face set.

    The same command goes on where a run was left; more epochs extend a finished run.

    Example: lik train paper-first faces/celeba runs/first epochs=100 mirror=true
    """
    from lik.core.device import choose_device
    from lik.faces.faceset import FaceSet

    where = choose_device(device, threads)
    outcome = train_run(recipe, FaceSet.open(Path(faces)), Path(run), settings or [], where)
    if not outcome.finished:
        raise typer.Exit(130)


def train_run(
    recipe_name: str, faces: "FaceSet", path: Path, settings: list[str], device: Any
) -> "Outcome":
    """Train or resume a run with bars and curves; Ctrl-C saves."""
    from lik.core.errors import UnusableInput
    from lik.training.recipe import load_recipe
    from lik.training.run import Data, RunFolder, prepare_run, run_training

    recipe = load_recipe(recipe_name, settings, faces.size)
    if recipe.model.size != faces.size:
        raise UnusableInput(
            f"the recipe's model takes {recipe.model.size} pixels and {faces.path} holds faces of "
            f"{faces.size}: leave model.size out, or prepare the set again with --size."
        )
    train_indices = faces.indices("train")
    if not len(train_indices):
        raise UnusableInput(f"{faces.path} has no faces in its train split.")
    data = Data(faces.images, train_indices, faces.indices("validation"), _description(faces))
    folder = RunFolder(path)
    prepare_run(folder, recipe, data.description)
    with _Bar(folder) as bar:
        outcome = run_training(folder, recipe, data, device, bar)
    draw_curves(folder)
    _report(folder, outcome, recipe.epochs)
    return outcome


def draw_curves(folder: "RunFolder") -> Path | None:
    """Draw loss, reconstruction and KL over the epochs into the run's figures."""
    from lik.figures.curves import Curve, training_curves
    from lik.figures.png import save_png
    from lik.training import journal

    records = journal.read(folder.journal)
    if not records:
        return None
    epochs = [record.epoch for record in records]

    def curve(title: str, part: str) -> Curve:
        validation = [getattr(r.validation, part) if r.validation else None for r in records]
        return Curve(title, epochs, [getattr(r.train, part) for r in records], validation)

    curves = [curve("loss", "loss"), curve("reconstruction", "reconstruction"), curve("KL", "kl")]
    image = training_curves(curves, folder.path.resolve().name, records[-1].scale)
    path = folder.figures / "training.png"
    save_png(path, image, command=command_line())
    return path


def _description(faces: "FaceSet") -> dict[str, Any]:
    return {
        "path": str(faces.path.resolve()),
        "hash": faces.hash,
        "crop": faces.crop,
        "attribute_names": list(faces.attribute_names),
    }


def _report(folder: "RunFolder", outcome: "Outcome", epochs: int) -> None:
    from lik.training import journal

    if not outcome.finished:
        say(
            f"Stopped in epoch {outcome.position.epoch + 1} of {epochs} and saved: "
            "the same command goes on from there."
        )
        return
    if outcome.resumed_from == outcome.position.step and outcome.resumed_from:
        say(f"{folder.path} is finished already ({epochs} epochs); epochs=N extends it.")
    else:
        say(f"Finished: {epochs} epochs, {outcome.position.step:,} steps.")
    record = journal.read(folder.journal)[-1]
    for name, figures in (("training", record.train), ("validation", record.validation)):
        if figures:
            say(
                f"  {name:<11} loss {figures.loss:.2f} = reconstruction "
                f"{figures.reconstruction:.2f} and KL {figures.kl:.2f}  "
                f"({record.scale}, nats per image)"
            )
    say(f"  model       {folder.model}")
    say(f"  curves      {folder.figures / 'training.png'}")


def _bar_class() -> type:
    """The observer of a training, made when PyTorch is loaded and not before."""
    from lik.training.journal import EpochRecord
    from lik.training.loop import Position, Progress
    from lik.training.recipe import Recipe
    from lik.training.run import Observer

    class TrainingBar(Observer):
        """A bar on a terminal, a line an epoch elsewhere, and a way to stop with a signal."""

        def __init__(self, folder: "RunFolder") -> None:
            self.folder = folder
            self.stopping = False

        def __enter__(self) -> "TrainingBar":
            self.before = {s: signal.signal(s, self._stop) for s in (signal.SIGINT, signal.SIGTERM)}
            self.context = progress_bar("", "figures")
            self.progress = self.context.__enter__()
            return self

        def __exit__(self, *error: Any) -> None:
            self.context.__exit__(*error)
            for number, handler in self.before.items():
                signal.signal(number, handler)

        def began(self, recipe: Recipe, resumed: Position, steps_per_epoch: int) -> None:
            self.epochs, self.steps = recipe.epochs, steps_per_epoch
            if resumed.step and resumed.epoch < recipe.epochs:
                note(f"Going on in epoch {resumed.epoch + 1}, after {resumed.step:,} steps.")
            if self.progress is not None:
                self.task = self.progress.add_task(
                    "training", total=self.epochs * self.steps, completed=resumed.step, figures=""
                )

        def progressed(self, progress: Progress) -> None:
            if self.progress is None:
                return
            means = progress.figures
            self.progress.update(
                self.task,
                completed=progress.step,
                description=f"epoch {progress.epoch}/{self.epochs}",
                figures=f"loss {means.loss:.1f}  reconstruction {means.reconstruction:.1f}  "
                f"KL {means.kl:.1f}  {progress.images_per_second:,.0f} images/s",
            )

        def epoch_ended(self, record: EpochRecord) -> None:
            line = (
                f"epoch {record.epoch:>3}/{self.epochs}  loss {record.train.loss:.2f}  "
                f"reconstruction {record.train.reconstruction:.2f}  KL {record.train.kl:.2f}"
            )
            if record.validation:
                line += f"  validation {record.validation.loss:.2f}"
            line += f"  {record.images_per_second:,.0f} images/s"
            if self.progress is not None:
                self.progress.console.print(line, highlight=False)
            else:
                remaining = (self.epochs - record.epoch) * (time.monotonic() - self._epoch_start())
                note(f"{line}  {_minutes(remaining)} to go")

        def _epoch_start(self) -> float:
            started = getattr(self, "started", None)
            self.started = time.monotonic()
            return started if started is not None else self.began_at

        def should_stop(self) -> bool:
            return self.stopping

        def _stop(self, number: int, frame: FrameType | None) -> None:
            if self.stopping:
                sys.exit(130)
            self.stopping = True
            note("Stopping after this step; once more ends at once.")

    return TrainingBar


def _minutes(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"
