"""The official files of CelebA: pictures, 40 attributes, the partition into splits, landmarks.

The formats are those of the set's own distribution (Liu et al., arXiv:1411.7766), and the same
tables as CSV, as they lie on Kaggle.
"""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lik.core.errors import UnusableInput
from lik.faces.io.labels import one_and_minus_one
from lik.faces.io.source import Source, container_of

PICTURES = "img_align_celeba"
ATTRIBUTES = "list_attr_celeba"
PARTITION = "list_eval_partition"
LANDMARKS = "list_landmarks_align_celeba"
SPLITS = {"0": "train", "1": "validation", "2": "test"}
EYES = ["lefteye_x", "lefteye_y", "righteye_x", "righteye_y"]

WIDTH, HEIGHT = 178, 218
"""The size of the aligned pictures, for which the landmarks are written."""


def find_celeba(path: Path) -> Source | None:
    """CelebA at ``path``, with labels, splits and eyes where their files lie beside the pictures.

    ``path`` may be the folder of the official files, ``img_align_celeba.zip``, or the folder it
    unpacks to; None where it is none of these.
    """
    candidates = [path / f"{PICTURES}.zip", path / PICTURES] if path.is_dir() else []
    if path.name in (PICTURES, f"{PICTURES}.zip"):
        candidates.append(path)
    pictures = next((candidate for candidate in candidates if candidate.exists()), None)
    if pictures is None:
        return None
    beside = pictures.parent
    container = container_of(pictures)
    names = container.names()
    attribute_names, attributes = _attributes(beside, names)
    return Source(
        "CelebA",
        container,
        names,
        _splits(beside, names),
        attribute_names,
        attributes,
        eyes=_eyes(beside, names),
    )


def _attributes(beside: Path, names: list[str]) -> tuple[list[str], NDArray[np.float64]]:
    """Column names and labels (N, A) of ±1, NaN for pictures that the file does not list."""
    path = _table(beside, ATTRIBUTES)
    if path is None:
        return [], np.zeros((len(names), 0))
    columns, rows = _read(path, "list of attributes")
    return columns, one_and_minus_one(_numbers(path, rows, names, columns))


def _splits(beside: Path, names: list[str]) -> list[str | None]:
    path = _table(beside, PARTITION)
    if path is None:
        return [None] * len(names)
    _, rows = _read(path, "partition")
    try:
        known = {name: SPLITS[number.strip()] for name, number in rows.items()}
    except (KeyError, ValueError) as error:
        raise UnusableInput(f"{path} is not CelebA's partition (at {error}).") from error
    return [known.get(_base(name)) for name in names]


def _eyes(beside: Path, names: list[str]) -> NDArray[np.float64]:
    """Both eyes of each picture in shares of its size (N, 2, 2), the one of smaller x first.

    The file gives whole pixels of 178×218; the middle of such a pixel is taken.
    """
    path = _table(beside, LANDMARKS)
    if path is None:
        return np.zeros((0, 2, 2))
    columns, rows = _read(path, "list of landmarks")
    if not set(EYES) <= set(columns):
        raise UnusableInput(f"{path} is not CelebA's list of landmarks (it lacks {EYES[0]}).")
    places = [columns.index(name) for name in EYES]
    numbers = _numbers(path, rows, names, columns)
    eyes = (numbers[:, places].reshape(-1, 2, 2) + 0.5) / (WIDTH, HEIGHT)
    crossed = eyes[:, 0, 0] > eyes[:, 1, 0]
    eyes[crossed] = eyes[crossed][:, ::-1]
    return eyes


def _table(beside: Path, name: str) -> Path | None:
    files = (beside / f"{name}.txt", beside / f"{name}.csv")
    return next((file for file in files if file.is_file()), None)


def _read(path: Path, what: str) -> tuple[list[str], dict[str, str]]:
    """Columns, and what follows each file name, of a text with a count above it or of a CSV."""
    try:
        text = path.read_text(encoding="utf-8-sig")
        if path.suffix == ".csv":
            header, *lines = text.replace(",", " ").splitlines()
            columns = header.split()[1:]
        else:
            lines, columns = text.splitlines(), []
            if lines[0].strip().isdigit():  # the count; the partition has neither count nor columns
                columns, lines = lines[1].split(), lines[2:]
        pairs = (_pair(line) for line in lines if line and not line.isspace())
        return columns, dict(pairs)
    except (OSError, IndexError, ValueError) as error:
        raise UnusableInput(f"{path} is not CelebA's {what} ({error}).") from error


def _pair(line: str) -> tuple[str, str]:
    name, values = line.split(maxsplit=1)
    return name, values


def _numbers(
    path: Path, rows: dict[str, str], names: list[str], columns: list[str]
) -> NDArray[np.float64]:
    """The rows of the pictures in order (N, columns), NaN where the file has none."""
    numbers = np.full((len(names), len(columns)), np.nan)
    for index, name in enumerate(names):
        row = rows.get(_base(name))
        if row is None:
            continue
        try:
            values = list(map(float, row.split()))
        except ValueError as error:
            raise UnusableInput(f"{path} cannot be used: at {_base(name)}, {error}.") from error
        if len(values) != len(columns):
            raise UnusableInput(
                f"{path} cannot be used: {_base(name)} has {len(values)} values for "
                f"{len(columns)} columns."
            )
        numbers[index] = values
    return numbers


def _base(name: str) -> str:
    return name.rsplit("/", 1)[-1]
