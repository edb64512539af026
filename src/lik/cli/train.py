"""lik train: a recipe, a face set, a run."""

from typing import Annotated

import typer

from lik.app.training import Trained, TrainOptions
from lik.app.training import train as train_run
from lik.cli.options import Device, KeyValues, NewRun, Threads
from lik.cli.output import command_line, note, say
from lik.cli.training_bar import TrainingBar, say_how_it_ended


def train(
    recipe: Annotated[
        str, typer.Argument(help="A recipe's name, or a YAML file.", metavar="RECIPE")
    ],
    faces: Annotated[str, typer.Argument(help="A face set, made by lik prepare.", metavar="FACES")],
    run: NewRun,
    settings: KeyValues = None,
    grids_every: Annotated[
        int | None,
        typer.Option(
            help="Draw a grid of the same faces and samples every N epochs, 0 for none "
            "(default: often at first, then every 10, then more seldom).",
            metavar="N", min=0, show_default=False,
        ),
    ] = None,
    tensorboard: Annotated[
        bool,
        typer.Option("--tensorboard", help="Also write every epoch's metrics for TensorBoard."),
    ] = False,
    device: Device = "auto",
    threads: Threads = None,
) -> None:  # fmt: skip
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
    if not trained.outcome.finished:
        raise typer.Exit(130)
    _say_what_came_of_it(trained)


def _say_what_came_of_it(trained: Trained) -> None:
    record = trained.record
    if record is not None:  # the journal may have been deleted
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
    say(f"  model       {trained.folder.model}")
    for what, path in trained.figures.items():
        say(f"  {what:<11} {path}")
