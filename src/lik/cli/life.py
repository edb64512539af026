"""Sheets of a run's life: the same few faces and samples, again and again while it learns."""

import re
from pathlib import Path
from typing import TYPE_CHECKING

from torch import nn

from lik.cli.output import command_line, note
from lik.core.errors import FailedOnTheWay
from lik.core.run_folder import RunFolder
from lik.training.journal import EpochRecord
from lik.training.loop import Position
from lik.training.recipe import Plan
from lik.training.run import Observer

if TYPE_CHECKING:
    from lik.faces.set.faceset import FaceSet

FACES, SAMPLES, SEED = 8, 16, 0
FIRST = (1, 2, 3, 5, 8, 12)
"""Epochs of the first twelve that get a sheet: a model changes most at the beginning."""


class Life(Observer):
    """Draws a sheet after some epochs into figures/life, and all of them into figures/life.png.

    The faces are of the validation split, or of the training split where there is none.
    ``every`` is the number of epochs between two sheets, 0 for none at all; None leaves it to
    `has_sheet`. The last epoch has one in any case.
    """

    def __init__(self, folder: RunFolder, faces: "FaceSet", every: int | None = None) -> None:
        from lik.cli.opening import drawn_indices

        self.folder, self.every = folder, every
        self.name = folder.path.resolve().name
        split = "validation" if len(faces.indices("validation")) else "train"
        self.originals = faces.images[drawn_indices(faces, split, FACES, SEED)]
        self.shown = f"{len(self.originals)} {split} faces of the set “{faces.path.name}”"
        self.waiting: EpochRecord | None = None
        self.failed = False

    def began(self, recipe: Plan, resumed: Position, steps_per_epoch: int, how: str) -> None:
        for place in (self.folder.life, self.folder.life / "strips"):
            for file in place.glob("epoch-*.png"):  # of epochs that are trained again
                if (_epoch_of(file) or 0) > resumed.epoch:
                    file.unlink()

    def epoch_ended(self, record: EpochRecord, model: nn.Module) -> None:
        self.waiting = None if has_sheet(record.epoch, self.every) else record
        if self.waiting is None:
            self._try_to_draw(record, model)

    def ended(self, model: nn.Module) -> None:
        """The last epoch is done, whichever it is: it has a sheet in any case."""
        if self.waiting is not None and self.every != 0:
            self._try_to_draw(self.waiting, model.eval())

    def _try_to_draw(self, record: EpochRecord, model: nn.Module) -> None:
        try:
            self._draw(record, model)
        except FailedOnTheWay as error:  # a picture is not worth the epoch, which is to be saved
            if not self.failed:
                note(f"No sheet of epoch {record.epoch}: {error}")
            self.failed = True

    def draw_life(self) -> Path | None:
        """Draw one row for each sheet that there is; None where there is none."""
        from PIL import Image

        from lik.figures.life import life_sheet, unstripped
        from lik.figures.png import save_png

        epochs = []
        side, count = self.originals.shape[1], len(self.originals) + SAMPLES
        for file in (self.folder.life / "strips").glob("epoch-*.png"):
            with Image.open(file) as pictures:
                epoch = _epoch_of(file)
                if epoch is not None and pictures.size == (count * side, side):
                    epochs.append((epoch, unstripped(pictures)))
        if not epochs:
            return None
        image = life_sheet(
            sorted(epochs, key=lambda pair: pair[0]),
            self.originals,
            f"The life of {self.name}",
            "Left: reconstructions of the originals. Right: samples of the prior.",
        )
        path = self.folder.figures / "life.png"
        save_png(path, image, command=command_line(), run=self.name)
        return path

    def _draw(self, record: EpochRecord, model: nn.Module) -> None:
        import numpy as np

        from lik.figures.life import epoch_sheet, strip
        from lik.figures.png import save_png
        from lik.latent.session import Session
        from lik.models.interface import VAE

        assert isinstance(model, VAE)
        session = Session(model, {}, self.name, next(model.parameters()).device)
        reconstructions = session.reconstruct(self.originals)
        samples = session.generate(SAMPLES, SEED)
        figures = record.validation or record.train
        of = "validation" if record.validation else "training"
        image = epoch_sheet(
            self.originals,
            reconstructions,
            samples,
            f"{self.name} after epoch {record.epoch}",
            f"{self.shown}; {len(samples)} samples of the prior. The {of} loss is "
            f"{figures['loss']:.2f} ({record.scale}, nats per image).",
        )
        pictures = strip(np.concatenate([reconstructions, samples]))
        name = f"epoch-{record.epoch:04d}.png"
        for path, drawn in (
            (self.folder.life / name, image),
            (self.folder.life / "strips" / name, pictures),
        ):
            save_png(path, drawn, command=command_line(), run=self.name, quickly=True)


def has_sheet(epoch: int, every: int | None = None) -> bool:
    """Whether an epoch gets a sheet: 1, 2, 3, 5, 8, 12, 20, 30 … 100, 150 … 500, 750 ….

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


def _epoch_of(file: Path) -> int | None:
    match = re.fullmatch(r"epoch-(\d+)\.png", file.name)
    return int(match[1]) if match else None
