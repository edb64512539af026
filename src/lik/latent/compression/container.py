"""The file of compressed faces: a short head, the names, what the coder wrote, a checksum.

    LIK  version  flags  level            6 bytes
    model, tables                         8 + 4 bytes of their hashes
    count                                 a number of 7 bits a byte
    [names]                               length, then lines, deflated
    [length of the codes, checksums of decodings and pixels, residuals after the codes]  if lossless
    codes
    CRC-32 of all before                  4 bytes

A single face without a name takes 23 bytes besides its code.
"""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass

from lik.core.artifacts import check_version
from lik.core.errors import UnusableInput

MAGIC = b"LIK"
VERSION = 1
LOSSLESS, NAMED = 1, 2
"""Flags."""
MODEL_BYTES, CHECK_BYTES = 8, 4
MOST_FACES = 100_000
"""Faces in a file, at the most."""
MOST_NAME = 255
"""Bytes of a name, at the most."""


@dataclass(frozen=True)
class PackedFaces:
    """What a file holds.

    Attributes:
        model: the first bytes of the hash of the weights. tables: checksum of the tables.
        level: number of the level. count: of faces. names: of them, or none.
        codes: as the coder wrote them.
        residuals: likewise; None where faces are not kept exactly. decodings, pixels: checksums of
            what the codes decode to and of the faces, then.
    """

    model: bytes
    tables: int
    level: int
    count: int
    names: Sequence[str]
    codes: bytes
    residuals: bytes | None = None
    decodings: int = 0
    pixels: int = 0


def model_bytes(sha256: str) -> bytes:
    """How a file names a model, by the hash of its weights."""
    return bytes.fromhex(sha256)[:MODEL_BYTES]


def pack(container: PackedFaces) -> bytes:
    """The bytes of a file."""
    lossless, names = container.residuals is not None, list(container.names)
    flags = LOSSLESS * lossless + NAMED * bool(names)
    parts = [
        MAGIC, bytes([VERSION, flags, container.level]), container.model,
        container.tables.to_bytes(CHECK_BYTES, "little"), _number(container.count),
    ]  # fmt: skip
    if names:
        packed = _deflated("\n".join(_one_line(name) for name in names).encode())
        parts += [_number(len(packed)), packed]
    if container.residuals is not None:
        sums = (container.decodings, container.pixels)
        checksums = b"".join(one.to_bytes(CHECK_BYTES, "little") for one in sums)
        parts += [_number(len(container.codes)), checksums, container.codes, container.residuals]
    else:
        parts.append(container.codes)
    content = b"".join(parts)
    return content + zlib.crc32(content).to_bytes(CHECK_BYTES, "little")


def unpack(content: bytes, where: str) -> PackedFaces:
    """What a file holds; ``where`` names it in complaints.

    Raises:
        UnusableInput: it is none of Lik, of a newer one, or damaged.
    """
    if not content.startswith(MAGIC):
        raise UnusableInput(f"{where} holds no faces that Lik compressed.")
    if len(content) > len(MAGIC):
        check_version(where, content[len(MAGIC)], VERSION)
    body, check = content[:-CHECK_BYTES], content[-CHECK_BYTES:]
    damaged = UnusableInput(f"{where} is damaged: its checksum is not that of its content.")
    if len(body) <= len(MAGIC) or zlib.crc32(body).to_bytes(CHECK_BYTES, "little") != check:
        raise damaged
    try:
        return _parsed(_Cursor(body, len(MAGIC) + 1))
    except (ValueError, zlib.error) as error:  # a UnicodeDecodeError is a ValueError
        raise UnusableInput(f"{where} is broken: it cannot have been written so.") from error


class _Cursor:
    """Takes parts off the front of bytes; a ``ValueError`` where these end too early."""

    def __init__(self, content: bytes, at: int) -> None:
        self.content, self.at = content, at

    def take(self, count: int) -> bytes:
        part = self.content[self.at : self.at + count]
        if len(part) < count:
            raise ValueError("too short")
        self.at += count
        return part

    def number(self) -> int:
        value = 0
        for place in range(5):
            (byte,) = self.take(1)
            value |= (byte & 127) << (7 * place)
            if byte < 128:
                return value
        raise ValueError("a number without end")

    def rest(self) -> bytes:
        return self.take(len(self.content) - self.at)


def _parsed(cursor: _Cursor) -> PackedFaces:
    flags, level = cursor.take(2)
    model = cursor.take(MODEL_BYTES)
    tables = int.from_bytes(cursor.take(CHECK_BYTES), "little")
    count = cursor.number()
    if not 1 <= count <= MOST_FACES or flags & ~(LOSSLESS | NAMED):
        raise ValueError("no such file")
    names: list[str] = []
    if flags & NAMED:
        names = _inflated(cursor.take(cursor.number()), count).decode().split("\n")
        if len(names) != count:
            raise ValueError("other names")
    if not flags & LOSSLESS:
        return PackedFaces(model, tables, level, count, names, cursor.rest())
    length = cursor.number()
    sums = [int.from_bytes(cursor.take(CHECK_BYTES), "little") for _ in range(2)]
    codes = cursor.take(length)
    return PackedFaces(model, tables, level, count, names, codes, cursor.rest(), *sums)


def _number(value: int) -> bytes:
    """A whole number, seven bits in a byte, the lowest first."""
    found = bytearray()
    while value > 127:
        found.append(value & 127 | 128)
        value >>= 7
    return bytes([*found, value])


def _one_line(name: str) -> str:
    """A name without ends of lines, and no longer than a file's may be."""
    line = "".join(c if c.isprintable() else "_" for c in name)
    return line.encode(errors="replace")[:MOST_NAME].decode(errors="ignore")


def _deflated(data: bytes) -> bytes:
    packer = zlib.compressobj(9, wbits=-15)
    return packer.compress(data) + packer.flush()


def _inflated(data: bytes, count: int) -> bytes:
    """The names of ``count`` faces, and no more than they can be."""
    unpacker = zlib.decompressobj(wbits=-15)
    found = unpacker.decompress(data, count * (MOST_NAME + 1) + 1)
    if not unpacker.eof or unpacker.unused_data or unpacker.unconsumed_tail:
        raise ValueError("names that do not end")
    return found
