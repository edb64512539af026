"""The official files of CelebA: pictures, 40 attributes, and the partition into splits.

The format is that of the set's own distribution (Liu et al., arXiv:1411.7766).
"""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lik.core.errors import UnusableInput
from lik.faces.sources import Source, container_of

PICTURES = "img_align_celeba"
ATTRIBUTES = "list_attr_celeba.txt"
PARTITION = "list_eval_partition.txt"
SPLITS = {"0": "train", "1": "validation", "2": "test"}


def find_celeba(path: Path) -> Source | None:
    """CelebA at ``path``, with labels and splits where their files lie beside the pictures.

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
    attribute_names, attributes = _attributes(beside / ATTRIBUTES, names)
    splits = _splits(beside / PARTITION, names)
    return Source("CelebA", container, names, splits, attribute_names, attributes)


def _attributes(path: Path, names: list[str]) -> tuple[list[str], NDArray[np.float64]]:
    """Column names and labels (N, A) of ±1, NaN for pictures that the file does not list."""
    if not path.is_file():
        return [], np.zeros((len(names), 0))
    lines = path.read_text(encoding="utf-8").splitlines()
    try:
        columns = lines[1].split()
        rows = {}
        for line in lines[2:]:
            if line.strip():
                name, *values = line.split()
                if len(values) != len(columns):
                    raise ValueError(f"{name} has {len(values)} values for {len(columns)} columns")
                rows[name] = [float(value) for value in values]
    except (IndexError, ValueError) as error:
        raise UnusableInput(f"{path} is not CelebA's list of attributes ({error}).") from error
    unknown = [np.nan] * len(columns)
    labels = [rows.get(_base(name), unknown) for name in names]
    return columns, np.array(labels, np.float64).reshape(len(names), len(columns))


def _splits(path: Path, names: list[str]) -> list[str | None]:
    if not path.is_file():
        return [None] * len(names)
    try:
        pairs = [line.split() for line in path.read_text(encoding="utf-8").splitlines() if line]
        known = {name: SPLITS[number] for name, number in pairs}
    except (KeyError, ValueError) as error:
        raise UnusableInput(f"{path} is not CelebA's partition (at {error}).") from error
    return [known.get(_base(name)) for name in names]


def _base(name: str) -> str:
    return name.rsplit("/", 1)[-1]
