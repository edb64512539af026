"""Lik: learn a latent space from pictures of faces, see it, measure it, steer it.

import lik
run = lik.load("runs/first")
codes = run.encode(pictures)      # uint8 (N, S, S, 3) → float32 (N, D)
pictures = run.decode(codes)
"""

from typing import TYPE_CHECKING, Any

from lik.core.errors import FailedOnTheWay, UnusableInput

if TYPE_CHECKING:
    from lik.faces.set.faceset import FaceSet
    from lik.latent.session import Session

__all__ = ["FaceSet", "FailedOnTheWay", "Session", "UnusableInput", "load", "open_faces"]


def load(run: Any, device: str = "cpu") -> "Session":
    """Open a run: a folder made by ``lik train``, or a single ``model.safetensors``."""
    from lik.latent.session import Session

    return Session.load(run, device)


def open_faces(path: Any) -> "FaceSet":
    """Open a face set: a folder made by ``lik prepare``."""
    from lik.faces.set.faceset import FaceSet

    return FaceSet.open(path)


def __getattr__(name: str) -> Any:  # PyTorch and OpenCV are loaded when they are needed
    if name == "Session":
        from lik.latent.session import Session

        return Session
    if name == "FaceSet":
        from lik.faces.set.faceset import FaceSet

        return FaceSet
    raise AttributeError(f"module 'lik' has no attribute '{name}'")
