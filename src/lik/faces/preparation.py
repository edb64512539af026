"""From pictures to a face set: detect, crop, scale, write; in parallel, in order, resumable.

The work lies in OUT/.partial while it lasts: the pixels and one line per picture, appended batch
by batch, so that memory stays flat and a killed job loses one batch at most. faceset.json is
written last; where it is, the set is whole.
"""

import csv
import io
import json
import os
import shutil
import signal
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from itertools import islice
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.lib import format as npy_format
from numpy.typing import NDArray

from lik.core.artifacts import read_json, sha256_of, write_json, write_text
from lik.core.errors import FailedOnTheWay, UnusableInput
from lik.faces.cropping import CropRule, WholeCrop, cut, needs_detection, square_of
from lik.faces.detection import CASCADE, detect
from lik.faces.faceset import BOX_COLUMNS, FORMAT, NAME_COLUMNS, VERSION
from lik.faces.pictures import Container, NotAPicture
from lik.faces.sources import Source, hashed_split

CHUNK = 64
"""Pictures that a worker takes at a time."""

HEADER = 128
"""Bytes kept free in front of the pixels for the header of the .npy file."""

NO_FACE, LEAVES = "no face found", "the crop would leave the picture"


@dataclass(frozen=True)
class Preparation:
    """How many pictures there were, how many faces are kept, and why the others are not."""

    pictures: int
    kept: int
    reasons: dict[str, int]
    already_done: bool = False

    @property
    def found(self) -> int:
        """Pictures in which a face was found, or that needed no search."""
        return self.kept + self.reasons.get(LEAVES, 0)


@dataclass(frozen=True)
class Result:
    """What became of one picture: a face (S, S, 3) with its box and score, or a reason."""

    name: str
    face: NDArray[np.uint8] | None
    box: tuple[int, int, int] = (0, 0, 0)
    score: float | None = None
    reason: str = ""


