"""The official files of CelebA: pictures, 40 attributes, the partition into splits, landmarks.

The formats are those of the set's own distribution (Liu et al., arXiv:1411.7766), and the same
tables as CSV, as they lie on Kaggle or as pandas writes them.
"""

import csv
import re
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lik.core.errors import UnusableInput
from lik.core.events import Notify, no_notices
from lik.faces.io.files import Folder, Zip
from lik.faces.io.labels import (
    NAME_COLUMNS,
    PictureNames,
    base_of,
    is_number,
    is_row_number,
    read_text,
    table_of,
)
from lik.faces.io.pictures import Source, has_picture_suffix, is_litter

PICTURES = ("img_align_celeba", "img_align_celeba_png")
ATTRIBUTES = "list_attr_celeba"
PARTITION = "list_eval_partition"
LANDMARKS = "list_landmarks_align_celeba"
LOOKS_LIKE = {ATTRIBUTES: r"list_?attr", PARTITION: r"partition", LANDMARKS: r"landmarks?_align"}
"""How a table is known that has been renamed."""

SPLITS = {0: "train", 1: "validation", 2: "test"}
EYES = ["lefteye_x", "lefteye_y", "righteye_x", "righteye_y"]

WIDTH, HEIGHT = 178, 218
"""The size of the aligned pictures, for which the landmarks are written."""


def find_celeba(path: Path, notify: Notify = no_notices) -> Source | None:
    """CelebA at ``path``, with labels, splits and eyes where their files lie beside the pictures.

    ``path`` may be the folder of the official files, ``img_align_celeba.zip``, the folder it
    unpacks to, or a folder in which pictures and tables lie together; None where it is none of
    these. ``notify`` hears of pictures without a row, and of a partition that is missing.

    Raises:
        UnusableInput: a table is broken, fits no picture, or has another name than its own.
    """
    found = _container(path)
    if found is None:
        return None
    container, beside = found
    names = container.names()
    if container.path == beside:
        names = [name for name in names if has_picture_suffix(name)]
    if not names:
        return None
    known = PictureNames(names)
    attributes = _read(beside, ATTRIBUTES, known, notify)
    partition = _read(beside, PARTITION, known, notify)
    landmarks = _read(beside, LANDMARKS, known, notify)
    if partition is None:
        notify(
            f"{PARTITION}.txt does not lie in {beside}: a hash of their names splits the pictures, "
            "not CelebA's own partition."
        )
    return Source(
        "CelebA",
        container,
        names,
        [None] * len(names) if partition is None else _splits(beside, partition),
        *table_of(attributes or {}, len(names)),
        eyes=np.zeros((0, 2, 2)) if landmarks is None else _eyes(beside, landmarks),
    )


def _container(path: Path) -> tuple[Folder | Zip, Path] | None:
    """What holds the pictures, and the folder of the tables."""
    here = [path] if path.name.removesuffix(".zip") in PICTURES else []
    inside = [path / f"{name}{kind}" for kind in (".zip", "") for name in PICTURES]
    for pictures in (inside if path.is_dir() else []) + here:
        if pictures.exists():
            container = Folder(pictures) if pictures.is_dir() else Zip(pictures)
            return container, pictures.parent
    tables = path.is_dir() and any(_path_of(path, name) for name in (ATTRIBUTES, PARTITION))
    return (Folder(path), path) if tables else None


_Table = dict[str, NDArray[np.float64]]
"""The columns of a table by their names, in the order of the pictures, NaN where it has no row."""


def _splits(beside: Path, table: _Table) -> list[str | None]:
    numbers = next(iter(table.values())) if len(table) == 1 else np.array([-1.0])
    strange = numbers[~np.isnan(numbers) & ~np.isin(numbers, list(SPLITS))]
    if len(strange):
        path = _path_of(beside, PARTITION)
        raise UnusableInput(
            f"{path} is not CelebA's partition: beside each name it is to have 0, 1 or 2."
        )
    return [None if np.isnan(number) else SPLITS[int(number)] for number in numbers]


