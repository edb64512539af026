"""What shows a training while it runs: sample grids over the epochs, and TensorBoard."""

import importlib.util
import re
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image
from torch import nn

from lik.app.selection import Selection
from lik.core.errors import FailedOnTheWay, UnusableInput
from lik.core.events import Notify, Progress
from lik.core.run_folder import RunFolder
from lik.faces.set.faceset import FaceSet
from lik.figures.grids import epoch_grid, epochs_grid, strip, unstripped
from lik.figures.png import png_bytes, save_png
from lik.latent.session import Session
from lik.models.interface import VAE
from lik.training import journal
from lik.training.callback import Callback
from lik.training.journal import EpochRecord
from lik.training.loop import TrainingProgress, TrainState
from lik.training.recipe import TrainingPlan

if TYPE_CHECKING:  # an extra
    from torch.utils.tensorboard import SummaryWriter

FACES, SAMPLES, SEED = 8, 16, 0
FIRST = (1, 2, 3, 5, 8, 12)
"""Epochs of the first twelve that get a grid: a model changes most at the beginning."""


class StepsDone(Callback):
    """Tells a `Progress` how many steps are done, in words with the epoch and its loss so far."""

    def __init__(self, progress: Progress) -> None:
        self.progress = progress

    def began(self, plan: TrainingPlan, resumed: TrainState, steps: int, how: str) -> None:
        self.epochs, self.steps = plan.epochs, plan.epochs * steps
        self.progress("training", resumed.step, self.steps)

    def progressed(self, progress: TrainingProgress) -> None:
        words = f"epoch {progress.epoch} of {self.epochs}, loss {progress.metrics['loss']:.1f}"
        self.progress(words, progress.step, self.steps)


class SampleGrids(Callback):
    """Draws a grid after some epochs into figures/grids, and all of them into figures/grids.png.

    The faces are of the validation split, or of the training split where there is none.
    ``every`` is the number of epochs between two grids, 0 for none at all; None leaves it to
    `has_grid`. The last epoch has one in any case. ``command`` is what made them.
    """

    def __init__(
        self, folder: RunFolder, faces: FaceSet, every: int | None, command: str, notify: Notify
    ) -> None:
        self.folder, self.every, self.command, self.notify = folder, every, command, notify
        split = "validation" if len(faces.indices("validation")) else "train"
        chosen = Selection(split, count=FACES, seed=SEED)
        self.originals = np.asarray(faces.images[chosen.of(faces)])
        self.shown = chosen.described(faces, len(self.originals))
        self.waiting: EpochRecord | None = None
        self.failed = False

    def began(self, plan: TrainingPlan, resumed: TrainState, steps: int, how: str) -> None:
        for place in (self.folder.grids, self.folder.grids / "strips"):
            for file in place.glob("epoch-*.png"):  # of epochs that are trained again
                if (_epoch_of(file) or 0) > resumed.epoch:
                    file.unlink()

    def epoch_ended(self, record: EpochRecord, model: nn.Module) -> None:
        self.waiting = None if has_grid(record.epoch, self.every) else record
        if self.waiting is None:
            self._try_to_draw(record, model)

    def ended(self, model: nn.Module) -> None:
        """The last epoch is done, whichever it is: it has a grid in any case."""
        if self.waiting is not None and self.every != 0:
            self._try_to_draw(self.waiting, model.eval())

    def draw_all(self) -> Path | None:
        """Draw one row for each grid that there is; None where there is none."""
        epochs = []
        side, count = self.originals.shape[1], len(self.originals) + SAMPLES
        for file in (self.folder.grids / "strips").glob("epoch-*.png"):
            with Image.open(file) as pictures:
                epoch = _epoch_of(file)
                if epoch is not None and pictures.size == (count * side, side):
                    epochs.append((epoch, unstripped(pictures)))
        if not epochs:
            return None
        image = epochs_grid(
            sorted(epochs, key=lambda pair: pair[0]),
            self.originals,
            f"{self.folder.name} over its epochs",
            "Left: reconstructions of the originals. Right: samples of the prior.",
        )
        path = self.folder.figures / "grids.png"
        save_png(path, image, command=self.command, run=self.folder.name)
        return path

    def _try_to_draw(self, record: EpochRecord, model: nn.Module) -> None:
        try:
            self._draw(record, model)
        except FailedOnTheWay as error:  # a picture is not worth the epoch, which is to be saved
            if not self.failed:
                self.notify(f"No sample grid of epoch {record.epoch}: {error}")
            self.failed = True

    def _draw(self, record: EpochRecord, model: nn.Module) -> None:
        assert isinstance(model, VAE)
        session = Session(model, {}, self.folder.name, next(model.parameters()).device)
        reconstructions = session.reconstruct(self.originals)
        samples = session.generate(SAMPLES, SEED)
        metrics = record.validation or record.train
        of = "validation" if record.validation else "training"
        image = epoch_grid(
            self.originals,
            reconstructions,
            samples,
            f"{self.folder.name} after epoch {record.epoch}",
            f"{self.shown}; {len(samples)} samples of the prior. The {of} loss is "
            f"{metrics['loss']:.2f} ({record.scale}, nats per image).",
        )
        pictures = strip(np.concatenate([reconstructions, samples]))
        name = f"epoch-{record.epoch:04d}.png"
        for path, drawn in (
            (self.folder.grids / name, image),
            (self.folder.grids / "strips" / name, pictures),
        ):
            save_png(path, drawn, command=self.command, run=self.folder.name, quickly=True)


