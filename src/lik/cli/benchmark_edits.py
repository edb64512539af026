"""lik benchmark-edits: what edits of one trait do besides, at equal success."""

from typing import Annotated

import typer

from lik.app.benchmark import (
    USUAL_ATTRIBUTES,
    USUAL_METHODS,
    BenchmarkRequest,
    EditResult,
    benchmark_edits,
)
from lik.app.benchmark_report import (
    HEADINGS,
    TRUTH_HEADINGS,
    as_plain_values,
    factors_read,
    rows_of,
    sentences_of,
    truth_rows,
    write_report,
)
from lik.app.run import Run as OpenRun
from lik.app.selection import Selection
from lik.cli.options import (
    Device,
    Faces,
    FittedPrior,
    Json,
    Run,
    Seed,
    Split,
    Threads,
    flag,
    names_of,
    option,
)
from lik.cli.output import command_line, note, progress, say, say_json, table

METHODS = ",".join(USUAL_METHODS)
ATTRIBUTES = f"those of {', '.join(USUAL_ATTRIBUTES)} that the networks know"


def benchmark_edits_(
    run: Run,
    classifier: Annotated[
        str,
        typer.Option(
            "--classifier",
            help="The network that measures: one that trained and guided nothing else.",
            metavar="NET",
        ),
    ],
    guide: list[str] | None = option(
        None,
        "A network that guides; several guide together.",
        "NET",
        show_default="those of lik fit-directions --method guided",
    ),
    methods: list[str] | None = option(
        None, "Which methods, divided by commas.", "A,B", show_default=METHODS
    ),
    attributes: list[str] | None = option(
        None, "Which attributes, divided by commas.", "A,B", show_default=ATTRIBUTES
    ),
    count: int = option(500, "Faces, at the most.", None, "--count", "-n", min=2),
    generated: bool = flag("--generated", "Edit generated faces, which nobody is."),
    prior: FittedPrior = None,
    faces: Faces = None,
    split: Split = "test",
    seed: Seed = 0,
    as_json: Json = False,
    device: Device = "auto",
    threads: Threads = None,
) -> None:
    """Flip each of some attributes on the faces of a split by each method, and measure the rest.

    The editors are those of lik edit. Every face is moved away from the side on which the
    classifier sees its reconstruction. Methods are compared where they flip 50, 80 and 95 % of the
    faces; on drawn faces, against the true change as well. The answer is kept as
    RUN/benchmark/edits.json, with a page of strips beside it; these show real people, unless drawn
    or --generated faces are edited. Stopped on the way, the same command goes on where it was.

    Example: lik benchmark-edits runs/first --classifier networks/judge --guide networks/attributes
    """
    opened = OpenRun(run, device, threads, note)
    request = BenchmarkRequest(
        classifier, guide or [], names_of(methods) or USUAL_METHODS, names_of(attributes),
        Selection(split, (), (), count, seed), faces, generated, prior,
    )  # fmt: skip
    with progress() as step:
        found = benchmark_edits(opened, request, step, note, lambda result: note(_line(result)))
    page = write_report(opened.path / "benchmark", found, command_line())
    if as_json:
        say_json(as_plain_values(found))
        return
    table(HEADINGS, rows_of(found))
    say()
    for sentence in sentences_of(found):
        say(sentence)
    if found.truth is not None:
        say("\nAgainst the true counterfactuals of drawn faces:")
        table(TRUTH_HEADINGS, truth_rows(found))
        say(f"\n{factors_read(found.truth)}")
    say(str(page))


def _line(result: EditResult) -> str:
    at = result.at(0.8)
    if at is None:
        return f"{result.attribute}, {result.method}: flips {100 * result.most:.0f} % at the most"
    return f"{result.attribute}, {result.method}: leaks {at.leakage:.3f} σ where 80 % are flipped"
