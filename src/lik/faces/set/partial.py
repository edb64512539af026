"""Unfinished work: what has become of the pictures so far, appended batch by batch.

job.json       what is being made: the same command must ask for the same
rows.jsonl     a line for each picture that is done, in the order of the source
images.npy     the faces' pixels behind room for a header
rejected.npy   the thumbnails of what was left out, likewise

Memory stays flat however many pictures there are, and a killed job loses one batch at most: a
line is written after the pixels that it speaks of, and holds their checksum. What no line speaks
of, and what has changed since, is cut off when the work goes on.
"""

import json
import os
import shutil
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, astuple, dataclass
from pathlib import Path
from typing import Any

from numpy.lib import format as npy_format

from lik.core.artifacts import read_json, write_json
from lik.core.configuration import flat
from lik.core.errors import FailedOnTheWay, UnusableInput
from lik.faces.set.extraction import THUMBNAIL, Extraction, Face, LeftOut

FOLDER, LOCK = ".partial", ".lock"

HEADER = 128
"""Bytes kept free in front of pixels for the header of the .npy file."""

THUMBNAIL_BYTES = THUMBNAIL**2 * 3

MOST_THUMBNAILS = 100
"""Thumbnails that are kept for each reason."""

Row = dict[str, Any]


@dataclass(frozen=True)
class Work:
    """What is being made: all that decides the bytes of a face set."""

    job: dict[str, Any]
    shard: str | None  # the part of it, as 1/4; None for all
    fingerprint: str  # sizes and times of the source's files; empty where they are not known

    def require_same(self, out: Path, old: dict[str, Any]) -> None:
        """Raise UnusableInput, which says what differs, where ``old`` is other work."""
        changed = differences(
            {"shard": old.get("shard"), **old["job"]}, {"shard": self.shard, **self.job}
        )
        if changed:
            raise UnusableInput(
                f"{out} holds the face set of another job ({'; '.join(changed)}): choose another "
                "folder."
            )
        if self.fingerprint and old["fingerprint"] and self.fingerprint != old["fingerprint"]:
            raise UnusableInput(
                f"the files of {self.job['source']} have changed since {out} was prepared (size or "
                f"time): remove {out} to prepare it anew, or choose another folder."
            )


