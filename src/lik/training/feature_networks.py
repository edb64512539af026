"""The network that a perceptual objective looks through, from where a recipe says it lies."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from lik.core.artifacts import sha256_of
from lik.core.errors import UnusableInput
from lik.models.classifier import AttributeClassifier, load_attribute_classifier
from lik.models.saved import weights_file
from lik.models.vgg import VGG19Features, holds_torchvision_names, load_vgg19
from lik.objectives.similarity import Features


def open_features(
    path: str,
    layers: tuple[int, ...] | None,
    size: int,
    device: torch.device,
    precision: torch.dtype = torch.float32,
) -> Features:
    """The features of a trained network on a device, its weights fixed.

    ``path`` is that of an attribute classifier, or of a file with the weights of VGG-19.
    ``layers`` are those that will be asked for; ``size`` is the side of the images; ``precision``
    that of its passes.

    Raises:
        UnusableInput: there is no such network, or it has fewer layers.
    """
    place = Path(path).expanduser()
    network: AttributeClassifier | VGG19Features
    if holds_torchvision_names(place):
        network = load_vgg19(place).to(device)
    else:
        network = load_attribute_classifier(place).network.to(device)
    with torch.no_grad():
        count = len(network.features(torch.zeros(1, 3, size, size, device=device)))
    if layers and max(layers) >= count:
        raise UnusableInput(
            f"{path} gives {count} layers of features, counted from 0: there is no "
            f"layer {max(layers)} for objective.features.layers."
        )
    # Convolutions are fastest with the channels last, and the images come so.
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def features(images: Tensor) -> Sequence[Tensor]:
        with torch.autocast(device.type, precision, enabled=precision != torch.float32):
            return network.features(images)

    return features


def network_hash(path: str) -> str:
    """The SHA-256 of the file of weights of the network at ``path``.

    Raises:
        UnusableInput: there is none.
    """
    return sha256_of(weights_file(Path(path).expanduser()))


def remark_on_teacher(
    run: str, metadata: Mapping[str, Any], network: str, sha256: str
) -> str | None:
    """A sentence where a run is measured with the network that it was trained with, else None."""
    if metadata.get("features_sha256") != sha256:
        return None
    return f"{run} was trained with {network}: it is judged by its own teacher."
