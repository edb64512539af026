"""Latent traversals: each face along attributes and dimensions, in equal steps, as a sheet."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lik.app.opened import OpenedRun
from lik.app.selection import LEARN, Selection, Shown, spelt
from lik.core.errors import UnusableInput
from lik.core.events import Progress, no_progress
from lik.figures.grids import Row, sheet
from lik.figures.png import Drawn, ShownAsPicture, png_bytes
from lik.latent.directions.direction import dimension, most_informative
from lik.latent.editing import Editor
from lik.latent.session import Codes

DIMENSIONS = 5
"""Dimensions that are traversed where nothing is named: those with the highest KL."""
MEASURED = 4000
"""Faces on which the KL of dimensions is measured, at the most."""
DIMENSION_REACH = 3.0
"""Where traversals of a dimension end, in prior σ."""


@dataclass(frozen=True, repr=False)
class Traversal(ShownAsPicture):
    """Codes (N, K, D) and pictures (N, K, S, S, 3) of N faces at K strengths.

    Attributes:
        name: the attribute, or ``dimension:K``. strengths: (K,), or values of the dimension.
        label: the name as people read it, of a dimension with what it tells of faces.
        run: the name of the run.
    """

    name: str
    strengths: list[float]
    codes: Codes
    pictures: NDArray[np.uint8]
    label: str
    run: str = ""

    def __repr__(self) -> str:
        faces = "1 face" if len(self.codes) == 1 else f"{len(self.codes):,} faces"
        ends = f"from {self.strengths[0]:+g} to {self.strengths[-1]:+g}"
        return f"{faces} of “{self.run}” along {self.name}: {len(self.strengths)} steps {ends}"

    def png(self) -> bytes:
        rows = [
            Row(pictures, "" if face else self.label) for face, pictures in enumerate(self.pictures)
        ]
        image = sheet(
            rows, column_labels=[f"{strength:+.2g}" for strength in self.strengths], tile=96
        )
        return png_bytes(image, command=None, run=self.run)


def traverse_attributes(
    run: OpenedRun,
    codes: Codes,
    editor: Editor,
    attributes: Sequence[str],
    steps: int = 6,
    reach: float | None = None,
    progress: Progress = no_progress,
) -> list[Traversal]:
    """Move codes (N, D) along attributes, to strengths from −reach to reach.

    Raises:
        UnusableInput: no such attribute, or steps that cannot be gone.
    """
    for name in attributes:
        editor.require(name)
    strengths = equal_steps(editor.reach if reach is None else reach, steps)
    return [
        _traversal(
            run, name, strengths, editor.moved(codes, name, strengths, progress), spelt(name)
        )
        for name in attributes
    ]


def traverse_dimensions(
    run: OpenedRun,
    codes: Codes,
    dimensions: Sequence[int] = (),
    steps: int = 6,
    reach: float | None = None,
    faces: str | Path | None = None,
) -> list[Traversal]:
    """Set dimensions of codes (N, D) to values from −reach to reach, in prior σ.

    Without any, those that tell most of the training faces of ``faces``, by default the run's own.

    Raises:
        UnusableInput: no such dimension, or steps that cannot be gone.
    """
    for index in dimensions:
        dimension(index, run.latent)  # refuses what is none
    values = equal_steps(DIMENSION_REACH if reach is None else reach, steps)
    labels = {index: f"dimension {index}" for index in dimensions} or _most_telling(run, faces)
    return [
        _traversal(run, f"dimension:{index}", values, set_dimension(codes, index, values), label)
        for index, label in labels.items()
    ]


def draw_traversals(
    run: OpenedRun,
    shown: Shown | None,
    codes: Codes,
    described: str,
    strips: Sequence[Traversal],
    editor: Editor | None = None,
) -> Drawn:
    """Draw a strip of each face for each attribute, along which ``editor`` moved, and dimension.

    ``shown`` are the pictures that the codes (N, D) are of; None for generated faces.
    """
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
        [*before, "less", *[""] * (len(strips[0].strengths) - 2), "more"],
        tile=96,
    )
    plain = not any(_of_dimension(strip) for strip in strips)
    name = "traversals-attributes.png" if plain else "traversals.png"
    arrays = {strip.name.replace(":", "_"): strip.codes for strip in strips}
    return Drawn(image, name, {"codes": codes, **arrays}, run.name)


def set_dimension(codes: Codes, index: int, values: Sequence[float]) -> Codes:
    """Codes (N, D) with one coordinate set to each of K values, (N, K, D): the paper's figure 6."""
    moved = np.repeat(codes[:, None, :], len(values), axis=1)
    moved[:, :, index] = np.asarray(values, np.float32)
    return moved


def equal_steps(reach: float, count: int) -> list[float]:
    """``count`` equal steps from −reach to +reach.

    Raises:
        UnusableInput: fewer than 2 steps, or a reach that is no finite number from 0 on.
    """
    if count < 2:
        raise UnusableInput(f"a traversal has at least 2 steps, not {count}.")
    if not (math.isfinite(reach) and reach >= 0):
        raise UnusableInput(f"the reach of a traversal is a finite number from 0 on, not {reach}.")
    return [float(value) for value in np.linspace(-reach, reach, count)]


def _most_telling(run: OpenedRun, faces: str | Path | None) -> dict[int, str]:
    """The dimensions with the highest KL, each with a label that says it."""
    try:
        face_set = run.faces(faces)
    except UnusableInput:  # without faces nobody knows which tell most
        return {index: f"dimension {index}" for index in range(min(DIMENSIONS, run.latent))}
    chosen = Selection(LEARN).of(face_set)[:MEASURED]
    kl = run.session.posteriors(face_set.images[chosen]).kl_per_dimension()
    return {
        index: f"dimension {index}\nKL {kl[index]:.2f} nats"
        for index in most_informative(kl, DIMENSIONS)
    }


def _explanation(strips: Sequence[Traversal], editor: Editor | None) -> str:
    parts = []
    for strip in [strip for strip in strips if _of_dimension(strip)][:1]:
        low, high = strip.strengths[0], strip.strengths[-1]
        parts.append(f"In each strip one dimension is set to values from {low:g} to {high:+g}")
    if editor is not None:
        low, high = strips[0].strengths[0], strips[0].strengths[-1]
        parts.append(
            f"Strengths from {low:g} to {high:+g}, where 1 is {editor.unit}; {editor.rest}"
        )
    return ". ".join(parts)


def _of_dimension(strip: Traversal) -> bool:
    return strip.name.startswith("dimension:")


def _traversal(
    run: OpenedRun, name: str, strengths: list[float], moved: Codes, label: str
) -> Traversal:
    pictures = run.session.decode(moved.reshape(-1, moved.shape[-1]))
    pictures = pictures.reshape(*moved.shape[:2], *pictures.shape[1:])
    return Traversal(name, strengths, moved, pictures, label, run.name)
