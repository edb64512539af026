"""The page of an evaluation: what runs make of the same faces, and every metric beside them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from lik.evaluation.report import GROUPS, Evaluation, table_rows
from lik.figures.grids import Pictures, Row, sheet
from lik.figures.page import Section, data_uri, write_page

BASELINE = "other real faces"
"""The column of the real-vs-real baseline."""

HINTS = {
    "loss": "Σ(x−x̂)² + KL in nats per image, whatever the run was trained with.",
    "likelihood": "A bound on −log p(x), from many codes per face; lower is better. Only runs "
    "with the same likelihood compare.",
    "likeness": "Means over the faces of the split. They tell how near the pixels, the local "
    "structure or the maps of a network come to the original, face by face.",
    "reconstructions": "Distances, precision, recall, density and coverage of two sets in the "
    "features of a network. The last column is what other real faces come to in place of the "
    "reconstructions.",
    "samples": "The same for faces decoded from random codes. Only sets of the same number of "
    "faces compare.",
    "code": "Dimensions in use, and how well logistic regressions on the means, fitted to the "
    "train split, read the attributes.",
    "factors": "The drawn faces' own factors against the dimensions: 1 where each stands alone.",
}
"""A sentence or two on each part of the table."""


@dataclass(frozen=True)
class RunPictures:
    """Pictures of one run, (K, S, S, 3) each; None where it lacks the half that makes them."""

    name: str
    reconstructions: Pictures | None
    samples: Pictures | None


def write_evaluation(
    path: Path,
    evaluations: Sequence[Evaluation],
    originals: Pictures,
    shown: Sequence[RunPictures],
    command: str,
) -> None:
    """Write the page, which holds its pictures itself."""
    sets = dict.fromkeys(
        f"the {e.conditions.split} split of {e.conditions.faces} (crop {e.conditions.crop['kind']})"
        for e in evaluations
    )
    introduction = [
        f"Measured on {' and '.join(sets)}. ± is a spread; a table at the end says of what.",
        "↑ and ↓ show which way is better. No single figure tells whether faces are good: look "
        "at them first.",
    ]
    sections = [*_pictures(originals, shown), *_tables(evaluations), *_probes(evaluations)]
    if notes := dict.fromkeys(note for e in evaluations for note in e.notes):
        sections.append(Section("To be kept in mind", " ".join(notes)))
    write_page(
        path,
        f"Evaluation of {', '.join(evaluation.run for evaluation in evaluations)}",
        introduction,
        [*sections, *_spreads(evaluations), _conditions(evaluations, command)],
        "Made by lik evaluate. Reconstructions and samples are made by a generative model; "
        "docs/evaluation.md says what each figure is, and what it is blind to.",
    )


def _pictures(originals: Pictures, shown: Sequence[RunPictures]) -> Iterator[Section]:
    rows = [Row(run.reconstructions, run.name) for run in shown if run.reconstructions is not None]
    if rows:
        yield Section(
            "Reconstructions",
            "Faces of the split, and what each run decodes from the means of their codes.",
            data_uri(sheet([Row(originals, "originals"), *rows], tile=96), photographic=True),
            "Originals above their reconstructions",
        )
    rows = []
    for run in shown:
        if run.samples is not None:
            half = (len(run.samples) + 1) // 2
            rows += [Row(run.samples[:half], run.name, new_group=True), Row(run.samples[half:])]
    if rows:
        yield Section(
            "Samples",
            "Decoded from random numbers: none of these people exists.",
            data_uri(sheet(rows, tile=96), photographic=True),
            "New faces of each run",
        )


def _tables(evaluations: Sequence[Evaluation]) -> Iterator[Section]:
    columns = ["", *(evaluation.run for evaluation in evaluations)]
    for group, members in groupby(table_rows(evaluations), key=lambda row: row.group):
        cells = [(row.heading, *row.cells) for row in members]
        heads = [*columns, BASELINE]
        if not any(row[len(columns) :] for row in cells) or not any(row[-1] for row in cells):
            cells, heads = [row[: len(columns)] for row in cells], columns
        yield Section(GROUPS[group], HINTS[group], table=cells, columns=heads)


def _probes(evaluations: Sequence[Evaluation]) -> Iterator[Section]:
    probed = [evaluation for evaluation in evaluations if evaluation.probes]
    if not probed:
        return
    runs = [{probe["attribute"]: probe["accuracy"] for probe in one.probes} for one in probed]
    cells = []
    for probe in sorted(probed[0].probes, key=lambda p: p["majority"] - p["accuracy"]):
        name = probe["attribute"]
        own = [f"{100 * found[name]:.1f}" if name in found else "–" for found in runs]
        cells.append((name.replace("_", " "), *own, f"{100 * probe['majority']:.1f}"))
    yield Section(
        "Attributes read from the code",
        "Accuracy of each linear probe in %, beside that of always saying the majority; what "
        "the probes gain most on comes first.",
        table=cells,
        columns=["", *(evaluation.run for evaluation in probed), "majority"],
    )


def _spreads(evaluations: Sequence[Evaluation]) -> Iterator[Section]:
    """What each ± is, and of how many faces the figure."""
    of: dict[tuple[str, int], dict[str, None]] = {}
    for metric in (metric for e in evaluations for metric in e.metrics):
        if metric.spread is not None:
            counted = metric.repeats and "pairs" not in metric.spread_of
            spread = metric.spread_of + (f" ({metric.repeats})" if counted else "")
            of.setdefault((spread, metric.count), {})[metric.label] = None
    if of:
        yield Section(
            "What ± is",
            "It is shown where a figure has a spread.",
            table=[(what, f"{count:,}", ", ".join(labels)) for (what, count), labels in of.items()],
            columns=("spread", "faces", "of"),
        )


def _conditions(evaluations: Sequence[Evaluation], command: str) -> Section:
    """What every figure depends on."""
    rows = []
    for run, on in ((evaluation.run, evaluation.conditions) for evaluation in evaluations):
        rows.append((run, on.faces, on.split, on.crop["kind"], f"{on.faces_sha256[:12]}…"))
    metrics = [metric for e in evaluations for metric in e.metrics]
    seeds = sorted({metric.seed for metric in metrics if metric.seed is not None})
    networks = dict.fromkeys(
        f"{metric.network.name} (SHA-256 {metric.network.sha256[:12]}…)"
        for metric in metrics
        if metric.network
    )
    text = (
        f"Seed {', '.join(map(str, seeds)) or 'none'}; every number has all that it depends on in "
        "metrics.json."
    )
    if networks:
        text += f" Networks of features: {', '.join(networks)}."
    return Section(
        "What was measured",
        text,
        table=rows,
        columns=("run", "face set", "split", "crop", "SHA-256 of its pictures"),
        command=command,
    )
