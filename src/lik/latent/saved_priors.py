"""Fitted priors beside the run: RUN/priors/NAME.safetensors, which says all about itself."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from lik.core.artifacts import check_version, replacing
from lik.core.configuration import nearest
from lik.core.errors import UnusableInput
from lik.latent.flow import FlowPrior, VelocityField
from lik.latent.priors import Mixture, Prior

FORMAT = "lik-prior"
VERSION = 1


def save_prior(run: Path, name: str, prior: Prior, made: dict[str, Any]) -> Path:
    """Write a prior; ``made`` says from what: model and face set by hash, settings, results."""
    path = _path(run, name)
    tensors = {key: torch.as_tensor(value).contiguous() for key, value in prior.tensors().items()}
    description = {
        "format": FORMAT, "version": str(VERSION), "kind": prior.kind,
        "made": json.dumps(made, ensure_ascii=False),
    }  # fmt: skip
    with replacing(path) as temporary:
        temporary.write_bytes(save(tensors, description))
    return path


def load_prior(run: Path, name: str, model_sha256: str | None = None) -> Prior:
    """Read a prior back.

    Raises:
        UnusableInput: there is none, it is broken or of a newer Lik, or was fitted to the codes of
            other weights than ``model_sha256`` says.
    """
    path = _path(run, name)
    if not path.is_file():
        known = saved_priors(run)
        raise UnusableInput(
            f"{run} has no prior '{name}'.{nearest(name, known)} lik fit-prior makes one."
        )
    try:
        with safe_open(path, framework="pt") as file:
            description = file.metadata() or {}
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise UnusableInput(f"{path} cannot be read as safetensors ({error}).") from error
    if description.get("format") != FORMAT:
        raise UnusableInput(f"{path} holds no prior of Lik (its metadata does not say so).")
    version = description.get("version", "")
    check_version(str(path), int(version) if version.isdecimal() else None, VERSION)
    made = json.loads(description.get("made", "{}"))
    if model_sha256 is not None and made.get("model_sha256") not in (None, model_sha256):
        raise UnusableInput(
            f"the prior '{name}' is of other weights than {run} has now: fit it again."
        )
    try:
        return _built(description["kind"], tensors)
    except (KeyError, RuntimeError) as error:
        raise UnusableInput(f"{path} is broken: fit the prior again.") from error


def saved_priors(run: Path) -> list[str]:
    """Names of the priors beside a run, in alphabetical order."""
    return sorted(file.stem for file in (Path(run) / "priors").glob("*.safetensors"))


def _built(kind: str, tensors: dict[str, torch.Tensor]) -> Prior:
    if kind != "flow":
        arrays = {key: np.asarray(value.numpy()) for key, value in tensors.items()}
        return Mixture(arrays["weights"], arrays["means"], arrays["factors"], kind)
    weights = {
        key.removeprefix("field."): value for key, value in tensors.items() if "field." in key
    }
    blocks = len({key.split(".")[1] for key in weights if key.startswith("blocks.")})
    width, latent = weights["enter.weight"].shape
    field = VelocityField(latent, width, blocks)
    field.load_state_dict(weights)
    return FlowPrior(field, tensors["mean"].numpy(), tensors["scale"].numpy())


def _path(run: Path, name: str) -> Path:
    if not name or any(sign in name for sign in "/\\") or name.startswith("."):
        raise UnusableInput(f"'{name}' cannot name a prior: use letters, digits, - and _.")
    return Path(run) / "priors" / f"{name}.safetensors"
