"""A source: pictures with what is known of them before any face is found."""

import hashlib
import os
import re
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lik.core.errors import UnusableInput
from lik.faces.folder import Folder
from lik.faces.pictures import SUFFIXES, Container
from lik.faces.zips import Zip, is_zip

SPLIT_NAMES = {
    "train": "train",
    "training": "train",
    "validation": "validation",
    "valid": "validation",
    "val": "validation",
    "dev": "validation",
    "test": "test",
}
"""The three splits, by the names that are in use for them."""


@dataclass(frozen=True)
class Source:
    """N pictures with their splits and labels.

    Attributes:
        description: what the source is, for people.
        container: reads the pictures.
        names: the pictures in order.
        splits: 'train', 'validation', 'test', or None where the source has none.
        attribute_names, attributes: labels (N, A), NaN where unknown.
        factor_names, factors: true values of what was drawn (N, F); empty for photographs.
        eyes: where the eyes of each picture are (N, 2, 2): first the one of smaller x, then the
            other, each (x, y) in shares of the upright picture's width and height, counted from
            its upper left corner; NaN where unknown, empty (0, 2, 2) where all are.
        aligned: the pictures are square faces already, so that nothing is to be detected.
    """

    description: str
    container: Container
    names: list[str]
    splits: list[str | None]
    attribute_names: list[str] = field(default_factory=list)
    attributes: NDArray[np.float64] = field(default_factory=lambda: np.zeros((0, 0)))
    factor_names: list[str] = field(default_factory=list)
    factors: NDArray[np.float64] = field(default_factory=lambda: np.zeros((0, 0)))
    eyes: NDArray[np.float64] = field(default_factory=lambda: np.zeros((0, 2, 2)))
    aligned: bool = False

    @property
    def identity(self) -> str:
        """A hash of the names, splits, labels and eyes: the same job has the same one."""
        digest = hashlib.sha256()
        for part in (self.names, self.splits, self.attribute_names, self.factor_names):
            digest.update(repr(part).encode())
        for values in (self.attributes, self.eyes):
            digest.update(np.ascontiguousarray(values).tobytes())
        return digest.hexdigest()


def open_source(text: str, size: int) -> Source:
    """What SOURCE names.

    ``drawn:N``, CelebA's files, any folder of pictures, zip, tar or Parquet file, a folder of tar
    or Parquet files, or several tars as ``shard-{000..009}.tar``.

    Raises:
        UnusableInput: nothing is there, or there are no pictures in it.
    """
    from lik.faces.drawn_source import drawn_source

    if text.startswith("drawn:"):
        return drawn_source(text, size)
    try:
        source = _opened(text)
    except OSError as error:
        raise UnusableInput(f"{text} cannot be read ({error.strerror or error}).") from error
    if not source.names:
        raise UnusableInput(f"{text} holds no files: there is nothing to prepare.")
    return source


def open_sources(texts: list[str], size: int) -> Source:
    """Several SOURCEs as one, in their order; one alone is what `open_source` gives.

    Raises:
        UnusableInput: as `open_source`; one is given twice, or drawn faces are mixed with others.
    """
    from lik.faces.several import join

    twice = next((text for text in texts if texts.count(text) > 1), None)
    if twice is not None:
        raise UnusableInput(f"{twice} is given twice: its pictures would count double.")
    bases = [
        text.replace(":", "-") if text.startswith("drawn:") else Path(text).resolve().stem
        for text in texts
    ]
    return join([open_source(text, size) for text in texts], bases)


def container_of(path: Path) -> Container:
    """A folder or a zip, as a container."""
    return Folder(path) if path.is_dir() else Zip(path)


def hashed_split(name: str) -> str:
    """80 % train, 10 % validation, 10 % test, by a hash of the name alone."""
    bucket = int.from_bytes(hashlib.sha256(name.encode()).digest()[:4], "big") % 10
    return "test" if bucket == 9 else "validation" if bucket == 8 else "train"


def split_of(file: str, among_others: bool) -> str | None:
    """The split that a file of a set is named after, as ``train-00000-of-00019.parquet``.

    Args:
        file: its name relative to the set, with '/'; a folder ``test`` speaks for its files.
        among_others: the set has several files, so that ``test.parquet`` names a split too.
    """
    *folders, name = file.lower().split("/")
    stem = name.split(".", 1)[0]
    sharded = re.fullmatch(rf"(?:.*[-_])?({'|'.join(SPLIT_NAMES)})[-_]\d.*", stem)
    if sharded:
        return SPLIT_NAMES[sharded[1]]
    named = [stem] if among_others else []
    return next((SPLIT_NAMES[part] for part in named + folders[::-1] if part in SPLIT_NAMES), None)


def _opened(text: str) -> Source:
    """The source at a path, or the tars that a pattern stands for."""
    from lik.faces.tars import tar_source

    path = Path(text)
    paths = [path] if path.exists() else [Path(each) for each in _expanded(text)]
    missing = next((each for each in paths if not each.exists()), None)
    if missing is not None:
        raise UnusableInput(
            f"there is nothing at {missing}: give a folder, a zip, tar or Parquet file, or drawn:N."
        )
    return _source_at(paths[0]) if len(paths) == 1 else tar_source(paths, f"tars {path.name}")


def _source_at(path: Path) -> Source:
    from lik.faces.celeba import find_celeba
    from lik.faces.parquet import is_parquet, parquet_source
    from lik.faces.tars import is_tar, tar_source

    celeba = find_celeba(path)
    if celeba:
        return celeba
    if path.is_dir():
        return _folder(path)
    if not path.is_file():
        raise UnusableInput(f"{path} is a device or a pipe: give a folder or a file.")
    if is_parquet(path):
        return parquet_source(path, [path])
    if is_tar(path):
        return tar_source([path], f"tar {path.name}")
    if not is_zip(path):
        raise UnusableInput(f"{path} is neither a folder nor a zip, tar or Parquet file.")
    archive = Zip(path)
    names = archive.names()
    return Source(f"zip {path.name}", archive, names, [None] * len(names))


def _folder(path: Path) -> Source:
    """A folder of pictures; of Parquet files or tars, if there are such and no pictures."""
    from lik.faces.parquet import parquet_source
    from lik.faces.tars import tar_source

    folder = Folder(path)
    names = folder.names()
    if not any(os.path.splitext(name)[1].lower() in SUFFIXES for name in names):
        if tables := [path / name for name in names if name.endswith(".parquet")]:
            return parquet_source(path, tables)
        if tars := [path / name for name in names if name.endswith((".tar", ".tar.gz", ".tgz"))]:
            return tar_source(tars, f"tars {path.name}")
    return Source(f"folder {path.name}", folder, names, [None] * len(names))


def _expanded(text: str) -> list[str]:
    """``a-{00..02}.tar`` and ``{a,b}.tar`` → all that they stand for."""
    found = re.search(r"\{(?:(\d+)\.\.(\d+)|([^{}]*,[^{}]*))\}", text)
    if not found:
        return [text]
    if found[3] is not None:
        parts = found[3].split(",")
    else:
        first, last = int(found[1]), int(found[2])
        parts = [f"{number:0{len(found[1])}d}" for number in range(first, last + 1)]
    before, after = text[: found.start()], text[found.end() :]
    return [whole for part in parts for whole in _expanded(before + part + after)]
