"""Which faces: of a face set, by split, attributes and number; or photographs that are given."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lik.app.opened import OpenedRun
from lik.core.configuration import nearest
from lik.core.errors import UnusableInput
from lik.core.events import Notify, no_notices
from lik.core.pixels import Pictures
from lik.core.randomness import numpy_stream
from lik.faces.photograph import crop_picture
from lik.faces.set.faceset import FaceSet

LEARN = "learn"
"""In place of a split: the training faces, or all where none are for training."""
SPLITS = ("train", "validation", "test", "all")

Cropped = Callable[[Path], Pictures]
"""A picture file → the face in it, (S, S, 3)."""


@dataclass(frozen=True)
class Selection:
    """Faces of a face set, by what they shall be.

    Attributes:
        split: 'train', 'validation', 'test', 'all', or `LEARN`.
        having, lacking: attributes that the faces have, and that they do not have. A face of which
            one is unknown is in neither.
        count: how many are drawn of those; None for all.
        seed: decides which are drawn.
    """

    split: str = "all"
    having: Sequence[str] = ()
    lacking: Sequence[str] = ()
    count: int | None = None
    seed: int = 0

    def of(self, faces: FaceSet) -> NDArray[np.int64]:
        """The indices (N,) of the faces, in the order of the set.

        Raises:
            UnusableInput: no such split, attribute or faces.
        """
        chosen = self._of_split(faces)
        for names, wanted in ((self.having, True), (self.lacking, False)):
            for name in names:
                labels = column_of(faces, name)[chosen]
                chosen = chosen[labels > 0 if wanted else labels <= 0]
                if not len(chosen):
                    word = "with" if wanted else "without"
                    raise UnusableInput(f"no face that is left is {word} {name}: ask for less.")
        if self.count is None:
            return chosen
        require_some(self.count)
        drawn = numpy_stream(self.seed, "shown").permutation(chosen)
        return np.sort(drawn[: self.count])

    def described(self, faces: FaceSet, count: int) -> str:
        """What ``count`` faces that were chosen are, for people."""
        which = "" if self.split in ("all", LEARN) else f"{self.split} "
        traits = [f"with {spelt(name)}" for name in self.having]
        traits += [f"without {spelt(name)}" for name in self.lacking]
        return ", ".join([f"{count:,} {which}faces of the set “{faces.path.name}”", *traits])

    def _of_split(self, faces: FaceSet) -> NDArray[np.int64]:
        if self.split == LEARN:
            return faces.to_learn_from()
        if self.split not in SPLITS:
            raise UnusableInput(
                f"there is no split '{self.split}': give one of {', '.join(SPLITS)}."
            )
        chosen = faces.indices(None if self.split == "all" else self.split)
        if not len(chosen):
            raise UnusableInput(
                f"{faces.path} has no faces in its {self.split} split: take the split all."
            )
        return chosen


def column_of(faces: FaceSet, name: str) -> NDArray[np.float64]:
    """The labels (N,) of one attribute, NaN where unknown; UnusableInput where there is none."""
    names = faces.attribute_names
    if not names:
        raise UnusableInput(f"{faces.path} has no attributes, so '{name}' cannot be used.")
    if name not in names:
        raise UnusableInput(
            f"there is no attribute '{name}' in {faces.path}.{nearest(name, names)}"
        )
    column: NDArray[np.float64] = faces.attributes[:, names.index(name)]
    return column


def spelt(name: str) -> str:
    """An attribute's name as people read it."""
    return name.replace("_", " ")


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
    cropped: Cropped | None = None,
) -> Shown:
    """Open photographs, folders of them, or a face set; without any, faces of the run's own set.

    Of photographs the largest face is taken, cut as the run's crop rule says; of a folder, the
    first that can be used, as many as ``selection`` counts: what is passed over is told. ``given``
    are pictures and folders, or one face set, which may as well be ``faces``. ``cropped`` cuts the
    face out of a file, if not as the run's crop rule says.

    Raises:
        UnusableInput: a named file that is missing, no picture, or without a face, a folder of
            nothing else, a face set that does not fit the run, or both pictures and a face set.
    """
    if len(given) == 1 and (Path(given[0]) / "faceset.json").is_file():
        given, faces = [], given[0]
    if given and faces is not None:
        raise UnusableInput("give pictures, or a face set, but not both.")
    if given:
        cut_out = cropped or partial(crop_of, run)
        pictures = _photographs([Path(path) for path in given], cut_out, selection.count, notify)
        noun = "picture" if len(pictures) == 1 else "pictures"
        names = [file.name for file in pictures]
        return Shown(np.stack(list(pictures.values())), names, f"{len(pictures)} given {noun}")
    face_set = run.faces(faces)
    chosen = selection.of(face_set)
    return Shown(
        np.asarray(face_set.images[chosen]),
        [face_set.names[index] for index in chosen],
        selection.described(face_set, len(chosen)),
    )


def require_some(count: int | None) -> None:
    """Refuse a number of faces below 1; None is all of them."""
    if count is not None and count < 1:
        raise UnusableInput(f"the number of faces must be at least 1, not {count}.")


def crop_of(run: OpenedRun, file: Path) -> Pictures:
    """The largest face of a picture file, (S, S, 3), cut as the run's crop rule says."""
    return crop_picture(file, run.metadata.get("crop") or {}, run.size)


def _photographs(
    paths: Sequence[Path], cropped: Cropped, count: int | None, notify: Notify
) -> dict[Path, Pictures]:
    pictures: dict[Path, Pictures] = {}
    for path in paths:
        pictures |= (
            _of_folder(path, cropped, count, notify) if path.is_dir() else {path: cropped(path)}
        )
    return pictures


def _of_folder(
    folder: Path, cropped: Cropped, count: int | None, notify: Notify
) -> dict[Path, Pictures]:
    """The first ``count`` pictures of a folder that can be used, or all."""
    require_some(count)
    files = sorted(f for f in folder.iterdir() if f.is_file() and not f.name.startswith("."))
    if not files:
        raise UnusableInput(f"{folder} holds no pictures.")
    pictures: dict[Path, Pictures] = {}
    refused: list[UnusableInput] = []
    for file in files:
        try:
            pictures[file] = cropped(file)
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
