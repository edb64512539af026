"""Opening what SOURCE names: every kind of place that pictures lie in."""

import os
import re
from pathlib import Path

from lik.core.errors import UnusableInput
from lik.faces.io.celeba import find_celeba
from lik.faces.io.drawn_source import drawn_source
from lik.faces.io.folder import Folder
from lik.faces.io.parquet import is_parquet, parquet_source
from lik.faces.io.pictures import SUFFIXES
from lik.faces.io.several import join
from lik.faces.io.source import Source
from lik.faces.io.tars import is_tar, tar_source
from lik.faces.io.zips import Zip, is_zip


def open_source(text: str, size: int) -> Source:
    """What SOURCE names.

    ``drawn:N``, CelebA's files, any folder of pictures, zip, tar or Parquet file, a folder of tar
    or Parquet files, or several tars as ``shard-{000..009}.tar``.

    Raises:
        UnusableInput: nothing is there, or there are no pictures in it.
    """
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
    twice = next((text for text in texts if texts.count(text) > 1), None)
    if twice is not None:
        raise UnusableInput(f"{twice} is given twice: its pictures would count double.")
    bases = [
        text.replace(":", "-") if text.startswith("drawn:") else Path(text).resolve().stem
        for text in texts
    ]
    return join([open_source(text, size) for text in texts], bases)


def _opened(text: str) -> Source:
    """The source at a path, or the tars that a pattern stands for."""
    path = Path(text)
    paths = [path] if path.exists() else [Path(each) for each in _expanded(text)]
    missing = next((each for each in paths if not each.exists()), None)
    if missing is not None:
        raise UnusableInput(
            f"there is nothing at {missing}: give a folder, a zip, tar or Parquet file, or drawn:N."
        )
    return _source_at(paths[0]) if len(paths) == 1 else tar_source(paths, f"tars {path.name}")


def _source_at(path: Path) -> Source:
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
