"""What the studio can do, for all of its pages at once: everything through `lik.app`.

It keeps no photograph. What it keeps in memory, of the last few, are the crops of their faces,
codes that took long to fit, and what does not change from one move of a slider to the next.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch

from lik.app.carrying import Carrier
from lik.app.directions import DEFAULT
from lik.app.editing import Edited, edit_code, edit_photograph, editor_for, with_codes
from lik.app.edits import VERSION, Edit, record_from
from lik.app.guiding import kept_guided
from lik.app.hub import name_in_cache
from lik.app.run import Run
from lik.app.run_facts import describe_run, linear_sets
from lik.app.run_search import find_runs
from lik.app.source_records import (
    EditedSource,
    MixSource,
    PhotographSource,
    SourceRecord,
    code_of,
    draw_codes,
    held_out_codes,
    read_source,
)
from lik.core.artifacts import file_stem
from lik.core.batched import slices
from lik.core.configuration import nearest
from lik.core.errors import OtherWeights, UnusableInput
from lik.core.events import Progress, no_progress
from lik.core.pixels import Pictures
from lik.core.processors import processors
from lik.core.run_folder import RunFolder
from lik.faces.compositing import Image
from lik.faces.io.files import InMemory
from lik.faces.motion import Change
from lik.faces.photograph import Eyes, Photograph, read_picture
from lik.latent.editing import DIMENSION, GuidedEditor
from lik.latent.guided import GUIDED
from lik.latent.session import Codes
from lik.studio.refusals import Refused
from lik.studio.requests import DrawRequest, Trajectory, require_bounded
from lik.studio.uploads import MOST_FACES, PhotographPool, checked
from lik.studio.wire import (
    CARRY,
    carried_frame,
    carry_fits,
    codes_from,
    decoded_frame,
    from_base64,
    read_frame,
    to_base64,
)
from lik.studio.worker import ModelThread

T = TypeVar("T")
K = TypeVar("K", bound=Hashable)
Stamp = tuple[int, int] | None

MOST_OPEN = 4
"""Runs that are open at a time."""
MOST_ASIDE = 4
"""Maps that wait to be laid out at most."""
MOST_CARRIED = 64
"""Faces of which it is kept what does not change while a slider is moved."""
TOGETHER = 4
"""Faces of a frame that one thread decodes."""
MOST_KEPT = 64
"""Photographs of which crops and codes of their faces are kept; nothing else of them is."""


class StudioEngine:
    """The runs that are shown, and the threads that work with them.

    Attributes:
        places: id → where the run lies; ids are what pages say, and paths are never told.
    """

    def __init__(
        self,
        places: Sequence[Path],
        device: str = "auto",
        threads: int = 1,
        watched: Sequence[Path] = (),
    ) -> None:
        self.places: dict[str, Path] = {}
        self._add(places)
        self._watched = [folder.resolve() for folder in watched]
        self.models, self.photographs = ModelThread(), PhotographPool()
        self.aside = ModelThread(MOST_ASIDE)  # long arithmetic that no model does
        # Besides the thread of models, which waits for them.
        self._decoders = ThreadPoolExecutor(processors(), "faces", torch.set_num_threads, (1,))
        self._device, self._threads = device, threads
        self._runs: OrderedDict[str, Run] = OrderedDict()
        self._rows: dict[str, tuple[Stamp, dict[str, Any] | None]] = {}
        self._stamps: dict[str, Stamp] = {}
        self._faces: OrderedDict[tuple[str, str, tuple[Eyes, ...]], Photograph] = OrderedDict()
        self._codes: OrderedDict[tuple[str, int, bytes], Codes] = OrderedDict()
        self._carriers: OrderedDict[tuple[str, bytes, bytes], Carrier] = OrderedDict()

    @property
    def names(self) -> Mapping[Path, str]:
        """What is said of places that messages may speak of."""
        return {place: name_in_cache(place) or place.name for place in self.places.values()}

    def close(self) -> None:
        """End the threads."""
        self.models.close()
        self.aside.close()
        self.photographs.close()
        self._decoders.shutdown(cancel_futures=True)

    def warm(self) -> None:
        """Open the first run before anybody asks for it."""
        usual = next((one for one in self.places if self._stamp(one)), None)
        if usual is not None:
            self.models.begin(lambda: self._anew(usual).decode(self._no_code(usual)))

    def look_again(self) -> None:
        """Find the runs that have come to be in the folders that are watched."""
        for folder in self._watched:
            with suppress(UnusableInput):  # the folder is gone
                self._add(find_runs(folder))

    async def rows(self) -> list[dict[str, Any]]:
        """The runs, each with its size; what cannot be opened is left out."""
        await asyncio.to_thread(self.look_again)
        rows = []
        for run_id in list(self.places):
            stamp = self._stamp(run_id)
            if stamp is None:
                continue  # not trained yet, or deleted
            if self._rows.get(run_id, (None,))[0] != stamp:
                self._rows[run_id] = stamp, await self._row(run_id)
            rows.append(self._rows[run_id][1])
        return [row for row in rows if row]

    async def _row(self, run_id: str) -> dict[str, Any] | None:
        """What is listed of a run; None of one that cannot be opened."""
        try:
            run = await self.run(run_id)
        except UnusableInput:
            return None
        return {"id": run_id, "name": run.name, "size": run.size, "latent": run.latent}

    async def about(self, run_id: str) -> dict[str, Any]:
        """What there is to say of a run, as `lik.app.run_facts` says it."""
        run = await self.models.run(lambda: self._anew(run_id), urgent=True)
        told = await self.models.run(lambda: describe_run(run), urgent=True)
        told["abilities"] |= {
            "carry": carry_fits(run.latent, run.size), "runs": len(self.places) > 1,
            "training": self.folder(run_id).journal.is_file(),
        }  # fmt: skip
        return {"id": run_id, **told}

    def folder(self, run_id: str) -> RunFolder:
        """Where a run lies, by its id."""
        if run_id not in self.places:
            raise Refused(404, "unknown", "there is no such run here.")
        return RunFolder(self.places[run_id])

    async def run(self, run_id: str) -> Run:
        """A run by its id, opened."""
        return await self.models.run(lambda: self._run(run_id), urgent=True)

    async def directions(self, run_id: str, name: str) -> tuple[list[str], Codes]:
        """The names of a set's directions, and its vectors (K, D) of strength 1."""
        run = await self.run(run_id)
        sets = await self.models.run(lambda: linear_sets(run), urgent=True)
        if name not in sets:
            raise Refused(404, "unknown", f"there are no such directions.{nearest(name, sets)}")
        found = sets[name].directions
        return list(found), np.stack([one.vector for one in found.values()])

    async def draw(self, run_id: str, wanted: DrawRequest) -> Codes:
        """Codes (N, D) of new faces, or of faces of the test set."""

        def drawn() -> Codes:
            run = self._run(run_id)
            if wanted.kind == "testset":
                return held_out_codes(run, wanted.count, wanted.seed)
            std = None if wanted.temperature is None else float(wanted.temperature)
            return draw_codes(run, wanted.count, wanted.seed, std, wanted.prior)

        return await self.models.run(drawn, urgent=True)

    async def faces(self, run_id: str, data: bytes, eyes: Sequence[Eyes] = ()) -> dict[str, Any]:
        """The faces of a photograph: squares, codes and crops, and what is to be said of it.

        ``eyes`` of its faces, where a person has shown them.
        """
        run, given = await self.run(run_id), await self.photographs.do(lambda: checked(data))
        found = await self._found(run, given, eyes)
        codes = await self.models.run(lambda: run.encode(_crops_of(found)), urgent=True)
        height, width = found.pixels.shape[:2]
        each = zip(found.faces, codes, strict=True)
        return {
            "sha256": given.sha256, "width": width, "height": height,
            "notice": found.notice, "a_crop": found.a_crop,
            "faces": [
                {
                    "square": {
                        "x": face.square.x, "y": face.square.y, "side": face.square.side,
                        "angle": face.square.angle,
                    },
                    "code": to_base64(np.asarray(code, "<f4").tobytes()),
                    "crop": to_base64(face.pixels.tobytes()), "inverted": 0,
                }
                for face, code in each
            ],
        }  # fmt: skip

    async def fit(self, run_id: str, body: bytes) -> Codes:
        """Crops (N, S, S, 3) → codes (N, D), fitted in as many steps as the run usually takes."""
        run = await self.run(run_id)
        each = run.size**2 * 3
        if not body or len(body) % each or len(body) > MOST_FACES * each:
            raise Refused(400, "bad-frame", f"1 to {MOST_FACES} crops of {each} bytes are fitted.")
        crops = np.frombuffer(body, np.uint8).reshape(-1, run.size, run.size, 3).copy()
        job = partial(self._fitted, run, crops, run.usual_inversion)
        return await self.models.run_long(job, no_progress)

    async def live(self, run_id: str, message: bytes) -> bytes:
        """A frame of `lik.studio.wire` → the frame that answers it."""
        return await self.models.run(lambda: self._answer(run_id, message), urgent=True)

    async def trajectory(self, run_id: str, wanted: Trajectory, progress: Progress) -> Codes:
        """Where a code passes when it is guided to a trait, (41, D), its own place first."""

        def guided(step: Progress) -> Codes:
            run = self._run(run_id)
            code = codes_from(from_base64(wanted.code), run.latent)
            editor = _guided(run)
            return editor.trajectory(code[:1], wanted.attribute, wanted.sign, step)[:, 0]

        return await self.models.run_long(guided, progress)

    async def edit(
        self, run_id: str, told: Any, source: Any, data: bytes, progress: Progress
    ) -> tuple[bytes, Sequence[str]]:
        """Repeat a record on a photograph, or on a source: the PNG of ``lik edit``, and notices."""
        if not isinstance(told, dict):
            raise Refused(400, "bad-request", "the record is no object of JSON.")
        record = record_from({"version": VERSION, **told}, "the record")
        require_bounded(record)
        run = await self.run(run_id)
        if record.model_sha256 != run.sha256:
            raise OtherWeights("this edit was made with other weights than this run has.")
        edit = Edit.of(record)
        wanted = read_source(source) if source is not None or not data else None
        eyes = (wanted.eyes or ()) if isinstance(wanted, PhotographSource) else ()
        if data:
            given = await self.photographs.do(lambda: checked(data))
            found = await self._found(run, given, eyes)

        def edited(step: Progress) -> Edited:
            _require_method(run, record.method, [*record.strengths, *record.targets])
            editor = editor_for(run, edit, progress=step)
            if not data:
                assert wanted is not None
                code = self._mixed_or_drawn(run, wanted, step)
                return edit_code(run, code, wanted, edit, editor, step)
            codes = self._fitted(run, _crops_of(found), record.inverted, step)
            opened = with_codes(given, found, codes, record.inverted, eyes)
            return edit_photograph(run, opened, edit, editor, step)

        done = await self.models.run_long(edited, progress)
        return await self.photographs.do(done.png), done.notices

    def _mixed_or_drawn(self, run: Run, wanted: SourceRecord, progress: Progress) -> Codes:
        """The code (D,) of a source; photographs that are mixed are those that are kept."""
        if not isinstance(wanted, MixSource):
            return code_of(run, wanted, progress=progress)
        for end in wanted.ends:
            if isinstance(end, EditedSource):
                _require_method(run, end.method, list(end.strengths))

        def codes(one: PhotographSource) -> Codes:
            found = self._faces.get((run.sha256, one.sha256, one.eyes or ()))
            if found is None:
                raise UnusableInput("a photograph of the mixture is not open.", needs="photograph")
            return self._fitted(run, _crops_of(found), run.usual_inversion, progress)

        return code_of(run, wanted, codes, progress)

    async def _found(self, run: Run, given: InMemory, eyes: Sequence[Eyes]) -> Photograph:
        """A photograph with its faces, which are looked for once; its pixels are not kept."""
        key = run.sha256, given.sha256, tuple(eyes)
        if (known := self._faces.get(key)) is not None:
            self._faces.move_to_end(key)
            pixels = await self.photographs.do(lambda: read_picture(given))
            return replace(known, pixels=pixels)
        rule = run.metadata.get("crop") or {}
        found = await self.photographs.open(given, rule, run.size, eyes)
        none = np.zeros((0, 0, 3), np.uint8)
        return replace(kept(self._faces, key, lambda: replace(found, pixels=none), MOST_KEPT),
                       pixels=found.pixels)  # fmt: skip

    def _fitted(self, run: Run, crops: Pictures, steps: int, progress: Progress) -> Codes:
        """Codes of the faces of a photograph, which are fitted once for preview and picture."""
        key = run.sha256, steps, sha256(crops.tobytes()).digest()
        make = partial(run.codes, crops, steps, progress)
        return kept(self._codes, key, make, MOST_KEPT)

    def _answer(self, run_id: str, message: bytes) -> bytes:
        run = self._run(run_id)
        frame = read_frame(message, run.latent, run.size)
        if frame.kind != CARRY:
            # A face that is edited, saved or shared comes alone, and is the same to the bit again.
            some = [frame.codes[part] for part in slices(len(frame.codes), TOGETHER)]
            each = self._decoders.map(run.decode, some) if len(some) > 1 else [run.decode(some[0])]
            return decoded_frame(frame.id, np.concatenate(list(each)))
        changes: list[tuple[Image, Change]] = []
        for code, after, crop in zip(frame.codes, frame.after, frame.crops, strict=True):
            changes += self._carrier(run, code, crop).changes(after[None])
        return carried_frame(frame.id, changes)

    def _carrier(self, run: Run, code: Codes, crop: Pictures) -> Carrier:
        key = run.sha256, code.tobytes(), sha256(crop.tobytes()).digest()
        return kept(self._carriers, key, lambda: Carrier(run, crop[None], code[None]), MOST_CARRIED)

    def _run(self, run_id: str) -> Run:
        place = self.folder(run_id).path
        return kept(self._runs, run_id, lambda: self._opened(place), MOST_OPEN)

    def _opened(self, place: Path) -> Run:
        run = Run(place, self._device, self._threads)
        _ = run.sha256  # now: a training may soon write other weights there
        return run

    def _anew(self, run_id: str) -> Run:
        """A run with the weights that it has now, which a training may have changed.

        So it is when a page opens it; pages that are open already keep those that they began with
        until then.
        """
        stamp = self._stamp(run_id)
        if self._stamps.get(run_id) != stamp:
            self._runs.pop(run_id, None)
            self._rows.pop(run_id, None)
            self._stamps[run_id] = stamp
        return self._run(run_id)

    def _stamp(self, run_id: str) -> Stamp:
        """What tells the weights of a run from others; None where there are none."""
        place = self.folder(run_id).path
        try:
            told = (place if place.is_file() else RunFolder(place).model).stat()
        except OSError:
            return None
        return told.st_mtime_ns, told.st_size

    def _add(self, places: Sequence[Path]) -> None:
        """Give each place that has none a short name, all of them distinct."""
        for place in [given.resolve() for given in places]:
            if place in self.places.values():
                continue
            called = name_in_cache(place) or place.name.removesuffix(".safetensors")
            stem = file_stem(called, 60)
            plain = (sign if sign.isascii() and sign.isalnum() else "-" for sign in stem)
            name = "".join(plain).strip("-") or "run"
            number = 1
            while (name if number == 1 else f"{name}-{number}") in self.places:
                number += 1
            self.places[name if number == 1 else f"{name}-{number}"] = place

    def _no_code(self, run_id: str) -> Codes:
        return np.zeros((1, self._run(run_id).latent), np.float32)