def _eyes(beside: Path, table: _Table) -> NDArray[np.float64]:
    """Both eyes of each picture in shares of its size (N, 2, 2), the one of smaller x first.

    The file gives whole pixels of 178×218; the middle of such a pixel is taken.
    """
    if not set(EYES) <= set(table):
        path = _path_of(beside, LANDMARKS)
        raise UnusableInput(f"{path} is not CelebA's list of landmarks (it lacks {EYES[0]}).")
    places = np.stack([table[name] for name in EYES], axis=1)
    eyes = (places.reshape(-1, 2, 2) + 0.5) / (WIDTH, HEIGHT)
    crossed = eyes[:, 0, 0] > eyes[:, 1, 0]
    eyes[crossed] = eyes[crossed][:, ::-1]
    return eyes


def _path_of(beside: Path, name: str) -> Path | None:
    files = (beside / f"{name}.txt", beside / f"{name}.csv")
    return next((file for file in files if file.is_file()), None)


def _read(beside: Path, name: str, pictures: PictureNames, notify: Notify) -> _Table | None:
    """One of the tables; None where it does not lie there."""
    path = _path_of(beside, name)
    if path is None:
        for file in sorted(beside.iterdir()):
            looks_like = re.search(LOOKS_LIKE[name], file.name.lower())
            if looks_like and file.suffix.lower() in (".txt", ".csv") and not is_litter(file.name):
                raise UnusableInput(
                    f"{file} looks like CelebA's {name}.txt, under another name: call it "
                    f"{name}{file.suffix.lower()}, or take it away."
                )
        return None
    columns, at, lines = _parsed(path, name)
    values = np.full((len(pictures.names), len(columns)), np.nan)
    missing = np.ones(len(pictures.names), bool)
    for where, found, cells in pictures.rows(path, lines, at, columns):
        if len(found) > 1 and len({base_of(pictures.names[index]) for index in found}) > 1:
            raise UnusableInput(f"{where}: {pictures.ambiguity(found)}")
        if found:
            missing[found] = False
            try:
                values[found] = list(map(float, cells))
            except ValueError as error:
                raise UnusableInput(f"{where}: {error}.") from error
    if missing.all():
        raise UnusableInput(
            f"{path} fits no picture: none is called as its rows are ({pictures.names[0]} is one)."
        )
    if missing.any():
        notify(
            f"{missing.sum():,} of {len(missing):,} pictures have no row in {path}, such as "
            f"{pictures.names[int(missing.argmax())]}."
        )
    return dict(zip(columns, values.T, strict=True))


def _parsed(path: Path, name: str) -> tuple[list[str], int, Iterator[tuple[int, list[str]]]]:
    """The columns of values, which cell holds the name, and number and cells of each row."""
    lines = _lines(path)
    first = next(lines, (0, []))
    if len(first[1]) == 1 and first[1][0].isdecimal():  # the count
        first = next(lines, (0, []))
    header: list[str] = []
    alone = len(first[1]) == 1 and path.suffix == ".csv"
    if not all(map(is_number, first[1] if alone else first[1][1:])):
        header, first = [title.strip() for title in first[1]], next(lines, (0, []))
    row = first[1]
    if not row:
        raise UnusableInput(f"{path} is not CelebA's {name}: it has no rows.")
    titled = len(header) == len(row)
    at = next((index for index, cell in enumerate(row) if not is_number(cell)), -1)
    if titled and at < 0:  # names such as 1, without a suffix
        at = next((i for i, title in enumerate(header) if title.lower() in NAME_COLUMNS), -1)
    if at < 0:
        raise UnusableInput(f"{path} has no column of the names of pictures.")
    rows = chain([first], lines)
    usual = titled and (header[at].lower() in NAME_COLUMNS or is_row_number(header[at]))
    if titled and (usual or path.suffix == ".csv"):  # the text form has no title of the names
        return header[at + 1 :], at, rows
    if header and len(header) == len(row) - 1 - at:
        return header, at, rows
    if not header and name == PARTITION:
        return ["partition"], at, rows
    raise UnusableInput(
        f"{path} is not CelebA's {name}: no line names as many columns as its rows have."
    )


def _lines(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Number and cells of each line that is not empty."""
    lines = read_text(path, "CelebA's table").splitlines()
    split = csv.reader(lines, strict=True) if path.suffix == ".csv" else map(str.split, lines)
    try:
        yield from ((number, cells) for number, cells in enumerate(split, 1) if any(cells))
    except csv.Error as error:
        raise UnusableInput(f"{path} cannot be read as CSV ({error}).") from error
