"""The last step: finished work becomes a face set; faceset.json is written last of all."""

import csv
import math
import os
import shutil
from collections import Counter
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from lik.core.artifacts import sha256_of, write_json, write_text
from lik.core.errors import UnusableInput
from lik.faces.io.pictures import hashed_split
from lik.faces.set.duplicates import groups
from lik.faces.set.extraction import THUMBNAIL
from lik.faces.set.faceset import BOX_COLUMNS, FORMAT, MEASURES, NAME_COLUMNS, VERSION
from lik.faces.set.partial import Partial, write_header


def assemble(partial: Partial) -> dict[str, Any]:
    """Put the parts of a face set into its folder, take the work away, and describe the set.

    Raises:
        UnusableInput: no face was kept.
    """
    out, job = partial.out, partial.job
    if not partial.kept:
        often = [reason for reason, _ in partial.reasons().most_common(1)]
        shutil.rmtree(partial.folder)
        raise UnusableInput(
            f"none of the {partial.done:,} pictures could be used "
            f"(most often: {often[0] if often else 'there are no pictures'})."
        )
    side = job["size"]
    write_header(partial.pixels, (partial.kept, side, side, 3))
    shown = partial.thumbnails_of.total()
    write_header(partial.thumbnails, (shown, THUMBNAIL, THUMBNAIL, 3))
    splits, reasons = _write_tables(partial)
    os.replace(partial.pixels, out / "images.npy")
    os.replace(partial.thumbnails, out / "rejected.npy")
    hashed = ["images.npy", "index.csv"] + (["factors.csv"] if job["factor_names"] else [])
    description = {
        "format": FORMAT,
        "version": VERSION,
        **{key: job[key] for key in ("source", "detector", "crop", "size", "pictures")},
        "kept": partial.kept,
        "splits": dict(splits),
        "rejected": dict(reasons.most_common()),
        "attribute_names": job["attribute_names"],
        "sha256": {name: sha256_of(out / name) for name in hashed},
        "job": job,
        "fingerprint": partial.work.fingerprint,
    }
    write_json(out / "faceset.json", description)
    shutil.rmtree(partial.folder)
    return description


def _write_tables(partial: Partial) -> tuple[Counter[str], Counter[str]]:
    """Write index.csv, factors.csv and rejected.csv; count the splits and the reasons."""
    job, out = partial.job, partial.out
    fingerprints = [
        bytes.fromhex(face["fingerprint"]) for row in partial.rows() for face in row["faces"]
    ]
    duplicate = groups(fingerprints, np.load(partial.pixels, mmap_mode="r"))
    index = [NAME_COLUMNS + BOX_COLUMNS + MEASURES + job["attribute_names"]]
    factors = [job["factor_names"]]
    rejected = [["name", "reason", "thumbnail"]]
    splits: Counter[str] = Counter()
    reasons: Counter[str] = Counter()
    shown = 0
    for row in partial.rows():
        split = row["split"] or hashed_split(row["name"])
        for face in row["faces"]:
            group = int(duplicate[splits.total()])
            splits[split] += 1
            measures = [face[name] for name in MEASURES[:-1]] + [group if group >= 0 else None]
            # What a source says of a picture, it says of the main face in it.
            main = face["name"] == row["name"]
            labels = row["labels"] if main else [None] * len(row["labels"])
            index.append([face["name"], split, *map(_number, face["box"] + measures + labels)])
            factors.append(list(map(_number, row["factors"])))
        for entry in row["left_out"]:
            reasons[entry["reason"]] += 1
            rejected.append(
                [entry["name"], entry["reason"], str(shown) if entry["thumbnail"] else ""]
            )
            shown += bool(entry["thumbnail"])
    _write_table(out / "index.csv", index)
    _write_table(out / "rejected.csv", rejected)
    if job["factor_names"]:
        _write_table(out / "factors.csv", factors)
    return splits, reasons


def _write_table(path: Path, rows: list[list[str]]) -> None:
    """Write a CSV file whose rows end with a line feed, whatever names hold."""
    lines: list[str] = []
    # Only of its own line ending does Python's writer quote every character: \r and \n.
    writer = csv.writer(SimpleNamespace(write=lines.append), lineterminator="\r\n")
    writer.writerows(rows)
    write_text(path, "".join(line.removesuffix("\r\n") + "\n" for line in lines))


def _number(value: float | None) -> str:
    """A number as short as it can be, empty where unknown."""
    return "" if value is None or math.isnan(value) else f"{value:.6g}"
