"""A run as ONNX files, for programs that have no PyTorch."""

import copy
import json
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lik.app.opened import OpenedRun
from lik.core.artifacts import replacing, require_room
from lik.core.errors import OtherWeights, UnusableInput
from lik.core.events import Notify, Progress, no_notices, no_progress
from lik.core.onnx_file import FORMAT, VERSION
from lik.core.randomness import numpy_stream
from lik.export.checking import CheckedNetwork, checked_network, require_runtime
from lik.export.networks import decoder_of, encoder_of
from lik.export.onnx import Weights, require_onnx
from lik.latent.directions.direction import saved_sets
from lik.latent.session import Session, decoded

MEASURED_ON = 64
"""Faces of nobody, drawn by the run, on which the rounding of weights is measured."""

DIRECTIONS = "directions.json"


@dataclass(frozen=True)
class ExportedRun:
    """What was written: name of a network → its file, and how far it is from PyTorch's.

    Attributes:
        directions: the file with directions, and the names of the sets in it; None without any.
    """

    files: Mapping[str, Path]
    checks: Mapping[str, CheckedNetwork]
    directions: tuple[Path, list[str]] | None


def export_networks(
    run: OpenedRun,
    out: str | Path,
    weights: Weights = "float32",
    progress: Progress = no_progress,
    notify: Notify = no_notices,
) -> ExportedRun:
    """Write the networks of a run and its directions into a folder: all of them, or none.

    Raises:
        UnusableInput: a package is missing, files of these names are there already, or the model
            cannot be exported.
        FailedOnTheWay: what was made does not give what PyTorch gives, or cannot be written.
    """
    require_onnx()
    require_runtime()
    out, session = Path(out), _on_processor(run.session)
    require_room(out)
    parts = [part for part in ("encoder", "decoder") if part in session.parts]
    files = {part: out / f"{part}.onnx" for part in parts}
    for file in (*files.values(), out / DIRECTIONS):
        if file.exists():
            raise UnusableInput(f"{file} exists already: choose another folder.")
    if out.exists() and not out.is_dir():
        raise UnusableInput(f"{out} is a file: name a folder.")
    of = {"encoder": encoder_of, "decoder": decoder_of}
    networks = {part: of[part](session.model) for part in parts}
    metadata, usual = metadata_of(run) | {"weights": weights}, _usual_inputs(session)
    checks = {}
    for done, (part, network) in enumerate(networks.items()):
        progress(f"{part} to ONNX", done, len(parts))
        told = metadata | {"network": part}
        checks[part] = checked_network(part, network, told, weights, usual[network.inputs[0]])
        progress(f"{part} to ONNX", done + 1, len(parts))
    contents = {files[part]: checks[part].content for part in parts}
    directions = directions_of(run, notify)
    if directions:
        contents[out / DIRECTIONS] = json.dumps(directions, ensure_ascii=False).encode()
    _write_all(contents)
    kept = (out / DIRECTIONS, list(directions["sets"])) if directions else None
    return ExportedRun(files, checks, kept)


def metadata_of(run: OpenedRun) -> dict[str, str]:
    """What a network says of itself: its run, sizes, crop, attributes and terms; no path."""
    return {
        "format": FORMAT,
        "version": str(VERSION),
        **run.origin,
        "size": str(run.size),
        "latent": str(run.latent),
        "crop": json.dumps(run.metadata.get("crop") or {}),
        "attributes": json.dumps(run.metadata.get("attribute_names") or [], ensure_ascii=False),
        **terms_of(run),
    }


def terms_of(run: OpenedRun) -> dict[str, str]:
    """What the weights are from, and on what terms: as its card says, or of the pictures' own."""
    card = run.path / "card.md"
    if card.is_file():
        text = card.read_text(encoding="utf-8", errors="replace")
        found = {key: _paragraph(text, key) for key in ("Trained on", "Terms")}
        if found["Terms"]:
            return {key.lower().replace(" ", "_"): told for key, told in found.items() if told}
    try:
        source = str(run.faces().description.get("source") or "")
    except (UnusableInput, OSError):
        source = ""
    return {
        "trained_on": source or "unknown: the face set is not where it was",
        "terms": "Those of the pictures that it was trained on (CelebA: non-commercial research "
        "only); not those of the code. It holds no picture.",
    }


def _paragraph(card: str, head: str) -> str:
    """What a card says behind a head in bold, up to the next point or empty line."""
    told = re.search(rf"\*\*{head}\*\*:?(.+?)(?=\n\s*\n|\n[-#*]|\Z)", card, re.DOTALL)
    return " ".join(told[1].split()) if told else ""


def directions_of(run: OpenedRun, notify: Notify = no_notices) -> dict[str, Any] | None:
    """The directions beside a run, as plain JSON; None where there are none.

    ``sets`` holds, by the name of the set and of the direction, vectors of strength 1 (D,).
    """
    sets = {}
    for name in saved_sets(run.path):
        try:
            found = run.directions(name).directions
        except OtherWeights as error:
            notify(f"left out: {error}")
            continue
        sets[name] = {key: _digits(one.vector) for key, one in found.items()}
    if not sets:
        return None
    head = {"format": "lik-onnx-directions", "version": VERSION, "latent": run.latent}
    return {**head, **run.origin, "sets": sets}


def _digits(vector: np.ndarray[Any, np.dtype[np.float32]]) -> list[float]:
    """Numbers with as many digits as float32 has, so that they are read back as they are."""
    return [float(str(number)) for number in vector.astype(np.float32)]


def _on_processor(session: Session) -> Session:
    """The same model, a copy: what is exported and compared runs there."""
    return Session(copy.deepcopy(session.model), session.metadata, session.name)


def _usual_inputs(session: Session) -> dict[str, np.ndarray[Any, np.dtype[np.float32]]]:
    """Codes drawn from the prior, and the faces of these; without a decoder, noise for faces."""
    codes = session.draw(MEASURED_ON)
    if "decoder" in session.parts:
        images = np.ascontiguousarray(decoded(session, codes).transpose(0, 3, 1, 2))
    else:
        shape = (MEASURED_ON, 3, session.size, session.size)
        images = numpy_stream(0, "export", "noise").random(shape, np.float32)
    return {"codes": codes, "images": images}


def _write_all(contents: Mapping[Path, bytes]) -> None:
    """Write files of one folder that are not there yet; where one cannot be written, none stays."""
    folder = next(iter(contents)).parent
    new, written = not folder.exists(), []
    try:
        for file, content in contents.items():
            with replacing(file) as temporary:
                temporary.write_bytes(content)
            written.append(file)
    except BaseException:
        for file in written:
            file.unlink(missing_ok=True)
        if new:
            with suppress(OSError):  # something else may lie in it
                folder.rmdir()
        raise
