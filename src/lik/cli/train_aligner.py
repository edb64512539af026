"""lik train-aligner: an aligned face set → a network that finds eyes, as ONNX."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lik.cli.options import Device, Threads
from lik.cli.output import say

if TYPE_CHECKING:
    from lik.alignment.plan import AlignerPlan
    from lik.faces.set.faceset import FaceSet
    from lik.training.run import Outcome


def train_aligner(
    faces: Annotated[
        str, typer.Argument(help="A face set whose eyes are all at one place.", metavar="FACES")
    ],
    out: Annotated[
        str, typer.Argument(help="The folder of the run; an existing one goes on.", metavar="OUT")
    ],
    settings: Annotated[
        list[str] | None,
        typer.Argument(help="Settings to change, as epochs=20.", metavar="KEY=VALUE"),
    ] = None,
    eyes: Annotated[
        str | None,
        typer.Option(
            help="Where the eyes are, in shares of the side: left x, y, right x, y "
            "(default: from the crop of the set, if it is fixed or aligned).",
            metavar="X,Y,X,Y",
            show_default=False,
        ),
    ] = None,
    device: Device = "auto",
    threads: Threads = None,
) -> None:
    """Train an alignment network, which finds the eyes in a face; no labels are needed.

    An aligned set is its own teacher, and one that was cut wide (--widen) is a better one. The
    same command goes on where a run was left; at the end OUT/aligner.onnx is there.

    Example: lik train-aligner faces/celeba runs/aligner epochs=20
    """
    from lik.cli.train import data_of, report_end
    from lik.cli.training_bar import TrainingBar
    from lik.cli.training_figures import draw_curves
    from lik.core.device import choose_device
    from lik.core.run_folder import RunFolder
    from lik.export.onnx import require_onnx
    from lik.faces.set.faceset import FaceSet
    from lik.training.run import run_training

    require_onnx()
    where = choose_device(device, threads)
    face_set = FaceSet.open(Path(faces))
    plan = _plan(face_set, eyes, settings or [])
    data = data_of(face_set)
    folder = RunFolder(Path(out))
    with TrainingBar(digits=4) as bar:
        outcome = run_training(folder, plan, data, where, bar)
    draw_curves(folder, unit="mean over the faces")
    if not report_end(folder.path, outcome, plan):
        raise typer.Exit(130)
    _export(folder.path / "aligner.onnx", outcome, plan, face_set)
    _report(face_set, outcome, plan)
    say(f"  weights     {folder.model}")
    say(f"  network     {folder.path / 'aligner.onnx'}")


def _plan(faces: "FaceSet", eyes: str | None, settings: list[str]) -> "AlignerPlan":
    from lik.alignment.plan import AlignerPlan, eyes_of_crop
    from lik.core.configuration import override, validated
    from lik.core.errors import UnusableInput

    if eyes is None:
        place = eyes_of_crop(faces.crop)
        if place is None:
            raise UnusableInput(
                f"the crop of {faces.path} ({faces.crop['kind']}) does not say where the eyes are: "
                "prepare the set with --crop fixed or aligned, or give them with --eyes."
            )
        return validated(AlignerPlan, override({"eyes": place}, settings), "the settings")
    parts = eyes.split(",")
    if len(parts) != 4:
        raise UnusableInput(f"--eyes {eyes} is not of the form X,Y,X,Y, as 0.36,0.46,0.66,0.46.")
    return validated(AlignerPlan, override({"eyes": parts}, settings), "the settings")


def _export(path: Path, outcome: "Outcome", plan: "AlignerPlan", faces: "FaceSet") -> None:
    import torch

    from lik.alignment.model import CUT
    from lik.export.onnx import export_onnx

    metadata = {
        "what": "finds the two eyes in a grey cut around a face (Lik's alignment network)",
        "input": f"float32 (1, 1, {CUT}, {CUT}), grey, 0…255",
        "output": "left x, y, right x, y in shares of the side; logit of 'this is a face'",
        "source": str(faces.description.get("source", "unknown")),
        "faces_sha256": faces.hash,
        "terms": "Learned from the faces of the source and under their terms (CelebA: "
        "non-commercial research only). It holds no picture.",
        "plan": plan.model_dump_json(),
    }
    export_onnx(outcome.model, torch.zeros(1, 1, CUT, CUT), path, "cut", "eyes", metadata)


def _report(faces: "FaceSet", outcome: "Outcome", plan: "AlignerPlan") -> None:
    """Say how the network does on faces that it has not learned from."""
    from lik.alignment.measure import describe_transforms, measure_alignment
    from lik.alignment.model import Aligner

    split = next((s for s in ("validation", "test") if len(faces.indices(s))), None)
    if split is None:
        say("  no faces are held out (validation or test split), so nothing was measured.")
        return
    assert isinstance(outcome.model, Aligner)
    report = measure_alignment(outcome.model, faces.images[faces.indices(split)], plan.eyes)
    errors = ", ".join(f"{100 * error:.1f} %" for error in report.eye_errors)
    say(f"  on {report.faces:,} {split} faces, {describe_transforms()}:")
    say(f"    mean eye error {errors} of the eye distance after 1, 2 and 3 looks")
    say(
        f"    {100 * report.faces_kept:.1f} % of the faces taken for faces, "
        f"{100 * report.others_refused:.1f} % of as many other cuts refused"
    )
