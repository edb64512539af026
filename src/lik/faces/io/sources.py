"""Opening what SOURCE names: every kind of place that pictures lie in, alone or several as one."""

import functools
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray

from lik.core.errors import UnusableInput
from lik.core.events import Notify, no_notices
from lik.faces.drawn import rendering as drawn
from lik.faces.io.celeba import find_celeba
from lik.faces.io.files import Folder, Zip, is_zip
from lik.faces.io.labels import one_and_minus_one
from lik.faces.io.parquet import is_parquet, parquet_source
from lik.faces.io.pictures import (
    Container,
    Encoded,
    NotAPicture,
    Picture,
    Source,
    has_picture_suffix,
    key_of,
    split_of,
)
from lik.faces.io.tars import is_tar, tar_source

ARCHIVES = (
    ".parquet", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz", ".tbz2", ".tar.xz", ".txz", ".zip",
)  # fmt: skip
"""What the archives are called that a folder without pictures may hold."""


def open_source(text: str, size: int, notify: Notify = no_notices) -> Source:
    """What SOURCE names.

    ``drawn:N``, CelebA's files, any folder of pictures, zip, tar or Parquet file, a folder of
    these, or several of them as ``shard-{000..009}.tar``. ``notify`` hears what labels are missing.

    Raises:
        UnusableInput: nothing is there, or there are no pictures in it.
    """
    if text.startswith("drawn:"):
        return _drawn(text, size)
    try:
        source = _opened(text, notify)
    except OSError as error:
        raise UnusableInput(f"{text} cannot be read ({error.strerror or error}).") from error
    if not source.names:
        raise UnusableInput(f"{text} holds no files: there is nothing to prepare.")
    return replace(source, attributes=one_and_minus_one(source.attributes))


def open_sources(texts: list[str], size: int, notify: Notify = no_notices) -> Source:
    """Several SOURCEs as one, in their order; one alone is what `open_source` gives.

    Raises:
        UnusableInput: as `open_source`; one is given twice, or drawn faces are mixed with others.
    """
    twice = next((text for text in texts if texts.count(text) > 1), None)
    if twice is not None:
        raise UnusableInput(f"{twice} is given twice: its pictures would count double.")
    bases = [
        text.replace(":", "-") if text.startswith("drawn:") else Path(text).resolve().stem
        for text in texts
    ]
    return _joined([open_source(text, size, notify) for text in texts], bases)


def _opened(text: str, notify: Notify) -> Source:
    """The source at a path, or the archives that a pattern stands for."""
    path = Path(text)
    paths = [path] if path.exists() else [Path(each) for each in _expanded(text)]
    missing = next((each for each in paths if not each.exists()), None)
    if missing is not None:
        raise UnusableInput(
            f"there is nothing at {missing}: give a folder, a zip, tar or Parquet file, or drawn:N."
        )
    if len(paths) > 1:
        return _archives(path.name, paths, [each.name for each in paths])
    if source := find_celeba(path, notify):
        return source
    if not path.is_dir():
        return _archive(path, path.name, False)
    folder = Folder(path)
    names = folder.names()
    archives = [name for name in names if name.lower().endswith(ARCHIVES)]
    if archives and not any(map(has_picture_suffix, names)):
        return _archives(path.name, [path / name for name in archives], archives)
    return Source(f"folder {path.name}", folder, names, [None] * len(names))


def _archives(name: str, paths: Sequence[Path], inner: Sequence[str]) -> Source:
    """Several archives as one source; ``inner`` are their names within it."""
    several = len(paths) > 1
    parts = [_archive(path, inside, several) for path, inside in zip(paths, inner, strict=True)]
    return replace(_joined(parts, list(map(key_of, inner))), description=f"archives {name}")


def _archive(path: Path, inner: str, among_others: bool) -> Source:
    """A Parquet file, tar or zip, whatever it is called."""
    if not path.is_file():
        raise UnusableInput(f"{path} is a device or a pipe: give a folder or a file.")
    split = split_of(inner, among_others)
    if is_parquet(path):
        return parquet_source(path, str(PurePosixPath(inner).with_suffix("")), split)
    if is_tar(path):
        return tar_source(path, split)
    if not is_zip(path):
        raise UnusableInput(f"{path} is neither a folder nor a zip, tar or Parquet file.")
    archive = Zip(path)
    names = archive.names()
    splits = [split if among_others else None] * len(names)  # alone, its name is a title
    return Source(f"zip {path.name}", archive, names, splits)


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


