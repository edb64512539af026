"""lik evaluate: how good runs are, in figures that say what they are."""

import shutil
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lik.cli.options import Device, Faces, Json, Seed, Split, Threads, file_of
from lik.cli.output import command_line, note, say, say_json, stages, table

if TYPE_CHECKING:
    from lik.evaluation.measuring import Measured
    from lik.evaluation.networks import FeatureNetwork
    from lik.evaluation.report import Evaluation
    from lik.evaluation.subject import Plan, Progressed, Subject
    from lik.faces.set.faceset import FaceSet
    from lik.figures.evaluation import Shown
    from lik.latent.session import Session

FACES, SAMPLES = 8, 16
"""Pictures of each run on the page."""

PLAIN_WIDTH = 110
"""Width of the table off a terminal."""


def evaluate(
    runs: Annotated[list[str], typer.Argument(help="Runs to measure alike.", metavar="RUN …")],
    faces: Faces = None,
    split: Split = "test",
    features: Annotated[
        str | None,
        typer.Option(
            help="A network of lik train-features, to compare sets of faces by.",
            metavar="NET", show_default=False,
        ),
    ] = None,
    inception: Annotated[
        Path | None,
        typer.Option(
            help="Inception as a TorchScript file, for FID and KID; run only trusted files.",
            metavar="FILE", show_default=False,
        ),
    ] = None,
    samples: Annotated[
        int | None,
        typer.Option(
            help="Samples in each set.", metavar="N", min=1, show_default="as many as faces"
        ),
    ] = None,
    importance: Annotated[
        int,
        typer.Option(
            help="Codes per face of the bound on the likelihood; 0: none.", metavar="K", min=0
        ),
    ] = 0,
    repeats: Annotated[
        int, typer.Option(help="Sets, draws and halves that spreads are of.", metavar="R", min=1)
    ] = 3,
    seed: Seed = 0,
    as_json: Json = False,
    out: Annotated[
        str | None,
        typer.Option(
            "--out", "-o", help="The page to write (default: in the run's figures).",
            metavar="HTML", show_default=False, callback=file_of(".html"),
        ),
    ] = None,
    device: Device = "auto",
    threads: Threads = None,
) -> None:  # fmt: skip
    """Measure runs on a split: loss, likeness, sets of faces, likelihood, what the code holds.

    The figures of each are also kept in the run, as metrics.json, and a page shows them all. What
    changes of one trait do besides is measured by lik evaluate-changes.

    Example: lik evaluate runs/first runs/second --features runs/judge --importance 100
    """
    from lik.cli.opening import open_session
    from lik.core.errors import FailedOnTheWay, UnusableInput
    from lik.evaluation.subject import Plan

    if len({Path(run).resolve() for run in runs}) < len(runs):
        raise UnusableInput("a run was given twice: name each once.")
    networks = _networks(features, inception)
    sessions = [open_session(run, device, threads) for run in runs]
    for session, name in zip(sessions, _distinct(runs), strict=True):
        session.name = name
    plan = Plan(split, seed, samples, importance, repeats)
    with stages() as progressed:
        subjects = _subjects(runs, sessions, faces, networks, plan, progressed)
        evaluations, metrics, failure = [], [], None
        for run, session, (subject, floor) in zip(runs, sessions, subjects, strict=True):
            measured = _measure(session, subject, floor, plan, progressed)
            evaluations.append(measured.evaluation)
            metrics.append(_metrics(measured, subject))
            try:
                _keep(run, metrics[-1])  # at once: a kill must not cost what is measured
            except FailedOnTheWay as error:
                failure = failure or error
    if as_json:
        say_json(metrics[0] if len(metrics) == 1 else metrics)
    else:
        _show(metrics, evaluations)
    if failure is not None:
        raise failure  # so late, that the figures are told even where they cannot be kept
    page = _page(runs, out)
    if page is not None:
        _write_page(page, sessions, subjects[0][0], evaluations)
        if not as_json:
            say(f"\n{page}")


def evaluate_on(session: "Session", faces: "FaceSet", split: str, seed: int) -> dict[str, Any]:
    """The fidelity of a run on a split, with all that says what was measured."""
    from lik.cli.opening import indices_of, require_size
    from lik.evaluation.fidelity import measure_fidelity

    require_size(session, faces)
    fidelity = measure_fidelity(session, faces.images[indices_of(faces, split)], seed)
    return {"run": session.name, **asdict(fidelity), **_of_faces(faces, split)}


def show(metrics: dict[str, Any]) -> None:
    """Print the figures of `evaluate_on` for people."""
    say(f"{_heading(metrics)}; scale {metrics['scale']}; ± is the standard error.")
    say()
    rows = []
    for label, key, digits in (
        ("loss", "loss", 2),
        ("reconstruction (one sample)", "reconstruction", 2),
        ("KL", "kl", 2),
        ("reconstruction from the mean", "reconstruction_from_mean", 2),
        ("PSNR of it, dB", "psnr", 2),
        ("SSIM of it", "ssim", 4),
        ("MS-SSIM of it", "ms_ssim", 4),
    ):
        error = metrics.get(f"{key}_error")
        if metrics[key] is not None:
            said = "" if error is None else f"± {error:.{digits}f}"
            rows.append((label, f"{metrics[key]:.{digits}f}", said))
    table(("figure", "mean", ""), rows)


def _heading(metrics: dict[str, Any]) -> str:
    return (
        f"{metrics['run']} on {metrics['images']:,} {metrics['split']} faces of "
        f"{metrics['faces']} (crop {metrics['crop']['kind']}, SHA-256 "
        f"{metrics['faces_sha256'][:12]}…)"
    )


def _of_faces(faces: "FaceSet", split: str) -> dict[str, Any]:
    return {
        "split": split,
        "crop": faces.crop,
        "faces": faces.path.name,
        "faces_sha256": faces.hash,
    }


