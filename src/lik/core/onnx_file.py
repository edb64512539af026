"""ONNX files that a person gives: looked through before a runtime takes them.

An ONNX file is a message of Protocol Buffers. It is walked here as bytes, so that neither ONNX nor
PyTorch has to be there, and nothing in the file is run or followed.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PureWindowsPath

from lik.core.artifacts import check_version
from lik.core.errors import UnusableInput

FORMAT = "lik-onnx"
"""What the metadata of files of `lik export onnx` say as their ``format``."""

VERSION = 1

MOST_BYTES = 2**29
"""Of a file, with the weights that lie beside it. The largest of Lik's are 1/30 of that."""

MOST_FIELDS = 300_000
"""Of the message: the largest of Lik's has some ten thousand."""

DEEPEST = 32
"""Graphs within graphs."""

_INNER = {
    "model": {7: "graph", 20: "training", 25: "function", 14: "entry"},
    "graph": {1: "node", 5: "tensor", 15: "sparse"},
    "training": {1: "graph", 2: "graph"},
    "function": {7: "node", 11: "attribute"},
    "node": {5: "attribute"},
    "attribute": {
        5: "tensor", 10: "tensor", 6: "graph", 11: "graph", 22: "sparse", 23: "sparse",
    },
    "sparse": {1: "tensor", 2: "tensor"},
    "tensor": {13: "entry"},
}  # fmt: skip
"""Kind of message → number of a field → the kind of message in it, as far as tensors may lie."""

_IR_VERSION, _GRAPH, _OPSETS = 1, 7, 8


@dataclass(frozen=True)
class OnnxFile:
    """A file that was found to be sound: its bytes, and what it says of itself."""

    content: bytes
    metadata: dict[str, str]


class _BrokenError(Exception):
    """Bytes that are no message, or not that of a model."""


def read_onnx(path: Path, most: int = MOST_BYTES) -> OnnxFile:
    """Read an ONNX file of at most ``most`` bytes.

    Raises:
        UnusableInput: it is missing, too large, broken, of a newer Lik, or has weights in files
            outside of its folder.
    """
    content = _read(path, most)
    try:
        found = _walk(memoryview(content))
    except _BrokenError as error:
        raise UnusableInput(f"{path} is no ONNX file, or a broken one ({error}).") from None
    size = len(content)
    for place in sorted(found.places):
        size += _beside(path, place).stat().st_size
    if size > most:
        raise _too_large(path, most)
    if found.metadata.get("format") == FORMAT:
        version = found.metadata.get("version", "")
        check_version(str(path), int(version) if version.isdecimal() else None, VERSION)
    return OnnxFile(content, found.metadata)


def require_sound(path: Path, most: int = MOST_BYTES) -> dict[str, str]:
    """The metadata of an ONNX file; errors as `read_onnx`."""
    return read_onnx(path, most).metadata


def _read(path: Path, most: int) -> bytes:
    try:
        if path.exists() and not path.is_file():
            raise UnusableInput(f"{path} is no file.")
        with open(path, "rb") as file:
            content = file.read(most + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UnusableInput(f"{path} cannot be read ({reason}).") from error
    if len(content) > most:
        raise _too_large(path, most)
    return content


def _too_large(path: Path, most: int) -> UnusableInput:
    return UnusableInput(f"{path} is larger than {most / 2**20:.0f} MiB: it is none of Lik's.")


@dataclass(frozen=True)
class _Found:
    metadata: dict[str, str]
    places: set[str]  # of weights that are not in the file itself


def _walk(content: memoryview) -> _Found:
    """Go through a model, without recursion, as far as there may be tensors."""
    found = _Found({}, set())
    seen: set[int] = set()
    waiting, fields = [("model", content, 0)], 0
    while waiting:
        kind, message, depth = waiting.pop()
        if depth > DEEPEST:
            raise _BrokenError("it is nested too deeply")
        for number, value in _fields(message):
            fields += 1
            if fields > MOST_FIELDS:
                raise _BrokenError("it has too many parts")
            if kind == "model":
                seen.add(number)
            inner = _INNER[kind].get(number)
            if inner is None:
                continue
            if value is None:
                raise _BrokenError("a part is of another kind than it should be")
            if inner != "entry":
                waiting.append((inner, value, depth + (inner == "graph")))
                continue
            key, told = _entry(value)
            if kind == "model":
                found.metadata[key] = told
            elif key == "location":
                found.places.add(told)
    if not {_IR_VERSION, _GRAPH, _OPSETS} <= seen:
        raise _BrokenError("it holds no model")
    return found


def _entry(message: memoryview) -> tuple[str, str]:
    """A key and its value."""
    told = {number: value for number, value in _fields(message) if value is not None}
    try:
        key, value = (bytes(told.get(number, b"")).decode() for number in (1, 2))
    except UnicodeDecodeError:
        raise _BrokenError("its metadata is no text") from None
    return key, value


def _fields(message: memoryview) -> Iterator[tuple[int, memoryview | None]]:
    """The fields of a message: their numbers, with what is in those that have a length."""
    at, end = 0, len(message)
    while at < end:
        tag, at = _varint(message, at)
        number, wire = tag >> 3, tag & 7
        value = None
        if wire == 0:
            _, at = _varint(message, at)
        elif wire in (1, 5):
            at += 8 if wire == 1 else 4
        elif wire == 2:
            length, at = _varint(message, at)
            value = message[at : at + length]
            at += length
        else:
            raise _BrokenError("it is no message of Protocol Buffers")
        if number == 0 or at > end:
            raise _BrokenError("it ends too early" if number else "it has a field without number")
        yield number, value


def _varint(message: memoryview, at: int) -> tuple[int, int]:
    """A number of 7 bits a byte, lowest first, and where the next thing is."""
    value = 0
    for shift in range(0, 70, 7):
        if at >= len(message):
            raise _BrokenError("it ends too early")
        byte = message[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
    raise _BrokenError("a number in it does not end")


def _beside(path: Path, place: str) -> Path:
    """The file of weights that an ONNX file names, which must lie in its folder, as a file."""
    parts = Path(place).parts
    inside = (
        bool(parts)
        and not Path(place).is_absolute()
        and not PureWindowsPath(place).anchor
        and not {"..", "\0"} & {*parts, *place}
        and "\\" not in place
    )
    steps = [path.parent.joinpath(*parts[: end + 1]) for end in range(len(parts))] if inside else []
    if not inside or any(step.is_symlink() for step in steps):
        raise UnusableInput(
            f"{path} takes its weights from {place!r}, which is no file of its own folder: it is "
            "refused."
        )
    if not steps[-1].is_file():
        raise UnusableInput(f"{path} is incomplete: its weights are to lie in {steps[-1]}.")
    return steps[-1]
