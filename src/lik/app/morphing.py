"""Morphs between faces: a strip of two, a square of four, or a film."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lik.app.opened import OpenedRun
from lik.app.sampling import TAME, CodeSource, code_source
from lik.core.configuration import nearest
from lik.core.errors import UnusableInput
from lik.core.events import Notify, no_notices
from lik.core.pixels import Pictures
from lik.faces.crop.cropping import cut
from lik.faces.photograph import open_photograph
from lik.figures.films import save_film
from lik.figures.grids import Row, sheet
from lik.figures.png import Drawn
from lik.latent.interpolation import PATHS, End, PathKind, morph, square_of_morphs, to_bytes


@dataclass(frozen=True)
class MorphRequest:
    """Faces to morph between, and how.

    Attributes:
        ends: two faces, or four for a square: photographs, FACES:NAME for a face of a face set, or
            seed:N for a generated one.
        path: the path between codes, straight or spherical.
        side: side of a frame in pixels.
        plain: whether to show decodings alone, without the ends' own pixels.
        prior, temperature: what generated faces are drawn from (`code_source`).
    """

    ends: Sequence[str]
    path: str = "straight"
    side: int = 256
    plain: bool = False
    prior: str | None = None
    temperature: float | None = None


def draw_morph(
    run: OpenedRun, request: MorphRequest, steps: int = 7, notify: Notify = no_notices
) -> Drawn:
    """Draw a strip between two faces in ``steps`` steps, or a square between four.

    Raises:
        UnusableInput: there is no such face or path, or there are not two or four faces.
    """
    kind = _path(request)
    if len(request.ends) not in (2, 4):
        raise UnusableInput(
            f"a morph is between 2 faces, or 4 for a square, not {len(request.ends)}."
        )
    ends = _open_ends(run, request, notify)
    if len(ends) == 2:
        shares = [float(share) for share in np.linspace(0, 1, steps)]
        rows = [Row(to_bytes(morph(run.session, ends, shares, request.side, kind)))]
        labels = [ends[0].name, *[""] * (steps - 2), ends[1].name]
        what = f"From {ends[0].name} to {ends[1].name}"
    else:
        square = to_bytes(square_of_morphs(run.session, ends, steps, request.side, kind))
        rows, labels = [Row(row) for row in square], []
        what = "In the corners " + ", ".join(end.name for end in ends)
    real = any(end.pixels is not None for end in ends)
    image = sheet(
        rows,
        f"Between faces, by the run “{run.name}”",
        f"{what}; {kind} path between the codes"
        + ("; the ends show their own pixels." if real else "."),
        labels,
        tile=request.side,
    )
    return Drawn(image, "morph.png")


def film_morph(
    run: OpenedRun,
    request: MorphRequest,
    out: str | Path,
    seconds: float = 3.0,
    per_second: int = 20,
    notify: Notify = no_notices,
) -> None:
    """Write a film, GIF or MP4, that goes from one face to the other and back, slower at the ends.

    Raises:
        UnusableInput: there is no such face or path, or there are not two faces.
    """
    kind = _path(request)
    if len(request.ends) != 2:
        raise UnusableInput(
            f"a film goes between 2 faces, not {len(request.ends)}: of 4, draw a square as PNG."
        )
    ends = _open_ends(run, request, notify)
    count = max(round(seconds * per_second), 2)
    phases = np.linspace(0, 2 * np.pi, count, endpoint=False)
    shares = [float(share) for share in (1 - np.cos(phases)) / 2]
    side = request.side + request.side % 2  # films want it even
    frames = to_bytes(morph(run.session, ends, shares, side, kind))
    save_film(Path(out), list(frames), per_second)


def _path(request: MorphRequest) -> PathKind:
    if request.path not in PATHS:
        raise UnusableInput(f"there is no path '{request.path}': give one of {', '.join(PATHS)}.")
    return "spherical" if request.path == "spherical" else "straight"


def _open_ends(run: OpenedRun, request: MorphRequest, notify: Notify) -> list[End]:
    source = None
    if any(name.startswith("seed:") for name in request.ends):
        source = code_source(run, request.prior, request.temperature, TAME, notify)
    return [_open_end(run, name, request, source) for name in request.ends]


def _open_end(run: OpenedRun, name: str, request: MorphRequest, source: CodeSource | None) -> End:
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
    else:
        label = Path(name).name
        crop, sharp = _face_of_photograph(run, Path(name), request.side)
    return End(run.session.encode(crop[None])[0], None if request.plain else sharp, label)


def _face_of_set(run: OpenedRun, faces: str, name: str) -> Pictures:
    face_set = run.faces(faces)
    names = face_set.names
    found = [i for i, own in enumerate(names) if own == name] or [
        i for i, own in enumerate(names) if own.endswith(f"/{name}")
    ]
    if not found:
        raise UnusableInput(f"there is no face '{name}' in {faces}.{nearest(name, names)}")
    return np.asarray(face_set.images[found[0]])


def _face_of_photograph(run: OpenedRun, path: Path, side: int) -> tuple[Pictures, Pictures]:
    """The largest face of a photograph, as the encoder sees it and at the size of the morph."""
    photograph = open_photograph(path, run.metadata.get("crop") or {}, run.size)
    face = photograph.faces[0]
    return face.pixels, cut(photograph.pixels, face.square, side)
