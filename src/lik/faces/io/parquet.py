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
from lik.faces.io.labels import is_trait, one_and_minus_one
from lik.faces.io.pictures import NotAPicture, stamp
from lik.faces.io.source import Source, split_of

BATCH = 32
"""Rows that are read at a time."""

MAX_CLASSES = 64
"""Classes up to which each becomes a label of its own; beyond, their number stays a number."""

NO_BYTES = "no picture in its row"
UNREADABLE = "damaged in the Parquet file"


@dataclass(frozen=True)
class ParquetPictures:
    """The rows of Parquet files, in the order of the files' names and of their rows.

    A row is named by its ``path`` where all rows have different ones, else by its file and number.
    """

    root: Path
    files: tuple[Path, ...]

    def names(self) -> list[str]:
        return list(self._opened().positions)

    def open(self, name: str) -> PictureFile:
        opened = self._opened()
        return PictureFile(opened.read(opened.positions[name]))

    def counts(self) -> list[int]:
        """How many rows each file has."""
        return [sum(rows) for rows in self._opened().groups]

    def column(self) -> str:
        """The name of the column of pictures."""
        return self._opened().column.split(".")[0]

    def _opened(self) -> "_Opened":
        try:
            return _open(self.root, tuple((file, stamp(file)) for file in self.files))
        except (OSError, ValueError) as error:
            raise UnusableInput(f"{self.root} cannot be read as Parquet ({error}).") from error


def parquet_source(path: Path, files: list[Path]) -> Source:
    """A Parquet file, or those of a folder, with labels and splits.

    Raises:
        UnusableInput: pyarrow is missing, the files are broken, or have no column of pictures.
    """
    _pyarrow(path)
    container = ParquetPictures(path, tuple(files))
    splits: list[str | None] = []
    for file, count in zip(files, container.counts(), strict=True):
        inner = file.relative_to(path).as_posix() if path.is_dir() else file.name
        splits += [split_of(inner, len(files) > 1)] * count
    attribute_names, attributes = _attributes(files, container)
    return Source(
        f"Parquet {path.name}", container, container.names(), splits, attribute_names, attributes
    )


def is_parquet(path: Path) -> bool:
    """Whether a file is Parquet, by its first bytes."""
    with open(path, "rb") as file:
        return file.read(4) == b"PAR1"


def _pyarrow(path: Path) -> Any:
    try:
        import pyarrow.parquet
    except ImportError as error:
        raise UnusableInput(
            f"{path} is Parquet, and reading it needs pyarrow: pip install 'lik-vae[parquet]'."
        ) from error
    return pyarrow.parquet


class _Opened:
    """Open Parquet files: where each row is, and the batch that was read last."""

    def __init__(self, root: Path, files: list[Path]) -> None:
        parquet = _pyarrow(root)
        # Buffered, so that a column is not held in memory as a whole.
        self.files = [parquet.ParquetFile(file, buffer_size=2**20) for file in files]
        self.column = _picture_column(root, self.files[0].schema_arrow)
        self.groups = [
            [file.metadata.row_group(index).num_rows for index in range(file.num_row_groups)]
            for file in self.files
        ]
        self.starts = list(accumulate((sum(rows) for rows in self.groups), initial=0))
        self.group_starts = [list(accumulate(rows, initial=0)) for rows in self.groups]
        names = self._names(root, files)
        self.positions = {name: position for position, name in enumerate(names)}
        self._current = (-1, -1)
        self._first = 0
        self._batch: Any = []
        self._batches: Any = iter(())

    def read(self, position: int) -> bytes:
        """The bytes in a row; quickest in the order of the rows."""
        file = bisect_right(self.starts, position) - 1
        row = position - self.starts[file]
        group = bisect_right(self.group_starts[file], row) - 1
        row -= self.group_starts[file][group]
        try:
            if (file, group) != self._current or row < self._first:
                self._begin(file, group)
            while row >= self._first + len(self._batch):
                self._first += len(self._batch)
                self._batch = self._bytes(next(self._batches))
            value = self._batch[row - self._first]
        except (OSError, ValueError, StopIteration) as error:
            self._current = (-1, -1)
            raise NotAPicture(UNREADABLE) from error
        if not value.is_valid:
            raise NotAPicture(NO_BYTES)
        if value.as_buffer().size > MAX_BYTES:
            raise NotAPicture(TOO_MANY_BYTES)
        return bytes(value.as_py())

    def _begin(self, file: int, group: int) -> None:
        self._current = (file, group)
        self._first, self._batch = 0, []
        self._batches = self.files[file].iter_batches(
            BATCH, row_groups=[group], columns=[self.column], use_threads=False
        )

    def _bytes(self, batch: Any) -> Any:
        column = batch.column(0)
        if "." not in self.column:
            return column
        import pyarrow.compute

        return pyarrow.compute.struct_field(column, "bytes")  # null where the struct is

    def _names(self, root: Path, files: list[Path]) -> list[str]:
        column = self.column.removesuffix(".bytes")
        kind = self.files[0].schema_arrow.field(column).type
        if column != self.column and kind.get_field_index("path") >= 0:
            names: list[str | None] = []
            for file in self.files:
                rows = file.read(columns=[f"{column}.path"]).column(0).to_pylist()
                names += [row and row["path"] for row in rows]
            if all(names) and len(set(names)) == len(names):
                return [str(name) for name in names]
        return [
            f"{inner}/{row:06d}"
            for file, rows in zip(files, self.groups, strict=True)
            for inner in [_inner(root, file)]
            for row in range(sum(rows))
        ]


