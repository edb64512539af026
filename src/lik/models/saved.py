"""Slim weights for use: one safetensors file that also says what it is.

The file's metadata holds, as JSON, the model's configuration and whatever else a user of the
weights must know (crop rule, attribute names, where they come from).
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from lik.core.artifacts import check_version, replacing
from lik.core.configuration import Settings, validated
from lik.core.errors import UnusableInput
from lik.models.catalogue import ModelSettings, build
from lik.models.interface import VAE

FORMAT = "lik-model"
VERSION = 1


class _Wrapped(Settings):
    model: ModelSettings


@dataclass(frozen=True)
class SavedModel:
    """A model read back: the weights in place, its configuration, and the metadata beside them."""

    model: VAE
    settings: Settings
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
        temporary.write_bytes(save(tensors, description))


def load_model(path: Path) -> SavedModel:
    """Read a model on the CPU, in evaluation mode.

    Raises:
        UnusableInput: no such file, no model of Lik, one of a newer version, or a broken one.
    """
    description, tensors = _read(path, weights=True)
    try:
        settings, metadata = json.loads(description["model"]), json.loads(description["metadata"])
        if not isinstance(metadata, dict):
            raise TypeError
    except (KeyError, TypeError, json.JSONDecodeError) as error:
        raise UnusableInput(f"{path} is broken: its metadata is not that of a model.") from error
    wrapped = validated(_Wrapped, {"model": settings}, str(path))
    model = build(wrapped.model)
    try:
        model.load_state_dict(tensors)
    except RuntimeError as error:
        reason = " ".join(str(error).split())
        raise UnusableInput(f"{path} does not fit its own configuration: {reason}") from error
    return SavedModel(model.eval(), wrapped.model, metadata)


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
