"""Symbols → bytes and back: range coding (constriction) by integer tables.

The coder is given frequencies, whole numbers below 2²⁴, as float32: they are exact there, and what
the coder makes of them are single products, sums and roundings, which IEEE 754 fixes. Nothing is
computed that a library's logarithm or exponential could change.
"""

from contextlib import suppress

import constriction
import numpy as np
from numpy.typing import NDArray

from lik.core.errors import UnusableInput
from lik.latent.compression.levels import ESCAPE_BITS, Level, Symbols

DAMAGED = "what it holds is not what its tables could have written"

SHORT = 1024
"""Bytes up to which some are saved at the end."""

WORD = 4
"""Bytes that the coder writes at a time."""

_TABLES = constriction.stream.model.Categorical(perfect=False)
_RAW = constriction.stream.model.Uniform(2**ESCAPE_BITS)
_MIDDLE = 2 ** (ESCAPE_BITS - 1)


class Writer:
    """Codes numbers into bytes."""

    def __init__(self) -> None:
        self._encoder = constriction.stream.queue.RangeEncoder()

    def write(self, entries: NDArray[np.integer], frequencies: NDArray[np.integer]) -> None:
        """Entries (M,) by rows of frequencies (M, K)."""
        if len(entries):
            rows = np.ascontiguousarray(frequencies, np.float32)
            self._encoder.encode(np.ascontiguousarray(entries, np.int32), _TABLES, rows)

    def write_raw(self, values: NDArray[np.integer]) -> None:
        """Values of 16 bits with a sign, each alike probable."""
        if len(values):
            self._encoder.encode(np.ascontiguousarray(values + _MIDDLE, np.int32), _RAW)

    def bytes(self) -> bytes:
        """All of it; words begin with their highest byte, and zeros at the end are left out."""
        words = self._encoder.get_compressed()
        return bytes(words.astype(">u4").tobytes()).rstrip(b"\0")


class Reader:
    """Decodes what a `Writer` wrote, asked in the same order.

    Raises:
        UnusableInput: bytes that no `Writer` wrote by these frequencies, where that is seen.
    """

    def __init__(self, content: bytes) -> None:
        whole = content + bytes(-len(content) % WORD)
        words = np.frombuffer(whole, ">u4").astype(np.uint32)
        self._decoder = constriction.stream.queue.RangeDecoder(words)

    def read(self, frequencies: NDArray[np.integer]) -> NDArray[np.int32]:
        """Entries (M,) by rows of frequencies (M, K)."""
        if not len(frequencies):
            return np.zeros(0, np.int32)
        rows = np.ascontiguousarray(frequencies, np.float32)
        try:
            return np.asarray(self._decoder.decode(_TABLES, rows), np.int32)
        except AssertionError:
            raise UnusableInput(DAMAGED) from None

    def read_raw(self, count: int) -> NDArray[np.int32]:
        """So many values of 16 bits with a sign."""
        if not count:
            return np.zeros(0, np.int32)
        try:
            return np.asarray(self._decoder.decode(_RAW, count) - _MIDDLE, np.int32)
        except AssertionError:
            raise UnusableInput(DAMAGED) from None


def encode(symbols: Symbols, level: Level) -> bytes:
    """Symbols (N, D) → bytes: dimension by dimension, each with the values behind its escapes."""
    writer = Writer()
    for place, dimension in enumerate(level.order):
        values, table = symbols[:, dimension], level.frequencies[place]
        entries = level.entries(values, place)
        writer.write(entries, table[level.context(symbols, place)])
        writer.write_raw(values[entries == table.shape[1] - 1])
    return _shortened(writer.bytes(), symbols, level)


def decode(content: bytes, level: Level, count: int) -> Symbols:
    """Bytes → the symbols (count, D) that were written.

    Raises:
        UnusableInput: no symbols are written so.
    """
    symbols = _decoded(content, level, count)
    if encode(symbols, level) != content:  # there is one way to write them
        raise UnusableInput(DAMAGED)
    return symbols


def _decoded(content: bytes, level: Level, count: int) -> Symbols:
    reader = Reader(content)
    symbols = np.zeros((count, len(level.steps)), np.int32)
    for place, dimension in enumerate(level.order):
        table = level.frequencies[place]
        entries = reader.read(table[level.context(symbols, place)])
        is_escape = entries == table.shape[1] - 1
        values = entries + level.lows[place].astype(np.int32)
        values[is_escape] = reader.read_raw(int(is_escape.sum()))
        symbols[:, dimension] = values
    return symbols


def _shortened(content: bytes, symbols: Symbols, level: Level) -> bytes:
    """The shortest bytes that decode to the same, and that differ at the end alone.

    The coder ends with a whole word; of a single face that would be a tenth, and of many nothing.
    """
    if len(content) > SHORT:
        return content
    for length in range(max(0, len(content) - WORD - 1), len(content)):
        kept = content[:length]
        upwards = (int.from_bytes(kept, "big") + 1) % 256**length
        for tried in (kept, upwards.to_bytes(length, "big")):
            with suppress(UnusableInput):
                if np.array_equal(_decoded(tried, level, len(symbols)), symbols):
                    return tried.rstrip(b"\0")
    return content
