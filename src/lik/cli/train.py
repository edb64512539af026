"""lik train: a recipe, a face set, a run."""

from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lik.cli.options import Device, Threads
from lik.cli.output import note, say

if TYPE_CHECKING:
    from lik.faces.set.faceset import FaceSet
    from lik.training.processes import Processes
    from lik.training.recipe import Plan
    from lik.training.run import Data, Outcome

LARGE = 1_000_000_000
"""Bytes of faces of which the verification takes a second or so, and is told."""


def train(
    recipe: Annotated[
        str, typer.Argument(help="A recipe's name, or a YAML file.", metavar="RECIPE")
    ],
    faces: Annotated[str, typer.Argument(help="A face set, made by lik prepare.", metavar="FACES")],
    run: Annotated[
        str, typer.Argument(help="The folder of the run; an existing one goes on.", metavar="RUN")
    ],
    settings: Annotated[
        list[str] | None,
        typer.Argument(help="Settings of the recipe to change.", metavar="KEY=VALUE"),
    ] = None,
    sheets_every: Annotated[
        int | None,
        typer.Option(
            help="Draw a sheet of the same faces and samples every N epochs, 0 for none "
            "(default: often at first, then every 10, then more seldom).",
            metavar="N", min=0, show_default=False,
        ),
    ] = None,
    tensorboard: Annotated[
        bool,
        typer.Option("--tensorboard", help="Also write every epoch's figures for TensorBoard."),
    ] = False,
    device: Device = "auto",
    threads: Threads = None,
) -> None:  # fmt: skip
    """Train a model on a face set.

    The same command goes on where a run was left; more epochs extend a finished run. While it
    trains, RUN/figures/life shows the same faces and samples after one epoch and another. Several
    processes share the work with torchrun --nproc-per-node N -m lik train …

    Example: lik train paper-first faces/celeba runs/first epochs=100 mirror=true
    """
    from lik.core.device import choose_device
    from lik.faces.set.faceset import FaceSet
    from lik.training.processes import join, leave, local_device

    where = local_device(choose_device(device, threads))
    processes = join(where.type)
    seeing = Seeing(sheets_every, tensorboard)
    outcome = train_run(
        recipe, FaceSet.open(Path(faces)), Path(run), settings or [], where,
        seeing=seeing, processes=processes,
    )  # fmt: skip
    leave()
    if not processes.first:
        return
    report(Path(run), outcome)
    if not outcome.finished:
        raise typer.Exit(130)


@dataclass(frozen=True)
class Seeing:
    """What a person wants to see of a training, beside its bar and curves."""

    sheets_every: int | None = None
    tensorboard: bool = False


def train_run(
    recipe_name: str,
    faces: "FaceSet",
    path: Path,
    settings: list[str],
    device: Any,
    verify: bool = True,
    seeing: Seeing = Seeing(),
    processes: "Processes | None" = None,
) -> "Outcome":
    """Train or resume a run with bars, sheets and curves; Ctrl-C saves.

    ``verify`` reads all of the face set first, to see that it is what it was when it was made.
    """
    from lik.cli.life import Life
    from lik.cli.observers import Observers
    from lik.cli.tensorboard import TensorBoard
    from lik.cli.training_bar import TrainingBar
    from lik.cli.training_figures import draw_curves, draw_dimensions
    from lik.core.errors import UnusableInput
    from lik.core.run_folder import RunFolder
    from lik.training.processes import ALONE
    from lik.training.recipe import load_recipe
    from lik.training.run import run_training

    processes = processes or ALONE
    recipe = load_recipe(recipe_name, settings, faces.size)
    if recipe.model.size != faces.size:
        raise UnusableInput(
            f"the recipe's model takes {recipe.model.size} pixels and {faces.path} holds faces of "
            f"{faces.size}: leave model.size out, or prepare the set again with --size."
        )
    data = data_of(faces, verify)
    folder = RunFolder(path)
    life = Life(folder, faces, seeing.sheets_every)
    with ExitStack() as stack:
        observers = Observers(
            stack.enter_context(TrainingBar()),
            life,
            *([stack.enter_context(TensorBoard(folder))] if seeing.tensorboard else []),
        )
        outcome = run_training(folder, recipe, data, device, observers, processes)
    if not processes.first:
        return outcome
    if outcome.finished:
        life.ended(outcome.model)
    draw_curves(folder)
    draw_dimensions(folder)
    life.draw_life()
    return outcome


def data_of(faces: "FaceSet", verify: bool = True) -> "Data":
    """What a run takes from a face set, which is verified first.

    Raises:
        UnusableInput: nothing to train on, or the set is no longer what it was.
    """
    from lik.core.errors import UnusableInput
    from lik.training.run import Data

    train_indices = faces.indices("train")
    if not len(train_indices):
        raise UnusableInput(f"{faces.path} has no faces in its train split.")
    if verify:
        if faces.images.nbytes >= LARGE:
            note(f"Checking {faces.path}, {faces.images.nbytes / 1e9:.1f} GB, for damage.")
        faces.verify()
    return Data(faces.images, train_indices, faces.indices("validation"), describe(faces))


def describe(faces: "FaceSet") -> dict[str, Any]:
    """What a run remembers of its face set."""
    return {
        "path": str(faces.path.resolve()),
        "hash": faces.hash,
        "index_hash": faces.index_hash,
        "crop": faces.crop,
        "attribute_names": list(faces.attribute_names),
    }


def report(path: Path, outcome: "Outcome") -> None:
    """Say how a training ended, in figures with their scale."""
    from lik.core.run_folder import RunFolder
    from lik.training import journal
    from lik.training.recipe import read_run_recipe

    folder = RunFolder(path)
    if not report_end(path, outcome, read_run_recipe(folder.recipe)):
        return
    for record in journal.read(folder.journal)[-1:]:  # none, where it was deleted
        for name, figures in (("training", record.train), ("validation", record.validation)):
            if figures:
                whole = set(figures) == {"loss", "reconstruction", "kl"}
                say(
                    f"  {name:<11} loss {figures['loss']:.2f} {'=' if whole else 'with'} "
                    f"reconstruction "
                    f"{figures['reconstruction']:.2f} and KL {figures['kl']:.2f}  "
                    f"({record.scale}, nats per image)"
                )
        if skipped := record.details.get("skipped_steps"):
            say(
                f"  skipped     {skipped:,} of {record.step:,} steps, whose gradients were no "
                "finite numbers or absurdly large"
            )
    say(f"  model       {folder.model}")
    for what, figure in (("curves", "training"), ("its life", "life")):
        if (folder.figures / f"{figure}.png").is_file():
            say(f"  {what:<11} {folder.figures / figure}.png")


def report_end(path: Path, outcome: "Outcome", plan: "Plan") -> bool:
    """Say whether a training was finished or stopped, and give back which."""
    epochs, position = plan.epochs, outcome.position
    if not outcome.finished:
        say(
            f"Stopped in epoch {position.epoch + 1} of {epochs} and saved: "
            "the same command goes on from there."
        )
    elif position.stopped_early and position.epoch < epochs:
        say(
            f"Ended early after {position.epoch} of {epochs} epochs, for the validation loss has "
            f"not been better for {plan.patience} epochs: epoch {position.best_epoch} had the "
            f"best, {position.best:.6g}, and its weights are {path / 'model-best.safetensors'}."
        )
    elif outcome.resumed_from == position.step and outcome.resumed_from:
        say(f"{path} is finished already ({epochs} epochs); epochs=N extends it.")
    else:
        say(f"Finished: {epochs} epochs, {position.step:,} steps.")
    return outcome.finished
