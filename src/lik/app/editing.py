"""Editing photographs: open one, edit it as often as wanted, save it with its record.

Every edit is made on the original: what has been added to a code so far is one sum, and where it
is nothing the photograph is itself, to the byte.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from lik.app.carrying import decodings_of
from lik.app.directions import open_editor
from lik.app.edits import RECORD, Edit, EditRecord, read_record
from lik.app.guiding import known_networks
from lik.app.opened import OpenedRun
from lik.app.source_records import SOURCE, PhotographSource, SourceRecord
from lik.core.artifacts import sha256_of
from lik.core.errors import UnusableInput
from lik.core.events import Notify, Progress, no_notices, no_progress
from lik.faces.detect.finding import Finder
from lik.faces.io.files import InMemory
from lik.faces.motion import carry
from lik.faces.photograph import Eyes, Photograph, PictureGiven, open_photograph
from lik.faces.tinting import around_of
from lik.figures.png import EDITED, GENERATIVE, ShownAsPicture, fitted, png_bytes
from lik.latent.directions.direction import probability_of
from lik.latent.editing import Editor, GuidedEditor
from lik.latent.guided import GUIDED, GuidedStatistics
from lik.latent.session import Codes
from lik.training.feature_networks import network_hash

TOGETHER = 8
"""Photographs that are opened at a time: as much of the gain as there is, and little memory."""


@dataclass(frozen=True)
class OpenedPhotograph:
    """A photograph whose faces are found and encoded, so that it can be edited many times.

    Attributes:
        given: where it lies, or its bytes. photograph: its pixels and faces.
        codes: (F, D) of its F faces, the largest first. inverted: steps in which they were fitted.
        source: the hash of its file.
    """

    given: Path | InMemory
    photograph: Photograph
    codes: Codes
    inverted: int
    source: PhotographSource


@dataclass(frozen=True, repr=False)
class Edited(ShownAsPicture):
    """A photograph, or a face that the model made, after an edit.

    Attributes:
        pixels: uint8 (H, W, 3). record: what was done. source: to what.
        faces: how many faces were edited.
        before, after: attribute → its probability in each face, where a network tells it.
        notices: sentences for people.
    """

    pixels: NDArray[np.uint8]
    record: EditRecord
    source: SourceRecord
    faces: int
    unchanged: bool
    before: Mapping[str, list[float]] = field(default_factory=dict)
    after: Mapping[str, list[float]] = field(default_factory=dict)
    notices: Sequence[str] = ()

    def __repr__(self) -> str:
        height, width = self.pixels.shape[:2]
        what = str(Edit.of(self.record)) or "unchanged"
        return f"{what}, by “{self.record.run}” ({self.record.method}): {width}×{height} pixels"

    def png(self) -> bytes:
        """The picture as PNG; its text holds record and source, and no path or command."""
        return self._as_png(Image.fromarray(self.pixels))

    def _repr_png_(self) -> bytes:
        return self._as_png(fitted(Image.fromarray(self.pixels)))

    def _as_png(self, image: Image.Image) -> bytes:
        made = not self.unchanged or self.record.mode == "decode"
        photographed = isinstance(self.source, PhotographSource)
        told = {RECORD: self.record, SOURCE: self.source}
        return png_bytes(
            image, command=None, quickly=True,
            run=self.record.run if made else None,
            description=EDITED if photographed else GENERATIVE,
            more={
                name: json.dumps(one.model_dump(exclude_none=True), ensure_ascii=False)
                for name, one in told.items()
            },
        )  # fmt: skip


def open_face(
    run: OpenedRun,
    given: PictureGiven,
    invert: int | None = None,
    finder: Finder | None = None,
    eyes: Sequence[Eyes] = (),
) -> OpenedPhotograph:
    """Open a photograph, a file or bytes, and encode its faces, as the run's crop rule cuts them.

    Args:
        invert: steps of fitting their codes; by default as many as the run usually takes.
        eyes: of the faces that are meant, where a person has shown them (`open_photograph`).

    Raises:
        UnusableInput: the file is missing, no picture, or without a face.
    """
    (photo,) = open_faces_of(run, [given], invert, finder, eyes=lambda _: eyes)
    if isinstance(photo, UnusableInput):
        raise photo
    return photo


def open_faces_of(
    run: OpenedRun,
    given: Iterable[PictureGiven],
    invert: int | None = None,
    finder: Finder | None = None,
    progress: Progress = no_progress,
    eyes: Callable[[PictureGiven], Sequence[Eyes]] = lambda _: (),
) -> Iterator[OpenedPhotograph | UnusableInput]:
    """Open photographs in order, likewise; some at a time, whose codes are fitted together.

    What cannot be opened is given as the error that says why. ``eyes`` gives those that are shown
    in a photograph, if any are.
    """
    steps = run.usual_inversion if invert is None else invert
    rule = run.metadata.get("crop") or {}
    rest = (one if isinstance(one, InMemory) else Path(one) for one in given)
    while some := list(islice(rest, TOGETHER)):
        found: list[Photograph | UnusableInput] = []
        for one in some:
            try:
                found.append(open_photograph(one, rule, run.size, finder, eyes=eyes(one)))
            except UnusableInput as error:
                found.append(error)
        crops = [
            face.pixels for photo in found if isinstance(photo, Photograph) for face in photo.faces
        ]  # fmt: skip
        codes = iter(run.codes(np.stack(crops), steps, progress) if crops else ())
        for one, photo in zip(some, found, strict=True):
            if isinstance(photo, Photograph):
                own: Codes = np.stack(list(islice(codes, len(photo.faces))))
                yield OpenedPhotograph(one, photo, own, steps, _source_of(one, eyes(one)))
            else:
                yield photo


def with_codes(
    given: InMemory,
    photograph: Photograph,
    codes: Codes,
    inverted: int,
    eyes: Sequence[Eyes] = (),
) -> OpenedPhotograph:
    """A photograph in memory whose faces were found and encoded one after the other."""
    return OpenedPhotograph(given, photograph, codes, inverted, _source_of(given, eyes))


def editor_for(
    run: OpenedRun,
    edit: Edit,
    classifiers: Sequence[str] = (),
    faces: str | None = None,
    progress: Progress = no_progress,
    notify: Notify = no_notices,
) -> Editor:
    """Open the editor that an edit asks for; a repeated edit is guided as it was.

    Raises:
        UnusableInput: no such method or attribute, or no network where one is needed.
    """
    record = edit.record
    guidance = None
    if record is not None and edit.method in (None, record.method):
        given = tuple(network_hash(path) for path in classifiers)
        if given in ((), record.networks):  # others are weighed as is usual for them
            guidance = record.guidance
        classifiers = classifiers or _known_networks(run, record.networks)
    editor = open_editor(run, edit.method, classifiers, faces, guidance, progress, notify)
    for name in [*edit.strengths, *edit.targets]:  # a wrong one is refused before the work
        editor.require(name)
    return editor


def edit_photograph(
    run: OpenedRun,
    photo: OpenedPhotograph,
    edit: Edit,
    editor: Editor | None = None,
    progress: Progress = no_progress,
    notify: Notify = no_notices,
) -> Edited:
    """Make an edit to the faces of a photograph.

    Raises:
        UnusableInput: there is no such face, or the editor cannot do it.
    """
    notices: list[str] = []

    def tell(sentence: str) -> None:
        notices.append(sentence)
        notify(sentence)

    if photo.photograph.notice:
        tell(photo.photograph.notice)
    editor = editor or editor_for(run, edit, progress=progress, notify=tell)
    chosen = _chosen(photo, edit.face)
    codes = photo.codes[chosen]
    moved = moved_by(editor, codes, edit, progress)
    for number, stays in enumerate((moved == codes).all(axis=1), 1):
        if stays and any(edit.exact.values()):
            tell(f"face {number} of {photo.given.name} is there already, and stays as it is.")
    mode = edit.mode or ("decode" if photo.photograph.a_crop else "transfer")
    record = record_of(run, edit, editor, mode, photo.inverted)
    for sentence in _differences(edit, record):
        tell(sentence)
    if mode == "decode":
        pixels = np.concatenate(list(run.session.decode(moved)), axis=1)
    else:
        pixels = _composed(run, photo, moved, chosen)
        if edit.strengths and _was_edited(photo.given):
            tell(
                f"{photo.given} was edited by Lik before, and is edited further now: what undoes "
                "an edit exactly is to repeat it on the original."
            )
    changed = [name for name, strength in edit.exact.items() if strength]
    told = [*(changed if editor.method == GUIDED else ()), *edit.targets]
    return Edited(
        pixels, record, photo.source, len(chosen), not np.any(moved != codes),
        _probabilities(editor, codes, told), _probabilities(editor, moved, told), notices,
    )  # fmt: skip


def edit_code(
    run: OpenedRun,
    code: Codes,
    source: SourceRecord,
    edit: Edit,
    editor: Editor | None = None,
    progress: Progress = no_progress,
) -> Edited:
    """Make an edit to a code (D,) that is of no photograph: the picture is its decoding.

    Raises:
        UnusableInput: the editor cannot do it.
    """
    editor = editor or editor_for(run, edit, progress=progress)
    moved = moved_by(editor, code[None], edit, progress)
    pixels, record = run.session.decode(moved)[0], record_of(run, edit, editor, "decode")
    stays = not np.any(moved != code)
    return Edited(pixels, record, source, 1, stays, notices=_differences(edit, record))


def _differences(edit: Edit, record: EditRecord) -> list[str]:
    """What is to be said of an edit that is repeated otherwise than it was made."""
    return [
        f"the edit that is repeated was made {words} than now: it will not be the same."
        for words in (edit.record.differences(record) if edit.record else ())
    ]


def moved_by(editor: Editor, codes: Codes, edit: Edit, progress: Progress = no_progress) -> Codes:
    """Codes (F, D) after all of an edit: strengths, then targets; each face by itself."""
    parts = []
    for code in codes:
        strengths = {name: float(strength) for name, strength in edit.exact.items() if strength}
        place = editor.moved_by(code[None], strengths, progress)
        for name, probability in edit.targets.items():
            place = editor.moved_to(place, name, probability, progress)
        parts.append(place)
    return np.concatenate(parts)


def _composed(
    run: OpenedRun, photo: OpenedPhotograph, moved: Codes, chosen: Sequence[int]
) -> NDArray[np.uint8]:
    """The photograph (H, W, 3) onto which the change that the edit makes is carried."""
    original, widen = photo.photograph.pixels, photo.photograph.widen
    pixels = original.copy()
    for face, code in zip(chosen, moved, strict=True):
        own = photo.codes[face]
        if np.any(code != own):  # by itself, so that no company shows in its last bits
            (decodings,) = decodings_of(run, own[None], code[None])
            seen = photo.photograph.faces[face]
            crop = np.asarray(seen.pixels / 255, np.float32)
            around = around_of(original, seen.square, crop, widen)
            pixels = carry(pixels, seen.square, crop, decodings, widen, around)
    return pixels


def _chosen(photo: OpenedPhotograph, face: int | None) -> list[int]:
    count = len(photo.codes)
    if face is None:
        return list(range(count))
    if not 1 <= face <= count:
        found = "1 face was found" if count == 1 else f"{count} faces were found"
        raise UnusableInput(
            f"there is no face {face} in {photo.given}: {found}, counted from the largest as 1."
        )
    return [face - 1]


def record_of(
    run: OpenedRun, edit: Edit, editor: Editor, mode: str, inverted: int = 0
) -> EditRecord:
    """What a picture is to say of an edit; ``inverted``: steps in which codes were fitted."""
    return EditRecord(
        strengths={name: str(value) for name, value in edit.exact.items()},
        targets=dict(edit.targets), method=editor.method, face=edit.face, mode=mode,
        inverted=inverted,
        networks=tuple(editor.networks),
        measured=editor.measured if isinstance(editor, GuidedEditor) else None,
        guidance=editor.settings if isinstance(editor, GuidedEditor) else None,
        **run.origin,
    )  # fmt: skip


def _known_networks(run: OpenedRun, hashes: Sequence[str]) -> list[str]:
    """Where the networks of a repeated edit lie, as far as the run knows.

    Raises:
        UnusableInput: one is not known, or is no longer there.
    """
    paths = known_networks(run, GuidedStatistics.load(run.path)) if hashes else {}
    missing = [sha256 for sha256 in hashes if not Path(paths.get(sha256, "\0")).exists()]
    if missing:
        raise UnusableInput(
            f"the edit was made with the network {missing[0][:12]}…, and {run.name} does not know "
            "where it is.", needs="network",
        )  # fmt: skip
    return [paths[sha256] for sha256 in hashes]


def _probabilities(editor: Editor, codes: Codes, names: Sequence[str]) -> dict[str, list[float]]:
    return {name: [probability_of(logit) for logit in editor.logits(codes, name)] for name in names}


def hash_of(given: PictureGiven) -> str:
    """The hash of a photograph's file."""
    return given.sha256 if isinstance(given, InMemory) else sha256_of(Path(given))


def _source_of(given: PictureGiven, eyes: Sequence[Eyes]) -> PhotographSource:
    return PhotographSource(sha256=hash_of(given), eyes=tuple(eyes) or None)


def _was_edited(given: Path | InMemory) -> bool:
    try:
        record = read_record(given)
    except UnusableInput:
        return True
    return record is not None and bool(record.strengths or record.targets)
