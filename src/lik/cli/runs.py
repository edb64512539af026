"""lik runs: the runs below a folder, in a table and as curves on common axes."""

from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lik.cli.options import Json, Out
from lik.cli.output import command_line, note, say, say_json, table

if TYPE_CHECKING:
    from lik.training.overview import Overview


COLUMNS = (
    "run", "model", "pixels", "latent", "objective", "epochs", "faces", "loss", "reconstruction",
    "KL", "images/s", "device", "state",
)  # fmt: skip


class Sorting(StrEnum):
    """What the runs are sorted by."""

    name = "name"
    loss = "loss"


def runs(
    folder: Annotated[
        Path, typer.Argument(help="A folder with runs in it, at some depth.", metavar="DIR")
    ],
    sort: Annotated[
        Sorting, typer.Option(help="By name, or by loss among those that compare.")
    ] = Sorting.name,
    as_json: Json = False,
    out: Out = None,
) -> None:
    """Compare the runs below a folder: a table, and their curves in DIR/runs.png.

    Losses compare only where what they are sums of, and the size of the pictures, are the same.

    Example: lik runs runs --sort loss
    """
    from lik.core.errors import UnusableInput
    from lik.training.overview import find_runs, overview

    found = [overview(path, folder) for path in find_runs(folder)]
    if not found:
        raise UnusableInput(f"there are no runs in {folder}: lik train makes one.")
    if sort == Sorting.loss:
        found.sort(key=_by_loss)
    if as_json:
        say_json([_described(run) for run in found])
    else:
        table(COLUMNS, [_row(run) for run in found])
        _explain(found)
    trained = [run for run in found if run.records]
    if trained:
        path = Path(out) if out else folder / "runs.png"
        _draw(trained, path, folder.resolve().name)
        note(str(path)) if as_json else say(f"\n{path}")


def _by_loss(run: "Overview") -> tuple[bool, str, int, float, str]:
    """Those that compare beside each other, the lowest loss first; those without one last."""
    loss = run.figures["loss"] if run.figures else 0.0
    return (run.figures is None, run.scale or "", run.size or 0, loss, run.name)


def _row(run: "Overview") -> tuple[str, ...]:
    if run.state == "broken":
        return (run.name, *[""] * (len(COLUMNS) - 2), "broken")
    figures = run.figures or {}
    mark = "" if run.validated or not figures else "*"

    def figure(part: str) -> str:
        return f"{figures[part]:.2f}{mark}" if part in figures else ""

    return (
        run.name,
        run.model or "",
        f"{run.size}" if run.size else "",
        f"{run.latent}" if run.latent else "",
        run.objective or "",
        f"{run.epochs_done}/{run.epochs}" if run.epochs else "",
        run.faces or "",
        figure("loss"),
        figure("reconstruction"),
        figure("kl"),
        f"{run.records[-1].images_per_second:,.0f}" if run.records else "",
        " ".join(filter(None, (run.device, run.precision, "compiled" if run.compiled else None))),
        run.state,
    )


def _explain(found: Sequence["Overview"]) -> None:
    say()
    if any(run.validated for run in found):
        say("Losses are of the validation faces after the last epoch.")
    if any(run.figures and not run.validated for run in found):
        say("* of the training faces: there was no validation split.")
    if len({(run.scale, run.size) for run in found if run.records}) > 1:
        say("Losses of other objectives or picture sizes do not compare.")
    for run in found:
        if run.state == "broken":
            say(f"{run.name} is broken: {run.reason}")
        elif run.state == "ended early":
            say(f"{run.name} ended early: {run.reason}.")


def _described(run: "Overview") -> dict[str, Any]:
    last = run.records[-1] if run.records else None
    return {
        "name": run.name,
        "path": str(run.path),
        "state": run.state,
        "reason": run.reason,
        "model": run.model,
        "size": run.size,
        "latent": run.latent,
        "objective": run.objective,
        "scale": run.scale,
        "epochs_done": run.epochs_done,
        "epochs": run.epochs,
        "faces": run.faces,
        "train": last.train if last else None,
        "validation": last.validation if last else None,
        "best_validation": dict(zip(("epoch", "loss"), run.best, strict=True))
        if run.best
        else None,
        "images_per_second": last.images_per_second if last else None,
        "active_units": last.details.get("active_units") if last else None,
        "device": run.device,
        "precision": run.precision,
        "compiled": run.compiled,
    }


def _draw(trained: Sequence["Overview"], path: Path, name: str) -> None:
    """One row of panels for all runs of one scale and size of pictures."""
    from lik.figures.comparison import MOST_CURVES, MOST_GROUPS, Group, comparison
    from lik.figures.png import save_png

    kinds: dict[tuple[str | None, int | None], list[Overview]] = {}
    for run in trained:
        kinds.setdefault((run.scale, run.size), []).append(run)
    groups = []
    for (scale, size), members in sorted(kinds.items(), key=lambda kind: -len(kind[1])):
        best = sorted(members, key=_by_loss)[:MOST_CURVES]
        drawn = [run for run in members if run in best]
        left_out = f"the {MOST_CURVES} lowest of {len(members)}"
        groups.append(
            Group(
                f"loss = {scale}" + (f", {size} pixels" if size else ""),
                [_curve(run) for run in drawn],
                left_out if len(members) > MOST_CURVES else "",
                "nats per image" if "kl" in (best[0].figures or {}) else "",
            )
        )
    if len(groups) > MOST_GROUPS:
        note(f"Only the {MOST_GROUPS} scales with the most runs, of {len(groups)}, are drawn.")
    which = "validation faces, or training faces where there are no others"
    if all(run.validated for run in trained):
        which = "validation faces"
    save_png(path, comparison(groups, f"{name}   ·   on {which}"), command=command_line())


def _curve(run: "Overview") -> Any:
    from lik.cli.training_bar import spelt
    from lik.figures.comparison import RunCurve

    measured = [(r.validation if run.validated else r.train) or {} for r in run.records]
    parts = measured[-1]
    return RunCurve(
        run.name,
        [record.epoch for record in run.records],
        {spelt(part): [figures.get(part) for figures in measured] for part in parts},
    )
