"""From pictures to a face set: extraction in parallel, in order, resumable, and put together.

The work lies in OUT/.partial while it lasts (see `lik.faces.set.partial`); faceset.json is written
last: where it is, the set is whole. OUT is locked meanwhile. Shards of one job, made by several
machines, are put together by `merge`: the same bytes as if the job had never been divided.
"""

import re
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from lik.core.artifacts import read_json
from lik.core.errors import FailedOnTheWay, UnusableInput
from lik.core.events import Notify, Progress, no_notices, no_progress
from lik.core.locks import held
from lik.faces.crop.cropping import WholeCrop, needs_detection
from lik.faces.io.pictures import Source
from lik.faces.set.assembly import assemble
from lik.faces.set.extraction import CHUNK, LEAVES, Chunk, Engine, Plan, here, mark_for
from lik.faces.set.faceset import changed_files, read_description
from lik.faces.set.partial import FOLDER, LOCK, Partial, Row, Work, begin_instead, differences

MERGING = "merging"
"""What stands in place of a shard's number in the work of a merge."""


@dataclass(frozen=True)
class Shard:
    """Part ``number`` (from 1) of ``count`` equal parts of a source, in its order."""

    number: int
    count: int

    def __str__(self) -> str:
        return f"{self.number}/{self.count}"

    @classmethod
    def parse(cls, text: str) -> "Shard":
        """The shard that a text such as 1/4 names.

        Raises:
            UnusableInput: it names none.
        """
        match = re.fullmatch(r"([0-9]{1,9})/([0-9]{1,9})", text)
        if not match or not 1 <= int(match[1]) <= int(match[2]):
            raise UnusableInput(
                f"the shard '{text}' is not of the form I/N with I from 1 to N, as 1/4."
            )
        return cls(int(match[1]), int(match[2]))

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
    progress: Progress = no_progress,
    notify: Notify = no_notices,
    shard: Shard | None = None,
) -> Preparation:
    """Make the face set ``out`` from a source, or go on with it where it was left.

    The bytes do not depend on the engine. Sources of square faces are taken whole. With ``shard``
    only a part is made, for `merge`. A finished set is read again to the last byte, and made anew
    where it is damaged.

    Raises:
        UnusableInput: ``out`` holds something else or is being prepared by another process, the
            pictures have changed since, or nothing could be kept.
        FailedOnTheWay: writing failed; what is done stays for the next try.
    """
    if plan.size < 8:
        raise UnusableInput(f"faces must be at least 8 pixels wide, not {plan.size}.")
    if source.aligned:
        plan = Plan(WholeCrop(), plan.size, limits=plan.limits)
    elif plan.every:
        plan = replace(plan, mark=mark_for(source.names))
    work = Work(job_of(source, plan), str(shard) if shard else None, source.fingerprint)
    part = shard.of(len(source.names)) if shard else range(len(source.names))
    with _locked(out, "the same command goes on from there"):
        finished = _finished(out, work, notify)
        if finished:
            return finished
        partial = Partial(out, work)
        whole = shard is not None and partial.done == len(part)
        if not whole:
            _extract(source, plan, engine, partial, part, progress)
        partial.require_complete(source.names[part.start : part.stop])
        if shard:
            return Preparation(partial.done, partial.kept, partial.reasons(), whole, shard)
        return _report(assemble(partial))


def merge(shards: Sequence[Path], out: Path) -> Preparation:
    """Make the face set ``out`` of all shards of a job, which are left as they are.

    Raises:
        UnusableInput: a shard is missing, given twice, unfinished, damaged, or of another job.
        FailedOnTheWay: writing failed; the same command begins again.
    """
    parts = _ordered(shards)
    prints = {part.work.fingerprint for part in parts}
    merging = Work(parts[0].job, MERGING, prints.pop() if len(prints) == 1 else "")
    with _locked(out, "the same command begins again"):
        if (out / "faceset.json").is_file():
            raise UnusableInput(f"{out} is a face set already: choose another folder.")
        begun = out / FOLDER / "job.json"
        if begun.is_file() and read_json(begun).get("shard") == MERGING:
            shutil.rmtree(out / FOLDER)  # a merge that was killed; its parts are all in the shards
            (out / "images.npy").unlink(missing_ok=True)
            (out / "rejected.npy").unlink(missing_ok=True)
        partial = Partial(out, merging)
        for part in parts:
            partial.join(part)
        partial.require_complete()
        return _report(assemble(partial))


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