class Joined:
    """The pictures of several containers, one after the other.

    Names stay as they are where all are different. As soon as two containers share a name, every
    name is preceded by that of its container: ``photos/a.jpg``.
    """

    def __init__(self, sources: Sequence[Source], bases: Sequence[str]) -> None:
        """``bases``: what each container is called."""
        listed = [source.names for source in sources]
        shared = len({name for names in listed for name in names}) < sum(map(len, listed))
        self.containers = tuple(source.container for source in sources)
        self.prefixes = tuple(f"{base}/" if shared else "" for base in _different(bases))
        self._places: dict[str, int] | None = _placed(self.prefixes, listed)

    def __getstate__(self) -> dict[str, object]:
        return self.__dict__ | {"_places": None}

    def names(self) -> list[str]:
        return list(self._found())

    def open(self, name: str) -> Encoded:
        if name not in self._found():
            raise NotAPicture("is not the name of a picture of these sources")
        container, inner = self._place(name)
        return container.open(inner)

    def stamp(self, name: str) -> str:
        container, inner = self._place(name)
        return container.stamp(inner)

    def _place(self, name: str) -> tuple[Container, str]:
        index = self._found()[name]
        return self.containers[index], name[len(self.prefixes[index]) :]

    def _found(self) -> dict[str, int]:
        """Name → which container it is in."""
        if self._places is None:  # sent here from another process
            self._places = _listed_once(self.containers, self.prefixes)
        return self._places


@functools.lru_cache(maxsize=1)
def _listed_once(containers: tuple[Container, ...], prefixes: tuple[str, ...]) -> dict[str, int]:
    return _placed(prefixes, [container.names() for container in containers])


def _placed(prefixes: Sequence[str], listed: Sequence[list[str]]) -> dict[str, int]:
    pairs = enumerate(zip(prefixes, listed, strict=True))
    return {prefix + name: index for index, (prefix, names) in pairs for name in names}


def _different(bases: Sequence[str]) -> list[str]:
    """The names, with -2, -3 … after those that were there before."""
    result: list[str] = []
    for base in bases:
        name, number = base, 2
        while name in result:
            name, number = f"{base}-{number}", number + 1
        result.append(name)
    return result


def _joined(sources: Sequence[Source], bases: Sequence[str]) -> Source:
    """One source of several, called ``bases``; labels that one does not have are unknown there."""
    if len(sources) == 1:
        return sources[0]
    if len({source.aligned for source in sources}) > 1:
        raise UnusableInput(
            "drawn faces are faces already and photographs are to be searched: prepare them "
            "separately."
        )
    container = Joined(sources, bases)
    names = container.names()
    eyes = np.full((len(names), 2, 2), np.nan)
    start = 0
    for source in sources:
        if len(source.eyes):
            eyes[start : start + len(source.names)] = source.eyes
        start += len(source.names)
    return Source(
        " + ".join(source.description for source in sources),
        container,
        names,
        [split for source in sources for split in source.splits],
        *_united(len(names), [(len(s.names), s.attribute_names, s.attributes) for s in sources]),
        *_united(len(names), [(len(s.names), s.factor_names, s.factors) for s in sources]),
        eyes if any(len(source.eyes) for source in sources) else eyes[:0],
        sources[0].aligned,
    )


def _united(
    count: int, tables: list[tuple[int, list[str], NDArray[np.float64]]]
) -> tuple[list[str], NDArray[np.float64]]:
    """All columns in the order in which they first come, and the ``count`` rows of all tables."""
    columns = list(dict.fromkeys(name for _, names, _ in tables for name in names))
    rows = np.full((count, len(columns)), np.nan)
    start = 0
    for height, names, values in tables:
        if names:
            rows[start : start + height, [columns.index(name) for name in names]] = values
        start += height
    return columns, rows


@dataclass(frozen=True)
class DrawnFace:
    """A face that is drawn when its pixels are asked for, always in its full size."""

    factors: drawn.Factors
    width: int
    height: int

    def decode(self, least: int | None = None) -> Picture:
        return drawn.render(self.factors, self.width)


@dataclass(frozen=True)
class Drawing:
    """Draws the face that a name such as ``drawn-0-000017`` asks for."""

    count: int
    seed: int
    size: int

    def names(self) -> list[str]:
        return [f"drawn-{self.seed}-{index:06d}" for index in range(self.count)]

    def stamp(self, name: str) -> str:
        return ""  # the name says it all

    def open(self, name: str) -> DrawnFace:
        match = re.fullmatch(r"drawn-(\d+)-(\d+)", name)
        if not match:
            raise NotAPicture("is not the name of a drawn face")
        return DrawnFace(drawn.sample_factors(int(match[1]), int(match[2])), self.size, self.size)


def _drawn(text: str, size: int) -> Source:
    """The source that ``drawn:N[:SEED]`` names, with attributes and true factors."""
    match = re.fullmatch(r"drawn:(\d+)(?::(\d+))?", text)
    if not match or int(match[1]) == 0:
        raise UnusableInput(f"'{text}' is not of the form drawn:N or drawn:N:SEED, as drawn:6000.")
    count, seed = int(match[1]), int(match[2] or 0)
    drawing = Drawing(count, seed, size)
    factors = [drawn.sample_factors(seed, index) for index in range(count)]
    labels = [drawn.attributes(face) for face in factors]
    values = [drawn.factor_values(face) for face in factors]
    return Source(
        f"drawn faces, seed {seed}",
        drawing,
        drawing.names(),
        [None] * count,
        list(labels[0]),
        np.array([list(row.values()) for row in labels], np.float64),
        list(values[0]),
        np.array([list(row.values()) for row in values], np.float64),
        aligned=True,
    )
