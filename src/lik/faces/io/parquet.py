"""Parquet files with the bytes of pictures in them, as data sets on the Hugging Face hub lie.

One column holds the pictures, as binary or as a struct of ``bytes`` and ``path``; columns of
numbers, truth values and classes are labels. The files are read row group by row group, never
whole. It needs pyarrow (the extra ``parquet``).
"""

import functools
import json
from bisect import bisect_right
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lik.core.errors import UnusableInput
from lik.faces.io.decoding import MAX_BYTES, TOO_MANY_BYTES, PictureFile
from lik.faces.io.labels import is_trait, table_of
from lik.faces.io.pictures import NotAPicture, Source, state_of

BATCH = 32
"""Rows that are read at a time."""

MAX_CLASSES = 64
"""Classes up to which each becomes a label of its own; beyond, their number stays a number."""

NO_BYTES = "no picture in its row"
UNREADABLE = "damaged in the Parquet file"


@dataclass(frozen=True)
class ParquetPictures:
    """The rows of a Parquet file in their order, named by their ``path`` where all differ.

    Else they are named by ``inner``, which is the name of the file without suffix, and number.
    """

    path: Path
    inner: str

    def names(self) -> list[str]:
        return list(self.opened().positions)

    def open(self, name: str) -> PictureFile:
        opened = self.opened()
        return PictureFile(opened.read(opened.positions[name]))

    def stamp(self, name: str) -> str:
        return "-".join(map(str, state_of(self.path)))

    def opened(self) -> "_Opened":
        try:
            return _open(self.path, self.inner, state_of(self.path))
        except (OSError, ValueError) as error:
            raise UnusableInput(f"{self.path} cannot be read as Parquet ({error}).") from error


def parquet_source(path: Path, inner: str, split: str | None) -> Source:
    """A Parquet file with its labels.

    Raises:
        UnusableInput: pyarrow is missing, the file is broken, or has no column of pictures.
    """
    container = ParquetPictures(path, inner)
    opened = container.opened()
    names = list(opened.positions)
    labels = _labels(opened)
    return Source(f"Parquet {path.name}", container, names, [split] * len(names), *labels)


def is_parquet(path: Path) -> bool:
    """Whether a file is Parquet, by its first bytes."""
    with open(path, "rb") as file:
        return file.read(4) == b"PAR1"


class _Opened:
    """An open Parquet file: where each row is, and the batch that was read last."""

    def __init__(self, path: Path, inner: str) -> None:
        try:
            import pyarrow.parquet
        except ImportError as error:
            raise UnusableInput(
                f"{path} is Parquet, and reading it needs pyarrow: pip install 'lik-vae[parquet]'."
            ) from error
        # Buffered, so that a column is not held in memory as a whole.
        self.file: Any = pyarrow.parquet.ParquetFile(path, buffer_size=2**20)
        self.column = _picture_column(path, self.file.schema_arrow)
        groups = range(self.file.num_row_groups)
        sizes = (self.file.metadata.row_group(index).num_rows for index in groups)
        self.starts = list(accumulate(sizes, initial=0))
        self.positions = {name: position for position, name in enumerate(self._names(inner))}
        self._group = -1
        self._first = 0
        self._batch: Any = []
        self._batches: Any = iter(())

    def read(self, position: int) -> bytes:
        """The bytes in a row; quickest in the order of the rows."""
        group = bisect_right(self.starts, position) - 1
        row = position - self.starts[group]
        try:
            if group != self._group or row < self._first:
                self._group, self._first, self._batch = group, 0, []
                self._batches = self.file.iter_batches(
                    BATCH, row_groups=[group], columns=[self.column], use_threads=False
                )
            while row >= self._first + len(self._batch):
                self._first += len(self._batch)
                self._batch = self._bytes(next(self._batches))
            value = self._batch[row - self._first]
        except (OSError, ValueError, StopIteration) as error:
            self._group = -1
            raise NotAPicture(UNREADABLE) from error
        if not value.is_valid:
            raise NotAPicture(NO_BYTES)
        if value.as_buffer().size > MAX_BYTES:
            raise NotAPicture(TOO_MANY_BYTES)
        return bytes(value.as_py())

    def _bytes(self, batch: Any) -> Any:
        column = batch.column(0)
        if "." not in self.column:
            return column
        import pyarrow.compute

        return pyarrow.compute.struct_field(column, "bytes")  # null where the struct is

    def _names(self, inner: str) -> list[str]:
        column = self.column.removesuffix(".bytes")
        kind = self.file.schema_arrow.field(column).type
        if column != self.column and kind.get_field_index("path") >= 0:
            rows = self.file.read(columns=[f"{column}.path"]).column(0).to_pylist()
            names = [row and row["path"] for row in rows]
            if all(names) and len(set(names)) == len(names):
                return names
        return [f"{inner}/{row:06d}" for row in range(self.starts[-1])]


@functools.lru_cache(maxsize=2)
def _open(path: Path, inner: str, state: tuple[int, int]) -> _Opened:
    """The file, opened and listed once in a process."""
    return _Opened(path, inner)


def _picture_column(path: Path, schema: Any) -> str:
    """``image.bytes`` for a struct, ``image`` for plain bytes."""
    from pyarrow import types

    def is_binary(kind: Any) -> bool:
        return bool(types.is_binary(kind) or types.is_large_binary(kind))

    found: dict[str, str] = {}
    for field in schema:
        if is_binary(field.type):
            found[field.name] = field.name
        elif types.is_struct(field.type):
            index = field.type.get_field_index("bytes")
            if index >= 0 and is_binary(field.type.field(index).type):
                found[field.name] = f"{field.name}.bytes"
    if "image" in found:
        return found["image"]
    if len(found) != 1:
        many = f"several columns of bytes ({', '.join(found)})" if found else "no column of bytes"
        raise UnusableInput(f"{path} has {many}: name the column of pictures 'image'.")
    return next(iter(found.values()))


def _labels(opened: _Opened) -> tuple[list[str], NDArray[np.float64]]:
    """Names and values (N, A) of all labels, NaN where unknown."""
    from pyarrow import types

    schema = opened.file.schema_arrow
    features = _features(schema)
    labels: dict[str, NDArray[np.float64]] = {}
    for field in schema:
        name, kind = field.name, field.type
        numeric = types.is_integer(kind) or types.is_floating(kind) or types.is_boolean(kind)
        if not numeric or name == opened.column.split(".")[0] or not is_trait(name):
            continue
        feature = features.get(name)
        classes = feature.get("names") or [] if isinstance(feature, dict) else []
        column = opened.file.read(columns=[name]).column(name)
        column = column.cast("int8") if types.is_boolean(kind) else column
        numbers = np.asarray(column.cast("float64", safe=False).to_numpy(), np.float64)
        if classes:
            numbers = np.where(numbers < 0, np.nan, numbers)  # −1 is an unknown class
        if 2 < len(classes) <= MAX_CLASSES:
            for index, each in enumerate(classes):
                labels[f"{name}={each}"] = np.where(np.isnan(numbers), np.nan, numbers == index)
        else:
            labels[name] = numbers
    return table_of(labels, len(opened.positions))


def _features(schema: Any) -> dict[str, Any]:
    """What the Hugging Face library has noted of the columns."""
    try:
        noted = json.loads((schema.metadata or {})[b"huggingface"])
        return dict(noted["info"]["features"])
    except (KeyError, TypeError, ValueError):
        return {}
