"""The page of an evaluation: what runs make of the same faces, and every metric beside them."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lik.evaluation.report import GROUPS, Evaluation, Metric, table_rows
from lik.figures.grids import Row, sheet
from lik.figures.page import Section, data_uri, write_page

Pictures = NDArray[np.uint8]

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
    names = ", ".join(evaluation.run for evaluation in evaluations)
    write_page(
        path,
        f"Evaluation of {names}",
        _introduction(evaluations),
        [*_pictures(originals, shown), *_tables(evaluations), *_probes(evaluations),
         *_notes(evaluations), *_spreads(evaluations), _conditions(evaluations, command)],
        "Made by lik evaluate. Reconstructions and samples are made by a generative model; "
        "docs/evaluation.md says what each figure is, and what it is blind to.",
    )  # fmt: skip


def _introduction(evaluations: Sequence[Evaluation]) -> list[str]:
    sets = {
        f"the {e.conditions.split} split of {e.conditions.faces} (crop "
        f"{e.conditions.crop['kind']})": None for e in evaluations
    }  # fmt: skip
    return [
        f"Measured on {' and '.join(sets)}. ± is a spread; a table at the end says of what.",
        "↑ and ↓ show which way is better. No single figure tells whether faces are good: look "
        "at them first.",
    ]


def _pictures(originals: Pictures, shown: Sequence[RunPictures]) -> list[Section]:
    rows = [Row(originals, "originals")]
    rows += [Row(run.reconstructions, run.name) for run in shown if run.reconstructions is not None]
    sections = []
    if len(rows) > 1:
        image = sheet(rows, tile=96)
        sections.append(
            Section(
                "Reconstructions",
                "Faces of the split, and what each run decodes from the means of their codes.",
                data_uri(image, photographic=True), "Originals above their reconstructions",
            )
        )  # fmt: skip
    samples = [(run.name, run.samples) for run in shown if run.samples is not None]
    if samples:
        rows = []
        for name, pictures in samples:
            half = (len(pictures) + 1) // 2
            rows += [Row(pictures[:half], name, new_group=True), Row(pictures[half:])]
        sections.append(
            Section(
                "Samples",
                "Decoded from random numbers: none of these people exists.",
                data_uri(sheet(rows, tile=96), photographic=True), "New faces of each run",
            )
        )  # fmt: skip
    return sections


def _tables(evaluations: Sequence[Evaluation]) -> list[Section]:
    rows = table_rows(evaluations)
    columns = ["", *(evaluation.run for evaluation in evaluations)]
    sections = []
    for group, members in groupby(rows, key=lambda row: row.group):
        cells = [(row.heading, *row.cells) for row in members]
        heads = [*columns, BASELINE]
        if not any(row[len(columns) :] for row in cells) or not any(row[-1] for row in cells):
            cells, heads = [row[: len(columns)] for row in cells], columns
        sections.append(Section(GROUPS[group], HINTS[group], table=cells, columns=heads))
    return sections


def _probes(evaluations: Sequence[Evaluation]) -> list[Section]:
    probed = [evaluation for evaluation in evaluations if evaluation.probes]
    if not probed:
        return []
    accuracies = [
        {probe["attribute"]: probe["accuracy"] for probe in evaluation.probes}
        for evaluation in probed
    ]
    cells = [
        (
            probe["attribute"].replace("_", " "),
            *(f"{100 * found[probe['attribute']]:.1f}" if probe["attribute"] in found else "–"
              for found in accuracies),
            f"{100 * probe['majority']:.1f}",
        )
        for probe in sorted(probed[0].probes, key=lambda p: p["majority"] - p["accuracy"])
    ]  # fmt: skip
    return [
        Section(
            "Attributes read from the code",
            "Accuracy of each linear probe in %, beside that of always saying the majority; what "
            "the probes gain most on comes first.",
            table=cells,
            columns=["", *(evaluation.run for evaluation in probed), "majority"],
        )
    ]


def _notes(evaluations: Sequence[Evaluation]) -> list[Section]:
    notes = list(dict.fromkeys(note for e in evaluations for note in e.notes))
    if not notes:
        return []
    return [Section("To be kept in mind", " ".join(notes))]


def _conditions(evaluations: Sequence[Evaluation], command: str) -> Section:
    """What every figure depends on."""
    rows = [
        (
            e.run, e.conditions.faces, e.conditions.split, e.conditions.crop["kind"],
            f"{e.conditions.faces_sha256[:12]}…",
        )
        for e in evaluations
    ]  # fmt: skip
    networks = dict.fromkeys(
        f"{metric.network.name} (SHA-256 {metric.network.sha256[:12]}…)"
        for e in evaluations for metric in e.metrics if metric.network
    )  # fmt: skip
    text = f"Seed {_seeds(evaluations)}; every number has all that it depends on in metrics.json."
    if networks:
        text += f" Networks of features: {', '.join(networks)}."
    return Section(
        "What was measured",
        text,
        table=rows,
        columns=("run", "face set", "split", "crop", "SHA-256 of its pictures"),
        command=command,
    )


def _seeds(evaluations: Sequence[Evaluation]) -> str:
    seeds = {metric.seed for e in evaluations for metric in e.metrics} - {None}
    return ", ".join(map(str, sorted(seed for seed in seeds if seed is not None))) or "none"


def _spreads(evaluations: Sequence[Evaluation]) -> list[Section]:
    """What each ± is, and of how many faces the figure."""
    of: dict[tuple[str, int], dict[str, None]] = {}
    for metric in (metric for e in evaluations for metric in e.metrics):
        if metric.spread is not None:
            of.setdefault((_spread(metric), metric.count), {})[metric.label] = None
    if not of:
        return []
    return [
        Section(
            "What ± is",
            "It is shown where a figure has a spread.",
            table=[
                (spread, f"{count:,}", ", ".join(labels)) for (spread, count), labels in of.items()
            ],
            columns=("spread", "faces", "of"),
        )
    ]


def _spread(metric: Metric) -> str:
    counted = metric.repeats and "pairs" not in metric.spread_of
    return metric.spread_of + (f" ({metric.repeats})" if counted else "")
