"""Labels of pictures: from a CSV file of the user's, or from beside the pictures.

Attributes are numbers: 1 and −1 for what is there or not, any number for what has a degree, NaN
where it is unknown.
"""

import csv
import io
import math
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lik.core.errors import UnusableInput
from lik.faces.io.pictures import SPLIT_NAMES, Source, has_picture_suffix

TRUTH = {"true": 1.0, "yes": 1.0, "false": 0.0, "no": 0.0}
UNKNOWN = {"", "nan", "na", "n/a", "null", "none"}
NAME_COLUMNS = {
    "image_id", "image", "img", "file", "filename", "file_name", "name", "path", "picture", "id",
}  # fmt: skip
"""What a column of the names of pictures is often called."""


@dataclass(frozen=True)
class Labelled:
    """A source with the labels of a file."""

    source: Source
    matched: int  # rows of the file that belong to a picture
    unmatched: int  # rows that belong to none
    unlabelled: int  # pictures without a row


def table_of(
    columns: dict[str, NDArray[np.float64]], count: int
) -> tuple[list[str], NDArray[np.float64]]:
    """Labels by their names, each (count,) → the names, and the values (count, A)."""
    values = np.array(list(columns.values()), np.float64)
    return list(columns), values.reshape(len(columns), count).T


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

    The first column holds the name of the picture, as `PictureNames` finds it; a column of mere
    row numbers before it is passed over. The others are attributes: numbers, true/false or yes/no,
    nothing where unknown; and ``split``, with train, validation or test. What the source knew
    already stays where the file says nothing.

    Raises:
        UnusableInput: the file is missing or broken, a value is none of these, a name fits
            several pictures, or none fits any.
    """
    rows = _read(path)
    header = next(rows, (0, []))[1]
    first = next(rows, None)
    at = _column_of_names(header, first[1] if first else [])
    columns = _columns(path, header[at:])
    attributes = [name for name in columns if name.lower() != "split"]
    table = np.full((len(source.names), len(attributes)), np.nan)
    splits = list(source.splits)
    matched = unmatched = 0
    names = PictureNames(source.names)
    for where, found, cells in names.rows(path, chain([first] if first else [], rows), at, columns):
        if len(found) > 1:
            raise UnusableInput(f"{where}: {names.ambiguity(found)}")
        matched += len(found)
        unmatched += not found
        for index in found:
            pairs = [(cell.strip(), title) for cell, title in zip(cells, columns, strict=True)]
            table[index] = [_value(v, c, where) for v, c in pairs if c.lower() != "split"]
            split = next((_split(v, where) for v, c in pairs if c.lower() == "split"), None)
            splits[index] = split or splits[index]
    if not matched:
        raise UnusableInput(
            f"none of the {unmatched} names in {path} is that of a picture ({source.names[0]} is "
            "one): the first column is to hold them."
        )
    names_of_all, all_values = _merged(source, attributes, one_and_minus_one(table))
    labelled = replace(source, splits=splits, attribute_names=names_of_all, attributes=all_values)
    return Labelled(labelled, matched, unmatched, len(source.names) - matched)


class PictureNames:
    """Finds pictures by what a table calls them.

    By the full name, else without folders, else without the suffix too, else by the number that
    this is (``1`` for ``000001.jpg``). However letters with marks are composed, they are the same.
    """

    def __init__(self, names: list[str]) -> None:
        self.names = names
        self._full = {name: index for index, name in enumerate(names)}
        self._indices: dict[Callable[[str], str | None], dict[str, list[int]]] = {}

    def find(self, name: str) -> list[int]:
        """The indices of all pictures that a name fits as well as any; often one or none."""
        if name in self._full:
            return [self._full[name]]
        for key in (_composed, base_of, _stem, _digits):
            sought = key(name)
            if sought is not None and (found := self._by(key).get(sought)):
                return found
        return []

    def rows(
        self, path: Path, lines: Iterable[tuple[int, list[str]]], at: int, columns: list[str]
    ) -> Iterator[tuple[str, list[int], list[str]]]:
        """Of each row of a table: where it is, the pictures that it is for, the cells it has.

        ``lines`` are numbers and cells of the rows. Cell ``at`` holds the name; those after it are
        given, which are to be ``columns``.

        Raises:
            UnusableInput: a row has too many or few cells, or its picture has a row already.
        """
        before: dict[int, int] = {}
        for number, cells in lines:
            where = f"{path}, line {number}"
            if len(cells) != at + 1 + len(columns):
                raise UnusableInput(
                    f"{where}: {len(cells)} values for {at + 1 + len(columns)} columns."
                )
            found = self.find(cells[at]) or self.find(cells[at].strip())
            for index in found:
                if index in before:
                    raise UnusableInput(
                        f"{where}: {self.names[index]} has a row already, in line {before[index]}."
                    )
                before[index] = number
            yield where, found, cells[at + 1 :]

    def ambiguity(self, found: list[int]) -> str:
        """What is to be said where a name fits several pictures."""
        first, second = (self.names[index] for index in found[:2])
        return f"this may be {first} or {second}: give the names in full."

    def _by(self, key: Callable[[str], str | None]) -> dict[str, list[int]]:
        if key not in self._indices:
            indices = self._indices[key] = {}
            for index, name in enumerate(self.names):
                if (value := key(name)) is not None:
                    indices.setdefault(value, []).append(index)
        return self._indices[key]


def base_of(name: str) -> str:
    """A name without folders, whichever stroke parts them, its letters composed."""
    return _composed(name).replace("\\", "/").rsplit("/", 1)[-1]


def _composed(name: str) -> str:
    return unicodedata.normalize("NFC", name)


def _stem(name: str) -> str:
    base = base_of(name)
    return base[: base.rindex(".")] if has_picture_suffix(base) else base


def _digits(name: str) -> str | None:
    stem = _stem(name)
    return str(int(stem)) if re.fullmatch(r"[0-9]{1,18}", stem) else None


def is_number(text: str | bytes) -> bool:
    """Whether a cell or a file holds a number alone."""
    try:
        float(text)
    except ValueError:
        return False
    return True


def is_row_number(title: str) -> bool:
    """Whether a column may be the one of row numbers that pandas puts before all others."""
    return title.strip().lower() in ("", "index", "unnamed: 0")


def _column_of_names(header: list[str], row: list[str]) -> int:
    """1 where the first column holds row numbers and the second no value; else 0."""
    if len(row) < 3 or not is_row_number(header[0]) or not row[0].strip().isdecimal():
        return 0
    value = row[1].strip().lower()
    is_value = value in UNKNOWN or value in TRUTH or is_number(value)
    named = header[1].strip().lower() in NAME_COLUMNS
    return int(named or not (is_value or header[1].strip().lower() == "split"))


def read_text(path: Path, what: str) -> str:
    """The text of a table, with its line ends as they are.

    Raises:
        UnusableInput: it cannot be read, is not in UTF-8, or is a web page.
    """
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        why = "it is not in UTF-8" if isinstance(error, UnicodeDecodeError) else error.strerror
        raise UnusableInput(f"{what} {path} cannot be read ({why}).") from error
    if text.lstrip().startswith("<"):
        raise UnusableInput(f"{path} is a web page, not a table: download it anew.")
    return text


def _read(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Line number and cells of all rows that are not empty, the header first."""
    text = read_text(path, "the labels")
    first = text.split("\n", 1)[0]
    separator = max(",;\t", key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    try:
        for cells in reader:
            if any(map(str.strip, cells)):
                yield reader.line_num, cells
    except csv.Error as error:
        raise UnusableInput(f"{path}, line {reader.line_num}: {error}.") from error


def _columns(path: Path, header: list[str]) -> list[str]:
    """The columns after that of the names."""
    columns = [title.strip() for title in header[1:]]
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
    merged = dict(zip(source.attribute_names, source.attributes.T, strict=True))
    for name, column in zip(names, values.T, strict=True):
        known = ~np.isnan(column)
        merged[name] = np.where(known, column, merged[name]) if name in merged else column
    return table_of(merged, len(values))
