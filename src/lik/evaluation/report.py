"""What an evaluation says, as data: metrics, each with all that it depends on."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
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

ORDER = list(GROUPS)

Better = Literal["higher", "lower", ""]


@dataclass(frozen=True)
class Network:
    """The network in whose features a metric is taken."""

    name: str
    sha256: str


@dataclass(frozen=True)
class Conditions:
    """The faces that metrics are of. ``crop`` is the rule of the face set."""

    faces: str
    faces_sha256: str
    split: str
    crop: dict[str, Any]


@dataclass(frozen=True)
class Metric:
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
    """All metrics of one run, and what else is to be said of them.

    Attributes:
        terms: the means of the fidelity, and their standard errors, by name.
        model_sha256: the weights that were measured, where they lie in a file.
        baseline: the same metrics of other real faces in place of the model's: no model can be
            expected below (or above) them.
        probes: of each attribute, accuracy, balanced accuracy, and that of the majority.
        notes: what could not be measured and why, what is unusual.
    """

    run: str
    conditions: Conditions
    count: int
    metrics: tuple[Metric, ...]
    baseline: tuple[Metric, ...] = ()
    probes: tuple[dict[str, Any], ...] = ()
    notes: tuple[str, ...] = ()
    terms: Mapping[str, Any] = field(default_factory=dict)
    model_sha256: str | None = None

    def metric(self, key: str) -> Metric | None:
        """The metric of that name, if it was measured."""
        return next((metric for metric in self.metrics if metric.key == key), None)

    def as_json(self) -> dict[str, Any]:
        """Plain values: what is kept in the run. Every metric carries its conditions."""
        of_all = asdict(self.conditions)

        def plain(metrics: Sequence[Metric]) -> list[dict[str, Any]]:
            fields = [asdict(metric) | of_all for metric in metrics]
            return [{key: one[key] for key in one if key != "digits"} for one in fields]

        return {
            "run": self.run,
            "model_sha256": self.model_sha256,
            "images": self.count,
            **self.terms,
            **of_all,
            "metrics": plain(self.metrics),
            "baseline": plain(self.baseline),
            "probes": list(self.probes),
            "notes": list(self.notes),
        }


def sorted_out(metrics: Sequence[Metric]) -> tuple[tuple[Metric, ...], list[str]]:
    """The metrics that are numbers, in the order of their groups, and a note for each other."""
    finite = [metric for metric in metrics if math.isfinite(metric.value)]
    notes = [f"{m.label} came out as no finite number." for m in metrics if m not in finite]
    return tuple(sorted(finite, key=lambda metric: ORDER.index(metric.group))), notes


@dataclass(frozen=True)
class TableRow:
    """A metric of all runs: ``cells`` in their order, the baseline last."""

    group: str
    heading: str
    cells: tuple[str, ...]


def table_rows(evaluations: Sequence[Evaluation]) -> list[TableRow]:
    """The metrics of several runs side by side; '–' where a run lacks one.

    The last cell is that of other real faces; there is none where no run has a baseline.
    """
    # What goes by another heading, as under another likelihood, stands in a row of its own.
    rows = {(m.key, m.heading): m.group for one in evaluations for m in one.metrics}
    baseline = {metric.key: metric for one in evaluations for metric in one.baseline}
    table = []
    for (key, heading), group in sorted(rows.items(), key=lambda row: ORDER.index(row[1])):
        found = [evaluation.metric(key) for evaluation in evaluations]
        cells = [metric.text if metric and metric.heading == heading else "–" for metric in found]
        if baseline:
            cells.append(baseline[key].text if key in baseline else "")
        table.append(TableRow(group, heading, tuple(cells)))
    return table
