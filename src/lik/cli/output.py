"""What the commands say: sentences, tables, JSON, and progress bars where there is a terminal."""

import json
import math
import shlex
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lik.core.tables import Table

if TYPE_CHECKING:
    from rich.progress import Progress

    from lik.app.opened import OpenedRun
    from lik.figures.png import Drawn


def say(text: str = "") -> None:
    """Print a line for people, on standard output."""
    print(text, flush=True)


def note(text: str) -> None:
    """Print a line beside the answer, on standard error."""
    print(text, file=sys.stderr, flush=True)


def say_json(content: Any) -> None:
    """Print an answer for programs; numbers that are not finite, which JSON lacks, are null."""
    print(json.dumps(_finite(content), indent=2, ensure_ascii=False), flush=True)


def _finite(content: Any) -> Any:
    if isinstance(content, dict):
        return {key: _finite(value) for key, value in content.items()}
    if isinstance(content, list | tuple):
        return [_finite(value) for value in content]
    return None if isinstance(content, float) and not math.isfinite(content) else content


def command_line() -> str:
    """The command as it was typed, for the text of pictures."""
    return shlex.join(["lik", *sys.argv[1:]])


def table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a plain table; columns after the first are aligned to the right."""
    dash = "─" if "utf" in (sys.stdout.encoding or "").lower() else "-"
    for line in Table(rows, headings).lines(dash):
        say(line)


@contextmanager
def progress_bar(*more_columns: str) -> Iterator["Progress | None"]:
    """A bar with a time to go on a terminal; None elsewhere.

    ``more_columns`` name fields of the task that are shown behind the bar.
    """
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        Progress,
        TaskProgressColumn,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    # Without markup: names of runs and attributes stand in them, and [/foo] is one of these.
    fields = [TextColumn(f"{{task.fields[{name}]}}", markup=False) for name in more_columns]
    with Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=24),
        TaskProgressColumn(),
        *fields,
        TimeElapsedColumn(),
        TextColumn("to go"),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        refresh_per_second=4,
    ) as progress:
        yield progress


@contextmanager
def progress() -> Iterator[Callable[[str, int, int], None]]:
    """A bar for work of several stages, told by name what is done of each, and of how much.

    Off a terminal, a line every tenth of the way of the long ones.
    """
    with progress_bar() as bar:
        task = bar.add_task("", total=None) if bar else None
        now, told = "", 0

        def step(stage: str, done: int, total: int) -> None:
            nonlocal now, told
            begins = stage != now
            now, told = stage, 0 if begins else told
            if bar is not None and task is not None:
                if begins:
                    bar.reset(task, description=stage, total=total)
                bar.update(task, completed=done, total=total)
            elif total >= 1000 and done * 10 // total > told:
                told = done * 10 // total
                note(f"{stage}: {done:,} of {total:,}")

        yield step
        if bar is not None and task is not None:
            bar.remove_task(task)


def save_figure(
    run: "OpenedRun | None",
    drawn: "Drawn",
    out: str | None = None,
    arrays: str | None = None,
    quietly: bool = False,
) -> Path:
    """Write a figure to ``out``, or into the run's figures, and its arrays; say where.

    Without a run, which no model made, it goes to ``out`` or here.
    """
    import numpy as np  # slow to load, as Pillow is, and `lik --help` needs none

    from lik.core.artifacts import replacing
    from lik.figures.png import save_png

    path = Path(out) if out else (run.figures if run else Path()) / drawn.name
    save_png(path, drawn.image, command=command_line(), run=drawn.run)
    if not quietly:
        say(str(path))
    if arrays is not None:
        with replacing(Path(arrays)) as temporary, open(temporary, "wb") as file:
            contents: dict[str, Any] = {**drawn.arrays}
            np.savez_compressed(file, **contents)
        say(arrays)
    return path