def kept(known: "OrderedDict[K, T]", key: K, make: Callable[[], T], most: int) -> T:
    """What is kept under a key, or is made now; what was not asked for the longest gives way."""
    if key not in known:
        known[key] = make()
        while len(known) > most:
            known.popitem(last=False)
    known.move_to_end(key)
    return known[key]


def _crops_of(found: Photograph) -> Pictures:
    return np.stack([face.pixels for face in found.faces])


def _require_method(run: Run, method: str, names: Sequence[str]) -> None:
    """See that an edit needs nothing that would have to be fitted first.

    Raises:
        UnusableInput: it does.
    """
    if method == GUIDED:
        _guided(run)
        return
    known = linear_sets(run)
    alone = method == DEFAULT and all(name.startswith(DIMENSION) for name in names)
    if method not in known and not alone:
        raise UnusableInput(
            f"{run.name} has no directions '{method[:100]}'.{nearest(method[:100], known)}",
            needs="calibration",
        )


def _guided(run: Run) -> GuidedEditor:
    """The usual editor of guided edits, for which nothing has to be measured first.

    Raises:
        UnusableInput: the run has none.
    """
    editor = kept_guided(run)
    if editor is None:
        raise UnusableInput(f"{run.name} has no guided edits.", needs="network")
    return editor
