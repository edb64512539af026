"""Signs that the bytes of a picture are not whole, for what decoders paint over in silence.

libjpeg fills what it cannot read with grey and says so on the error stream alone; WebP, AVIF and
JPEG 2000 have no checksums, so that a part that was never written (zeros) gives some picture.
"""

import functools
import os
import re
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

import numpy as np
from numpy.typing import NDArray

COMPLAINTS = (b"Corrupt JPEG data", b"Premature end of JPEG file")
"""How the warnings of libjpeg begin that tell of lost pixels."""

HOLE = 32
"""Bytes of zeros from which packed pixels are looked at: coders give out no such runs, except of
places that are flat."""

BLOCK, BITS = 16, 32
"""Whole blocks of 16×16 pixels in one colour; each takes fewer than 32 bits, in every format.

Measured: 10.1 bits in JPEG, 5.4 in WebP at most; the rows of JPEG without subsampling take 24."""

_LISTENING = threading.Lock()


@contextmanager
def listening() -> Iterator[list[bytes]]:
    """Gather what libjpeg complains of meanwhile; the list is filled at the end.

    The error stream of the process is caught, at a cost of some microseconds. What others write
    there in that time is passed on.
    """
    complaints: list[bytes] = []
    with _LISTENING:
        try:
            ear, mouth = _ear(os.getpid()).fileno(), os.dup(2)
        except OSError:  # no error stream, or no room for a file: nothing can be heard
            yield complaints
            return
        os.dup2(ear, 2)
        try:
            yield complaints
        finally:
            os.dup2(mouth, 2)
            os.close(mouth)
            if heard := os.lseek(ear, 0, os.SEEK_CUR):
                lines = os.pread(ear, heard, 0).splitlines(keepends=True)
                os.ftruncate(ear, 0)
                os.lseek(ear, 0, os.SEEK_SET)
                complaints += [line for line in lines if line.startswith(COMPLAINTS)]
                os.write(2, b"".join(line for line in lines if line not in complaints))


@functools.lru_cache(maxsize=1)
def _ear(process: int) -> IO[bytes]:
    """A file of this process alone: its place in the file is not to be shared with others."""
    return tempfile.TemporaryFile()


def longest_hole(data: bytes, kind: str) -> int:
    """The longest run of zeros in the packed pixels of a file, 0 if it is shorter than `HOLE`."""
    start, end = _packed(data, kind)
    if start < 0 or data.find(bytes(HOLE), start, end) < 0:
        return 0
    runs = re.compile(rb"\0{%d,}" % HOLE).finditer(data, start, end)
    return max(run.end() - run.start() for run in runs)


def is_hole(zeros: int, pixels: NDArray[np.uint8]) -> bool:
    """Whether a picture (H, W, 3) is not flat enough for a run of so many bytes of zeros."""
    height, width = (side // BLOCK * BLOCK for side in pixels.shape[:2])
    blocks = pixels[:height, :width].reshape(height // BLOCK, BLOCK, width // BLOCK, BLOCK, 3)
    flat = (blocks.max((1, 3)) == blocks.min((1, 3))).all(axis=-1).sum()
    return bool(8 * zeros > BITS * flat)


def is_jpeg(data: bytes) -> bool:
    """Whether a file is JPEG, by its first bytes."""
    return data.startswith(b"\xff\xd8\xff")


def breaks_off(data: bytes) -> bool:
    """Whether the mark at the end of the picture is missing."""
    if is_jpeg(data):
        return data.rfind(b"\xff\xd9", _start_of_scan(data)) < 0
    if data.startswith(b"\x89PNG"):
        return b"IEND" not in data
    if data.startswith(b"GIF8"):
        return not data.rstrip(b"\0").endswith(b";")
    if data.startswith(b"RIFF"):
        return len(data) < 8 + int.from_bytes(data[4:8], "little")
    return False


def is_glued(data: bytes) -> bool:
    """Whether a second JPEG follows the first and none of its notes knows of it.

    Cameras put previews and maps of brightness there, and announce them.
    """
    scan = _start_of_scan(data)
    follows = data.find(b"\xff\xd9\xff\xd8\xff", scan) >= 0
    return follows and re.search(rb"MPF\0|Container:Directory", data[:scan]) is None


def _start_of_scan(data: bytes) -> int:
    """Where the pixels of a JPEG begin: a thumbnail before them has an end of its own."""
    at = 2
    while data[at : at + 1] == b"\xff" and data[at + 1 : at + 2] != b"\xda":
        at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    return at


def _packed(data: bytes, kind: str) -> tuple[int, int]:
    """Where the packed pixels begin and end, without profiles and notes; begin is −1 if unknown."""
    if kind in ("JPEG", "MPO"):
        start = _start_of_scan(data)
        end = data.find(b"\xff\xd9", start)
        return start, end if end >= 0 else len(data)
    if kind == "WEBP":  # of the lossless kind, runs of zeros are usual
        start = data.find(b"VP8 ")
        return start, start + int.from_bytes(data[start + 4 : start + 8], "little")
    if kind == "AVIF":
        return data.find(b"mdat"), len(data)
    if kind == "JPEG2000":
        return data.find(b"\xff\x93"), len(data)
    return -1, -1
