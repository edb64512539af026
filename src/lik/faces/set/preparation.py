"""From pictures to a face set: extraction in parallel, in order, resumable, and put together.

The work lies in OUT/.partial while it lasts (see `lik.faces.set.partial`); faceset.json is written
last: where it is, the set is whole. OUT is locked meanwhile. Shards of one job, made by several
machines, are put together by `merge`: the same bytes as if the job had never been divided.
"""

import re
import shutil
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lik.core.artifacts import read_json, sha256_of, write_json
from lik.core.errors import FailedOnTheWay, UnusableInput
from lik.core.events import Notify, Progress, no_notices, no_progress
from lik.core.locks import held
from lik.faces.crop.cropping import WholeCrop, needs_detection
from lik.faces.io.source import Source
from lik.faces.set.assembly import assemble
from lik.faces.set.engines import CHUNK, Chunk, Engine, here
from lik.faces.set.extraction import LEAVES, Plan, mark_for
from lik.faces.set.faceset import changed_files, read_description
from lik.faces.set.partial import FOLDER, LOCK, Partial, Row, Work, begin_instead, differences

SHARD_FILE = "shard.json"
SHARD_FORMAT = "lik-shard"

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
        finished = _finished(out, work, notify, shard)
        if finished:
            return finished
        partial = Partial(out, work)
        _extract(source, plan, engine, partial, part, progress)
        partial.require_complete(source.names[part.start : part.stop])
        return _finish_shard(partial, shard) if shard else _report(assemble(partial))


def merge(shards: Sequence[Path], out: Path) -> Preparation:
    """Make the face set ``out`` of all shards of a job, which are left as they are.

    Raises:
        UnusableInput: a shard is missing, given twice, unfinished, damaged, or of another job.
        FailedOnTheWay: writing failed; the same command begins again.
    """
    works = _ordered(shards)
    prints = {work.fingerprint for work in works.values()}
    job = next(iter(works.values())).job
    merging = Work(job, MERGING, prints.pop() if len(prints) == 1 else "")
    with _locked(out, "the same command begins again"):
        if (out / "faceset.json").is_file():
            raise UnusableInput(f"{out} is a face set already: choose another folder.")
        begun = out / FOLDER / "job.json"
        if begun.is_file() and read_json(begun).get("shard") == MERGING:
            shutil.rmtree(out / FOLDER)  # a merge that was killed; its parts are all in the shards
            (out / "images.npy").unlink(missing_ok=True)
            (out / "rejected.npy").unlink(missing_ok=True)
        partial = Partial(out, merging)
        for path, work in works.items():
            partial.join(Partial(path, work))
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


@contextmanager
def _locked(out: Path, next_time: str) -> Iterator[None]:
    """Hold the folder of a set, and leave nothing where nothing was made."""
    if out.is_file():
        raise UnusableInput(f"{out} is a file: choose another folder.")
    busy = f"{out} is being prepared by another process: wait for it, or choose another folder."
    try:
        out.mkdir(parents=True, exist_ok=True)
        with held(out / LOCK, busy):
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
    source: Source,
    plan: Plan,
    engine: Engine,
    partial: Partial,
    part: range,
    progress: Progress,
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
    return {
        "split": source.splits[index],
        "labels": _plain(source.attributes[index]) if source.attribute_names else [],
        "factors": _plain(source.factors[index]) if source.factor_names else [],
    }


def _plain(values: NDArray[np.float64]) -> list[float | None]:
    return [None if np.isnan(value) else float(value) for value in values]


def _finished(out: Path, work: Work, notify: Notify, shard: Shard | None) -> Preparation | None:
    """What was prepared before, where it is whole; what is damaged is taken away."""
    if not (out / "faceset.json").is_file():
        return _finished_shard(out, work, notify, shard) if shard else None
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


def _finished_shard(out: Path, work: Work, notify: Notify, shard: Shard) -> Preparation | None:
    file = out / SHARD_FILE
    if not file.is_file():
        return None
    work.require_same(out, read_json(out / FOLDER / "job.json"))
    description = read_json(file)
    if not changed_files(out / FOLDER, description):
        return replace(_report(description), already_done=True, shard=shard)
    notify(f"{out} has changed since it was prepared: it is made again.")
    file.unlink()
    shutil.rmtree(out / FOLDER)
    return None


def _finish_shard(partial: Partial, shard: Shard) -> Preparation:
    reasons = Counter(entry["reason"] for row in partial.rows() for entry in row["left_out"])
    files = (partial.rows_file, partial.pixels, partial.thumbnails)
    description = {
        "format": SHARD_FORMAT,
        "version": 1,
        "shard": str(shard),
        "pictures": partial.done,
        "kept": partial.kept,
        "rejected": dict(reasons),
        "sha256": {file.name: sha256_of(file) for file in files},
    }
    write_json(partial.out / SHARD_FILE, description)
    return Preparation(partial.done, partial.kept, dict(reasons), shard=shard)


def _report(description: dict[str, Any]) -> Preparation:
    return Preparation(description["pictures"], description["kept"], description["rejected"])


def _ordered(paths: Sequence[Path]) -> dict[Path, Work]:
    """The shards in the order of their numbers, with what they are parts of."""
    found: dict[Shard, tuple[Path, Work]] = {}
    for path in paths:
        shard, work = _described(path)
        if shard in found:
            raise UnusableInput(f"{found[shard][0]} and {path} are both shard {shard}.")
        first, other = next(iter(found.values()), (path, work))
        changed = differences(other.job, work.job)
        if changed:
            raise UnusableInput(
                f"{first} and {path} are shards of different jobs ({'; '.join(changed)}): prepare "
                "all shards of the same pictures in the same way."
            )
        found[shard] = path, work
    counts = {shard.count for shard in found}
    if len(counts) != 1:
        raise UnusableInput("the shards are of different divisions of the job: give all of one.")
    count = counts.pop()
    wanted = [Shard(number, count) for number in range(1, count + 1)]
    missing = [str(shard) for shard in wanted if shard not in found]
    if missing:
        raise UnusableInput(f"shard {', '.join(missing)} is missing: give all {count}.")
    return dict(found[shard] for shard in wanted)


def _described(path: Path) -> tuple[Shard, Work]:
    if not (path / SHARD_FILE).is_file():
        begun = (path / FOLDER).is_dir()
        advice = "let its preparing finish" if begun else "prepare the pictures in shards first"
        raise UnusableInput(f"{path} is no finished shard of a face set: {advice}.")
    description = read_json(path / SHARD_FILE)
    if not isinstance(description, dict) or description.get("format") != SHARD_FORMAT:
        raise UnusableInput(f"{path / SHARD_FILE} does not describe a shard of Lik.")
    if changed_files(path / FOLDER, description):
        raise UnusableInput(
            f"{path} has changed since it was prepared: prepare this shard again, which mends it."
        )
    return Shard.parse(description["shard"]), Work(**read_json(path / FOLDER / "job.json"))
