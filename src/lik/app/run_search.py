"""Runs by their folders: those below one, and those that are meant by names, paths and folders."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from lik.app.pretrained import place_of, shipped
from lik.core.errors import UnusableInput
from lik.core.events import Notify, no_notices
from lik.core.run_folder import RunFolder

DEEPEST = 4
"""Folders between the one that is searched and a run, with the run itself."""


def find_runs(folder: Path) -> list[Path]:
    """The folders of runs at or below ``folder``, by name; hidden ones are passed over."""
    if not folder.is_dir():
        raise UnusableInput(f"there is no folder at {folder}.")
    return sorted(_runs_in(folder, DEEPEST))


def runs_at(given: Sequence[str | Path], notify: Notify = no_notices) -> list[Path]:
    """Where the runs lie that are meant: runs, also on the hub, names of those that ship, folders.

    Of a folder, those with weights, or, while none of them has any, those that come to have some.
    Without any, the usual one that ships.

    Raises:
        UnusableInput: there is no such run, or a folder without any.
    """
    if not given:
        return [place_of(None)]
    places: list[Path] = []
    for one in given:
        if _holds_runs(one):
            found = find_runs(Path(one))
            if not found:
                raise UnusableInput(f"there are no runs in {one}: a training makes one.")
            trained = [place for place in found if RunFolder(place).model.is_file()]
            places += trained or found
        else:
            place = place_of(one, notify)
            if not place.exists():
                raise UnusableInput(f"there are no trained weights at {place}.")
            places.append(place)
    return list(dict.fromkeys(places))


def folders_at(given: Sequence[str | Path]) -> list[Path]:
    """Those of what is meant that are folders of runs: there, more may come to be."""
    return [Path(one) for one in given if _holds_runs(one)]


def _holds_runs(given: str | Path) -> bool:
    path = Path(given)
    return path.is_dir() and not RunFolder(path).model.is_file() and str(given) not in shipped()


def _runs_in(folder: Path, depth: int) -> Iterator[Path]:
    """A whole run has an environment.json; a broken one, two of the files that make a run."""
    run = RunFolder(folder)
    files = (run.environment, run.recipe, run.model, run.journal, run.state)
    if run.environment.is_file() or sum(file.is_file() for file in files) >= 2:
        yield folder
    elif depth:
        try:
            with os.scandir(folder) as entries:
                below = [
                    Path(entry.path)
                    for entry in entries
                    if not entry.name.startswith(".") and entry.is_dir(follow_symlinks=False)
                ]
        except OSError:
            return
        for path in below:
            yield from _runs_in(path, depth - 1)
