"""lik sharpen: a run, a face set → a run whose decodings are sharp."""

from typing import Annotated

from lik.app.training import TrainOptions
from lik.app.training import sharpen as sharpen_run
from lik.cli.options import Device, KeyValues, Threads, option, required
from lik.cli.output import command_line, note, say
from lik.cli.training_bar import TrainingBar, say_how_it_ended
from lik.training import journal


def sharpen(
    base: Annotated[str, required("A trained run, which stays as it is.", "RUN")],
    faces: Annotated[str, required("A face set, made by lik prepare.", "FACES")],
    out: Annotated[str, required("The folder of the sharp run; an existing one goes on.", "OUT")],
    settings: KeyValues = None,
    classifier: str = option(
        ..., "A network made by lik train-classifier: likeness is measured in its maps.", "NET"
    ),
    grids_every: int | None = option(
        None, "Draw a grid of the same faces and samples every N epochs, 0 for none.", "N", min=0
    ),
    device: Device = "auto",
    threads: Threads = None,
) -> None:
    """Train a refiner upon a run's decoder: sharp faces from the same codes.

    Encoder and codes stay as they are, so that directions and priors of RUN serve the new run as
    well. FACES of twice the size that RUN makes teach it to make pictures of that size. The same
    command goes on where it was left.

    Example: lik sharpen runs/rich faces/celeba runs/sharp --classifier networks/train
    """
    options = TrainOptions(grids_every, False, command_line(), threads=threads)
    with TrainingBar() as bar:
        trained = sharpen_run(
            base, faces, out, classifier, settings or [], device, options, bar, note
        )
    if not trained.first:
        return
    say_how_it_ended(trained)
    for record in journal.read(trained.folder.journal)[-1:]:
        metrics = record.validation or record.train
        say("  metrics     " + ", ".join(f"{name} {value:.3g}" for name, value in metrics.items()))
    say(f"  model       {trained.folder.model}")
