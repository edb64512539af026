"""lik train: a recipe, a face set, a run."""

from typing import Annotated

from lik.app.training import TrainOptions
from lik.app.training import train as train_run
from lik.cli.options import Device, KeyValues, NewRun, Threads, flag, option, required
from lik.cli.output import command_line, note, say
from lik.cli.training_bar import TrainingBar, say_how_it_ended
from lik.training import journal


def train(
    recipe: Annotated[str, required("A recipe's name, or a YAML file.", "RECIPE")],
    faces: Annotated[str, required("A face set, made by lik prepare.", "FACES")],
    run: NewRun,
    settings: KeyValues = None,
    grids_every: int | None = option(
        None,
        "Draw a grid of the same faces and samples every N epochs, 0 for none "
        "(default: often at first, then every 10, then more seldom).",
        "N",
        min=0,
    ),
    tensorboard: bool = flag("--tensorboard", "Also write every epoch's metrics for TensorBoard."),
    device: Device = "auto",
    threads: Threads = None,
) -> None:
    """Train a model on a face set.

    The same command goes on where a run was left; more epochs extend a finished run. While it
    trains, RUN/figures/grids shows the same faces and samples after one epoch and another. Several
    processes share the work with torchrun --nproc-per-node N -m lik train …

    Example: lik train paper-first faces/celeba runs/first epochs=100 mirror=true
    """
    options = TrainOptions(grids_every, tensorboard, command_line(), threads=threads)
    with TrainingBar() as bar:
        trained = train_run(recipe, faces, run, settings or [], device, options, bar, note)
    if not trained.first:
        return
    say_how_it_ended(trained)
    for record in journal.read(trained.folder.journal)[-1:]:  # which may have been deleted
        _say_losses(record)
    say(f"  model       {trained.folder.model}")
    for what, name in (("curves", "training.png"), ("grids", "grids.png")):
        if (trained.folder.figures / name).is_file():
            say(f"  {what:<11} {trained.folder.figures / name}")


def _say_losses(record: journal.EpochRecord) -> None:
    for name, metrics in (("training", record.train), ("validation", record.validation)):
        if metrics:
            whole = set(metrics) == {"loss", "reconstruction", "kl"}
            say(
                f"  {name:<11} loss {metrics['loss']:.2f} {'=' if whole else 'with'} "
                f"reconstruction {metrics['reconstruction']:.2f} and KL {metrics['kl']:.2f}  "
                f"({record.scale}, nats per image)"
            )
    if skipped := record.details.get("skipped_steps"):
        say(
            f"  skipped     {skipped:,} of {record.step:,} steps, whose gradients were no "
            "finite numbers or absurdly large"
        )