def _networks(features: str | None, inception: Path | None) -> "list[FeatureNetwork]":
    from lik.evaluation import networks

    found = [networks.attribute_network(Path(features))] if features else []
    return found + ([networks.inception(inception)] if inception else [])


def _distinct(runs: Sequence[str]) -> list[str]:
    """What runs are called: their last name, and more of the path where that is not enough."""
    names = [Path(run).resolve().name for run in runs]
    return [
        str(Path(run)) if names.count(name) > 1 else name
        for run, name in zip(runs, names, strict=True)
    ]


def _subjects(
    runs: Sequence[str],
    sessions: "Sequence[Session]",
    given: str | None,
    networks: "Sequence[FeatureNetwork]",
    plan: "Plan",
    progressed: "Progressed",
) -> "list[tuple[Subject, tuple[Any, ...]]]":
    """The faces that each run is measured on, and the floor of them; the same are opened once."""
    from lik.cli.opening import indices_of, open_faces_of, require_size
    from lik.evaluation.subject import floor_of, subject_of

    opened: dict[tuple[str, str | None], tuple[Subject, tuple[Any, ...]]] = {}
    subjects = []
    for run, session in zip(runs, sessions, strict=True):
        faces = open_faces_of(run, given)
        require_size(session, faces)
        key = (faces.hash, faces.index_hash)
        if key not in opened:
            chosen = indices_of(faces, plan.split)
            subject = subject_of(faces, chosen, networks, plan, progressed)
            opened[key] = subject, floor_of(subject, plan, progressed)
        subjects.append(opened[key])
    if len(opened) > 1:
        note("The runs are measured on different face sets: their figures do not compare.")
    return subjects


def _measure(
    session: "Session",
    subject: "Subject",
    floor: tuple[Any, ...],
    plan: "Plan",
    progressed: "Progressed",
) -> "Measured":
    from lik.evaluation.measuring import Evaluator

    def told(stage: str, done: int, total: int) -> None:
        progressed(f"{session.name}: {stage}", done, total)

    return Evaluator(session, subject, plan, told).evaluate(floor)


def _metrics(measured: "Measured", subject: "Subject") -> dict[str, Any]:
    """What is kept in the run: the fidelity first, then every figure with its conditions."""
    evaluation = measured.evaluation
    fidelity = {} if measured.fidelity is None else asdict(measured.fidelity)
    return {
        "run": evaluation.run,
        "images": len(subject.chosen),
        **fidelity,
        **_of_faces(subject.faces, evaluation.conditions.split),
        **evaluation.as_json(),
    }


def _show(metrics: Sequence[dict[str, Any]], evaluations: "Sequence[Evaluation]") -> None:
    from lik.evaluation.report import table_rows
    from lik.objectives.reconstruction import SCALES

    for one in {kept["faces_sha256"]: kept for kept in metrics}.values():
        named = one if len(metrics) == 1 else one | {"run": f"{len(metrics)} runs"}
        say(
            f"{_heading(named)}; loss {SCALES['sse']} + KL; ± is the spread that metrics.json "
            "names, for means over faces the standard error."
        )
    say()
    rows = table_rows(list(evaluations))
    names = [evaluation.run for evaluation in evaluations]
    floor = bool(rows) and len(rows[0].cells) > len(names)
    names += ["other real faces"] if floor else []
    columns = [[name, *(row.cells[number] for row in rows)] for number, name in enumerate(names)]
    labels = ["", *(row.heading for row in rows)]
    width = shutil.get_terminal_size((PLAIN_WIDTH, 24)).columns
    for start, end in _fitting(labels, columns, width):
        chosen = columns[start:end]
        heads, *lines = zip(labels, *chosen, strict=True)
        table(("figure", *heads[1:]), [line for line in lines if any(line[1:])])
        say()
    for said in dict.fromkeys(said for one in evaluations for said in one.notes):
        say(said)


def _fitting(
    labels: Sequence[str], columns: Sequence[Sequence[str]], width: int
) -> list[tuple[int, int]]:
    """From where to where columns stand beside each other, in as few tables as fit the width."""
    left = max(map(len, labels))
    parts, start, used = [], 0, left
    for number, column in enumerate(columns):
        needed = 2 + max(map(len, column))
        if used + needed > width and number > start:
            parts.append((start, number))
            start, used = number, left
        used += needed
    return [*parts, (start, len(columns))]


def _keep(run: str, metrics: dict[str, Any]) -> None:
    from lik.core.artifacts import write_json

    if Path(run).is_dir():
        write_json(Path(run) / "metrics.json", metrics)


def _page(runs: Sequence[str], out: str | None) -> Path | None:
    """Where the page goes: as asked, or into the run, or beside the first of several."""
    if out is not None:
        return Path(out)
    first = Path(runs[0])
    if not first.is_dir():
        return None
    return (first / "figures" if len(runs) == 1 else first.resolve().parent) / "evaluation.html"


def _write_page(
    page: Path,
    sessions: "Sequence[Session]",
    subject: "Subject",
    evaluations: "Sequence[Evaluation]",
) -> None:
    from lik.figures.evaluation import write_evaluation

    originals = subject.pictures[:FACES]
    write_evaluation(
        page, evaluations, originals, [_shown(session, originals) for session in sessions],
        command_line(),
    )  # fmt: skip


def _shown(session: "Session", originals: Any) -> "Shown":
    from lik.figures.evaluation import Shown

    parts = session.metadata.get("parts", ["encoder", "decoder"])
    decodes = "decoder" in parts
    return Shown(
        session.name,
        session.reconstruct(originals) if decodes and "encoder" in parts else None,
        session.generate(SAMPLES) if decodes else None,
    )
