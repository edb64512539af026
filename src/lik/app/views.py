"""What a run makes of faces: reconstructions, their mean, the map of their codes, morphs."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lik.app.opened import OpenedRun
from lik.app.sampling import TAME, CodeSource, code_source
from lik.app.selection import Selection, Shown, column_of, spelt
from lik.core.artifacts import file_stem
from lik.core.configuration import nearest
from lik.core.errors import UnusableInput
from lik.core.events import Notify, Progress, no_notices, no_progress
from lik.core.pixels import Pictures, to_float
from lik.faces.crop.cropping import cut
from lik.faces.photograph import open_photograph
from lik.figures.films import save_film
from lik.figures.grids import Row, sheet
from lik.figures.map import coloured, thumbnails
from lik.figures.png import Drawn
from lik.latent.interpolation import PATHS, End, PathKind, morph, square_of_morphs, to_bytes
from lik.latent.projection import ProjectionMethod, project
from lik.objectives.reconstruction import ERRORS, sse

AT_ONCE = 1024
"""Faces that are read and encoded at a time."""


def grid(
    *pictures: Pictures,
    labels: Sequence[str] = (),
    columns: int = 8,
    run: OpenedRun | None = None,
) -> Drawn:
    """Draw pictures uint8 (N, S, S, 3) in rows; of several arrays, one face above the other.

    ``labels`` name the arrays; ``run`` is the one that made any of them, and the picture says so.

    Raises:
        UnusableInput: no pictures, or arrays of something else.
    """
    given = [np.asarray(array) for array in pictures] or [np.empty(0, np.uint8)]
    side = given[0].shape[1] if given[0].ndim == 4 else 0
    for array in given:
        if array.dtype != np.uint8 or array.shape != (len(array), side, side, 3) or not array.size:
            raise UnusableInput(
                "a grid shows arrays of pictures of one size, uint8 of shape (N, S, S, 3), "
                f"not {array.dtype} of shape {array.shape}."
            )
    rows = []
    for start in range(0, max(map(len, given)), columns):
        for number, array in enumerate(given):
            part = array[start : start + columns]
            label = labels[number] if number < len(labels) else ""
            rows += [Row(part, label, new_group=not number and len(given) > 1)] if len(part) else []
    return Drawn(sheet(rows, tile=96), "grid.png", run=run.name if run else None)


def draw_reconstructions(run: OpenedRun, shown: Shown, columns: int = 8, invert: int = 0) -> Drawn:
    """Draw pictures, and under each its reconstruction from the mean of the posterior.

    ``invert``: from a code that is fitted to the picture in so many steps instead.
    """
    codes = run.codes(shown.pictures, invert)
    reconstructions = run.session.decode(codes)
    errors = sse(to_float(shown.pictures), to_float(reconstructions))
    rows = []
    for start in range(0, len(codes), columns):
        part = slice(start, start + columns)
        rows.append(Row(shown.pictures[part], "original", new_group=True))
        rows.append(Row(reconstructions[part], "reconstruction"))
    mean = f"mean {ERRORS['sse'].scale} = {float(np.mean(errors.numpy())):.1f}"
    how = f"from a code fitted in {invert} steps" if invert else "from the mean of the posterior"
    image = sheet(
        rows,
        f"Reconstructions by the run “{run.name}”",
        f"{shown.description}; each is {run.size}×{run.size}×3 numbers, squeezed into "
        f"{run.latent} and unfolded again ({how}); {mean}.",
        tile=96,
    )
    arrays: dict[str, NDArray[Any]] = {
        "originals": shown.pictures,
        "reconstructions": reconstructions,
        "codes": codes,
        "names": np.array(shown.names),
    }
    return Drawn(image, "reconstructions.png", arrays, run.name)


def draw_average(
    run: OpenedRun,
    selection: Selection,
    faces: str | Path | None = None,
    pixels: bool = False,
    progress: Progress = no_progress,
) -> Drawn:
    """Draw the mean face, the mean of the codes, decoded; beside it perhaps the mean ``pixels``.

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
    arrays = {"code": mean, "pictures": np.stack(shown)}
    return Drawn(image, f"{file_stem(name)}.png", arrays, run.name)


