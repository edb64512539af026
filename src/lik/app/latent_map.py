"""The codes that a map shows, each with a source of its own, and what a network sees in them.

Codes are float32 (N, D).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from lik.app.opened import OpenedRun
from lik.app.sampling import code_source
from lik.app.selection import Selection
from lik.app.source_records import TOGETHER
from lik.core.errors import UnusableInput
from lik.core.events import Progress, no_progress
from lik.latent.projection import Plane, ProjectionMethod, project
from lik.latent.session import Codes, logits_of

MapKind = Literal["prior", "testset"]
MOST_POINTS = 4000
MOST_NEIGHBOURS = 1000
"""Faces of a map by t-SNE at most: it takes seconds for these."""
ENCODED = 16
"""Faces that are encoded between two steps of progress."""
ROUNDS = 8
"""Faces of the test set are drawn in turn until so many times the wanted ones came."""


@dataclass(frozen=True)
class MappedCodes:
    """Codes (N, D), and where each comes from.

    Attributes:
        places: (N,) of a place p, the source has the seed ``seed + p // 16`` and the index
            ``p % 16``.
    """

    codes: Codes
    places: NDArray[np.uint32]


def codes_to_map(
    run: OpenedRun,
    kind: MapKind,
    count: int,
    seed: int = 0,
    progress: Progress = no_progress,
) -> MappedCodes:
    """Codes of new faces, or of as many different ones of the test split as there are.

    Raises:
        UnusableInput: more than a map has, or the face set is not there.
    """
    if not 3 <= count <= MOST_POINTS:
        raise UnusableInput(f"a map has 3 to {MOST_POINTS:,} faces, not {count:,}.")
    if kind == "testset":
        return _held_out(run, count, seed, progress)
    source, seeds = code_source(run), -(-count // TOGETHER)
    parts = []
    for number in range(seeds):
        progress("drawing", number, seeds)
        parts.append(source(TOGETHER, seed + number))
    return MappedCodes(np.concatenate(parts)[:count], np.arange(count, dtype=np.uint32))


def lay_out(codes: Codes, method: ProjectionMethod) -> Plane:
    """Codes → points in a plane.

    Raises:
        UnusableInput: too many for the method, or codes that have no map.
    """
    if method == "tsne" and len(codes) > MOST_NEIGHBOURS:
        raise UnusableInput(f"a map by t-SNE has {MOST_NEIGHBOURS:,} faces at most.")
    return project(codes, method)


def attributes_seen(run: OpenedRun) -> Sequence[str]:
    """The attributes that the run's own network tells; none where there is no network."""
    if run.network is None:
        return ()
    try:
        return run.classifier(run.network).network.attributes
    except UnusableInput:
        return ()


def seen_in(run: OpenedRun, codes: Codes) -> NDArray[np.float32]:
    """What the run's own network sees in decodings: probabilities (N, A) of its attributes.

    Raises:
        UnusableInput: the run has no network.
    """
    if not attributes_seen(run) or run.network is None:
        raise UnusableInput(f"{run.name} has no network of its own.", needs="network")
    logits = logits_of(run.session, run.classifier(run.network).network, codes)
    return np.asarray(1 / (1 + np.exp(-logits.clip(-60, 60))), np.float32)


def _held_out(run: OpenedRun, count: int, seed: int, progress: Progress) -> MappedCodes:
    """Faces of the test split, each once, at the first place at which a seed gives it."""
    faces = run.faces()
    wanted = min(count, len(Selection("test").of(faces)))
    found: dict[int, int] = {}
    for number in range(-(-ROUNDS * wanted // TOGETHER) + 1):
        drawn = Selection("test", count=TOGETHER, seed=seed + number).of(faces)
        for place, index in enumerate(drawn):
            found.setdefault(int(index), number * TOGETHER + place)
        if len(found) >= wanted:
            break
    indices = list(found)[:wanted]
    parts = []
    for start in range(0, len(indices), ENCODED):
        progress("encoding", start, len(indices))
        pictures = np.asarray(faces.images[indices[start : start + ENCODED]])
        parts.append(run.session.encode(pictures))
    places = np.array([found[index] for index in indices], np.uint32)
    return MappedCodes(np.concatenate(parts), places)
