"""Measuring runs: all of an evaluation, with its page, and the loss of each face."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from lik.app.opened import OpenedRun
from lik.app.selection import Selection
from lik.core.artifacts import write_json
from lik.core.errors import FailedOnTheWay, UnusableInput
from lik.core.events import Notify, Progress, no_notices, no_progress
from lik.core.pixels import Pictures
from lik.core.tables import ShownAsTable, Table
from lik.evaluation import networks
from lik.evaluation.evaluator import EvaluationRequest, Measurement, Subject, subject_of
from lik.evaluation.fidelity import SCALE, Terms
from lik.evaluation.fidelity import losses as losses_of_session
from lik.evaluation.measures import measure
from lik.evaluation.report import Evaluation, TableRow, table_rows
from lik.figures.evaluation import RunPictures, write_evaluation

__all__ = [
    "SCALE", "EvaluatedRuns", "EvaluationRequest", "evaluate", "losses", "page_of", "write_page",
]  # fmt: skip

FACES, SAMPLES = 8, 16
"""Pictures of each run on the page."""


@dataclass(frozen=True, repr=False)
class EvaluatedRuns(ShownAsTable):
    """What was measured of runs.

    Attributes:
        evaluations: of each, in their order.
        originals: faces for the page, uint8 (K, S, S, 3).
        failure: why the metrics of a run could not be kept in it, if that is so.
    """

    evaluations: Sequence[Evaluation]
    originals: Pictures
    failure: FailedOnTheWay | None = None

    @property
    def metrics(self) -> list[dict[str, Any]]:
        """What ``metrics.json`` of each run holds."""
        return [evaluation.as_json() for evaluation in self.evaluations]

    @property
    def rows(self) -> list[TableRow]:
        """The metrics of the runs side by side."""
        return table_rows(self.evaluations)

    @property
    def columns(self) -> list[str]:
        """What stands above the cells of `rows`: the runs, and what they are held against."""
        names = [evaluation.run for evaluation in self.evaluations]
        baseline = any(evaluation.baseline for evaluation in self.evaluations)
        return [*names, "other real faces"] if baseline else names

    @property
    def subjects(self) -> list[str]:
        """What was measured on which faces, a sentence for each face set."""
        first, *others = self.evaluations
        who = f"{1 + len(others)} runs" if others else first.run
        sets = {one.conditions.faces_sha256: one for one in self.evaluations}
        return [
            f"{who} on {on.count:,} {on.conditions.split} faces of {on.conditions.faces} (crop "
            f"{on.conditions.crop['kind']}, SHA-256 {on.conditions.faces_sha256[:12]}…); loss "
            f"{SCALE}; ± is the spread that metrics.json names, for means over faces the standard "
            "error."
            for on in sets.values()
        ]

    @property
    def notes(self) -> list[str]:
        """What is to be said of them besides, each once."""
        return list(dict.fromkeys(said for one in self.evaluations for said in one.notes))

    def tables(self) -> Sequence[Table]:
        rows = [(row.heading, *row.cells) for row in self.rows]
        return [Table(rows, ("metric", *self.columns), self.subjects, self.notes)]


def evaluate(
    runs: Sequence[OpenedRun],
    request: EvaluationRequest | None = None,
    progress: Progress = no_progress,
    notify: Notify = no_notices,
) -> EvaluatedRuns:
    """Measure runs alike, and keep the metrics of each in its folder as soon as it is measured.

    Raises:
        UnusableInput: a run was given twice, or there are no such faces or networks.
    """
    request = request or EvaluationRequest()
    if not runs or len({run.path.resolve() for run in runs}) < len(runs):
        raise UnusableInput("a run was given twice, or none at all: name each once.")
    subjects = _subjects(runs, request, progress)
    if len({id(subject) for subject in subjects}) > 1:
        notify("The runs are measured on different face sets: their metrics do not compare.")
    evaluations, failure = [], None
    names = [run.name for run in runs]  # more of the path where the last name is not enough
    names = [str(r.path) if names.count(n) > 1 else n for r, n in zip(runs, names, strict=True)]
    for run, name, subject in zip(runs, names, subjects, strict=True):

        def step(stage: str, done: int, total: int, name: str = name) -> None:
            progress(f"{name}: {stage}", done, total)

        measured = measure(Measurement(run.session, name, subject, request, step))
        evaluations.append(replace(measured, model_sha256=run.sha256))
        try:
            if (
                run.path.is_dir() and not run.borrowed
            ):  # at once: a kill must not cost what is measured
                write_json(run.folder.metrics, evaluations[-1].as_json())
        except FailedOnTheWay as error:
            failure = failure or error
    progress("measured", len(runs), len(runs))
    return EvaluatedRuns(evaluations, subjects[0].pictures[:FACES], failure)


def losses(
    run: OpenedRun, pictures: Pictures, seed: int = 0, progress: Progress = no_progress
) -> Terms:
    """Each term of the run's own objective for each picture, (N,), in nats per image.

    Pictures are uint8 (N, S, S, 3). ``loss`` is what was minimised; ``reconstruction``, ``kl`` and
    further terms are its parts. One code is drawn from each posterior, by the seed.

    Raises:
        UnusableInput: pictures of another size, half a run, or an objective whose network of
            features is gone.
    """
    return losses_of_session(run.session, pictures, seed=seed, progress=progress)


def page_of(runs: Sequence[OpenedRun]) -> Path | None:
    """Where the page lies: in the run, or beside the first of several; None for a lone file."""
    first = runs[0].path
    if not first.is_dir():
        return None
    if len(runs) > 1 and not runs[0].borrowed:
        return first.resolve().parent / "evaluation.html"
    return runs[0].figures / "evaluation.html"


def write_page(
    path: Path, runs: Sequence[OpenedRun], evaluated: EvaluatedRuns, command: str = ""
) -> None:
    """Write the page that shows the runs and all their metrics; ``command`` made it."""
    shown = [
        _shown(run, evaluation.run, evaluated.originals)
        for run, evaluation in zip(runs, evaluated.evaluations, strict=True)
    ]
    write_evaluation(path, evaluated.evaluations, evaluated.originals, shown, command)


def _subjects(
    runs: Sequence[OpenedRun], request: EvaluationRequest, progress: Progress
) -> list[Subject]:
    """What each run is measured on; the same face set is opened and embedded once."""
    used = []
    if request.features:
        used.append(networks.classifier_features(Path(request.features)))
    if request.inception:
        used.append(networks.inception(Path(request.inception)))
    opened: dict[tuple[str, str | None], Subject] = {}
    subjects = []
    for run in runs:
        faces = run.faces(request.faces)
        key = (faces.hash, faces.index_hash)
        if key not in opened:
            chosen = Selection(request.split).of(faces)
            opened[key] = subject_of(faces, chosen, used, request, progress)
        subjects.append(opened[key])
    return subjects


def _shown(run: OpenedRun, name: str, originals: Pictures) -> RunPictures:
    decodes = "decoder" in run.session.parts
    return RunPictures(
        name,
        run.session.reconstruct(originals) if decodes and "encoder" in run.session.parts else None,
        run.session.generate(SAMPLES) if decodes else None,
    )
