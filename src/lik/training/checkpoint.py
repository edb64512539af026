"""The full state of a training run: all that resuming needs, in one file, whole or not there."""

import pickle
import zipfile
from dataclasses import asdict
from pathlib import Path

import torch
from torch import nn

from lik.core.artifacts import check_version, replacing
from lik.core.errors import FailedOnTheWay, UnusableInput
from lik.training.loop import Position

VERSION = 1


def save_state(
    path: Path, model: nn.Module, optimizer: torch.optim.Optimizer, position: Position
) -> None:
    """Write weights, optimizer and position; random streams are found again by their names."""
    state = {
        "version": VERSION,
        "model": model.state_dict(),
        "optimizer": optimizer.state_dict(),
        "position": asdict(position),
    }
    with replacing(path) as temporary:
        try:
            torch.save(state, temporary)
        except RuntimeError as error:  # PyTorch's zip writer reports a full disk in this way.
            raise FailedOnTheWay(
                f"{path} could not be written (is the disk full?); the state before it is intact."
            ) from error


def load_state(path: Path, model: nn.Module, optimizer: torch.optim.Optimizer) -> Position:
    """Put a saved state back into ``model`` and ``optimizer``, and say where it stopped.

    Only tensors and plain values are read, never code (``weights_only``).

    Raises:
        UnusableInput: the file is broken, or was written for another model or a newer Lik.
    """
    try:
        # From the CPU everything is copied to where the model is, be it there or on a GPU.
        state = torch.load(path, weights_only=True, map_location="cpu")
        check_version(str(path), state["version"], VERSION)
        model.load_state_dict(state["model"])
        optimizer.load_state_dict(state["optimizer"])
        entry = state["position"]
        if isinstance(entry["sums"], list):  # as it was when there was one objective
            entry["sums"] = dict(zip(("loss", "reconstruction", "kl"), entry["sums"], strict=True))
        return Position(**entry)
    except (
        RuntimeError, KeyError, TypeError, ValueError, EOFError, OSError,
        pickle.UnpicklingError, zipfile.BadZipFile,
    ) as error:  # fmt: skip
        raise UnusableInput(
            f"{path} cannot be read as a training state ({type(error).__name__}): "
            "delete the run to begin anew."
        ) from error
