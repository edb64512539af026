"""Directions of a run: fitted once, kept beside it, and opened as editors."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lik.app.calibrating import Calibrator, Places
from lik.app.guiding import kept_guided, open_guided, open_networks
from lik.app.opened import OpenedRun, logit_column
from lik.app.selection import LEARN, Selection, column_of, open_given
from lik.core.errors import FailedOnTheWay, UnusableInput
from lik.core.events import Notify, Progress, no_notices, no_progress
from lik.latent.directions.direction import (
    LENGTHS,
    Calibration,
    DirectionSet,
    LogitOfCodes,
    calibrated,
    saved_sets,
    stepped,
)
from lik.latent.directions.methods import (
    METHODS,
    Examples,
    difference_of_means,
    method_of,
    orthogonal_to,
)
from lik.latent.editing import Editor, LinearEditor
from lik.latent.guided import GUIDED, GuidanceSettings
from lik.latent.session import Codes, logits_of
from lik.models.classifier import LoadedClassifier

DEFAULT = "joint"
"""The directions that are taken where nothing else is asked for."""
ALL_METHODS = (*METHODS, GUIDED)


@dataclass(frozen=True)
class FitRequest:
    """How directions are to be fitted.

    Attributes:
        method: one of `METHODS`. name: of the set, by default the method's.
        faces: the face set, by default the run's own.
        classifiers: networks that calibrate strengths: a trait is there where all see it.
        keep: attributes that shall stay: every direction is turned to be at right angles to theirs.
        having, lacking: pictures, or folders of them, of a trait that nobody labelled.
        count: of directions, where no labels are needed. seed: of what is random.
    """

    method: str = DEFAULT
    name: str | None = None
    faces: str | Path | None = None
    classifiers: Sequence[str] = ()
    keep: Sequence[str] = ()
    having: Sequence[str] = ()
    lacking: Sequence[str] = ()
    count: int = 10
    seed: int = 0


def fit_directions(
    run: OpenedRun,
    request: FitRequest = FitRequest(),
    progress: Progress = no_progress,
    notify: Notify = no_notices,
) -> DirectionSet:
    """Fit directions on the training faces and keep them in RUN/directions.

    Raises:
        UnusableInput: no such method or attribute, or nothing to fit to.
    """
    folder = run.require_folder()
    if GUIDED in (request.method, request.name):
        raise UnusableInput(f"'{GUIDED}' is the name of guided edits: give the set another.")
    if request.having or request.lacking:
        fitted = _by_example(run, request)
    else:
        fitted = _by_method(run, request, progress, notify)
    fitted.save(folder)
    return fitted


def open_editor(
    run: OpenedRun,
    method: str | None = None,
    classifiers: Sequence[str] = (),
    faces: str | Path | None = None,
    guidance: GuidanceSettings | None = None,
    progress: Progress = no_progress,
    notify: Notify = no_notices,
) -> Editor:
    """Open an editor of a run; what it needs and is not yet beside the run is fitted and kept.

    Args:
        method: a set of directions that is kept beside the run, a method that fits one, or
            `GUIDED`; by default `DEFAULT`.
        classifiers: networks: the first tells probabilities, all of them guide. By default, those
            that guided edits were measured with.
        faces: the face set, by default the run's own. guidance: how guided steps are weighed.

    Raises:
        UnusableInput: no such directions, or nothing to fit them to, or no network for guiding.
    """
    if method == GUIDED:
        return open_guided(run, classifiers, faces, guidance, progress)
    if len(classifiers) > 1:
        raise UnusableInput("several networks go with guided edits alone: give one.")
    name = method or DEFAULT
    telling = run.classifier(classifiers[0]) if classifiers else None
    return LinearEditor(
        name,
        lambda: _kept_or_fitted(run, name, faces, progress, notify),
        run.latent,
        None if telling is None else logits_by(run, telling),
        () if telling is None else (telling.sha256,),
    )


def logits_by(run: OpenedRun, loaded: LoadedClassifier) -> Callable[[str], LogitOfCodes]:
    """Attribute → what a network sees of it in what codes (N, D) decode to, (N,)."""

    def of(attribute: str) -> LogitOfCodes:
        column = logit_column(loaded, attribute)
        return lambda codes: logits_of(run.session, loaded.network, codes)[:, column]

    return of


def _by_method(
    run: OpenedRun, request: FitRequest, progress: Progress, notify: Notify
) -> DirectionSet:
    method, faces = method_of(request.method), run.faces(request.faces)
    if method.labelled and not faces.attribute_names:
        raise UnusableInput(f"{faces.path} has no attributes: use the method pca or jacobian.")
    for kept in request.keep:
        column_of(faces, kept)
    chosen = Selection(LEARN).of(faces)
    progress("encoding", 0, len(chosen))
    examples = Examples(
        run.session.encode(faces.images[chosen]),
        faces.attributes[chosen],
        faces.attribute_names,
        run.session.model.decode,
        request.count,
        request.seed,
    )
    directions = {found.name: found for found in method.fit(examples, notify)}
    if method.labelled:
        fixed = [directions[kept] for kept in request.keep if kept in directions]
        directions = {name: orthogonal_to(found, fixed) for name, found in directions.items()}
    made: dict[str, Any] = {
        "method": request.method, "seed": request.seed, "encoder_sha256": run.encoder_sha256,
        "faces_sha256": faces.hash, "faces": faces.path.name, "count": len(chosen),
    }  # fmt: skip
    made |= {"keep": list(request.keep)} if request.keep else {}
    calibrations: dict[str, Calibration] = {}
    if request.classifiers and method.labelled:
        networks = list(open_networks(run, request.classifiers).values())
        made["networks_sha256"] = [loaded.sha256 for loaded in networks]
        units = {
            name: found.vector / max(float(np.linalg.norm(found.vector)), 1e-12)
            for name, found in directions.items()
        }

        def steps(name: str, codes: Codes) -> Places:
            return lambda length: stepped(codes, np.float32(length) * units[name])

        calibrator = Calibrator(run, faces, networks, list(directions), progress, notify)
        calibrations = calibrator.calibrations(steps, LENGTHS)
        directions |= {name: calibrated(directions[name], it) for name, it in calibrations.items()}
    return DirectionSet(request.name or request.method, directions, calibrations, made)


def _by_example(run: OpenedRun, request: FitRequest) -> DirectionSet:
    """From the mean code of some pictures to that of others."""
    if not (request.having and request.lacking and request.name):
        raise UnusableInput(
            "a direction by example needs pictures with the trait, pictures without it, and a name."
        )
    groups = [
        run.session.encode(open_given(run, Selection(), given).pictures)
        for given in (request.having, request.lacking)
    ]
    labels = np.repeat([1.0, -1.0], [len(group) for group in groups])
    direction = difference_of_means(request.name, np.concatenate(groups), labels)
    counts = f"{len(groups[0])} pictures with and {len(groups[1])} without"
    made = {"method": f"example, {counts}", "encoder_sha256": run.encoder_sha256}
    return DirectionSet(request.name, {request.name: direction}, {}, made)


def traits_of(run: OpenedRun, method: str | None = None) -> list[tuple[str, Calibration]]:
    """The calibrated traits of a method, by the share of faces in which strength 1 shows them.

    Raises:
        UnusableInput: the run has no such directions.
    """
    if method == GUIDED:
        editor = kept_guided(run)
        known = editor.calibrations if editor else {}
    else:
        known = dict(run.directions(method or DEFAULT).calibrations)
    return shown_best_first(known)


def shown_best_first(known: Mapping[str, Calibration]) -> list[tuple[str, Calibration]]:
    """Calibrated traits, by the share of faces in which strength 1 shows them plainly."""
    return sorted(known.items(), key=lambda item: (-item[1].plain, item[0]))


def _kept_or_fitted(
    run: OpenedRun, method: str, faces: str | Path | None, progress: Progress, notify: Notify
) -> DirectionSet:
    """The set that is kept beside the run; a plain one that is missing is fitted, and kept."""
    if method in saved_sets(run.path) or method not in METHODS or not METHODS[method].labelled:
        return run.directions(method)
    try:
        fitted = _by_method(run, FitRequest(method, faces=faces), progress, notify)
    except UnusableInput as error:
        raise UnusableInput(
            f"directions have to be fitted before anything is edited: {error}", needs=error.needs
        ) from error
    try:
        fitted.save(run.require_folder())
        notify(f"directions by the method {method} are fitted and kept beside the run.")
    except (FailedOnTheWay, UnusableInput):
        notify(f"directions by the method {method} are fitted, and cannot be kept beside the run.")
    return fitted