def prepare(
    source: Source,
    out: Path,
    crop: CropRule,
    size: int,
    workers: int = 1,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Preparation:
    """Make the face set ``out`` from a source, or go on with it where it was left.

    The bytes do not depend on ``workers``. Aligned sources are taken whole.

    Raises:
        UnusableInput: OUT holds something else, or nothing could be kept.
        FailedOnTheWay: writing failed; what is done stays for the next try.
    """
    rule: CropRule = WholeCrop() if source.aligned else crop
    if size < 8:
        raise UnusableInput(f"faces must be at least 8 pixels wide, not {size}.")
    job = {
        "source": source.description,
        "identity": source.identity,
        "crop": rule.model_dump(mode="json"),
        "size": size,
    }
    finished = _finished(out, job)
    if finished:
        return finished
    try:
        partial = _Partial(out, job)
        rest = source.names[len(partial.lines) :]
        results = _results(source.container, rest, rule, size, workers)
        while batch := list(islice(results, CHUNK)):
            partial.append(batch)
            progress(len(partial.lines), len(source.names))
        return _finish(out, partial, source, job)
    except OSError as error:
        raise FailedOnTheWay(
            f"{out} could not be written: {error.strerror or error}; the same command goes on "
            "from there."
        ) from error
    except BrokenProcessPool as error:
        raise FailedOnTheWay(
            "a worker process was lost (out of memory?); the same command goes on from there."
        ) from error


def process(container: Container, name: str, rule: CropRule, size: int) -> Result:
    """Find and cut the face of one picture."""
    try:
        picture = container.open(name).decode()
    except NotAPicture as error:
        return Result(name, None, reason=str(error))
    height, width = picture.shape[:2]
    box = detect(picture) if needs_detection(rule) else None
    if box is None and needs_detection(rule):
        return Result(name, None, reason=NO_FACE)
    square = square_of(rule, width, height, box)
    if not square.inside(width, height):
        return Result(name, None, reason=LEAVES)
    face = cut(picture, square, size)
    return Result(
        name, face, (int(square.x), int(square.y), int(square.side)), box.score if box else None
    )


class _Partial:
    """The unfinished work in OUT/.partial."""

    def __init__(self, out: Path, job: dict[str, Any]) -> None:
        self.folder = out / ".partial"
        self.pixels = self.folder / "images.npy"
        self.rows = self.folder / "rows.jsonl"
        self.face_bytes = job["size"] ** 2 * 3
        self.lines: list[dict[str, Any]] = []
        self.kept = 0
        job_file = self.folder / "job.json"
        if job_file.is_file():
            _require_same_job(out, read_json(job_file), job)
            if (out / "images.npy").is_file():  # killed while the set was put together
                os.replace(out / "images.npy", self.pixels)
            self._recover()
        else:
            if out.exists() and any(p for p in out.iterdir() if p != self.folder):
                raise UnusableInput(f"{out} is not empty and no face set: choose another OUT.")
            self.folder.mkdir(parents=True, exist_ok=True)
            self.pixels.write_bytes(b"\0" * HEADER)
            self.rows.write_bytes(b"")
            write_json(job_file, job)

    def append(self, results: list[Result]) -> None:
        """Add a batch, its pixels first, so that no line speaks of a face that is not there."""
        with open(self.pixels, "ab") as file:
            file.writelines(r.face.tobytes() for r in results if r.face is not None)
        lines = [
            {"name": r.name, "box": list(r.box), "score": r.score}
            if r.face is not None
            else {"name": r.name, "reason": r.reason}
            for r in results
        ]
        with open(self.rows, "a", encoding="utf-8") as rows:
            rows.writelines(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
        self.lines += lines
        self.kept += sum(r.face is not None for r in results)

    def _recover(self) -> None:
        """Keep the lines that are whole and whose pixels are there; cut off the rest."""
        there = max(0, (self.pixels.stat().st_size - HEADER) // self.face_bytes)
        for line in self.rows.read_bytes().split(b"\n")[:-1]:
            try:
                entry = json.loads(line)
            except json.JSONDecodeError:
                break
            if "box" in entry:
                if self.kept == there:
                    break
                self.kept += 1
            self.lines.append(entry)
        os.truncate(self.pixels, HEADER + self.kept * self.face_bytes)
        text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in self.lines)
        write_text(self.rows, text)


def _results(
    container: Container, names: list[str], rule: CropRule, size: int, workers: int
) -> Iterator[Result]:
    """The results of all pictures, in the order of their names."""
    if workers <= 1 or len(names) < 4 * CHUNK:
        threads = cv2.getNumThreads()
        try:
            for name in names:
                yield process(container, name, rule, size)
        finally:
            cv2.setNumThreads(threads)
        return
    chunks = (names[start : start + CHUNK] for start in range(0, len(names), CHUNK))
    with ProcessPoolExecutor(workers, get_context("spawn"), _begin_worker) as pool:
        waiting = [
            pool.submit(_process_chunk, container, chunk, rule, size)
            for chunk in islice(chunks, 2 * workers)
        ]
        try:
            while waiting:
                yield from waiting.pop(0).result()
                for chunk in islice(chunks, 1):
                    waiting.append(pool.submit(_process_chunk, container, chunk, rule, size))
        finally:
            pool.shutdown(cancel_futures=True)


def _begin_worker() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides when work ends
    cv2.setNumThreads(1)


def _process_chunk(
    container: Container, names: list[str], rule: CropRule, size: int
) -> list[Result]:
    return [process(container, name, rule, size) for name in names]


def _finished(out: Path, job: dict[str, Any]) -> Preparation | None:
    file = out / "faceset.json"
    if out.is_file():
        raise UnusableInput(f"{out} is a file: choose another OUT.")
    if not file.is_file():
        return None
    description = read_json(file)
    if not isinstance(description, dict) or "job" not in description:
        raise UnusableInput(f"{file} does not describe a face set of Lik.")
    _require_same_job(out, description["job"], job)
    return Preparation(
        description["pictures"], description["kept"], description["rejected"], already_done=True
    )


def _require_same_job(out: Path, old: dict[str, Any], new: dict[str, Any]) -> None:
    if old == new:
        return
    changed = [f"{key} {old.get(key)} → {new[key]}" for key in new if old.get(key) != new[key]]
    changed = [c if not c.startswith("identity") else "other pictures or labels" for c in changed]
    raise UnusableInput(
        f"{out} holds the face set of another job ({'; '.join(changed)}): choose another OUT."
    )


def _finish(out: Path, partial: _Partial, source: Source, job: dict[str, Any]) -> Preparation:
    rejected = [line for line in partial.lines if "reason" in line]
    reasons = dict(Counter(line["reason"] for line in rejected).most_common())
    if not partial.kept:
        often = next(iter(reasons), "there are no pictures")
        shutil.rmtree(partial.folder)
        if not any(out.iterdir()):
            out.rmdir()
        raise UnusableInput(
            f"none of the {len(partial.lines)} pictures could be used (most often: {often})."
        )
    indices = {name: index for index, name in enumerate(source.names)}
    kept = [(indices[line["name"]], line) for line in partial.lines if "box" in line]
    splits = [source.splits[i] or hashed_split(line["name"]) for i, line in kept]
    _write_header(partial.pixels, (partial.kept, job["size"], job["size"], 3))
    os.replace(partial.pixels, out / "images.npy")
    _write_csv(
        out / "index.csv",
        NAME_COLUMNS + BOX_COLUMNS + ["score"] + source.attribute_names,
        [
            [line["name"], split, *map(str, line["box"]), "0", _number(line["score"])]
            + [_number(v) for v in (source.attributes[i] if source.attribute_names else ())]
            for (i, line), split in zip(kept, splits, strict=True)
        ],
    )
    _write_csv(
        out / "rejected.csv", ["name", "reason"], [[r["name"], r["reason"]] for r in rejected]
    )
    hashed = ["images.npy", "index.csv"]
    if source.factor_names:
        rows = [[_number(value) for value in source.factors[i]] for i, _ in kept]
        _write_csv(out / "factors.csv", source.factor_names, rows)
        hashed.append("factors.csv")
    write_json(
        out / "faceset.json",
        {
            "format": FORMAT,
            "version": VERSION,
            "source": source.description,
            "detector": CASCADE if job["crop"]["kind"] in ("face", "paper") else None,
            "crop": job["crop"],
            "size": job["size"],
            "pictures": len(source.names),
            "kept": partial.kept,
            "splits": dict(Counter(splits)),
            "rejected": reasons,
            "attribute_names": source.attribute_names,
            "sha256": {name: sha256_of(out / name) for name in hashed},
            "job": job,
        },
    )
    shutil.rmtree(partial.folder)
    return Preparation(len(source.names), partial.kept, reasons)


def _write_header(path: Path, shape: tuple[int, ...]) -> None:
    """Put the header of a .npy file into the bytes kept free for it."""
    with open(path, "rb+") as file:
        npy_format.write_array_header_1_0(
            file, {"descr": "|u1", "fortran_order": False, "shape": shape}
        )
        if file.tell() != HEADER:
            raise FailedOnTheWay(f"{path}: NumPy wrote a header of {file.tell()} bytes.")
        file.flush()
        os.fsync(file.fileno())


def _number(value: float | None) -> str:
    """A number as short as it can be, empty where unknown."""
    return "" if value is None or np.isnan(value) else f"{value:.6g}"


def _write_csv(path: Path, columns: list[str], rows: list[list[str]]) -> None:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    write_text(path, text.getvalue())
