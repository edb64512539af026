"""The networks in whose features faces are compared: their embeddings, and distances of their maps.

An attribute classifier, or Inception as a TorchScript file; each is named wherever it is used.
Shapes: pictures uint8 (N, S, S, 3), or images (N, 3, S, S) in 0…1; maps (B, C, H, W).
"""

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import normalize

from lik.core.artifacts import sha256_of
from lik.core.batched import through
from lik.core.errors import UnusableInput
from lik.core.pixels import Pictures
from lik.models.classifier import load_attribute_classifier, require_multiple
from lik.objectives.similarity import Features

BATCH = 128
INCEPTION_FEATURES = 2048
SMALL = 1e-10
"""Length of the features at a position, below which nothing responds there."""


@dataclass(frozen=True)
class FeatureNetwork:
    """A network in whose features faces are compared.

    Attributes:
        name: what it is called beside every figure. sha256: of its file of weights.
        embedding: images (B, 3, S, S) in 0…1 → (B, F).
        maps: images → its maps, for distances of faces; None where it gives none.
        size: side of the faces it takes; None for any.
        is_inception: whether distances in its features may be called FID and KID.
    """

    name: str
    sha256: str
    embedding: Callable[[Tensor], Tensor]
    maps: Features | None = None
    size: int | None = None
    is_inception: bool = False

    def require_size(self, size: int) -> None:
        """Refuse faces of a size that the network does not take."""
        if self.size is not None:
            require_multiple(size, self.size, f"the network {self.name}")


def classifier_features(path: Path) -> FeatureNetwork:
    """The attribute classifier at ``path``, a run or its file of weights, for its features.

    Raises:
        UnusableInput: there is none, or it is broken.
    """
    loaded = load_attribute_classifier(path)
    named, network = path.resolve(), loaded.network
    name = named.parent.name if named.suffix == ".safetensors" else named.name
    return FeatureNetwork(name, loaded.sha256, network.embedding, network.features, network.size)


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
    named = {argument.name for argument in program.forward.schema.arguments}
    more = {"return_features": True} if "return_features" in named else {}

    def embedding(images: Tensor) -> Tensor:
        features: Tensor = program(images.mul(255).round().clamp(0, 255).to(torch.uint8), **more)
        return features

    try:
        shape = tuple(embedding(torch.zeros(2, 3, 64, 64)).shape)
    except (RuntimeError, AttributeError, TypeError) as error:
        raise UnusableInput(f"{path} does not take pictures uint8 (B, 3, S, S).") from error
    if shape != (2, INCEPTION_FEATURES):
        raise UnusableInput(
            f"{path} gives {shape} for 2 pictures, where Inception's features are "
            f"(2, {INCEPTION_FEATURES}): without them no figure may be called FID."
        )
    return FeatureNetwork("Inception", sha256_of(path), embedding, is_inception=True)


def embed(network: FeatureNetwork, pictures: Pictures | Tensor) -> NDArray[np.float32]:
    """Pictures (N, S, S, 3), or images, → their features (N, F)."""
    return through(network.embedding, pictures, size=BATCH)


def feature_distance(
    first: Pictures | Tensor,
    second: Pictures | Tensor,
    features: Features,
    device: str | torch.device = "cpu",
) -> NDArray[np.float64]:
    """How different each picture of ``first`` looks to a network from that of ``second``, (N,).

    Raises:
        UnusableInput: the two differ in number or size.
    """
    sizes = [
        (len(one), *(one.shape[2:] if isinstance(one, Tensor) else one.shape[1:3]))
        for one in (first, second)
    ]
    if sizes[0] != sizes[1]:
        raise UnusableInput(
            f"pictures can be compared one by one where their numbers and sizes are the same, not "
            f"{tuple(first.shape)} and {tuple(second.shape)}."
        )

    def distance(one: Tensor, other: Tensor) -> Tensor:
        return distance_of_maps(features(one), features(other))

    return through(distance, first, second, device=device, size=BATCH).astype(np.float64)


def distance_of_maps(first: Sequence[Tensor], second: Sequence[Tensor]) -> Tensor:
    """The mean over the layers of their mean squared distances at a position, (B,).

    As LPIPS (arXiv:1801.03924) without its learned weights: at each position of each layer the
    channels are brought to unit length, and what is measured is the squared distance of the two
    vectors. It is 0 for equal pictures, at most 2 for maps without negative values, and compares
    only where the network and its layers are the same: say which it was.
    """
    layers = []
    for one, other in zip(first, second, strict=True):
        between = normalize(one.float(), eps=SMALL) - normalize(other.float(), eps=SMALL)
        layers.append(between.square().sum(dim=1).mean(dim=(1, 2)))
    return torch.stack(layers).mean(dim=0)