def differences(old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    """What two jobs differ in, for people."""
    before, after = flat(old), flat(new)
    changed = [key for key in dict.fromkeys([*after, *before]) if before.get(key) != after.get(key)]
    return [
        "other pictures or labels"
        if key == "identity"
        else f"{key.removesuffix('.kind')} {before.get(key)} → {after.get(key)}"
        for key in changed
    ]


class Partial:
    """The unfinished work in OUT/.partial, begun or gone on with.

    Attributes:
        done: pictures that have a line. kept: faces among them.
    """

    def __init__(self, out: Path, work: Work) -> None:
        self.out, self.work, self.job = out, work, work.job
        self.folder = out / FOLDER
        self.pixels = self.folder / "images.npy"
        self.thumbnails = self.folder / "rejected.npy"
        self.rows_file = self.folder / "rows.jsonl"
        self.done = self.kept = 0
        self.thumbnails_of: Counter[str] = Counter()
        self._face_bytes = self.job["size"] ** 2 * 3
        if not (self.folder / "job.json").is_file():
            if any(path.name not in (FOLDER, LOCK) for path in out.iterdir()):
                raise UnusableInput(f"{out} is not empty and no face set: choose another folder.")
            _begin(out, work)
        work.require_same(out, read_json(self.folder / "job.json"))
        for path in (self.pixels, self.thumbnails):
            if (out / path.name).is_file():  # killed while the set was put together
                os.replace(out / path.name, path)
        self._recover()

    def append(self, extractions: list[Extraction], known: list[Row]) -> None:
        """Add a batch, with what the source knows of each picture (split, labels, factors)."""
        shown: list[bytes] = []
        rows = [
            {"name": extraction.name}
            | about
            | {
                "faces": [_face(face) for face in extraction.faces],
                "left_out": [self._left_out(entry, shown) for entry in extraction.left_out],
                "crc": zlib.crc32(b"".join(face.pixels.tobytes() for face in extraction.faces)),
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

    def rows(self) -> Iterator[Row]:
        """The lines, one after the other."""
        with open(self.rows_file, "rb") as file:
            for line in file:
                yield json.loads(line)

    def reasons(self) -> Counter[str]:
        """How often each reason was given for leaving something out."""
        return Counter(entry["reason"] for row in self.rows() for entry in row["left_out"])

    def require_complete(self, names: Sequence[str] | None = None) -> None:
        """Raise UnusableInput where not each picture of ``names``, or of the job, was done once.

        That is so where two processes have written at once.
        """
        done = [row["name"] for row in self.rows()]
        fits = len(set(done)) == self.job["pictures"] if names is None else done == list(names)
        if not fits or len(set(done)) != len(done):
            raise UnusableInput(
                f"{self.out} holds unfinished work that does not fit its pictures: remove it, and "
                "prepare again."
            )

    def _write(self, rows: list[Row], pixels: list[bytes], shown: list[bytes]) -> None:
        """Pixels first, so that no line speaks of what is not there."""
        lines = [json.dumps(row, ensure_ascii=False, separators=(",", ":")) for row in rows]
        for path, content in (
            (self.pixels, pixels),
            (self.thumbnails, shown),
            (self.rows_file, [line.encode() + b"\n" for line in lines]),
        ):
            if content:
                with open(path, "ab") as file:
                    file.writelines(content)
        self.done += len(rows)
        self.kept += sum(len(row["faces"]) for row in rows)

    def _left_out(self, entry: LeftOut, shown: list[bytes]) -> Row:
        show = False
        if entry.thumbnail is not None and (show := self._room(entry.reason)):
            shown.append(entry.thumbnail.tobytes())
        return {"name": entry.name, "reason": entry.reason, "thumbnail": show}

    def _room(self, reason: str) -> bool:
        """Whether one more thumbnail of this reason is kept; counts it if so."""
        if self.thumbnails_of[reason] >= MOST_THUMBNAILS:
            return False
        self.thumbnails_of[reason] += 1
        return True

    def _recover(self) -> None:
        """Keep the lines that are whole and whose pixels are there, unchanged; cut off the rest."""
        shown_there = (self.thumbnails.stat().st_size - HEADER) // THUMBNAIL_BYTES
        end = 0
        with open(self.rows_file, "rb") as file, open(self.pixels, "rb") as pixels:
            pixels.seek(HEADER)
            for line in file:
                row = _parsed(line)
                if row is None:
                    break
                new = [entry["reason"] for entry in row["left_out"] if entry["thumbnail"]]
                shown = self.thumbnails_of.total() + len(new)
                content = pixels.read(len(row["faces"]) * self._face_bytes)
                if zlib.crc32(content) != row["crc"] or shown > shown_there:
                    break
                self.kept += len(row["faces"])
                self.thumbnails_of.update(new)
                self.done += 1
                end += len(line)
        os.truncate(self.rows_file, end)
        os.truncate(self.pixels, HEADER + self.kept * self._face_bytes)
        os.truncate(self.thumbnails, HEADER + self.thumbnails_of.total() * THUMBNAIL_BYTES)


def begin_instead(out: Path, work: Work, changed: Sequence[str]) -> None:
    """Begin work anew in place of a finished set, some files of which have ``changed``.

    Of those, tables are kept with another name: a person may have edited them.
    """
    shutil.rmtree(out / FOLDER, ignore_errors=True)
    for name in ("images.npy", "rejected.npy", "contact-sheet.png"):
        (out / name).unlink(missing_ok=True)
    for name in changed:
        if (out / name).is_file():
            os.replace(out / name, out / f"{name}.changed")
    _begin(out, work)
    (out / "faceset.json").unlink()


def _begin(out: Path, work: Work) -> None:
    folder = out / FOLDER
    folder.mkdir(exist_ok=True)
    for name in ("images.npy", "rejected.npy"):
        (folder / name).write_bytes(b"\0" * HEADER)
    (folder / "rows.jsonl").write_bytes(b"")
    write_json(folder / "job.json", asdict(work))


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
    box = list(astuple(face.square))
    return {"name": face.name, "box": box, **face.measures, "fingerprint": face.fingerprint.hex()}


def _parsed(line: bytes) -> Row | None:
    """A row, or None where a kill has cut its line off."""
    try:
        row = json.loads(line) if line.endswith(b"\n") else None
    except ValueError:
        return None
    return row if isinstance(row, dict) else None
