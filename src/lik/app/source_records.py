"""What an edit began with: a photograph, a drawn code, a mixture, or a face of the test set.

It is JSON in the text of the PNG, beside the record of the edit, and holds no path and no name.
Codes are (D,) or (N, D).
"""

import json
from collections.abc import Callable, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import Field, StringConstraints

from lik.app.directions import open_editor
from lik.app.opened import OpenedRun
from lik.app.sampling import code_source
from lik.app.selection import Selection
from lik.core.configuration import Settings, validated
from lik.core.errors import UnusableInput
from lik.core.events import Progress, no_progress
from lik.faces.io.files import InMemory
from lik.faces.photograph import Eyes
from lik.figures.png import text_of
from lik.latent.interpolation import PathKind, path_between
from lik.latent.session import Codes

SOURCE = "Lik source"
"""The chunk of a PNG's text that holds the source, as JSON."""
TOGETHER = 16
"""Codes that are drawn of a seed; those beyond are of the seeds that follow it."""
MOST = 64
"""Codes that may be asked for at a time."""

Seed = Annotated[int, Field(ge=0, lt=2**53)]
Index = Annotated[int, Field(ge=0, lt=MOST)]
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Number = Annotated[str, StringConstraints(pattern=r"^[0-9]{1,3}(\.[0-9]{1,6})?$")]
"""A decimal number from 0 on, as text."""
Name = Annotated[str, StringConstraints(min_length=1, max_length=100)]
Strength = Annotated[str, StringConstraints(pattern=r"^-?[0-9]{1,3}(\.[0-9]{1,12})?$")]
CLOSE = Decimal("0.001")
"""How far the shares of a mixture may be from what they should be together."""


class PhotographSource(Settings):
    """A photograph, told by the hash of its file; one face of it, counted from 1, or all.

    ``eyes`` of its faces, in pixels of the upright picture, where a person has shown them.
    """

    kind: Literal["photograph"] = "photograph"
    sha256: Sha256
    face: Annotated[int, Field(ge=1)] | None = None
    eyes: Annotated[tuple[Eyes, ...], Field(min_length=1, max_length=MOST)] | None = None


class PriorSource(Settings):
    """The code that is counted ``index``, from 0, of those that a prior gives to a seed."""

    kind: Literal["prior"] = "prior"
    seed: Seed
    index: Index
    temperature: Number | None = None
    prior: Name | None = None


class HeldOutSource(Settings):
    """A face of the test split of the run's own face set, counted in the same way."""

    kind: Literal["testset"] = "testset"
    seed: Seed
    index: Index


Face = Annotated[PhotographSource | PriorSource | HeldOutSource, Field(discriminator="kind")]


class EditedSource(Settings):
    """A face that was edited before it went into a mixture."""

    kind: Literal["edited"] = "edited"
    source: Face
    method: Name
    strengths: Annotated[dict[Name, Strength], Field(min_length=1, max_length=64)]


class MixSource(Settings):
    """A mixture of two to four of them, a share of each.

    On a spherical path, of two, or of the four corners of a square in the order of reading: the
    shares are then those of a place in it.
    """

    kind: Literal["mix"] = "mix"
    ends: Annotated[
        tuple[
            Annotated[
                PhotographSource | PriorSource | HeldOutSource | EditedSource,
                Field(discriminator="kind"),
            ],
            ...,
        ],
        Field(min_length=2, max_length=4),
    ]
    shares: Annotated[tuple[Number, ...], Field(min_length=2, max_length=4)]
    path: PathKind = "straight"


SourceRecord = PhotographSource | PriorSource | HeldOutSource | MixSource
_KINDS: dict[str, type[SourceRecord]] = {
    "photograph": PhotographSource, "prior": PriorSource,
    "testset": HeldOutSource, "mix": MixSource,
}  # fmt: skip
Photographs = Callable[[PhotographSource], Codes]
"""A photograph → the codes (F, D) of its faces."""


def read_source(told: Any) -> SourceRecord:
    """Plain values → a source.

    Raises:
        UnusableInput: they are none.
    """
    kind = told.get("kind") if isinstance(told, dict) else None
    if not isinstance(kind, str) or kind not in _KINDS:
        raise UnusableInput(f"a source is of one of these kinds: {', '.join(_KINDS)}.")
    source = validated(_KINDS[kind], told, "the source")
    if isinstance(source, MixSource):
        shares = [Decimal(share) for share in source.shares]
        if len(shares) != len(source.ends) or abs(sum(shares, Decimal(0)) - 1) > CLOSE:
            raise UnusableInput("the shares of a mixture are one for each end, and 1 in all.")
        if source.path == "spherical" and len(shares) == 4:
            right, low = shares[1] + shares[3], shares[2] + shares[3]
            if abs(shares[3] - right * low) > CLOSE:
                raise UnusableInput("the shares of a spherical mixture are no place in a square.")
        elif source.path == "spherical" and len(shares) != 2:
            raise UnusableInput("a spherical path leads between two faces, or four.")
    return source


