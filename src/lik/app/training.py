"""Training: a recipe and a face set become a run, which shows how it learns."""

import shutil
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lik.app.overview import draw_curves, draw_dimensions, metric_label
from lik.app.pretrained import place_of
from lik.app.watching import SampleGrids, StepsDone, TensorBoard
from lik.core.artifacts import replacing
from lik.core.device import choose_device
from lik.core.errors import UnusableInput
from lik.core.events import Notify, Progress, no_notices, no_progress
from lik.core.run_folder import RunFolder
from lik.core.tables import ShownAsTable, Table
from lik.faces.set.faceset import FaceSet
from lik.models.saved import weights_file
from lik.models.vgg import holds_torchvision_names
from lik.training import journal
from lik.training.callback import Callback, Callbacks
from lik.training.processes import join, leave, local_device
from lik.training.recipe import TrainingPlan, load_recipe
from lik.training.running import Outcome, TrainingData, run_training
from lik.training.sharpening import sharpen_plan

LARGE = 1_000_000_000
"""Bytes of faces of which the verification takes a second or so, and is told."""


@dataclass(frozen=True)
class TrainOptions:
    """What a training leaves beside the run, and how it uses the machine.

    Attributes:
        grids_every: epochs between two sample grids, 0 for none; None: often at first.
        tensorboard: whether to write metrics for TensorBoard.
        command: what is said to have made the figures, in their text.
        verify: whether to read all of the face set first, to see that it is what it was.
        threads: of the processor; None for all.
    """

    grids_every: int | None = None
    tensorboard: bool = False
    command: str = "lik.train"
    verify: bool = True
    threads: int | None = None


DEFAULTS = TrainOptions()
SHOWN_EPOCHS = 8
"""Epochs of a training that its table shows, from the first to the last."""


@dataclass(frozen=True, repr=False)
class Trained(ShownAsTable):
    """How a training ended.

    Attributes:
        folder: the run. plan: what was trained.
        outcome: whether it is finished, where it began, and the model.
        first: whether this process is the one of all that tells of it.
    """

    folder: RunFolder
    plan: TrainingPlan
    outcome: Outcome
    first: bool = True

    def tables(self) -> Sequence[Table]:
        records, state = journal.read(self.folder.journal), self.outcome.state
        told = (
            f"{self.folder.name}: {state.epoch} of {self.plan.epochs} epochs, {state.step:,} steps"
        )
        if not records:
            return [Table([], before=[told])]
        chosen = np.unique(np.linspace(0, len(records) - 1, SHOWN_EPOCHS).round().astype(int))
        names, rows = list(records[-1].validation or records[-1].train), []
        for record in (records[index] for index in chosen):
            measured = record.validation or record.train
            cells = (f"{measured[name]:.2f}" if name in measured else "–" for name in names)
            rows.append((str(record.epoch), *cells))
        faces = "validation" if records[-1].validation else "training"
        columns = ("epoch", *map(metric_label, names))
        return [Table(rows, columns, [f"{told}; {records[-1].scale}, {faces} faces"])]

    @property
    def finished_before(self) -> bool:
        """Whether there was nothing left to be trained."""
        begun = self.outcome.resumed_from
        return self.outcome.finished and begun > 0 and begun == self.outcome.state.step


def train(
    recipe: str,
    faces: FaceSet | str | Path,
    run: str | Path,
    settings: Sequence[str] = (),
    device: str = "auto",
    options: TrainOptions = DEFAULTS,
    callback: Callback | None = None,
    notify: Notify = no_notices,
    progress: Progress = no_progress,
) -> Trained:
    """Train a VAE, or go on where its run was left.

    Several processes that torchrun has begun share the work. ``recipe`` is the name of a packaged
    one or a YAML file, ``settings`` what is changed in it, such as ``epochs=100``. ``callback``
    sees every epoch and may stop the training; ``progress`` is told how many steps are done.

    Raises:
        UnusableInput: a recipe, face set, folder or device that does not fit; nothing is written.
        FailedOnTheWay: what was saved before is intact.
    """
    face_set = faces if isinstance(faces, FaceSet) else FaceSet.open(faces)
    plan = load_recipe(recipe, settings, face_set.size)
    watching = Callbacks(callback or Callback(), StepsDone(progress))
    return train_plan(plan, face_set, RunFolder(Path(run)), device, options, watching, notify)


