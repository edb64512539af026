"""What a run makes of faces: their reconstructions, their mean, and where their codes lie."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lik.app.given import Shown
from lik.app.opened import OpenedRun
from lik.app.selection import Selection, column_of, spelt
from lik.core.artifacts import file_stem
from lik.core.events import Progress, no_progress
from lik.core.pixels import to_float
from lik.figures.grids import Row, sheet
from lik.figures.map import ProjectionMethod, coloured, project, thumbnails
from lik.figures.png import Drawn
from lik.objectives.reconstruction import ERRORS, sse

AT_ONCE = 1024
"""Faces that are read and encoded at a time."""


def draw_reconstructions(run: OpenedRun, shown: Shown, columns: int = 8) -> Drawn:
    """Draw pictures, and under each its reconstruction from the mean of the posterior."""
    codes = run.session.encode(shown.pictures)
    reconstructions = run.session.decode(codes)
    errors = sse(to_float(shown.pictures), to_float(reconstructions))
    rows = []
    for start in range(0, len(codes), columns):
        part = slice(start, start + columns)
        rows.append(Row(shown.pictures[part], "original", new_group=True))
        rows.append(Row(reconstructions[part], "reconstruction"))
    mean = f"mean {ERRORS['sse'].scale} = {float(np.mean(errors.numpy())):.1f}"
    image = sheet(
        rows,
        f"Reconstructions by the run “{run.name}”",
        f"{shown.description}; each is {run.size}×{run.size}×3 numbers, squeezed into "
        f"{run.latent} and unfolded again (from the mean of the posterior); {mean}.",
        tile=96,
    )
    arrays: dict[str, NDArray[Any]] = {
        "originals": shown.pictures,
        "reconstructions": reconstructions,
        "codes": codes,
        "names": np.array(shown.names),
    }
    return Drawn(image, "reconstructions.png", arrays)


def draw_average(
    run: OpenedRun,
    selection: Selection,
    faces: str | Path | None = None,
    pixels: bool = False,
    progress: Progress = no_progress,
) -> Drawn:
    """Draw the mean face, which is the mean of the codes, decoded.

    Args:
        pixels: beside it, the mean of the faces' pixels.

    Raises:
        UnusableInput: no such faces, or none that fit the run.
    """
    face_set = run.faces(faces)
    chosen = selection.of(face_set)
    code = np.zeros(run.latent)
    pixel = np.zeros((run.size, run.size, 3))
    for start in range(0, len(chosen), AT_ONCE):
        progress("encoding", start, len(chosen))
        part = np.asarray(face_set.images[chosen[start : start + AT_ONCE]])
        code += run.session.encode(part).sum(axis=0, dtype=np.float64) / len(chosen)
        pixel += part.sum(axis=0, dtype=np.float64) / len(chosen)
    mean = np.asarray(code, np.float32)
    shown = [run.session.decode(mean[None])[0]]
    labels = ["mean code, decoded"]
    if pixels:
        shown.append(np.rint(pixel).astype(np.uint8))
        labels.append("mean of the pixels")
    image = sheet(
        [Row(np.stack(shown))],
        f"The mean face, by the run “{run.name}”",
        f"{selection.described(face_set, len(chosen))}.",
        labels,
        tile=256,
    )
    name = "-".join(["average", *selection.having, *(f"no-{name}" for name in selection.lacking)])
    return Drawn(image, f"{file_stem(name)}.png", {"code": mean, "pictures": np.stack(shown)})


def draw_map(
    run: OpenedRun,
    selection: Selection,
    faces: str | Path | None = None,
    method: ProjectionMethod = "pca",
    attribute: str | None = None,
) -> Drawn:
    """Draw where faces lie in the latent space, brought down to two dimensions.

    Args:
        method: principal components, or t-SNE.
        attribute: colours a dot for each face; without it, there are thumbnails.

    Raises:
        UnusableInput: no such faces or attribute, or codes that have no map (`project`).
    """
    face_set = run.faces(faces)
    chosen = selection.of(face_set)
    labels = column_of(face_set, attribute)[chosen] if attribute else None
    pictures = np.asarray(face_set.images[chosen])
    codes = run.session.encode(pictures)
    plane = project(codes, method, selection.seed)
    title = f"The latent space of “{run.name}”: {len(chosen):,} faces"
    name = f"map-{method}"
    if attribute and labels is not None:
        name = file_stem(f"{name}-{attribute}")
        image = coloured(plane, labels, spelt(attribute), title)
    else:
        image = thumbnails(plane, pictures, f"{title}, some shown")
    arrays = {"points": plane.points, "codes": codes, "indices": chosen}
    return Drawn(image, f"{name}.png", arrays)
