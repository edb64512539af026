"""The networks in whose features sets of faces are compared; each is named wherever it is used.

An attribute classifier, or Inception as a TorchScript file. Distances are
called FID and KID in the features of Inception only.
"""

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lik.core.artifacts import sha256_of
from lik.core.batched import through
from lik.core.errors import UnusableInput
from lik.core.pixels import Pictures
from lik.evaluation.feature_distance import HasFeatures
from lik.models.classifier import load_attribute_classifier

BATCH = 128

INCEPTION_FEATURES = 2048


@dataclass(frozen=True)
class FeatureNetwork:
    """A network in whose features faces are compared.

    Attributes:
        name: what it is called beside every figure. sha256: of its file of weights.
        embedding: images (B, 3, S, S) in 0…1 → (B, F).
        maps: the network that gives its maps, for distances of faces; None where it gives none.
        size: side of the faces it takes; None for any.
        is_inception: whether distances in its features may be called FID and KID.
    """

    name: str
    sha256: str
    embedding: Callable[[Tensor], Tensor]
    maps: HasFeatures | None = None
    size: int | None = None
    is_inception: bool = False

    def require_size(self, size: int) -> None:
        """Refuse faces of another size than the network was made for."""
        if self.size not in (None, size):
            raise UnusableInput(
                f"the network {self.name} takes faces of {self.size} pixels, not of {size}: "
                "give one that was trained on faces of this size."
            )


def embed(network: FeatureNetwork, pictures: Pictures) -> NDArray[np.float32]:
    """Pictures uint8 (N, S, S, 3) → their features (N, F)."""
    return through(network.embedding, pictures, size=BATCH)


def classifier_features(path: Path) -> FeatureNetwork:
    """The attribute classifier at ``path``, a run or its file of weights, for its features.

    Raises:
        UnusableInput: there is none, or it is broken.
    """
    loaded = load_attribute_classifier(path)
    named = path.resolve()
    name = named.parent.name if named.suffix == ".safetensors" else named.name
    network = loaded.network
    return FeatureNetwork(name, loaded.sha256, network.embedding, network, network.size)


def inception(path: Path) -> FeatureNetwork:
    """Inception-v3 from a TorchScript file that maps pictures uint8 (B, 3, S, S) to (B, 2048).

    That is the form in which StyleGAN's metrics fetch it (inception-2015-12-05.pt): it scales the
    pictures itself, and gives features before the last layer where ``return_features`` is asked
    for. A TorchScript file is a program: give none from a source that is not trusted. Whether the
    weights are the published ones cannot be told from the file; its SHA-256 stands with the
    figures.

    Raises:
        UnusableInput: no TorchScript, or one that gives other features.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            program = torch.jit.load(  # type: ignore[no-untyped-call]
                str(path), map_location="cpu"
            ).eval()
    except (RuntimeError, ValueError, OSError) as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else "no TorchScript"
        raise UnusableInput(f"{path} cannot be read as a TorchScript file ({reason}).") from error
    asked = _asks_for_features(program)

    def embedding(images: Tensor) -> Tensor:
        pictures = images.mul(255).round().clamp(0, 255).to(torch.uint8)
        features: Tensor = program(pictures, return_features=True) if asked else program(pictures)
        return features

    network = FeatureNetwork("Inception", sha256_of(path), embedding, is_inception=True)
    try:
        shape = tuple(embedding(torch.zeros(2, 3, 64, 64)).shape)
    except (RuntimeError, AttributeError, TypeError) as error:
        raise UnusableInput(f"{path} does not take pictures uint8 (B, 3, S, S).") from error
    if shape != (2, INCEPTION_FEATURES):
        raise UnusableInput(
            f"{path} gives {shape} for 2 pictures, where Inception's features are "
            f"(2, {INCEPTION_FEATURES}): without them no figure may be called FID."
        )
    return network


def _asks_for_features(program: torch.jit.ScriptModule) -> bool:
    schema = program.forward.schema  # type: ignore[attr-defined]
    return any(argument.name == "return_features" for argument in schema.arguments)
