"""Opening what SOURCE names: every kind of place that pictures lie in."""

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath

from lik.core.errors import UnusableInput
from lik.core.events import Notify, no_notices
from lik.faces.io.celeba import find_celeba
from lik.faces.io.drawn_source import drawn_source
from lik.faces.io.folder import Folder
from lik.faces.io.labels import one_and_minus_one
from lik.faces.io.parquet import is_parquet, parquet_source
from lik.faces.io.pictures import has_picture_suffix, key_of
from lik.faces.io.several import join
from lik.faces.io.source import Source, split_of
from lik.faces.io.tars import is_tar, tar_source
from lik.faces.io.zips import Zip, is_zip

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
        return drawn_source(text, size)
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
    return join([open_source(text, size, notify) for text in texts], bases)


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
    return _folder(path) if path.is_dir() else _archive(path, path.name, False)


def _folder(path: Path) -> Source:
    """A folder of pictures; of archives, if there are such and no pictures."""
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
    return replace(join(parts, list(map(key_of, inner))), description=f"archives {name}")


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