def _busy(out: Path) -> str:
    return f"{out} is being prepared by another process: wait for it, or choose another folder."


@contextmanager
def _locked(out: Path, next_time: str) -> Iterator[None]:
    """Hold the folder of a set, and leave nothing where nothing was made."""
    if out.is_file():
        raise UnusableInput(f"{out} is a file: choose another folder.")
    try:
        out.mkdir(parents=True, exist_ok=True)
        with held(out / LOCK, _busy(out)):
            try:
                yield
            finally:
                if not any((out / name).exists() for name in (FOLDER, "faceset.json")):
                    (out / LOCK).unlink(missing_ok=True)
                    with suppress(OSError):  # it holds something else
                        out.rmdir()
    except OSError as error:
        raise FailedOnTheWay(
            f"{out} could not be written: {error.strerror or error}; {next_time}."
        ) from error


def _extract(
    source: Source, plan: Plan, engine: Engine, partial: Partial, part: range, progress: Progress
) -> None:
    rest = iter(part[partial.done :])
    eyes = source.eyes if len(source.eyes) else None

    def chunks() -> Iterator[Chunk]:
        while chosen := list(islice(rest, CHUNK)):
            yield [(source.names[i], None if eyes is None else eyes[i]) for i in chosen]

    progress("preparing", partial.done, len(part))
    for extractions in engine(source.container, plan, chunks()):
        start = part.start + partial.done
        known = [_known(source, start + offset) for offset in range(len(extractions))]
        partial.append(extractions, known)
        progress("preparing", partial.done, len(part))


def _known(source: Source, index: int) -> Row:
    """What the source says of a picture, as plain values."""
    known: Row = {"split": source.splits[index], "labels": [], "factors": []}
    for kind, table in (("labels", source.attributes), ("factors", source.factors)):
        if table.size:
            known[kind] = [None if np.isnan(value) else float(value) for value in table[index]]
    return known


def _finished(out: Path, work: Work, notify: Notify) -> Preparation | None:
    """What was prepared before, where it is whole; what is damaged is taken away."""
    if not (out / "faceset.json").is_file():
        return None
    try:
        description = read_description(out)
    except UnusableInput as error:
        raise UnusableInput(
            f"{error} Remove {out} to prepare it anew, or choose another folder."
        ) from None
    work.require_same(out, description | {"shard": None})
    changed = changed_files(out, description)
    if not changed:
        shutil.rmtree(out / FOLDER, ignore_errors=True)  # killed while it was being taken away
        return replace(_report(description), already_done=True)
    notify(f"{', '.join(changed)} of {out} has changed since it was prepared: it is made again.")
    begin_instead(out, work, changed)
    return None


def _report(description: dict[str, Any]) -> Preparation:
    return Preparation(description["pictures"], description["kept"], description["rejected"])


def _ordered(paths: Sequence[Path]) -> list[Partial]:
    """The shards in the order of their numbers."""
    found: dict[Shard, Partial] = {}
    for path in paths:
        shard, part = _opened_shard(path)
        if shard in found:
            raise UnusableInput(f"{found[shard].out} and {path} are both shard {shard}.")
        first = next(iter(found.values()), part)
        changed = differences(first.job, part.job)
        if changed:
            raise UnusableInput(
                f"{first.out} and {path} are shards of different jobs ({'; '.join(changed)}): "
                "prepare all shards of the same pictures in the same way."
            )
        found[shard] = part
    counts = {shard.count for shard in found}
    if len(counts) != 1:
        raise UnusableInput("the shards are of different divisions of the job: give all of one.")
    count = counts.pop()
    wanted = [Shard(number, count) for number in range(1, count + 1)]
    missing = [str(shard) for shard in wanted if shard not in found]
    if missing:
        raise UnusableInput(f"shard {', '.join(missing)} is missing: give all {count}.")
    return [found[shard] for shard in wanted]


def _opened_shard(path: Path) -> tuple[Shard, Partial]:
    file = path / FOLDER / "job.json"
    work = Work(**read_json(file)) if file.is_file() else None
    if work is None or work.shard in (None, MERGING):
        raise UnusableInput(f"{path} is no shard of a face set: prepare the pictures in shards.")
    shard = Shard.parse(str(work.shard))
    with held(path / LOCK, _busy(path)):
        part = Partial(path, work)
    if part.done != len(shard.of(work.job["pictures"])):
        raise UnusableInput(
            f"{path} is no finished shard of a face set, or it is damaged: prepare this shard "
            "again, which goes on with it."
        )
    return shard, part
