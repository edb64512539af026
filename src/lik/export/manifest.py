"""What vouches for the files of a run that is passed on: lik.json, with the SHA-256 of each.

{"format": "lik-hub", "version": 1, "lik": "0.1.0", "name": "faces", "model_sha256": "…",
 "files": {"model.safetensors": {"sha256": "…", "bytes": 8828986}, …}}
"""

import fnmatch
import re
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from lik.core.artifacts import check_version, read_json, sha256_of, write_json
from lik.core.configuration import Settings, validated
from lik.core.errors import UnusableInput

NAME = "lik.json"
FORMAT = "lik-hub"
VERSION = 1

READ = (
    NAME, "model.safetensors", "features.safetensors", "guide.safetensors", "environment.json",
    "recipe.yaml", "card.md", "anomaly.safetensors", "compression.safetensors",
    "directions/*.json", "directions/*.safetensors", "priors/*.safetensors",
)  # fmt: skip
"""What Lik reads of a run that somebody else has made, and nothing else."""
LARGEST_TEXT = 2**24
"""Bytes of a file that is read as text, at the most."""

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class ListedFile(Settings):
    """A file: the SHA-256 of its content, and its bytes."""

    sha256: Sha256
    bytes: int = Field(ge=0)


class Manifest(Settings):
    """All files of a run that a program reads; not the texts for people, which may be mended."""

    format: Literal["lik-hub"] = "lik-hub"
    version: int = VERSION
    lik: str
    name: str
    model_sha256: Sha256
    files: dict[str, ListedFile] = Field(max_length=1000)


def is_read(name: str) -> bool:
    """Whether Lik reads a file of this name, relative to the folder of a run."""
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in READ)


def write_manifest(folder: Path, name: str, lik: str, without: tuple[str, ...] = ()) -> Manifest:
    """List every file in a folder but those ``without`` need, and write the list into it."""
    files = {
        file: ListedFile(
            sha256=sha256_of(folder / file), bytes=(folder / file).stat().st_size
        )
        for file in files_in(folder)
        if file not in (NAME, *without)
    }  # fmt: skip
    model = files["model.safetensors"].sha256
    manifest = Manifest(lik=lik, name=name, model_sha256=model, files=files)
    write_json(folder / NAME, manifest.model_dump(mode="json"))
    return manifest


def read_manifest(folder: Path, what: str) -> Manifest:
    """The list of a folder, of which nothing is checked yet; ``what`` names it in complaints.

    Raises:
        UnusableInput: there is none, it is broken or of a newer Lik, or it names what lies outside.
    """
    file = folder / NAME
    if not file.is_file():
        raise UnusableInput(f"{what} is no run of Lik: it has no {NAME} (lik export hub makes it).")
    if file.stat().st_size > LARGEST_TEXT:
        raise UnusableInput(f"{what} cannot be used: its {NAME} is too large.")
    content = read_json(file)
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise UnusableInput(f"{what} is no run of Lik: its {NAME} is not one's.")
    check_version(what, content.get("version"), VERSION)
    manifest = validated(Manifest, content, f"{NAME} of {what}")
    for name in manifest.files:
        if not _is_within(name):
            raise UnusableInput(
                f"{what} cannot be used: its {NAME} names '{name}', which lies outside."
            )
    listed = manifest.files.get("model.safetensors")
    if listed is None or listed.sha256 != manifest.model_sha256:
        raise UnusableInput(f"{what} cannot be used: its {NAME} lists no model of its own.")
    return manifest


def verify(folder: Path, what: str) -> Manifest:
    """See that all that Lik reads in a folder is listed, and is what the list says.

    Raises:
        UnusableInput: it is not, or as `read_manifest`.
    """
    manifest = read_manifest(folder, what)
    there = [name for name in files_in(folder) if is_read(name) and name != NAME]
    listed = [name for name in manifest.files if is_read(name)]
    if missing := sorted({*listed} - {*there}):
        raise UnusableInput(f"{what} cannot be used: {missing[0]} is missing.")
    if more := sorted({*there} - {*listed}):
        raise UnusableInput(f"{what} cannot be used: its {NAME} does not vouch for {more[0]}.")
    for name in listed:
        if not name.endswith(".safetensors") and (folder / name).stat().st_size > LARGEST_TEXT:
            raise UnusableInput(f"{what} cannot be used: {name} is too large.")
        if sha256_of(folder / name) != manifest.files[name].sha256:
            raise UnusableInput(
                f"{what} cannot be used: {name} is not what its {NAME} vouches for (another "
                "SHA-256): it has been changed, or is damaged."
            )
    return manifest


def files_in(folder: Path) -> list[str]:
    """Every file below a folder, by its name relative to it with /, in order; no hidden ones."""
    found = (file for file in folder.rglob("*") if file.is_file())
    names = (file.relative_to(folder).as_posix() for file in found)
    return sorted(name for name in names if not any(p.startswith(".") for p in name.split("/")))


def _is_within(name: str) -> bool:
    """Whether a name is that of a file in the folder, on any system."""
    parts = name.split("/")
    plain = re.fullmatch(r"[^\\:\x00-\x1f]{1,300}", name) is not None
    return plain and not any(part in ("", ".", "..") for part in parts)
