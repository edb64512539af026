"""Several sources as one."""

import functools
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from lik.core.errors import UnusableInput
from lik.faces.io.pictures import Container, Encoded, NotAPicture
from lik.faces.io.source import Source


class Joined:
    """The pictures of several containers, one after the other.

    Names stay as they are where all are different. As soon as two containers share a name, every
    name is preceded by that of its container: ``photos/a.jpg``.
    """

    def __init__(
        self, containers: Sequence[Container], bases: Sequence[str], listed: Sequence[list[str]]
    ) -> None:
        """``listed``: the names in each container."""
        shared = len({name for names in listed for name in names}) < sum(map(len, listed))
        self.containers = tuple(containers)
        self.prefixes = tuple(f"{base}/" if shared else "" for base in _different(bases))
        self._places: _Places | None = _placed(self.prefixes, listed)

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

    def _found(self) -> "_Places":
        if self._places is None:  # sent here from another process
            self._places = _listed_once(self.containers, self.prefixes)
        return self._places


_Places = dict[str, int]
"""Name → which container it is in."""


def _placed(prefixes: Sequence[str], listed: Sequence[list[str]]) -> _Places:
    return {
        prefix + name: index
        for index, (prefix, names) in enumerate(zip(prefixes, listed, strict=True))
        for name in names
    }


@functools.lru_cache(maxsize=1)
def _listed_once(containers: tuple[Container, ...], prefixes: tuple[str, ...]) -> _Places:
    return _placed(prefixes, [container.names() for container in containers])


def join(sources: Sequence[Source], bases: Sequence[str]) -> Source:
    """One source of several; labels that a source does not have are unknown there.

    Args:
        sources: in order.
        bases: a short name of each.

    Raises:
        UnusableInput: drawn faces and photographs are mixed.
    """
    if len(sources) == 1:
        return sources[0]
    if len({source.aligned for source in sources}) > 1:
        raise UnusableInput(
            "drawn faces are faces already and photographs are to be searched: prepare them "
            "separately."
        )
    container = Joined(
        [source.container for source in sources], bases, [source.names for source in sources]
    )
    counts = [len(source.names) for source in sources]
    attribute_names, attributes = _united(
        counts, [(source.attribute_names, source.attributes) for source in sources]
    )
    factor_names, factors = _united(
        counts, [(source.factor_names, source.factors) for source in sources]
    )
    return Source(
        " + ".join(source.description for source in sources),
        container,
        container.names(),
        [split for source in sources for split in source.splits],
        attribute_names,
        attributes,
        factor_names,
        factors,
        _eyes(sources),
        sources[0].aligned,
    )


def _united(
    counts: list[int], tables: list[tuple[list[str], NDArray[np.float64]]]
) -> tuple[list[str], NDArray[np.float64]]:
    """All columns in the order in which they first come, and the rows of all sources."""
    columns = list(dict.fromkeys(name for names, _ in tables for name in names))
    rows = np.full((sum(counts), len(columns)), np.nan)
    start = 0
    for count, (names, values) in zip(counts, tables, strict=True):
        end = start + count
        if names:
            rows[start:end, [columns.index(name) for name in names]] = values
        start = end
    return columns, rows


def _eyes(sources: Sequence[Source]) -> NDArray[np.float64]:
    if not any(len(source.eyes) for source in sources):
        return np.zeros((0, 2, 2))
    unknown = (np.full((len(source.names), 2, 2), np.nan) for source in sources)
    parts = [s.eyes if len(s.eyes) else none for s, none in zip(sources, unknown, strict=True)]
    return np.concatenate(parts)


def _different(bases: Sequence[str]) -> list[str]:
    """The names, with -2, -3 … after those that were there before."""
    result: list[str] = []
    for base in bases:
        name, number = base, 2
        while name in result:
            name, number = f"{base}-{number}", number + 1
        result.append(name)
    return result