def has_grid(epoch: int, every: int | None = None) -> bool:
    """Whether an epoch gets a grid: 1, 2, 3, 5, 8, 12, 20, 30 … 100, 150 … 500, 750 ….

    With ``every``, each epoch that it divides, and none for 0.
    """
    if every is not None:
        return every > 0 and epoch % every == 0
    if epoch <= FIRST[-1]:
        return epoch in FIRST
    step = 10
    while epoch > 10 * step:
        step *= 5
    return epoch % step == 0


def epochs_with_grids(folder: RunFolder) -> list[int]:
    """The epochs of a run of which there are sample grids, in order."""
    return sorted(
        epoch for file in folder.grids.glob("epoch-*.png") if (epoch := _epoch_of(file)) is not None
    )


def grid_bytes(folder: RunFolder, epoch: int) -> bytes:
    """The sample grid of an epoch as PNG, without the command that made it.

    Raises:
        UnusableInput: there is none.
    """
    try:
        with Image.open(folder.grids / f"epoch-{epoch:04d}.png") as image:
            return png_bytes(image, command=None, run=folder.name, quickly=True)
    except OSError as error:
        raise UnusableInput(f"there is no sample grid of epoch {epoch}.") from error


def _epoch_of(file: Path) -> int | None:
    match = re.fullmatch(r"epoch-(\d+)\.png", file.name)
    return int(match[1]) if match else None


class TensorBoard(Callback):
    """Writes the scalars of every epoch into the run's folder tensorboard/, over the steps.

    A resumed run goes on there; what it trains again takes the place of what it had written.
    What a run has trained without TensorBoard is written after the fact, from its journal.
    """

    def __init__(self, folder: RunFolder) -> None:
        """Begin; nothing is written yet. UnusableInput where TensorBoard is not installed."""
        if importlib.util.find_spec("tensorboard") is None:
            raise UnusableInput(
                "writing for TensorBoard needs the package tensorboard: "
                "pip install 'lik-vae[tensorboard]'"
            )
        self.folder = folder
        self.writer: SummaryWriter | None = None

    def __enter__(self) -> "TensorBoard":
        return self

    def __exit__(self, *error: object) -> None:
        if self.writer is not None:
            self.writer.close()

    def began(self, plan: TrainingPlan, resumed: TrainState, steps: int, how: str) -> None:
        from torch.utils.tensorboard import SummaryWriter  # an extra

        place = self.folder.path / "tensorboard"
        fresh = not any(place.glob("events.out.tfevents.*"))
        # What an earlier process wrote of later steps is void: this one comes there again.
        purge = None if fresh else resumed.step + 1
        self.writer = SummaryWriter(str(place), purge_step=purge)
        for record in journal.read(self.folder.journal) if fresh else ():
            self.epoch_ended(record)

    def epoch_ended(self, record: EpochRecord, model: nn.Module | None = None) -> None:
        assert self.writer is not None
        for name, value in scalars(record).items():
            self.writer.add_scalar(name, value, record.step)
        self.writer.flush()


def scalars(record: EpochRecord) -> dict[str, float]:
    """The single numbers of an epoch under the names that TensorBoard groups by."""
    named: dict[str, float] = {}
    for split, metrics in (("training", record.train), ("validation", record.validation)):
        named |= {f"{part}/{split}": value for part, value in (metrics or {}).items()}
    named["run/epoch"] = record.epoch
    named["run/images_per_second"] = record.images_per_second
    for name, value in record.details.items():
        if isinstance(value, int | float):
            named[f"run/{name}"] = value
    # What the objective has learned or arrived at.
    named |= {f"objective/{name}": v for name, v in record.details.get("objective", {}).items()}
    return named
