"""Slim weights for use: one safetensors file that also says what it is.

The file's metadata holds, as JSON, the model's configuration and whatever else a user of the
weights must know (crop rule, attribute names, where they come from).
"""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, create_model
from safetensors.torch import save
from torch import Tensor, nn

from lik.core.artifacts import check_version, replacing
from lik.core.configuration import Settings, validated
from lik.core.errors import UnusableInput
from lik.core.run_folder import RunFolder
from lik.core.tensors import filled, read_tensors, told_in, version_in
from lik.models.catalogue import CATALOGUE, ModelSettings, build
from lik.models.interface import VAE, VAESettings

FORMAT = "lik-model"
VERSION = 1

ModelT = TypeVar("ModelT", bound=nn.Module)

VAE_KIND = "a variational autoencoder"

KINDS = {
    "aligner": "an alignment network",
    "attributes-plain": "an attribute classifier",
    "attributes-residual": "an attribute classifier",
    "attributes-of-codes": "a network that reads codes",
}
"""What models outside of the catalogue are, for people who open one as something else."""


class _Crop(Settings):
    """Of the rule by which faces were cut, what is needed before any is cut."""

    model_config = ConfigDict(extra="allow", frozen=True, allow_inf_nan=False)
    widen: float = Field(1.0, gt=0)


class _Metadata(Settings):
    """What is read of the metadata everywhere, and so must be of its kind."""

    model_config = ConfigDict(extra="allow", frozen=True, allow_inf_nan=False)
    crop: _Crop | None = None
    attribute_names: list[str] | None = None
    parts: list[Literal["encoder", "decoder"]] = Field(["encoder", "decoder"], min_length=1)
    objective: dict[str, Any] | None = None
    objective_state: dict[str, Any] | None = None
    epochs: int | None = None


@dataclass(frozen=True)
class SavedModel:
    """A model read back: the weights in place, its configuration, and the metadata beside them."""

    model: VAE
    settings: VAESettings
    metadata: dict[str, Any]


def save_model(path: Path, model: nn.Module, settings: BaseModel, metadata: dict[str, Any]) -> None:
    """Write the weights of ``model`` with its configuration and ``metadata``, atomically."""
    description = {
        "format": FORMAT,
        "version": str(VERSION),
        "model": settings.model_dump_json(),
        "metadata": json.dumps(metadata, ensure_ascii=False),
    }
    tensors = {name: tensor.contiguous().cpu() for name, tensor in model.state_dict().items()}
    with replacing(path) as temporary:
        # safetensors' own writer gives the file to its owner alone.
        temporary.write_bytes(_in_order(save(tensors, description)))


def load_model(path: Path) -> SavedModel:
    """Read a variational autoencoder on the CPU, in evaluation mode.

    Raises:
        UnusableInput: no such file, no model of Lik, one of another kind or of a newer version, or
            a broken one.
    """
    return SavedModel(*read_model(path, ModelSettings, VAE_KIND, build))


def read_model(
    path: Path, configuration: Any, kind: str, build: Callable[[Any], ModelT]
) -> tuple[ModelT, Any, dict[str, Any]]:
    """A model of a kind in evaluation mode, its configuration, and the metadata beside them.

    ``configuration`` is the type of the settings, of which ``build`` makes a model.

    Raises:
        UnusableInput: as `load_model`.
    """
    description, tensors = _read(path, weights=True)
    if "model" not in description or "metadata" not in description:
        raise UnusableInput(f"{path} is broken: its metadata is not that of a model.")
    tree, metadata = (told_in(description, key, path) for key in ("model", "metadata"))
    name = tree.get("name")
    found = VAE_KIND if isinstance(name, str) and name in CATALOGUE else KINDS.get(str(name), kind)
    if found != kind:
        raise UnusableInput(f"{path} holds {found} ({name}), and {kind} is needed here.")
    wrapped = create_model("Wrapped", __base__=Settings, model=(configuration, ...))
    try:
        settings: Any = validated(wrapped, {"model": tree}, str(path))
        validated(_Metadata, metadata, f"the metadata of {path}")
    except RecursionError as error:
        raise UnusableInput(f"{path} is broken: its configuration has no end.") from error
    return filled(lambda: build(settings.model), tensors, path), settings.model, metadata


def weights_file(path: Path) -> Path:
    """The file of weights of a run, given by its folder or by that file itself.

    Raises:
        UnusableInput: nothing is there, or a folder without weights.
    """
    if not path.exists():
        raise UnusableInput(f"there are no trained weights at {path}.")
    file = RunFolder(path).model if path.is_dir() else path
    if not file.is_file():
        raise UnusableInput(f"{path} holds no trained model (no {file.name}): is it a run of Lik?")
    return file


def _in_order(content: bytes) -> bytes:
    """A safetensors file with its metadata in the order of their names.

    safetensors writes them in an order that changes from call to call, and a training that is
    repeated is to give the same bytes.
    """
    end = 8 + int.from_bytes(content[:8], "little")
    header = json.loads(content[8:end])
    header["__metadata__"] = dict(sorted(header["__metadata__"].items()))
    text = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)  # the tensors are to lie at multiples of 8
    return len(text).to_bytes(8, "little") + text + content[end:]


def metadata_of_file(path: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """The configuration and the metadata in a file of weights, which are not read.

    Raises:
        UnusableInput: as `load_model`.
    """
    description, _ = _read(path, weights=False)
    return told_in(description, "model", path), told_in(description, "metadata", path)


def with_metadata(path: Path, metadata: dict[str, Any]) -> bytes:
    """The content of a file of weights with other metadata; the weights are the same bytes."""
    content = path.read_bytes()
    end = 8 + int.from_bytes(content[:8], "little")
    header = json.loads(content[8:end])
    header["__metadata__"]["metadata"] = json.dumps(metadata, ensure_ascii=False)
    text = json.dumps(header, ensure_ascii=False).encode()
    return _in_order(len(text).to_bytes(8, "little") + text + content[end:])


def saved_step(path: Path) -> int | None:
    """The step at which a run saved these weights; None where there are none, or broken ones."""
    try:
        step = told_in(_read(path, weights=False)[0], "metadata", path).get("step")
    except UnusableInput:
        return None
    return step if isinstance(step, int) else None


def _read(path: Path, weights: bool) -> tuple[dict[str, str], dict[str, Tensor]]:
    """The description in a file of weights, and the weights themselves if they are wanted."""
    description, tensors = read_tensors(path, weights)
    if description.get("format") != FORMAT:
        raise UnusableInput(f"{path} holds no model of Lik (its metadata does not say so).")
    check_version(str(path), version_in(description), VERSION)
    return description, tensors


def weights_hash(module: nn.Module) -> str:
    """The SHA-256 of a module's weights and buffers, whatever file they lie in."""
    found = hashlib.sha256()
    for name, tensor in sorted(module.state_dict().items()):
        values = tensor.detach().cpu().contiguous()
        found.update(f"{name} {values.dtype} {tuple(values.shape)}".encode())
        found.update(values.numpy().tobytes())
    return found.hexdigest()
