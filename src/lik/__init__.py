"""Lik: learn a latent space from pictures of faces, see it, measure it, steer it.

import lik
run = lik.load("runs/first")
codes = run.encode(pictures)      # uint8 (N, S, S, 3) → float32 (N, D)
pictures = run.decode(codes)
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from lik.core.errors import FailedOnTheWay, UnusableInput

if TYPE_CHECKING:
    from lik.app.edits import Edit
    from lik.app.evaluating import evaluate
    from lik.app.preparing import prepare
    from lik.app.run import Run
    from lik.app.training import train
    from lik.app.views import grid
    from lik.bar import Bar
    from lik.faces.set.faceset import FaceSet

_HOMES = {
    "Bar": "lik.bar",
    "Edit": "lik.app.edits",
    "FaceSet": "lik.faces.set.faceset",
    "Run": "lik.app.run",
    "evaluate": "lik.app.evaluating",
    "grid": "lik.app.views",
    "prepare": "lik.app.preparing",
    "train": "lik.app.training",
}
"""Where public names are defined: PyTorch and OpenCV are loaded when they are needed."""

__all__ = [
    "Bar",
    "Edit",
    "FaceSet",
    "FailedOnTheWay",
    "Run",
    "UnusableInput",
    "evaluate",
    "grid",
    "load",
    "open_faces",
    "prepare",
    "train",
]


def load(run: Any = None, device: str = "cpu") -> "Run":
    """Open a run: a folder made by ``lik train``, or a single ``model.safetensors``.

    Runs that ship are opened by their names, and those on the Hugging Face hub as
    ``hf://owner/name``, or ``hf://owner/name@revision``; without one, the usual one.
    """
    opened: Run = import_module(_HOMES["Run"]).Run(run, device)
    return opened


def open_faces(path: Any) -> "FaceSet":
    """Open a face set: a folder made by ``lik prepare``."""
    opened: FaceSet = import_module(_HOMES["FaceSet"]).FaceSet.open(path)
    return opened


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'lik' has no attribute '{name}'")
