"""Pictures to show and to work on: photographs that are given, or faces of a face set."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lik.app.opened import OpenedRun
from lik.app.selection import Selection
from lik.core.errors import UnusableInput
from lik.core.events import Notify, no_notices
from lik.core.pixels import Pictures
from lik.faces.photograph import crop_picture


@dataclass(frozen=True)
class Shown:
    """Pictures uint8 (N, S, S, 3), what each is called, and what they are together."""

    pictures: Pictures
    names: list[str]
    description: str


def open_given(
    run: OpenedRun,
    selection: Selection,
    given: Sequence[str | Path] = (),
    faces: str | Path | None = None,
    notify: Notify = no_notices,
) -> Shown:
    """Open photographs, folders of them, or a face set; without any, faces of the run's own set.

    Of photographs the largest face is taken, cut as the run's crop rule says; of a folder, the
    first that can be used, as many as ``selection`` counts: what is passed over is told.

    Args:
        selection: which faces of a face set.
        given: pictures and folders, or one face set, which may as well be ``faces``.

    Raises:
        UnusableInput: a named file that is missing, no picture, or without a face, a folder of
            nothing else, or a face set that does not fit the run.
    """
    if len(given) == 1 and (Path(given[0]) / "faceset.json").is_file():
        given, faces = [], given[0]
    if given:
        return _photographs(run, [Path(path) for path in given], selection.count, notify)
    face_set = run.faces(faces)
    chosen = selection.of(face_set)
    return Shown(
        np.asarray(face_set.images[chosen]),
        [face_set.names[index] for index in chosen],
        selection.described(face_set, len(chosen)),
    )


def _photographs(run: OpenedRun, paths: Sequence[Path], count: int | None, notify: Notify) -> Shown:
    pictures: dict[Path, Pictures] = {}
    for path in paths:
        if path.is_dir():
            pictures |= _of_folder(run, path, count, notify)
        else:
            pictures[path] = _cropped(run, path)
    noun = "picture" if len(pictures) == 1 else "pictures"
    names = [file.name for file in pictures]
    return Shown(np.stack(list(pictures.values())), names, f"{len(pictures)} given {noun}")


def _of_folder(
    run: OpenedRun, folder: Path, count: int | None, notify: Notify
) -> dict[Path, Pictures]:
    """The first ``count`` pictures of a folder that can be used, or all."""
    if count is not None and count < 1:
        raise UnusableInput(f"the number of faces must be at least 1, not {count}.")
    files = sorted(f for f in folder.iterdir() if f.is_file() and not f.name.startswith("."))
    if not files:
        raise UnusableInput(f"{folder} holds no pictures.")
    pictures: dict[Path, Pictures] = {}
    refused: list[UnusableInput] = []
    for file in files:
        try:
            pictures[file] = _cropped(run, file)
        except UnusableInput as error:
            refused.append(error)
        if len(pictures) == count:
            break
    if not pictures:
        raise UnusableInput(f"none of the {len(files)} files in {folder} will do: {refused[0]}")
    if refused:
        what = "1 file was" if len(refused) == 1 else f"{len(refused)} files were"
        notify(f"{what} passed over; the first: {refused[0]}")
    return pictures


def _cropped(run: OpenedRun, file: Path) -> Pictures:
    return crop_picture(file, run.metadata.get("crop") or {}, run.size)