def source_in(given: str | Path | InMemory) -> SourceRecord | None:
    """What a PNG, a file or bytes, says of what its edit began with; None where it says nothing.

    Raises:
        UnusableInput: what it says is broken.
    """
    text = text_of(given).get(SOURCE)
    try:
        return None if text is None else read_source(json.loads(text))
    except ValueError:
        raise UnusableInput(f"what {given} says of its source is broken.") from None


def draw_codes(
    run: OpenedRun,
    count: int,
    seed: int = 0,
    temperature: float | None = None,
    prior: str | None = None,
) -> Codes:
    """Codes (count, D) of a seed: the first are the same, however many are asked for.

    Raises:
        UnusableInput: no such prior, or a temperature that is no number from 0 on.
    """
    return _of_seeds(code_source(run, prior, temperature), seed, count)


def held_out_codes(run: OpenedRun, count: int, seed: int = 0) -> Codes:
    """Codes of faces of the run's test split (N, D), N ≤ count, chosen by a seed.

    Raises:
        UnusableInput: the face set is not there, or has no test split.
    """
    faces = run.faces()

    def chosen(number: int, seed: int) -> Codes:
        indices = Selection("test", count=number, seed=seed).of(faces)
        return run.session.encode(np.asarray(faces.images[indices]))

    return _of_seeds(chosen, seed, count)


def code_of(
    run: OpenedRun,
    source: SourceRecord | EditedSource,
    photographs: Photographs | None = None,
    progress: Progress = no_progress,
) -> Codes:
    """The code (D,) that a source stands for.

    ``photographs`` gives the codes of photographs that are open.

    Raises:
        UnusableInput: it needs a photograph, or faces or a prior that are not there.
    """
    if isinstance(source, PhotographSource):
        if photographs is None:
            raise UnusableInput("this edit began with a photograph: give it.", needs="photograph")
        codes, number = photographs(source), source.face or 1
        if number > len(codes):
            raise UnusableInput(f"there is no face {number} in the photograph.")
        return np.asarray(codes[number - 1])
    if isinstance(source, EditedSource):
        place = code_of(run, source.source, photographs)[None]
        strengths = {name: float(strength) for name, strength in source.strengths.items()}
        editor = open_editor(run, source.method)
        return np.asarray(editor.moved_by(place, strengths, progress)[0])
    if isinstance(source, MixSource):
        ends = np.stack([code_of(run, end, photographs, progress) for end in source.ends])
        return mixed(ends, [float(share) for share in source.shares], source.path)
    if isinstance(source, HeldOutSource):
        codes = held_out_codes(run, source.index + 1, source.seed)
    else:
        temperature = None if source.temperature is None else float(source.temperature)
        codes = draw_codes(run, source.index + 1, source.seed, temperature, source.prior)
    if source.index >= len(codes):
        raise UnusableInput(f"there is no face {source.index}: the test set has fewer.")
    return np.asarray(codes[source.index])


def mixed(ends: Codes, shares: Sequence[float], path: PathKind) -> Codes:
    """Mix the codes of ends (N, D) by shares (N,); see `MixSource` for what paths can do.

    Products and sums are rounded to float32 one by one, so that a page can do the same.
    """
    if path == "spherical":
        if len(ends) == 2:
            return np.asarray(path_between(ends[0], ends[1], [shares[1]], path)[0])
        across, down = shares[1] + shares[3], shares[2] + shares[3]
        left, right = (path_between(ends[i], ends[i + 2], [down], path)[0] for i in (0, 1))
        return np.asarray(path_between(left, right, [across], path)[0])
    code: Codes = np.zeros_like(ends[0])
    for end, share in zip(ends, shares, strict=True):
        code = np.asarray(code + np.float32(share) * end, np.float32)
    return code


def _of_seeds(draw: Callable[[int, int], Codes], seed: int, count: int) -> Codes:
    """The first ``count`` codes; `TOGETHER` are drawn of each seed, so that each has a place."""
    if not 1 <= count <= MOST:
        raise UnusableInput(f"the number of faces lies between 1 and {MOST}, not {count}.")
    parts = [draw(TOGETHER, seed + number) for number in range(-(-count // TOGETHER))]
    return np.concatenate(parts)[:count]
