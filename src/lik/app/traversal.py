"""Latent traversals: each face along attributes and dimensions, in equal steps, as a sheet."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lik.app.directions import EditorRequest, open_editor
from lik.app.given import Shown
from lik.app.opened import OpenedRun
from lik.app.selection import LEARN, Selection, spelt
from lik.core.errors import UnusableInput
from lik.core.events import Notify, Progress, no_notices, no_progress
from lik.figures.grids import Row, sheet
from lik.figures.png import Drawn
from lik.latent.directions.direction import dimension, most_informative
from lik.latent.editing import Editor
from lik.latent.session import Codes

DIMENSIONS = 5
"""Dimensions that are traversed where nothing is named: those with the highest KL."""
MEASURED = 4000
"""Faces on which the KL of dimensions is measured, at the most."""
DIMENSION_REACH = 3.0
"""Where traversals of a dimension end, in prior σ."""


@dataclass(frozen=True)
class TraversalRequest:
    """Which traversals, and how far they go.

    Attributes:
        attributes, dimensions: what is traversed; the dimensions of the highest KL for none.
        steps: in a traversal. reach: where it ends on both sides, in strengths, or in prior σ for
            dimensions; None for what is usual.
        editor: which editor moves along attributes.
    """

    attributes: Sequence[str] = ()
    dimensions: Sequence[int] = ()
    steps: int = 6
    reach: float | None = None
    editor: EditorRequest = EditorRequest()


@dataclass(frozen=True)
class Traversal:
    """Codes (N, K, D) and pictures (N, K, S, S, 3) of N faces at K strengths.

    Attributes:
        name: the attribute, or ``dimension:K``. strengths: (K,), or values of the dimension.
        label: the name as people read it, of a dimension with what it tells of faces.
    """

    name: str
    strengths: list[float]
    codes: Codes
    pictures: NDArray[np.uint8]
    label: str


def traverse(
    run: OpenedRun,
    codes: Codes,
    request: TraversalRequest,
    progress: Progress = no_progress,
    notify: Notify = no_notices,
    editor: Editor | None = None,
) -> list[Traversal]:
    """Move codes (N, D) along each attribute and each dimension.

    ``editor`` is that of the request, where it has been opened before.

    Raises:
        UnusableInput: no such attribute or dimension, or steps that cannot be gone.
    """
    if request.steps < 2:
        raise UnusableInput(f"a traversal has at least 2 steps, not {request.steps}.")
    found = []
    if request.attributes:
        editor = editor or open_editor(run, request.editor, progress, notify)
        for name in request.attributes:
            editor.require(name)
        strengths = equal_steps(_or(request.reach, editor.reach), request.steps)
        for name in request.attributes:
            moved = editor.moved(codes, name, strengths, progress)
            found.append(_traversal(run, name, strengths, moved, spelt(name)))
    values = equal_steps(_or(request.reach, DIMENSION_REACH), request.steps)
    for index, label in _dimensions(run, request).items():
        moved = set_dimension(codes, index, values)
        found.append(_traversal(run, f"dimension:{index}", values, moved, label))
    return found


def draw_traversals(
    run: OpenedRun,
    shown: Shown | None,
    codes: Codes,
    described: str,
    request: TraversalRequest,
    progress: Progress = no_progress,
    notify: Notify = no_notices,
) -> Drawn:
    """Draw a strip of each face for each attribute and dimension.

    ``shown`` are the pictures that the codes (N, D) are of; None for generated faces.
    """
    editor = open_editor(run, request.editor, progress, notify) if request.attributes else None
    strips = traverse(run, codes, request, progress, notify, editor)
    middle = run.session.decode(codes)
    rows = []
    for face in range(len(codes)):
        for number, strip in enumerate(strips):
            first = [] if shown is None else [shown.pictures[face]]
            pictures = np.stack([*first, middle[face], *strip.pictures[face]])
            rows.append(Row(pictures, strip.label, new_group=number == 0))
    before = ["code\nas drawn"] if shown is None else ["original", "recon-\nstruction"]
    image = sheet(
        rows,
        f"Latent traversals by the run “{run.name}”",
        f"{described}. {_explanation(strips, editor)}.",
        [*before, "less", *[""] * (request.steps - 2), "more"],
        tile=96,
    )
    plain = request.attributes and not request.dimensions
    name = "traversals-attributes.png" if plain else "traversals.png"
    arrays = {strip.name.replace(":", "_"): strip.codes for strip in strips}
    return Drawn(image, name, {"codes": codes, **arrays})


def set_dimension(codes: Codes, index: int, values: Sequence[float]) -> Codes:
    """Codes (N, D) with one coordinate set to each of K values, (N, K, D): the paper's figure 6."""
    moved = np.repeat(codes[:, None, :], len(values), axis=1)
    moved[:, :, index] = np.asarray(values, np.float32)
    return moved


def equal_steps(reach: float, count: int) -> list[float]:
    """``count`` equal steps from −reach to +reach.

    Raises:
        UnusableInput: a reach that is no finite number from 0 on.
    """
    if not (math.isfinite(reach) and reach >= 0):
        raise UnusableInput(f"the reach of a traversal is a finite number from 0 on, not {reach}.")
    return [float(value) for value in np.linspace(-reach, reach, count)]


def _dimensions(run: OpenedRun, request: TraversalRequest) -> dict[int, str]:
    """The dimensions that are asked for, or those that tell most where nothing is, with labels."""
    for index in request.dimensions:
        dimension(index, run.latent)  # refuses what is none
    labels = {index: f"dimension {index}" for index in request.dimensions}
    if request.dimensions or request.attributes:
        return labels
    try:
        faces = run.faces(request.editor.faces)
    except UnusableInput:  # without faces nobody knows which tell most
        return {index: f"dimension {index}" for index in range(min(DIMENSIONS, run.latent))}
    chosen = Selection(LEARN).of(faces)[:MEASURED]
    kl = run.session.posteriors(faces.images[chosen]).kl_per_dimension()
    return {
        index: f"dimension {index}\nKL {kl[index]:.2f} nats"
        for index in most_informative(kl, DIMENSIONS)
    }


def _explanation(strips: Sequence[Traversal], editor: Editor | None) -> str:
    parts = []
    dimensions = [strip for strip in strips if strip.name.startswith("dimension:")]
    attributes = [strip for strip in strips if strip not in dimensions]
    if dimensions:
        low, high = dimensions[0].strengths[0], dimensions[0].strengths[-1]
        parts.append(f"In each strip one dimension is set to values from {low:g} to {high:+g}")
    if attributes and editor is not None:
        low, high = attributes[0].strengths[0], attributes[0].strengths[-1]
        parts.append(
            f"Strengths from {low:g} to {high:+g}, where 1 is {editor.unit}; {editor.rest}"
        )
    return ". ".join(parts)


def _traversal(
    run: OpenedRun, name: str, strengths: list[float], moved: Codes, label: str
) -> Traversal:
    pictures = run.session.decode(moved.reshape(-1, moved.shape[-1]))
    pictures = pictures.reshape(*moved.shape[:2], *pictures.shape[1:])
    return Traversal(name, strengths, moved, pictures, label)


def _or(given: float | None, usual: float) -> float:
    return usual if given is None else given
