"""A bar for work that is asked for from Python: drawn in notebooks, a line in terminals."""

import html
import sys
import time
from typing import Any

SECONDS = 0.2
"""Between two looks of a bar."""


class Bar:
    """A `lik.core.events.Progress`: how much is done, and how long the rest will take.

    lik.train("paper-first", "faces/drawn", "runs/drawn", progress=lik.Bar())

    Where there is neither a notebook nor a terminal, it shows nothing.
    """

    def __init__(self) -> None:
        self.stage, self.done, self.total = "", 0, 0
        self.began = self.stage_began = time.monotonic()
        self.at_first, self.shown = 0, 0.0
        self.handle: Any = None

    def __call__(self, stage: str, done: int, total: int) -> None:
        """Go on; work of another size, or that begins again, is another stage."""
        now = time.monotonic()
        if total != self.total or done < self.done:
            self.stage_began, self.at_first, self.shown = now, done, 0.0
        self.stage, self.done, self.total = stage, done, total
        if now - self.shown >= SECONDS or done >= total:
            self.shown = now
            self._show()

    @property
    def to_go(self) -> float | None:
        """Seconds, at the speed of this stage so far; None before anything is done."""
        moved = self.done - self.at_first
        if not moved:
            return None
        return (time.monotonic() - self.stage_began) / moved * (self.total - self.done)

    def __repr__(self) -> str:
        if self.done >= self.total:
            when = f", took {_minutes(time.monotonic() - self.began)}"
        else:
            when = "" if self.to_go is None else f", {_minutes(self.to_go)} to go"
        return f"{self.stage}: {self.done:,} of {self.total:,}{when}"

    def _repr_html_(self) -> str:
        drawn = f'<progress value="{self.done}" max="{max(self.total, 1)}"></progress>'
        return f"<div>{drawn} {html.escape(repr(self))}</div>"

    def _show(self) -> None:
        shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
        if self.handle is not None:
            self.handle.update(self)
        elif hasattr(shell, "kernel"):
            self.handle = sys.modules["IPython"].display.display(self, display_id=True)
        elif sys.stderr.isatty():
            end = "\n" if self.done >= self.total else ""
            print(f"\r\033[K{self!r}", end=end, file=sys.stderr, flush=True)


def _minutes(seconds: float) -> str:
    return f"{round(seconds) // 60}:{round(seconds) % 60:02d}"
