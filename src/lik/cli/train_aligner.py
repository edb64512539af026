"""lik train-aligner: an aligned face set → a network that finds eyes, as ONNX."""

from typing import Annotated

from lik.app.network_training import train_aligner as train_run
from lik.app.training import TrainOptions
from lik.cli.options import Device, KeyValues, NewRun, Threads, option, required
from lik.cli.output import command_line, note, say
from lik.cli.training_bar import TrainingBar, say_how_it_ended
from lik.core.errors import UnusableInput


def train_aligner(
    faces: Annotated[str, required("A face set whose eyes are all at one place.", "FACES")],
    run: NewRun,
    settings: KeyValues = None,
    eyes: str | None = option(
        None,
        "Where the eyes are, in shares of the side: left x, y, right x, y "
        "(default: from the crop of the set, if it is fixed or aligned).",
        "X,Y,X,Y",
    ),
    device: Device = "auto",
    threads: Threads = None,
) -> None:
    """Train an alignment network, which finds the eyes in a face; no labels are needed.

    An aligned set is its own teacher, and one that was cut wide (--widen) is a better one. The
    same command goes on where a run was left; at the end RUN/aligner.onnx is there.

    Example: lik train-aligner faces/celeba runs/aligner epochs=20
    """
    settings = list(settings or [])
    if eyes is not None:
        if eyes.count(",") != 3:
            raise UnusableInput(
                f"--eyes {eyes} is not of the form X,Y,X,Y, as 0.36,0.46,0.66,0.46."
            )
        settings.append(f"eyes=[{eyes}]")
    options = TrainOptions(command=command_line(), threads=threads)
    with TrainingBar(digits=4) as bar:
        trained, measured = train_run(faces, run, settings, device, options, bar, note)
    say_how_it_ended(trained)
    if measured is None:
        say("  no faces are held out (validation or test split), so nothing was measured.")
    else:
        split, report = measured
        errors = ", ".join(f"{100 * error:.1f} %" for error in report.eye_errors)
        say(f"  on {report.faces:,} {split} faces, {report.transforms}:")
        say(f"    mean eye error {errors} of the eye distance after 1, 2 and 3 looks")
        say(
            f"    {100 * report.faces_kept:.1f} % of the faces taken for faces, "
            f"{100 * report.others_refused:.1f} % of as many other cuts refused"
        )
    say(f"  weights     {trained.folder.model}")
    say(f"  network     {trained.folder.path / 'aligner.onnx'}")