def draw_map(
    run: OpenedRun,
    selection: Selection,
    faces: str | Path | None = None,
    method: ProjectionMethod = "pca",
    attribute: str | None = None,
) -> Drawn:
    """Draw where faces lie in the latent space, brought down to two dimensions.

    An ``attribute`` colours a dot for each face; without it, there are thumbnails.

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
    return Drawn(image, f"{name}.png", arrays, run.name)


def open_ends(
    run: OpenedRun,
    names: Sequence[str],
    side: int = 256,
    plain: bool = False,
    prior: str | None = None,
    temperature: float | None = None,
    notify: Notify = no_notices,
) -> list[End]:
    """Open two faces to morph between, or four for a square.

    Args:
        names: photographs, FACES:NAME for a face of a face set, or seed:N for a generated one.
        side: side of a frame in pixels.
        plain: whether to show decodings alone, without the ends' own pixels.
        prior, temperature: what generated faces are drawn from (`code_source`).

    Raises:
        UnusableInput: there is no such face, or there are not two or four.
    """
    if len(names) not in (2, 4):
        raise UnusableInput(f"a morph is between 2 faces, or 4 for a square, not {len(names)}.")
    source = None
    if any(name.startswith("seed:") for name in names):
        source = code_source(run, prior, temperature, TAME, notify)
    return [_open_end(run, name, side, plain, source) for name in names]


def draw_morph(
    run: OpenedRun, ends: Sequence[End], path: str = "straight", side: int = 256, steps: int = 7
) -> Drawn:
    """Draw a strip between two faces in ``steps`` steps, or a square between four.

    The path between the codes is straight or spherical; UnusableInput where it is neither.
    """
    kind = _path(path)
    if len(ends) == 2:
        shares = [float(share) for share in np.linspace(0, 1, steps)]
        rows = [Row(to_bytes(morph(run.session, ends, shares, side, kind)))]
        labels = [ends[0].name, *[""] * (steps - 2), ends[1].name]
        what = f"From {ends[0].name} to {ends[1].name}"
    else:
        square = to_bytes(square_of_morphs(run.session, ends, steps, side, kind))
        rows, labels = [Row(row) for row in square], []
        what = "In the corners " + ", ".join(end.name for end in ends)
    real = any(end.pixels is not None for end in ends)
    image = sheet(
        rows,
        f"Between faces, by the run “{run.name}”",
        f"{what}; {kind} path between the codes"
        + ("; the ends show their own pixels." if real else "."),
        labels,
        tile=side,
    )
    return Drawn(image, "morph.png", run=run.name)


def film_morph(
    run: OpenedRun,
    ends: Sequence[End],
    out: str | Path,
    path: str = "straight",
    side: int = 256,
    seconds: float = 3.0,
    per_second: int = 20,
) -> None:
    """Write a film, GIF or MP4, that goes from one face to the other and back, slower at the ends.

    Raises:
        UnusableInput: there is no such path, or there are not two faces.
    """
    kind = _path(path)
    if len(ends) != 2:
        raise UnusableInput(
            f"a film goes between 2 faces, not {len(ends)}: of 4, draw a square as PNG."
        )
    count = max(round(seconds * per_second), 2)
    phases = np.linspace(0, 2 * np.pi, count, endpoint=False)
    shares = [float(share) for share in (1 - np.cos(phases)) / 2]
    side += side % 2  # films want it even
    save_film(Path(out), list(to_bytes(morph(run.session, ends, shares, side, kind))), per_second)


def _path(path: str) -> PathKind:
    if path not in PATHS:
        raise UnusableInput(f"there is no path '{path}': give one of {', '.join(PATHS)}.")
    return "spherical" if path == "spherical" else "straight"


def _open_end(run: OpenedRun, name: str, side: int, plain: bool, source: CodeSource | None) -> End:
    if source is not None and name.startswith("seed:"):
        number = name.removeprefix("seed:")
        if not number.isdecimal():
            raise UnusableInput(f"'{name}' is no seed: write it as seed:7.")
        return End(source(1, int(number))[0], None, f"seed {number}")
    for place in (index for index, sign in enumerate(name) if sign == ":"):
        if (Path(name[:place]) / "faceset.json").is_file():
            label = name[place + 1 :]
            crop = sharp = _face_of_set(run, name[:place], label)
            break
    else:  # the largest face, as the encoder sees it and at the size of the morph
        photograph = open_photograph(Path(name), run.metadata.get("crop") or {}, run.size)
        crop, label = photograph.faces[0].pixels, Path(name).name
        sharp = cut(photograph.pixels, photograph.faces[0].square, side)
    return End(run.session.encode(crop[None])[0], None if plain else sharp, label)


def _face_of_set(run: OpenedRun, faces: str, name: str) -> Pictures:
    face_set = run.faces(faces)
    names = face_set.names
    found = [i for i, own in enumerate(names) if own == name] or [
        i for i, own in enumerate(names) if own.endswith(f"/{name}")
    ]
    if not found:
        raise UnusableInput(f"there is no face '{name}' in {faces}.{nearest(name, names)}")
    return np.asarray(face_set.images[found[0]])
