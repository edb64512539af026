"""What goes between page and server: binary frames, little endian, and server-sent events.

A request is u32 id, u16 n, u16 kind, and then of n faces: of kind 0 their codes (D,) float32; of
kind 1 code before, code after, and the crop (S, S, 3) uint8. What is answered begins in the same
way. Flows go as int16 in 1/256 of a pixel, colours in 1/64 of a level of 255, tints as float32.
"""

import base64
import binascii
import json
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lik.core.pixels import Pictures
from lik.faces.compositing import Image
from lik.faces.motion import Change
from lik.studio.refusals import Refused

DECODE, CARRY = 0, 1
HEAD = struct.Struct("<IHH")
MOST = 64
"""Faces in a frame at most."""
LONGEST = 65536
"""Bytes of a message to the server at most."""
FLOW_UNIT, COLOUR_UNIT = 256, 64

Codes = NDArray[np.float32]


@dataclass(frozen=True)
class Frame:
    """A request: codes (N, D), and for kind 1 where they lead and the crops (N, S, S, 3)."""

    id: int
    kind: int
    codes: Codes
    after: Codes
    crops: Pictures


def id_of(message: bytes) -> int:
    """The id of a request, as far as it has one."""
    return int.from_bytes(message[:4], "little")


def read_frame(message: bytes, latent: int, size: int) -> Frame:
    """A message → what it asks, of a run with D dimensions and faces of S pixels.

    Raises:
        Refused: it is none.
    """
    if len(message) < HEAD.size or len(message) > LONGEST:
        raise _bad("a frame has 8 bytes or more, and 64 kB at most")
    number, count, kind = HEAD.unpack_from(message)
    if kind not in (DECODE, CARRY) or not 1 <= count <= MOST:
        raise _bad(f"a frame is of kind 0 or 1, and of 1 to {MOST} faces")
    code, crop = 4 * latent, size * size * 3
    each = code if kind == DECODE else 2 * code + crop
    if len(message) != HEAD.size + count * each:
        raise _bad(f"{count} faces of this kind have {count * each} bytes")
    rows = np.frombuffer(message, np.uint8, offset=HEAD.size).reshape(count, each)
    codes = _codes(rows[:, :code], latent)
    if kind == DECODE:
        return Frame(number, kind, codes, codes[:0], np.zeros((0, size, size, 3), np.uint8))
    after = _codes(rows[:, code : 2 * code], latent)
    crops = np.ascontiguousarray(rows[:, 2 * code :]).reshape(count, size, size, 3)
    return Frame(number, kind, codes, after, crops)


def decoded_frame(number: int, pictures: Pictures) -> bytes:
    """The answer to kind 0: pictures (N, S, S, 3)."""
    return HEAD.pack(number, len(pictures), DECODE) + np.ascontiguousarray(pictures).tobytes()


def carried_frame(number: int, changes: Sequence[tuple[Image, Change]]) -> bytes:
    """The answer to kind 1: of each face decoding, flow, colour and tint."""
    parts = [HEAD.pack(number, len(changes), CARRY)]
    for after, change in changes:
        parts.append(np.rint(after * 255).clip(0, 255).astype(np.uint8).tobytes())
        parts.append(_int16(change.flow * FLOW_UNIT))
        parts.append(_int16(change.colour * (255 * COLOUR_UNIT)))
        parts.append(floats(change.tint))
    return b"".join(parts)


def carry_fits(latent: int, size: int) -> bool:
    """Whether a message has room for one face of kind 1."""
    return HEAD.size + 8 * latent + 3 * size * size <= LONGEST


def codes_from(body: bytes, latent: int) -> Codes:
    """Bytes → codes (N, D) of finite numbers.

    Raises:
        Refused: they are none.
    """
    if not body or len(body) % (4 * latent):
        raise _bad(f"codes of this run have {latent} numbers of 4 bytes each")
    return _codes(np.frombuffer(body, np.uint8).reshape(-1, 4 * latent), latent)


def floats(array: NDArray[np.floating]) -> bytes:
    """Numbers as float32, little endian, row by row."""
    return np.ascontiguousarray(array, "<f4").tobytes()


def to_base64(data: bytes) -> str:
    """Bytes as text."""
    return base64.b64encode(data).decode("ascii")


def from_base64(text: Any) -> bytes:
    """Text → bytes; Refused where it is no base64."""
    try:
        return base64.b64decode(text, validate=True)
    except (TypeError, ValueError, binascii.Error):
        raise _bad("a code is given as base64") from None


def _codes(rows: NDArray[np.uint8], latent: int) -> Codes:
    codes = np.ascontiguousarray(rows).view("<f4").astype(np.float32).reshape(-1, latent)
    if not np.isfinite(codes).all() or np.abs(codes).max(initial=0) > 1e4:
        raise _bad("codes are finite numbers, of 10,000 at most")
    return codes


def _int16(values: NDArray[np.floating]) -> bytes:
    levels = np.rint(values).clip(-32768, 32767).astype("<i2")
    return bytes(levels.tobytes())


def _bad(what: str) -> Refused:
    return Refused(400, "bad-frame", f"this is not understood: {what}.")


def event(name: str, told: Mapping[str, Any]) -> bytes:
    """A server-sent event, whose data are one line of JSON."""
    return f"event: {name}\ndata: {json.dumps(told, allow_nan=False)}\n\n".encode()
