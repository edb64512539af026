"""From pictures to a face set: extraction in parallel, in order, resumable, and put together.

The work lies in OUT/.partial while it lasts (see `lik.faces.set.partial`); faceset.json is written
last: where it is, the set is whole.
"""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lik.core.artifacts import read_json, write_json
from lik.core.errors import FailedOnTheWay, UnusableInput
from lik.faces.crop.cropping import WholeCrop, needs_detection
from lik.faces.io.source import Source
from lik.faces.set.assembly import assemble
from lik.faces.set.engines import CHUNK, Chunk, Engine, here
from lik.faces.set.extraction import LEAVES, Plan
from lik.faces.set.partial import FOLDER, Partial, Row, require_same_job

SHARD_FILE = "shard.json"
SHARD_FORMAT = "lik-shard"


@dataclass(frozen=True)
class Shard:
    """Part ``number`` (from 1) of ``count`` equal parts of a source, in its order."""

    number: int
    count: int

    def __str__(self) -> str:
        return f"{self.number}/{self.count}"

    def of(self, pictures: int) -> range:
        """Which pictures of a source are this part."""
        return range(
            (self.number - 1) * pictures // self.count, self.number * pictures // self.count
        )


@dataclass(frozen=True)
class Preparation:
    """How many pictures there were, how many faces are kept, and why the others are not."""

    pictures: int
    kept: int
    reasons: dict[str, int]
    already_done: bool = False
    shard: Shard | None = None

    @property
    def found(self) -> int:
        """Faces that were found, or that needed no search."""
        return self.kept + self.reasons.get(LEAVES, 0)


def prepare(
    source: Source,
    out: Path,
    plan: Plan,
    engine: Engine = here,
    progress: Callable[[int, int], None] = lambda done, total: None,
    shard: Shard | None = None,
) -> Preparation:
    """Make the face set ``out`` from a source, or go on with it where it was left.

    The bytes do not depend on the engine. Sources of square faces are taken whole. With ``shard``
    only a part is made, for `lik.faces.set.merging.merge`.

    Raises:
        UnusableInput: OUT holds something else, or nothing could be kept.
        FailedOnTheWay: writing failed; what is done stays for the next try.
    """
    if plan.size < 8:
        raise UnusableInput(f"faces must be at least 8 pixels wide, not {plan.size}.")
    if source.aligned:
        plan = Plan(WholeCrop(), plan.size, limits=plan.limits)
    job = job_of(source, plan)
    finished = _finished(out, job, shard)
    if finished:
        return finished
    try:
        partial = Partial(out, job, str(shard) if shard else None)
        part = shard.of(len(source.names)) if shard else range(len(source.names))
        _extract(source, plan, engine, partial, part, progress)
        if shard:
            return _finish_shard(partial, shard, len(part))
        return _report(assemble(partial))
    except OSError as error:
        raise FailedOnTheWay(
            f"{out} could not be written: {error.strerror or error}; the same command goes on "
            "from there."
        ) from error


def job_of(source: Source, plan: Plan) -> dict[str, Any]:
    """All that decides the bytes of a face set, as plain values."""
    finder = plan.finder if needs_detection(plan.rule) else None
    return {
        "source": source.description,
        "identity": source.identity,
        "pictures": len(source.names),
        "attribute_names": source.attribute_names,
        "factor_names": source.factor_names,
        "crop": plan.rule.model_dump(mode="json"),
        "size": plan.size,
        "detector": finder.description if finder else None,
        "faces": "all" if plan.every else "largest",
        "limits": plan.limits.model_dump(mode="json"),
    }


def _extract(
    source: Source,
    plan: Plan,
    engine: Engine,
    partial: Partial,
    part: range,
    progress: Callable[[int, int], None],
) -> None:
    rest = iter(part[partial.done :])
    eyes = source.eyes if len(source.eyes) else None

    def chunks() -> Iterator[Chunk]:
        while chosen := list(islice(rest, CHUNK)):
            yield [(source.names[i], None if eyes is None else eyes[i]) for i in chosen]

    progress(partial.done, len(part))
    for extractions in engine(source.container, plan, chunks()):
        start = part.start + partial.done
        known = [_known(source, start + offset) for offset in range(len(extractions))]
        partial.append(extractions, known)
        progress(partial.done, len(part))


def _known(source: Source, index: int) -> Row:
    """What the source says of a picture, as plain values."""
    return {
        "split": source.splits[index],
        "labels": _plain(source.attributes[index]) if source.attribute_names else [],
        "factors": _plain(source.factors[index]) if source.factor_names else [],
    }


def _plain(values: NDArray[np.float64]) -> list[float | None]:
    return [None if np.isnan(value) else float(value) for value in values]


def _finished(out: Path, job: dict[str, Any], shard: Shard | None) -> Preparation | None:
    if out.is_file():
        raise UnusableInput(f"{out} is a file: choose another OUT.")
    file = out / "faceset.json"
    if file.is_file():
        description = read_json(file)
        if not isinstance(description, dict) or "job" not in description:
            raise UnusableInput(f"{file} does not describe a face set of Lik.")
        require_same_job(out, description["job"], job)
        shutil.rmtree(out / FOLDER, ignore_errors=True)  # killed while it was being taken away
        return _report(description, already_done=True)
    return None if shard is None else _finished_shard(out, job, shard)


def _finished_shard(out: Path, job: dict[str, Any], shard: Shard) -> Preparation | None:
    file = out / SHARD_FILE
    if not file.is_file():
        return None
    description = read_json(file)
    require_same_job(out, read_json(out / FOLDER / "job.json"), {"job": job, "shard": str(shard)})
    return Preparation(
        description["pictures"], description["kept"], description["rejected"], True, shard
    )


def _finish_shard(partial: Partial, shard: Shard, pictures: int) -> Preparation:
    reasons: dict[str, int] = {}
    for row in partial.rows():
        for entry in row["left_out"]:
            reasons[entry["reason"]] = reasons.get(entry["reason"], 0) + 1
    write_json(
        partial.out / SHARD_FILE,
        {
            "format": SHARD_FORMAT,
            "version": 1,
            "shard": str(shard),
            "pictures": pictures,
            "kept": partial.kept,
            "rejected": reasons,
        },
    )
    return Preparation(pictures, partial.kept, reasons, False, shard)


def _report(description: dict[str, Any], already_done: bool = False) -> Preparation:
    return Preparation(
        description["pictures"], description["kept"], description["rejected"], already_done
    )
