"""Reading tensors that somebody else may have written: safetensors, and nothing that could run.

What is read is checked before memory is taken for it: a file may come from anywhere.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from lik.core.errors import UnusableInput

MOST_HEADER = 2**23
"""Bytes of names, shapes and metadata at the head of a file, at the most."""
KINDS = (
    torch.float16, torch.bfloat16, torch.float32, torch.float64,
    torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64, torch.bool,
)  # fmt: skip
"""The types of numbers that models of Lik are made of."""
PICKLES = (b"PK\x03\x04", b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05")
"""How files of `torch.save` and of pickle begin."""
ABSURD = (RuntimeError, ValueError, TypeError, OverflowError, MemoryError, AssertionError)
"""What PyTorch raises for sizes that cannot be."""

ModuleT = TypeVar("ModuleT", bound=nn.Module)


def read_tensors(path: Path, weights: bool = True) -> tuple[dict[str, str], dict[str, Tensor]]:
    """The metadata of a safetensors file, and its tensors on the CPU if they are wanted.

    Raises:
        UnusableInput: the file is missing, is a pickle or otherwise no safetensors, or holds
            numbers of another type or such as are not finite.
    """
    with _opened(path) as file:
        description: dict[str, str] = file.metadata() or {}
        tensors = {name: file.get_tensor(name) for name in (file.keys() if weights else ())}
    for name, tensor in tensors.items():
        if tensor.dtype not in KINDS:
            kind = str(tensor.dtype).removeprefix("torch.")
            raise UnusableInput(f"{path} is broken: '{name}' holds numbers of the type {kind}.")
        if tensor.is_floating_point() and not torch.isfinite(tensor).all():
            raise UnusableInput(f"{path} is broken: '{name}' holds numbers that are not finite.")
    return description, tensors


def names_in(path: Path) -> list[str]:
    """The names of the tensors in a file; UnusableInput as `read_tensors`."""
    with _opened(path) as file:
        return list(file.keys())


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    """A safetensors file; whatever is wrong with it is one sentence."""
    try:
        _require_sound(path)
        with safe_open(path, framework="pt") as file:
            yield file
    except FileNotFoundError:
        raise UnusableInput(f"{path} is missing: there are no trained weights there.") from None
    except (SafetensorError, OSError, KeyError, AttributeError, *ABSURD) as error:
        reason = " ".join(str(error).split())
        raise UnusableInput(f"{path} cannot be read as safetensors ({reason}).") from error


def _require_sound(path: Path) -> None:
    """See that a file begins as safetensors do, and that its header lies within it."""
    with open(path, "rb") as file:
        start, first = file.read(8), file.read(1)
        length = file.seek(0, 2)
    # The length of a header may begin like a pickle: 640, for one. Then the header's brace follows.
    if start.startswith(PICKLES) and first != b"{":
        raise UnusableInput(
            f"{path} is a pickle (of torch.save or its like), which could run code when it is "
            "read: Lik reads weights from safetensors alone."
        )
    header = int.from_bytes(start, "little")
    if len(start) < 8 or header > length - 8:
        raise UnusableInput(
            f"{path} cannot be read as safetensors (its header does not lie within the file)."
        )
    if header > MOST_HEADER:
        raise UnusableInput(
            f"{path} cannot be read as safetensors (its header has {header:,} bytes, and "
            f"{MOST_HEADER:,} are the most)."
        )


def told_in(description: Mapping[str, str], key: str, path: Path) -> dict[str, Any]:
    """The JSON object that the metadata of a file hold under a key; an empty one without it.

    Raises:
        UnusableInput: it is no object, or no JSON.
    """
    try:
        told = json.loads(description.get(key, "{}"))
    except (ValueError, RecursionError) as error:
        raise UnusableInput(f"{path} is broken: its {key} cannot be read as JSON.") from error
    if not isinstance(told, dict):
        raise UnusableInput(f"{path} is broken: its {key} holds no keys and values.")
    return told


def version_in(description: Mapping[str, str]) -> int | None:
    """The version that the metadata of a file tell; None where they do not."""
    version = description.get("version", "")
    return int(version) if version.isdecimal() and len(version) < 10 else None


def array_of(tensor: Tensor) -> NDArray[Any]:
    """A tensor as NumPy has it; bfloat16, which NumPy lacks, becomes float32."""
    return np.asarray((tensor.float() if tensor.dtype == torch.bfloat16 else tensor).numpy())


def filled(build: Callable[[], ModuleT], tensors: Mapping[str, Tensor], path: Path) -> ModuleT:
    """What ``build`` makes, with these weights, in evaluation mode.

    It is built without memory first: only where every tensor is there and has the right shape is
    it built again, so that a configuration cannot ask for more memory than the file has weights.

    Raises:
        UnusableInput: the weights do not fit what is built.
    """
    wrong = f"{path} does not fit its own configuration"
    try:
        with torch.device("meta"):
            expected = build().state_dict()
    except UnusableInput:
        raise
    except (RecursionError, *ABSURD) as error:
        raise UnusableInput(f"{wrong}: a model of such sizes cannot be built.") from error
    for name, wanted in expected.items():
        found = tensors.get(name)
        if found is None:
            raise UnusableInput(f"{wrong}: '{name}' is missing.")
        if found.shape != wanted.shape:
            raise UnusableInput(
                f"{wrong}: '{name}' has the shape {tuple(found.shape)}, and "
                f"{tuple(wanted.shape)} is needed."
            )
        if found.is_floating_point() != wanted.is_floating_point():
            kind = str(found.dtype).removeprefix("torch.")
            raise UnusableInput(f"{wrong}: '{name}' holds numbers of the type {kind}.")
    for name in tensors:
        if name not in expected:
            raise UnusableInput(f"{wrong}: it has no '{name}'.")
    model = build()
    model.load_state_dict(dict(tensors))
    return model.eval()
