"""What an evaluation says, as data: figures, each with all that it depends on."""

import math
from dataclasses import asdict, dataclass
from typing import Any, Literal

GROUPS = {
    "loss": "Loss, in the published scale",
    "likelihood": "Likelihood",
    "likeness": "Likeness of reconstructions from the mean",
    "reconstructions": "Reconstructions as a set of faces, against the split",
    "samples": "Samples of the prior as a set of faces, against the split",
    "code": "What the code holds",
    "factors": "True factors and dimensions",
}
"""The parts of a table, and their headings, in order."""

Better = Literal["higher", "lower", ""]


@dataclass(frozen=True)
class Network:
    """The network in whose features a figure is taken."""

    name: str
    sha256: str


@dataclass(frozen=True)
class Conditions:
    """The faces that figures are of. ``crop`` is the rule of the face set."""

    faces: str
    faces_sha256: str
    split: str
    crop: dict[str, Any]


@dataclass(frozen=True)
class Figure:
    """One number.

    Attributes:
        key, label, unit: its name for programs and for people; '' for a number without a unit.
        group: the part of the table that it stands in, of `GROUPS`.
        value: the number. spread: of what ``spread_of`` says; None where there is none.
        count: faces, or samples, that it is of.
        better: which way is better; '' where neither is by itself.
        digits: how many are shown after the point.
        seed: of what was drawn for it; None where nothing was.
        repeats: how many times it was measured, where ``spread`` comes from that.
    """

    key: str
    label: str
    group: str
    value: float
    count: int
    unit: str = ""
    spread: float | None = None
    spread_of: str = ""
    better: Better = ""
    digits: int = 2
    seed: int | None = None
    repeats: int | None = None
    network: Network | None = None

    @property
    def text(self) -> str:
        """The number and its spread as people read them."""
        shown = f"{self.value:.{self.digits}f}"
        return shown if self.spread is None else f"{shown} ± {self.spread:.{self.digits}f}"

    @property
    def heading(self) -> str:
        """Its label with unit, and an arrow to the better side."""
        arrow = {"higher": " ↑", "lower": " ↓", "": ""}[self.better]
        return f"{self.label}{f', {self.unit}' if self.unit else ''}{arrow}"


@dataclass(frozen=True)
class Evaluation:
    """All figures of one run, and what else is to be said of them.

    Attributes:
        floor: the same figures of other real faces in place of the model's: no model can be
            expected below (or above) them.
        probes: of each attribute, accuracy, balanced accuracy, and that of the majority.
        notes: what could not be measured and why, what is unusual.
    """

    run: str
    conditions: Conditions
    figures: tuple[Figure, ...]
    floor: tuple[Figure, ...] = ()
    probes: tuple[dict[str, Any], ...] = ()
    notes: tuple[str, ...] = ()

    def figure(self, key: str) -> Figure | None:
        """The figure of that name, if it was measured."""
        return next((figure for figure in self.figures if figure.key == key), None)

    def as_json(self) -> dict[str, Any]:
        """Plain values; every figure carries its conditions."""
        of_all = asdict(self.conditions)
        return {
            "figures": [_plain(figure) | of_all for figure in self.figures],
            "floor": [_plain(figure) | of_all for figure in self.floor],
            "probes": list(self.probes),
            "notes": list(self.notes),
        }


def _plain(figure: Figure) -> dict[str, Any]:
    plain = asdict(figure)
    del plain["digits"]
    return plain


def sorted_out(figures: list[Figure]) -> tuple[tuple[Figure, ...], list[str]]:
    """The figures that are numbers, in the order of their groups, and a note for each other."""
    notes = [
        f"{figure.label} came out as no finite number." for figure in figures
        if not math.isfinite(figure.value)
    ]  # fmt: skip
    order = list(GROUPS)
    finite = [figure for figure in figures if math.isfinite(figure.value)]
    return tuple(sorted(finite, key=lambda figure: order.index(figure.group))), notes


@dataclass(frozen=True)
class TableRow:
    """A row of the comparison: a figure of all runs, ``cells`` in their order, the floor last."""

    group: str
    heading: str
    cells: tuple[str, ...]


def table_rows(evaluations: list[Evaluation]) -> list[TableRow]:
    """The figures of several runs side by side; '–' where a run lacks one.

    The last cell is that of other real faces; there is none where no run has a floor.
    """
    every = [figure for evaluation in evaluations for figure in evaluation.figures]
    different = {(figure.key, figure.heading): figure for figure in reversed(every)}
    in_order = dict.fromkeys((figure.key, figure.heading) for figure in every)
    first = [(row, different[row]) for row in in_order]
    floor = {figure.key: figure for evaluation in evaluations for figure in evaluation.floor}
    order = list(GROUPS)
    rows = []
    for (key, heading), one in sorted(first, key=lambda row: order.index(row[1].group)):
        found = [evaluation.figure(key) for evaluation in evaluations]
        # What goes by another heading, as under another likelihood, stands in a row of its own.
        cells = [figure.text if figure and figure.heading == heading else "–" for figure in found]
        if floor:
            cells.append(floor[key].text if key in floor else "")
        rows.append(TableRow(one.group, heading, tuple(cells)))
    return rows
