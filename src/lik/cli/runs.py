"""lik runs: the runs below a folder, in a table and as curves on common axes."""

from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated

from lik.app.overview import Overview, compare_runs, list_runs
from lik.cli.options import Json, Out, option, required
from lik.cli.output import command_line, note, say, say_json, table
from lik.figures.png import save_png

COLUMNS = (
    "run", "model", "pixels", "latent", "objective", "epochs", "faces", "loss", "reconstruction",
    "KL", "images/s", "device", "state",
)  # fmt: skip


class Sorting(StrEnum):
    """What the runs are sorted by."""

    name = "name"
    loss = "loss"


def runs(
    folder: Annotated[Path, required("A folder with runs in it, at some depth.", "DIR")],
    sort: Sorting = option(Sorting.name, "By name, or by loss among those that compare."),
    as_json: Json = False,
    out: Out = None,
) -> None:
    """Compare the runs below a folder: a table, and their curves in DIR/runs.png.

    Losses compare only where what they are sums of, and the size of the pictures, are the same.

    Example: lik runs runs --sort loss
    """
    found = list_runs(folder, by_loss=sort is Sorting.loss)
    if as_json:
        say_json([run.described() for run in found])
    else:
        table(COLUMNS, [_row(run) for run in found])
        _explain(found)
    image = compare_runs(found, folder.resolve().name, note)
    if image is not None:
        path = Path(out) if out else folder / "runs.png"
        save_png(path, image, command=command_line())
        note(str(path)) if as_json else say(f"\n{path}")


def _row(run: Overview) -> tuple[str, ...]:
    if run.state == "broken":
        return (run.name, *[""] * (len(COLUMNS) - 2), "broken")
    metrics = run.metrics or {}
    mark = "" if run.validated or not metrics else "*"

    def cell(part: str) -> str:
        return f"{metrics[part]:.2f}{mark}" if part in metrics else ""

    return (
        run.name,
        run.model or "",
        f"{run.size}" if run.size else "",
        f"{run.latent}" if run.latent else "",
        run.objective or "",
        f"{run.epochs_done}/{run.epochs}" if run.epochs else "",
        run.faces or "",
        cell("loss"),
        cell("reconstruction"),
        cell("kl"),
        f"{run.records[-1].images_per_second:,.0f}" if run.records else "",
        " ".join(filter(None, (run.device, run.precision, "compiled" if run.compiled else None))),
        run.state,
    )


def _explain(found: Sequence[Overview]) -> None:
    say()
    if any(run.validated for run in found):
        say("Losses are of the validation faces after the last epoch.")
    if any(run.metrics and not run.validated for run in found):
        say("* of the training faces: there was no validation split.")
    if len({(run.scale, run.size) for run in found if run.records}) > 1:
        say("Losses of other objectives or picture sizes do not compare.")
    for run in found:
        if run.state == "broken":
            say(f"{run.name} is broken: {run.reason}")
        elif run.state == "ended early":
            say(f"{run.name} ended early: {run.reason}.")
