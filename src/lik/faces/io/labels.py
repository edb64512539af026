"""Labels of pictures: from a CSV file of the user's, or from beside the pictures.

Attributes are numbers: 1 and −1 for what is there or not, any number for what has a degree, NaN
where it is unknown.
"""

import csv
import io
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray

from lik.core.errors import UnusableInput
from lik.faces.io.source import SPLIT_NAMES, Source

TRUTH = {"true": 1.0, "yes": 1.0, "false": 0.0, "no": 0.0}
UNKNOWN = {"", "nan", "na", "n/a", "null", "none"}


@dataclass(frozen=True)
class Labelled:
    """A source with the labels of a file.

    ``matched`` rows of the file belong to pictures of the source, ``unmatched`` to none, and
    ``unlabelled`` pictures have no row.
    """

    source: Source
    matched: int
    unmatched: int
    unlabelled: int


@dataclass
class LabelTable:
    """Labels as they come in: values by column and picture, gathered into an array last."""

    values: dict[str, dict[int, float]] = field(default_factory=dict)

    def set(self, picture: int, name: str, value: float) -> None:
        """Say that the label ``name`` of the picture of that index is ``value``."""
        self.values.setdefault(name, {})[picture] = value

    def columns(self, count: int) -> tuple[list[str], NDArray[np.float64]]:
        """The names, in the order in which they first came, and the values (count, A)."""
        table = np.full((count, len(self.values)), np.nan)
        for index, column in enumerate(self.values.values()):
            table[list(column), index] = list(column.values())
        return list(self.values), one_and_minus_one(table)


def one_and_minus_one(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Labels (N, A) in which columns of 0 and 1 alone become −1 and 1; NaN is unknown."""
    signed = values.copy()
    for column in signed.T:  # one at a time, because tables are large
        known = column[~np.isnan(column)]
        if len(known) and np.isin(known, (0, 1)).all():
            column *= 2
            column -= 1
    return signed


def is_trait(name: str) -> bool:
    """Whether a column of numbers may say something of a picture: identifiers do not."""
    lower = name.lower()
    return lower not in ("id", "index", "key") and not lower.endswith("_id")


def with_labels(source: Source, path: Path) -> Labelled:
    """``source`` with the labels of a CSV file: a header, then one row for each picture.

    The first column holds the name of the picture, in full, or without its folders, or without
    its suffix as well. The others are attributes: numbers, true/false or yes/no, nothing where
    unknown; and ``split``, with train, validation or test. What the source knew already stays
    where the file says nothing.

    Raises:
        UnusableInput: the file is missing or broken, a value is none of these, a name fits
            several pictures, or none fits any.
    """
    rows = _read(path)
    columns = _columns(path, next(rows, (0, []))[1])
    attributes = [name for name in columns if name.lower() != "split"]
    names = _Names(source.names)
    table = np.full((len(source.names), len(attributes)), np.nan)
    splits = list(source.splits)
    lines: dict[int, int] = {}
    unmatched = 0
    for line, (name, *values) in rows:
        where = f"{path}, line {line}"
        if len(values) != len(columns):
            raise UnusableInput(
                f"{where}: {len(values) + 1} values for {len(columns) + 1} columns."
            )
        index = names.find(name, where)
        if index is None:
            unmatched += 1
            continue
        if index in lines:
            raise UnusableInput(
                f"{where}: {source.names[index]} has a row already, in line {lines[index]}."
            )
        lines[index] = line
        pairs = list(zip(columns, values, strict=True))
        table[index] = [_value(v, c, where) for c, v in pairs if c.lower() != "split"]
        split = next((_split(v, where) for c, v in pairs if c.lower() == "split"), None)
        splits[index] = split or splits[index]
    if not lines:
        raise UnusableInput(
            f"none of the {unmatched} names in {path} is that of a picture ({source.names[0]} is "
            "one): the first column is to hold them."
        )
    names_of_all, all_values = _merged(source, attributes, one_and_minus_one(table))
    labelled = replace(source, splits=splits, attribute_names=names_of_all, attributes=all_values)
    return Labelled(labelled, len(lines), unmatched, len(source.names) - len(lines))


class _Names:
    """Finds pictures by full name, else by name without folders, else without suffix too."""

    def __init__(self, names: list[str]) -> None:
        self.names = names
        self.full = {name: index for index, name in enumerate(names)}
        self.bases = _by(names, lambda path: path.name)
        self.stems = _by(names, lambda path: path.stem)

    def find(self, name: str, where: str) -> int | None:
        """The index of the picture that a row is for, or None."""
        if name in self.full:
            return self.full[name]
        path = PurePosixPath(name)
        found = self.bases.get(path.name) or self.stems.get(path.stem) or self.stems.get(path.name)
        if found is None:
            return None
        if len(found) > 1:
            first, second = (self.names[index] for index in found[:2])
            raise UnusableInput(
                f"{where}: {name} may be {first} or {second}: give the names in full."
            )
        return found[0]


def _by(names: list[str], part: Callable[[PurePosixPath], str]) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for index, name in enumerate(names):
        found.setdefault(part(PurePosixPath(name)), []).append(index)
    return found


def _read(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Line number and cells of all rows that are not empty, the header first."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        why = "it is not in UTF-8" if isinstance(error, UnicodeDecodeError) else error.strerror
        raise UnusableInput(f"the labels {path} cannot be read ({why}).") from error
    first = text.split("\n", 1)[0]
    separator = max(",;\t", key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    try:
        for cells in reader:
            if any(cells):
                yield reader.line_num, [cell.strip() for cell in cells]
    except csv.Error as error:
        raise UnusableInput(f"{path}, line {reader.line_num}: {error}.") from error


def _columns(path: Path, header: list[str]) -> list[str]:
    """The columns after that of the names."""
    columns = header[1:]
    if not columns:
        raise UnusableInput(
            f"{path} has no labels: its first line is to name the columns, first that of the file "
            "names, as file,Smiling,Age."
        )
    if "" in columns or len(set(columns)) < len(columns):
        raise UnusableInput(f"{path}: each column must have a name, and one of its own.")
    return columns


def _value(text: str, column: str, where: str) -> float:
    lower = text.lower()
    if lower in UNKNOWN:
        return math.nan
    try:
        value = TRUTH[lower] if lower in TRUTH else float(text)
    except ValueError:
        value = math.inf
    if math.isinf(value):
        raise UnusableInput(
            f"{where}: '{text}' in column {column} is no number, nor true, false, yes, no or "
            "nothing."
        )
    return value


def _split(text: str, where: str) -> str | None:
    if text.lower() in UNKNOWN:
        return None
    split = SPLIT_NAMES.get(text.lower())
    if split is None:
        raise UnusableInput(f"{where}: the split '{text}' is not train, validation or test.")
    return split


def _merged(
    source: Source, names: list[str], values: NDArray[np.float64]
) -> tuple[list[str], NDArray[np.float64]]:
    """The labels of the source with those of a file laid over them."""
    merged = {
        name: source.attributes[:, index] for index, name in enumerate(source.attribute_names)
    }
    for index, name in enumerate(names):
        column = values[:, index]
        if name in merged:
            column = np.where(np.isnan(column), merged[name], column)
        merged[name] = column
    table = np.stack(list(merged.values()), axis=1) if merged else np.zeros((len(values), 0))
    return list(merged), table
