"""Runs that were never trained, which are as good to draw from as any."""

from pathlib import Path

import torch

from lik.core.artifacts import write_json
from lik.faces.set.faceset import FaceSet
from lik.models.catalogue import build
from lik.models.paper import PaperFirstSettings
from lik.models.saved import save_model


def save_untrained(path: Path, faces: FaceSet, crop: dict, seed: int = 0) -> Path:
    """A run that was never trained."""
    torch.manual_seed(seed)
    settings = PaperFirstSettings(size=16, latent=4)
    metadata = {"crop": crop, "attribute_names": faces.attribute_names}
    save_model(path / "model.safetensors", build(settings), settings, metadata)
    known = {"path": str(faces.path), "hash": faces.hash, "index_hash": faces.index_hash}
    write_json(path / "environment.json", {"format": "lik-run", "version": 1, "faces": known})
    return path
