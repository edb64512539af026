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
from safetensors.torch import save_file
from torch import nn

from lik.core.artifacts import replacing
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
        save_file(tensors, temporary, description)


def load_model(path: Path) -> SavedModel:
    """Read a model on the CPU, in evaluation mode.

    Raises:
        UnusableInput: no such file, no model of Lik, one of a newer version, or a broken one.
    """
    try:
        with safe_open(path, framework="pt") as file:
            description = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except FileNotFoundError:
        raise UnusableInput(f"{path} is missing: there are no trained weights there.") from None
    except (SafetensorError, OSError) as error:
        raise UnusableInput(f"{path} cannot be read as safetensors ({error}).") from error
    if description.get("format") != FORMAT:
        raise UnusableInput(f"{path} holds no model of Lik (its metadata does not say so).")
    check_version(str(path), int(description["version"]), VERSION)
    wrapped = validated(_Wrapped, {"model": json.loads(description["model"])}, str(path))
    model = build(wrapped.model)
    try:
        model.load_state_dict(tensors)
    except RuntimeError as error:
        reason = " ".join(str(error).split())
        raise UnusableInput(f"{path} does not fit its own configuration: {reason}") from error
    return SavedModel(model.eval(), wrapped.model, json.loads(description["metadata"]))


def check_version(what: str, found: int, known: int) -> None:
    """Refuse what a newer Lik has written."""
    if found > known:
        raise UnusableInput(
            f"{what} has format version {found}, and this Lik knows versions up to {known}: "
            "update Lik to use it."
        )