@functools.lru_cache(maxsize=2)
def _open(root: Path, files: tuple[tuple[Path, tuple[int, int]], ...]) -> _Opened:
    """The files, opened and listed once in a process."""
    return _Opened(root, [file for file, _ in files])


def _inner(root: Path, file: Path) -> str:
    inner = file.relative_to(root) if root.is_dir() else Path(file.name)
    return inner.with_suffix("").as_posix()


def _picture_column(root: Path, schema: Any) -> str:
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
        raise UnusableInput(f"{root} has {many}: name the column of pictures 'image'.")
    return next(iter(found.values()))


@dataclass(frozen=True)
class _Label:
    """A column that becomes labels; ``classes`` are the names of a column of classes."""

    column: str
    classes: list[str]

    @property
    def names(self) -> list[str]:
        """The attributes that come of it."""
        if 2 < len(self.classes) <= MAX_CLASSES:
            return [f"{self.column}={name}" for name in self.classes]
        return [self.column]

    def values(self, numbers: NDArray[np.float64]) -> NDArray[np.float64]:
        """The numbers of the column (N,) → its labels (N, names)."""
        if self.classes:
            numbers = np.where(numbers < 0, np.nan, numbers)  # −1 is an unknown class
        if len(self.names) == 1:
            return numbers[:, None]
        one_hot = (numbers[:, None] == np.arange(len(self.classes))).astype(np.float64)
        return np.where(np.isnan(numbers)[:, None], np.nan, one_hot)


def _attributes(
    files: list[Path], container: ParquetPictures
) -> tuple[list[str], NDArray[np.float64]]:
    """Names and values (N, A) of all labels, NaN where unknown."""
    parquet = _pyarrow(container.root)
    labels = _labels(parquet.read_schema(files[0]), container.column())
    names = [name for label in labels for name in label.names]
    values = np.full((sum(container.counts()), len(names)), np.nan)
    start = 0
    for file, count in zip(files, container.counts(), strict=True):
        missing = {label.column for label in labels} - set(parquet.read_schema(file).names)
        if missing:
            raise UnusableInput(f"{file} lacks the column {min(missing)} that {files[0]} has.")
        table = parquet.read_table(file, columns=[label.column for label in labels])
        at = 0
        for label in labels:
            part = label.values(_floats(table.column(label.column)))
            values[start : start + count, at : at + part.shape[1]] = part
            at += part.shape[1]
        start += count
    return names, one_and_minus_one(values)


def _labels(schema: Any, pictures: str) -> list[_Label]:
    from pyarrow import types

    features = _features(schema)
    labels = []
    for field in schema:
        kind = field.type
        numeric = types.is_integer(kind) or types.is_floating(kind) or types.is_boolean(kind)
        if numeric and field.name != pictures and is_trait(field.name):
            feature = features.get(field.name)
            classes = feature.get("names") if isinstance(feature, dict) else None
            labels.append(_Label(field.name, list(classes or [])))
    return labels


def _features(schema: Any) -> dict[str, Any]:
    """What the Hugging Face library has noted of the columns."""
    try:
        noted = json.loads((schema.metadata or {})[b"huggingface"])
        return dict(noted["info"]["features"])
    except (KeyError, TypeError, ValueError):
        return {}


def _floats(column: Any) -> NDArray[np.float64]:
    import pyarrow as pa
    from pyarrow import types

    if types.is_boolean(column.type):
        column = column.cast(pa.int8())
    values = column.cast(pa.float64(), safe=False).to_numpy()
    return np.asarray(values, np.float64)
