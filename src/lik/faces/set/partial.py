"""Unfinished work: what has become of the pictures so far, appended batch by batch.

job.json       what is being made: the same command must ask for the same
rows.jsonl     a line for each picture that is done, in the order of the source
images.npy     the faces' pixels behind room for a header
rejected.npy   the thumbnails of what was left out, likewise

Memory stays flat however many pictures there are, and a killed job loses one batch at most: a
line is written after the pixels that it speaks of, and what no line speaks of is cut off.
"""

import json
import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from numpy.lib import format as npy_format

from lik.core.artifacts import read_json, write_json
from lik.core.errors import FailedOnTheWay, UnusableInput
from lik.faces.set.extraction import THUMBNAIL, Extraction, Face, LeftOut

FOLDER = ".partial"

HEADER = 128
"""Bytes kept free in front of pixels for the header of the .npy file."""

THUMBNAIL_BYTES = THUMBNAIL**2 * 3

MOST_THUMBNAILS = 100
"""Thumbnails that are kept for each reason."""

Row = dict[str, Any]


class Partial:
    """The unfinished work in OUT/.partial.

    Attributes:
        done: pictures that have a line. kept: faces among them.
    """

    def __init__(self, out: Path, job: dict[str, Any], shard: str | None = None) -> None:
        self.out = out
        self.folder = out / FOLDER
        self.pixels = self.folder / "images.npy"
        self.thumbnails = self.folder / "rejected.npy"
        self.rows_file = self.folder / "rows.jsonl"
        self.job = job
        self.done = self.kept = 0
        self.thumbnails_of: Counter[str] = Counter()
        self._face_bytes = job["size"] ** 2 * 3
        job_file = self.folder / "job.json"
        if job_file.is_file():
            require_same_job(out, read_json(job_file), {"job": job, "shard": shard})
            for path in (self.pixels, self.thumbnails):
                if (out / path.name).is_file():  # killed while the set was put together
                    os.replace(out / path.name, path)
            self._recover()
        else:
            if out.exists() and any(path for path in out.iterdir() if path != self.folder):
                raise UnusableInput(f"{out} is not empty and no face set: choose another OUT.")
            self.folder.mkdir(parents=True, exist_ok=True)
            for path in (self.pixels, self.thumbnails):
                path.write_bytes(b"\0" * HEADER)
            self.rows_file.write_bytes(b"")
            write_json(job_file, {"job": job, "shard": shard})

    def append(self, extractions: list[Extraction], known: list[Row]) -> None:
        """Add a batch, with what the source knows of each picture (split, labels, factors)."""
        shown: list[bytes] = []
        rows = [
            {"name": extraction.name}
            | about
            | {
                "faces": [_face(face) for face in extraction.faces],
                "left_out": [self._left_out(entry, shown) for entry in extraction.left_out],
            }
            for extraction, about in zip(extractions, known, strict=True)
        ]
        pixels = [face.pixels.tobytes() for extraction in extractions for face in extraction.faces]
        self._write(rows, pixels, shown)

    def join(self, other: "Partial") -> None:
        """Add all that another unfinished work has, as if it had been made here."""
        with open(other.pixels, "rb") as faces, open(other.thumbnails, "rb") as thumbnails:
            faces.seek(HEADER)
            thumbnails.seek(HEADER)
            for row in other.rows():
                pixels = [faces.read(self._face_bytes) for _ in row["faces"]]
                shown = []
                for entry in row["left_out"]:
                    if entry["thumbnail"]:
                        content = thumbnails.read(THUMBNAIL_BYTES)
                        entry["thumbnail"] = self._room(entry["reason"])
                        if entry["thumbnail"]:
                            shown.append(content)
                self._write([row], pixels, shown)

    def _write(self, rows: list[Row], pixels: list[bytes], shown: list[bytes]) -> None:
        """Pixels first, so that no line speaks of what is not there."""
        for path, content in (
            (self.pixels, pixels),
            (self.thumbnails, shown),
            (self.rows_file, [_line(row) for row in rows]),
        ):
            if content:
                with open(path, "ab") as file:
                    file.writelines(content)
        self.done += len(rows)
        self.kept += sum(len(row["faces"]) for row in rows)

    def rows(self) -> Iterator[Row]:
        """The lines, one after the other."""
        with open(self.rows_file, "rb") as file:
            for line in file:
                yield json.loads(line)

    def _left_out(self, entry: LeftOut, shown: list[bytes]) -> Row:
        show = entry.thumbnail is not None and self._room(entry.reason)
        if show and entry.thumbnail is not None:
            shown.append(entry.thumbnail.tobytes())
        return {"name": entry.name, "reason": entry.reason, "thumbnail": show}

    def _room(self, reason: str) -> bool:
        """Whether one more thumbnail of this reason is kept; counts it if so."""
        if self.thumbnails_of[reason] >= MOST_THUMBNAILS:
            return False
        self.thumbnails_of[reason] += 1
        return True

    def _recover(self) -> None:
        """Keep the lines that are whole and whose pixels are there; cut off the rest."""
        faces_there = (self.pixels.stat().st_size - HEADER) // self._face_bytes
        shown_there = (self.thumbnails.stat().st_size - HEADER) // THUMBNAIL_BYTES
        end = shown = 0
        with open(self.rows_file, "rb") as file:
            for line in file:
                row = _parsed(line)
                if row is None:
                    break
                new = [entry["reason"] for entry in row["left_out"] if entry["thumbnail"]]
                if self.kept + len(row["faces"]) > faces_there or shown + len(new) > shown_there:
                    break
                self.kept += len(row["faces"])
                self.thumbnails_of.update(new)
                shown += len(new)
                self.done += 1
                end += len(line)
        os.truncate(self.rows_file, end)
        os.truncate(self.pixels, HEADER + self.kept * self._face_bytes)
        os.truncate(self.thumbnails, HEADER + shown * THUMBNAIL_BYTES)


