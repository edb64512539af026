"""Slim weights for use: one safetensors file that also says what it is.

The file's metadata holds, as JSON, the model's configuration and whatever else a user of the
weights must know (crop rule, attribute names, where they come from).
"""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, create_model
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from lik.core.artifacts import check_version, replacing
from lik.core.configuration import Settings, validated
from lik.core.errors import UnusableInput
from lik.core.run_folder import RunFolder
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
}
"""What models outside of the catalogue are, for people who open one as something else."""


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
    try:
        tree, metadata = json.loads(description["model"]), json.loads(description["metadata"])
        if not isinstance(metadata, dict):
            raise TypeError
    except (KeyError, TypeError, json.JSONDecodeError) as error:
        raise UnusableInput(f"{path} is broken: its metadata is not that of a model.") from error
    name = tree.get("name") if isinstance(tree, dict) else None
    found = VAE_KIND if name in CATALOGUE else KINDS.get(str(name), kind)
    if found != kind:
        raise UnusableInput(f"{path} holds {found} ({name}), and {kind} is needed here.")
    wrapped = create_model("Wrapped", __base__=Settings, model=(configuration, ...))
    settings: Any = validated(wrapped, {"model": tree}, str(path))
    model = build(settings.model)
    try:
        model.load_state_dict(tensors)
    except RuntimeError as error:
        reason = " ".join(str(error).split())
        raise UnusableInput(f"{path} does not fit its own configuration: {reason}") from error
    return model.eval(), settings.model, metadata


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


def saved_step(path: Path) -> int | None:
    """The step at which a run saved these weights; None where there are none, or broken ones."""
    try:
        description, _ = _read(path, weights=False)
        step = json.loads(description["metadata"])["step"]
    except (UnusableInput, KeyError, TypeError, json.JSONDecodeError):
        return None
    return step if isinstance(step, int) else None


def _read(path: Path, weights: bool) -> tuple[dict[str, str], dict[str, Tensor]]:
    """The description in a file of weights, and the weights themselves if they are wanted."""
    try:
        with safe_open(path, framework="pt") as file:
            description = file.metadata() or {}
            names = file.keys() if weights else ()
            tensors = {name: file.get_tensor(name) for name in names}
    except FileNotFoundError:
        raise UnusableInput(f"{path} is missing: there are no trained weights there.") from None
    except (SafetensorError, OSError) as error:
        raise UnusableInput(f"{path} cannot be read as safetensors ({error}).") from error
    if description.get("format") != FORMAT:
        raise UnusableInput(f"{path} holds no model of Lik (its metadata does not say so).")
    version = description.get("version", "")
    check_version(str(path), int(version) if version.isdecimal() else None, VERSION)
    return description, tensors


def weights_hash(module: nn.Module) -> str:
    """The SHA-256 of a module's weights and buffers, whatever file they lie in."""
    found = hashlib.sha256()
    for name, tensor in sorted(module.state_dict().items()):
        values = tensor.detach().cpu().contiguous()
        found.update(f"{name} {values.dtype} {tuple(values.shape)}".encode())
        found.update(values.numpy().tobytes())
    return found.hexdigest()
