"""Putting the shards of one job together: the same bytes as if it had never been divided."""

import re
import shutil
from pathlib import Path
from typing import Any

from lik.core.artifacts import read_json
from lik.core.errors import FailedOnTheWay, UnusableInput
from lik.faces.set.assembly import assemble
from lik.faces.set.partial import FOLDER, Partial, require_same_job
from lik.faces.set.preparation import SHARD_FILE, SHARD_FORMAT, Preparation, Shard

MERGING = "merging"
"""What stands in place of a shard's number in the job of a merge."""


def merge(shards: list[Path], out: Path) -> Preparation:
    """Make the face set ``out`` of all shards of a job, which are left as they are.

    Raises:
        UnusableInput: a shard is missing, given twice, unfinished, or of another job.
        FailedOnTheWay: writing failed; the same command begins again.
    """
    ordered, job = _ordered(shards)
    if (out / "faceset.json").is_file():
        raise UnusableInput(f"{out} is a face set already: choose another OUT.")
    unfinished = out / FOLDER / "job.json"
    if unfinished.is_file() and read_json(unfinished) == {"job": job, "shard": MERGING}:
        shutil.rmtree(out)  # a merge that was killed; its parts are all in the shards
    try:
        partial = Partial(out, job, MERGING)
        for number, path in enumerate(ordered, 1):
            partial.join(Partial(path, job, str(Shard(number, len(ordered)))))
        description = assemble(partial)
    except OSError as error:
        raise FailedOnTheWay(
            f"{out} could not be written: {error.strerror or error}; the same command begins again."
        ) from error
    return Preparation(description["pictures"], description["kept"], description["rejected"])


def _ordered(shards: list[Path]) -> tuple[list[Path], dict[str, Any]]:
    """The shards in the order of their numbers, and the job that they are parts of."""
    by_number: dict[int, Path] = {}
    counts: set[int] = set()
    job: dict[str, Any] | None = None
    for path in shards:
        shard, its_job = _described(path)
        if shard.number in by_number:
            raise UnusableInput(f"{by_number[shard.number]} and {path} are both shard {shard}.")
        by_number[shard.number] = path
        counts.add(shard.count)
        job = job or its_job
        require_same_job(path, its_job, job)
    if job is None or len(counts) > 1:
        raise UnusableInput("the shards are of different divisions of the job: give all of one.")
    count = counts.pop()
    missing = [
        str(Shard(number, count)) for number in range(1, count + 1) if number not in by_number
    ]
    if missing:
        raise UnusableInput(f"shard {', '.join(missing)} is missing: give all {count}.")
    return [by_number[number] for number in range(1, count + 1)], job


def _described(path: Path) -> tuple[Shard, dict[str, Any]]:
    if not (path / SHARD_FILE).is_file():
        begun = (path / FOLDER).is_dir()
        advice = (
            "let its lik prepare --shard finish" if begun else "lik prepare --shard i/n makes one"
        )
        raise UnusableInput(f"{path} is no finished shard of a face set: {advice}.")
    description = read_json(path / SHARD_FILE)
    match = re.fullmatch(r"(\d+)/(\d+)", str(description.get("shard")))
    if description.get("format") != SHARD_FORMAT or not match:
        raise UnusableInput(f"{path / SHARD_FILE} does not describe a shard of Lik.")
    content = read_json(path / FOLDER / "job.json")
    return Shard(int(match[1]), int(match[2])), content["job"]
