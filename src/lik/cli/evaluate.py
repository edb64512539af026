"""lik evaluate: how faithful a run is, in figures that say what they are."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lik.cli.choices import Faces, Run, Seed, Split
from lik.cli.terminal import Device, Json, Threads, say, say_json, table

if TYPE_CHECKING:
    from lik.faces.faceset import FaceSet
    from lik.latent.session import Session


def evaluate(
    run: Run,
    faces: Faces = None,
    split: Split = "test",
    seed: Seed = 0,
    as_json: Json = False,
    device: Device = "auto",
    threads: Threads = None,
) -> None:
    """Measure the loss in the published scale, PSNR and SSIM on a split.

    The answer is also kept in the run, as metrics.json.

    Example: lik evaluate runs/first --faces faces/celeba --split test --json
    """
    from lik.cli.opening import open_faces_of, open_session
    from lik.core.artifacts import write_json

    session = open_session(run, device, threads)
    metrics = evaluate_on(session, open_faces_of(run, faces), split, seed)
    if as_json:
        say_json(metrics)
    else:
        show(metrics)
    if Path(run).is_dir():  # last, so that the figures are told even where they cannot be kept
        write_json(Path(run) / "metrics.json", metrics)


def evaluate_on(session: "Session", faces: "FaceSet", split: str, seed: int) -> dict[str, Any]:
    """The fidelity of a run on a split, with all that says what was measured."""
    from lik.cli.opening import indices_of, require_size
    from lik.evaluation.fidelity import measure_fidelity

    require_size(session, faces)
    fidelity = measure_fidelity(session, faces.images[indices_of(faces, split)], seed)
    return {
        "run": session.name,
        **asdict(fidelity),
        "split": split,
        "crop": faces.crop,
        "faces": faces.path.name,
        "faces_sha256": faces.hash,
    }


def show(metrics: dict[str, Any]) -> None:
    """Print the figures for people."""
    say(
        f"{metrics['run']} on {metrics['images']:,} {metrics['split']} faces of "
        f"{metrics['faces']} (crop {metrics['crop']['kind']}, SHA-256 "
        f"{metrics['faces_sha256'][:12]}…); scale {metrics['scale']}; ± is the standard error."
    )
    say()
    rows = []
    for label, key, digits in (
        ("loss", "loss", 2),
        ("reconstruction (one sample)", "reconstruction", 2),
        ("KL", "kl", 2),
        ("reconstruction from the mean", "reconstruction_from_mean", 2),
        ("PSNR of it, dB", "psnr", 2),
        ("SSIM of it", "ssim", 4),
    ):
        error = metrics.get(f"{key}_error")
        rows.append(
            (label, f"{metrics[key]:.{digits}f}", "" if error is None else f"± {error:.2f}")
        )
    table(("figure", "mean", ""), rows)