def require_same_job(out: Path, old: Any, new: dict[str, Any]) -> None:
    """Refuse to go on with what another job has begun.

    Raises:
        UnusableInput: the jobs differ; what differs is said.
    """
    if not isinstance(old, dict) or old.keys() != new.keys():
        raise UnusableInput(f"{out} was prepared by another version of Lik: choose another OUT.")
    before, after = _flat(old), _flat(new)
    changed = [key for key in dict.fromkeys([*after, *before]) if before.get(key) != after.get(key)]
    if not changed:
        return
    shown = [f"{_called(key)} {before.get(key)} → {after.get(key)}" for key in changed]
    shown = ["other pictures or labels" if "identity" in entry else entry for entry in shown]
    raise UnusableInput(
        f"{out} holds the face set of another job ({'; '.join(shown)}): choose another OUT."
    )


def write_header(path: Path, shape: tuple[int, ...]) -> None:
    """Put the header of a uint8 .npy file into the bytes kept free for it."""
    with open(path, "rb+") as file:
        npy_format.write_array_header_1_0(
            file, {"descr": "|u1", "fortran_order": False, "shape": shape}
        )
        if file.tell() != HEADER:
            raise FailedOnTheWay(f"{path}: NumPy wrote a header of {file.tell()} bytes.")
        file.flush()
        os.fsync(file.fileno())


def _face(face: Face) -> Row:
    square = face.square
    return {
        "name": face.name,
        "box": [square.x, square.y, square.side, square.angle],
        "score": face.score,
        "detected": face.detected,
        "sharpness": face.quality.sharpness,
        "brightness": face.quality.brightness,
        "invented": face.invented,
        "fingerprint": face.quality.fingerprint.hex(),
    }


def _line(row: Row) -> bytes:
    return json.dumps(row, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def _parsed(line: bytes) -> Row | None:
    """A row, or None where a kill has cut its line off."""
    if not line.endswith(b"\n"):
        return None
    try:
        row = json.loads(line)
    except (json.JSONDecodeError, UnicodeDecodeError):
        return None
    return row if isinstance(row, dict) else None


def _flat(tree: Any, prefix: str = "") -> dict[str, Any]:
    if not isinstance(tree, dict):
        return {prefix.rstrip("."): tree}
    flat: dict[str, Any] = {}
    for key, value in tree.items():
        flat |= _flat(value, f"{prefix}{key}.")
    return flat


def _called(key: str) -> str:
    return key.removeprefix("job.").removesuffix(".kind")