def sharpen(
    base: str | Path,
    faces: FaceSet | str | Path,
    run: str | Path,
    network: str | Path,
    settings: Sequence[str] = (),
    device: str = "auto",
    options: TrainOptions = DEFAULTS,
    callback: Callback | None = None,
    notify: Notify = no_notices,
) -> Trained:
    """Train a refiner upon the decoder of the run ``base``; the result is a run of its own.

    Its encoder and codes are those of ``base``, so that what was fitted to these, directions and
    priors, is taken along. ``network`` is an attribute classifier, in whose maps likeness is
    measured; the faces need not be those of ``base``. Of faces twice as large as its pictures the
    new run learns to make such pictures.

    Raises:
        UnusableInput: no such run or network, a run without one of its halves, or a face set,
            folder or settings that do not fit; nothing is written.
        FailedOnTheWay: what was saved before is intact.
    """
    base = place_of(base, notify)
    face_set = faces if isinstance(faces, FaceSet) else FaceSet.open(faces)
    plan = sharpen_plan(base, str(network), face_set.size, settings)
    trained = train_plan(plan, face_set, RunFolder(Path(run)), device, options, callback, notify)
    if trained.outcome.finished and trained.first:
        _take_along(RunFolder(base), trained.folder)
    return trained


def _keep_network(plan: TrainingPlan, folder: RunFolder) -> None:
    """Copy the network of Lik in whose maps a run was trained beside it: fitting codes needs it."""
    if plan.network is None or folder.features.exists():
        return
    place = Path(plan.network).expanduser()
    if not holds_torchvision_names(place):
        with replacing(folder.features) as temporary:
            shutil.copyfile(weights_file(place), temporary)


def _take_along(base: RunFolder, folder: RunFolder) -> None:
    """Copy what was fitted to the codes of a base run, where a refined one has none of its own."""
    for kept in ("directions", "priors"):
        for file in sorted((base.path / kept).glob("*")):
            target = folder.path / kept / file.name
            if not target.exists():
                with replacing(target) as temporary:
                    shutil.copyfile(file, temporary)


def train_plan(
    plan: TrainingPlan,
    face_set: FaceSet,
    folder: RunFolder,
    device: str,
    options: TrainOptions,
    callback: Callback | None,
    notify: Notify,
) -> Trained:
    """Train the VAE of a plan, with sample grids and curves; several processes may share it."""
    where = local_device(choose_device(device, options.threads))
    processes = join(where.type)
    require_size(plan, face_set)
    data = training_data(face_set, options.verify, notify)
    grids = SampleGrids(folder, face_set, options.grids_every, options.command, notify)
    with ExitStack() as stack:
        callbacks = [callback or Callback(), grids]
        if options.tensorboard:
            callbacks.append(stack.enter_context(TensorBoard(folder)))
        outcome = run_training(folder, plan, data, where, Callbacks(*callbacks), notify, processes)
    if processes.first:
        if outcome.finished:
            grids.ended(outcome.model)
            _keep_network(plan, folder)
        draw_curves(folder, options.command)
        draw_dimensions(folder, options.command)
        grids.draw_all()
    leave()
    return Trained(folder, plan, outcome, processes.first)


def training_data(faces: FaceSet, verify: bool = True, notify: Notify = no_notices) -> TrainingData:
    """What a run takes from a face set, which is verified first.

    Raises:
        UnusableInput: nothing to train on, or the set is no longer what it was.
    """
    train_indices = faces.indices("train")
    if not len(train_indices):
        raise UnusableInput(f"{faces.path} has no faces in its train split.")
    if verify:
        if faces.images.nbytes >= LARGE:
            notify(f"Checking {faces.path}, {faces.images.nbytes / 1e9:.1f} GB, for damage.")
        faces.verify()
    description = {
        "path": str(faces.path.resolve()),
        "hash": faces.hash,
        "index_hash": faces.index_hash,
        "crop": faces.crop,
        "attribute_names": list(faces.attribute_names),
    }
    return TrainingData(faces.images, train_indices, faces.indices("validation"), description)


def require_size(plan: Any, faces: FaceSet) -> None:
    """Refuse a plan whose model takes pictures of another size than the faces have."""
    if plan.model.size != faces.size:
        raise UnusableInput(
            f"model.size is {plan.model.size} and {faces.path} holds faces of {faces.size} pixels: "
            f"leave model.size out, or prepare the set again at {plan.model.size} pixels."
        )
