"""lik train-classifier: a labelled face set → a network that tells attributes."""

from typing import Annotated, Any

from lik.app.network_training import train_classifier as train_run
from lik.app.training import TrainOptions
from lik.cli.options import Device, KeyValues, NewRun, Threads, required
from lik.cli.output import command_line, note, say, table
from lik.cli.training_bar import TrainingBar, say_how_it_ended


def train_classifier(
    faces: Annotated[str, required("A face set with attributes, made by lik prepare.", "FACES")],
    run: NewRun,
    settings: KeyValues = None,
    device: Device = "auto",
    threads: Threads = None,
) -> None:
    """Train an attribute classifier; its features measure likeness.

    model.name is attributes-residual (default) or attributes-plain. The same command goes on where
    a run was left; at the end the accuracy on held-out faces is told, and kept in RUN/metrics.json.

    Example: lik train-classifier faces/celeba networks/plain model.name=attributes-plain seed=1
    """
    options = TrainOptions(command=command_line(), threads=threads)
    with TrainingBar(digits=4) as bar:
        trained, metrics = train_run(faces, run, settings or [], device, options, bar, note)
    say_how_it_ended(trained)
    assert metrics is not None  # a training that is finished is measured
    _show(metrics)
    say(f"  weights     {trained.folder.model}")


def _show(metrics: dict[str, Any]) -> None:
    """Print the accuracies: means of each split, and each attribute over all of them."""
    if not metrics["splits"]:
        say("  no labelled faces are held out (test or validation split): nothing was measured.")
        return

    def percent(value: float | None) -> str:
        return "–" if value is None else f"{100 * value:.1f}"

    say()
    rows = []
    for name, split in metrics["splits"].items():
        error = split["accuracy_error"]
        rows.append(
            (
                "test and validation" if name == "both" else name,
                f"{split['faces']:,}",
                percent(split["accuracy"]) + ("" if error is None else f" ± {100 * error:.1f}"),
                percent(split["majority"]),
                percent(split["balanced"]),
            )
        )
    table(("mean over the attributes, %", "faces", "accuracy", "majority", "balanced"), rows)
    say()
    rows = [
        (name, *(percent(one[kind]) for kind in ("share", "accuracy", "majority", "balanced")))
        for name, one in metrics["splits"]["both"]["attributes"].items()
    ]
    table(("test and validation together, %", "have it", "accuracy", "majority", "balanced"), rows)
    say()
    say("  majority: the answer of most training faces, for all; balanced: mean of the accuracies")
    say("  among the faces that have it and among those that do not; ± is the standard error.")
