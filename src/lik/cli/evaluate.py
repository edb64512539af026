"""lik evaluate: how good runs are, in metrics that say what they are."""

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

from lik.app.evaluating import EvaluatedRuns, EvaluationRequest, page_of, write_page
from lik.app.evaluating import evaluate as evaluate_runs
from lik.app.opened import OpenedRun
from lik.cli.options import Device, Faces, Json, Seed, Split, Threads, file_of, option, required
from lik.cli.output import command_line, note, progress, say, say_json, table

PLAIN_WIDTH = 110
"""Width of the table off a terminal."""


def evaluate(
    runs: Annotated[list[str], required("Runs to measure alike.", "RUN …")],
    faces: Faces = None,
    split: Split = "test",
    features: str | None = option(
        None, "A network of lik train-classifier, to compare sets of faces by.", "NET"
    ),
    inception: Path | None = option(
        None, "Inception as a TorchScript file, for FID and KID; run only trusted files.", "FILE"
    ),
    samples: int | None = option(
        None, "Samples in each set.", "N", min=1, show_default="as many as faces"
    ),
    importance: int = option(
        0, "Codes per face of the bound on the likelihood; 0: none.", "K", min=0
    ),
    repeats: int = option(3, "Sets, draws and halves that spreads are of.", "R", min=1),
    seed: Seed = 0,
    as_json: Json = False,
    out: str | None = option(
        None,
        "The page to write (default: in the run's figures).",
        "HTML",
        "--out",
        "-o",
        callback=file_of(".html"),
    ),
    device: Device = "auto",
    threads: Threads = None,
) -> None:
    """Measure runs on a split: loss, likeness, sets of faces, likelihood, what the code holds.

    The metrics of each are also kept in the run, as metrics.json, and a page shows them all. What
    changes of one trait do besides is measured by lik benchmark-edits.

    Example: lik evaluate runs/first runs/second --features runs/judge --importance 100
    """
    opened = [OpenedRun(run, device, threads, note) for run in runs]
    request = EvaluationRequest(
        faces, split, features, inception, samples, importance, repeats, seed
    )
    with progress() as step:
        evaluated = evaluate_runs(opened, request, step, note)
    metrics = evaluated.metrics
    if as_json:
        say_json(metrics[0] if len(metrics) == 1 else metrics)
    else:
        _show(evaluated)
    if evaluated.failure is not None:
        raise evaluated.failure  # so late, that all is told even where it cannot be kept
    page = Path(out) if out else page_of(opened)
    if page is not None:
        write_page(page, opened, evaluated, command_line())
        if not as_json:
            say(f"\n{page}")


def _show(evaluated: EvaluatedRuns) -> None:
    for sentence in evaluated.subjects:
        say(sentence)
    say()
    rows = evaluated.rows
    columns = [
        [name, *(row.cells[number] for row in rows)]
        for number, name in enumerate(evaluated.columns)
    ]
    labels = ["", *(row.heading for row in rows)]
    width = shutil.get_terminal_size((PLAIN_WIDTH, 24)).columns
    for start, end in _fitting(labels, columns, width):
        heads, *lines = zip(labels, *columns[start:end], strict=True)
        table(("metric", *heads[1:]), [line for line in lines if any(line[1:])])
        say()
    for said in evaluated.notes:
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
