"""Opening what the commands are given: runs, face sets, and pictures cropped on the way."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from lik.cli.output import note
from lik.core.errors import UnusableInput

if TYPE_CHECKING:
    from lik.faces.set.faceset import FaceSet
    from lik.latent.session import Session

Pictures = NDArray[np.uint8]

SPLITS = ("train", "validation", "test", "all")


@dataclass(frozen=True)
class Shown:
    """Pictures to work on (N, S, S, 3), what each is called, and what they are together."""

    pictures: Pictures
    names: list[str]
    description: str


def open_session(run: str, device: str, threads: int | None = None) -> "Session":
    """Load a run onto a device."""
    from lik.core.device import choose_device
    from lik.latent.session import Session

    return Session.load(run, choose_device(device, threads))


def open_faces_of(run: str, given: str | None) -> "FaceSet":
    """The face set that was given, or else the one the run was trained on, where it still is.

    Raises:
        UnusableInput: none was given and the run's own is gone, or another lies in its place.
    """
    from lik.core.run_folder import RunFolder, read_environment
    from lik.faces.set.faceset import FaceSet

    if given is not None:
        return FaceSet.open(Path(given))
    folder = RunFolder(Path(run))
    remembered = read_environment(folder)["faces"] if folder.environment.is_file() else {}
    path = remembered.get("path")
    if not path:
        raise UnusableInput(f"{run} remembers no face set: give one with --faces FACES.")
    if not Path(path).is_dir():
        raise UnusableInput(
            f"the face set of {run} is no longer at {path}: give it with --faces FACES."
        )
    faces = FaceSet.open(Path(path))
    if faces.hash != remembered.get("hash") or faces.index_hash != remembered.get(
        "index_hash", faces.index_hash
    ):
        raise UnusableInput(
            f"{path} is no longer the face set that {run} was trained on: give that one with "
            f"--faces FACES, or --faces {path} to use this one."
        )
    return faces


def indices_of(faces: "FaceSet", split: str) -> NDArray[np.int64]:
    """The faces of a split ('train', 'validation', 'test', 'all').

    Raises:
        UnusableInput: no such split, or no faces in it.
    """
    if split not in SPLITS:
        raise UnusableInput(f"there is no split '{split}': give one of {', '.join(SPLITS)}.")
    chosen = np.asarray(faces.indices(None if split == "all" else split))
    if not len(chosen):
        raise UnusableInput(f"{faces.path} has no faces in its {split} split: try --split all.")
    return chosen


def drawn_indices(faces: "FaceSet", split: str, count: int, seed: int) -> NDArray[np.int64]:
    """``count`` faces drawn from a split, in the order of the set; the same for the same seed."""
    from lik.core.randomness import numpy_stream

    drawn = numpy_stream(seed, "shown").permutation(indices_of(faces, split))
    return np.sort(drawn[: require_count(count)])


def some_faces(session: "Session", faces: "FaceSet", split: str, count: int, seed: int) -> Shown:
    """``count`` faces of a split, drawn as `drawn_indices` does."""
    require_size(session, faces)
    chosen = drawn_indices(faces, split, count, seed)
    which = "" if split == "all" else f"{split} "
    return Shown(
        np.asarray(faces.images[chosen]),
        [faces.names[index] for index in chosen],
        f"{len(chosen)} {which}faces of the set “{faces.path.name}”",
    )


def given_pictures(session: "Session", paths: list[str], count: int) -> Shown:
    """Photographs, each detected and cropped by the rule of the run.

    Of a folder, the first ``count`` that can be used; what is passed over is told.

    Raises:
        UnusableInput: a named file that is missing, no picture, or without a face, or a folder of
            nothing else.
    """
    pictures: dict[Path, Pictures] = {}
    for path in map(Path, paths):
        if path.is_dir():
            pictures |= _from_folder(session, path, require_count(count))
        else:
            pictures[path] = _cropped(session, path)
    noun = "picture" if len(pictures) == 1 else "pictures"
    names = [file.name for file in pictures]
    return Shown(np.stack(list(pictures.values())), names, f"{len(pictures)} given {noun}")


def to_show(
    session: "Session",
    run: str,
    given: list[str],
    faces: str | None,
    split: str,
    count: int,
    seed: int,
) -> Shown:
    """The given pictures; or else faces of a split of the given or remembered face set.

    A face set may stand among the given things, in place of --faces.
    """
    if len(given) == 1 and (Path(given[0]) / "faceset.json").is_file():
        given, faces = [], given[0]
    if given:
        return given_pictures(session, given, count)
    return some_faces(session, open_faces_of(run, faces), split, count, seed)


def require_size(session: "Session", faces: "FaceSet") -> None:
    """Refuse a face set whose faces are of another size than the run's."""
    if faces.size != session.size:
        raise UnusableInput(
            f"{session.name} takes faces of {session.size} pixels and {faces.path} holds faces of "
            f"{faces.size}: prepare it again with --size {session.size}."
        )


def require_count(count: int) -> int:
    """The number of faces that was asked for, which must be at least 1."""
    if count < 1:
        raise UnusableInput(f"the number of faces must be at least 1, not {count}.")
    return count


def _from_folder(session: "Session", folder: Path, count: int) -> dict[Path, Pictures]:
    """The first ``count`` pictures of a folder that can be used."""
    files = sorted(f for f in folder.iterdir() if f.is_file() and not f.name.startswith("."))
    if not files:
        raise UnusableInput(f"{folder} holds no pictures.")
    pictures: dict[Path, Pictures] = {}
    refused: list[UnusableInput] = []
    for file in files:
        try:
            pictures[file] = _cropped(session, file)
        except UnusableInput as error:
            refused.append(error)
        if len(pictures) == count:
            break
    if not pictures:
        raise UnusableInput(f"none of the {len(files)} files in {folder} will do: {refused[0]}")
    if refused:
        what = "1 file was" if len(refused) == 1 else f"{len(refused)} files were"
        note(f"{what} passed over; the first: {refused[0]}")
    return pictures


def _cropped(session: "Session", file: Path) -> Pictures:
    from lik.faces.photograph import crop_picture

    rule: dict[str, Any] = session.metadata.get("crop") or {}
    return crop_picture(file, rule, session.size)
