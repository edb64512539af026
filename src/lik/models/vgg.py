"""VGG-19 as features, with weights from a file that the user has; none come with Lik.

The layers are those of Simonyan & Zisserman (arXiv:1409.1556, configuration E) up to the deepest
map that is wanted. Weight files name them as torchvision does: features.0.weight and so on, where
the numbers count convolutions, ReLUs and poolings alike.

Shapes: images (B, 3, S, S) in 0…1; maps (B, C, H, W).
"""

import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor, nn

from lik.core.errors import UnusableInput
from lik.core.tensors import names_in, read_tensors

BLOCKS = ((64, 2), (128, 2), (256, 4), (512, 4), (512, 4))
"""Channels and number of the convolutions between two poolings."""

LAYERS = ("relu1_1", "relu2_1", "relu3_1")
"""The maps that arXiv:1610.00291 compares in its model VAE-123."""

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""Of the pixels of ImageNet, red first: the network was trained on images brought to 0 and 1."""


class _Place(NamedTuple):
    """A convolution of the network: its number in the files of weights, and its channels."""

    number: int
    channels_in: int
    channels_out: int


def _places() -> dict[str, _Place]:
    """Where the convolution before each ReLU stands: 'relu1_1' …, in order."""
    places, number, channels = {}, 0, 3
    for block, (width, count) in enumerate(BLOCKS, start=1):
        for position in range(1, count + 1):
            places[f"relu{block}_{position}"] = _Place(number, channels, width)
            number, channels = number + 2, width
        number += 1  # the pooling
    return places


PLACES = _places()


class VGG19Features(nn.Module):
    """The network with PyTorch's random weights, until a file's are loaded.

    Attributes:
        names: the maps that ``features`` gives, from shallow to deep.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, layers: tuple[str, ...] = LAYERS) -> None:
        """Raises ``UnusableInput`` for a name that is no ReLU of the network."""
        super().__init__()
        unknown = [name for name in layers if name not in PLACES]
        if unknown or not layers:
            raise UnusableInput(
                f"VGG-19 has no layer '{unknown[0] if unknown else ''}': give some of "
                f"{', '.join(PLACES)}."
            )
        self.names = tuple(name for name in PLACES if name in layers)
        names = list(PLACES)
        self.places = {name: PLACES[name] for name in names[: names.index(self.names[-1]) + 1]}
        # Numbered as in the files of weights, so that these load by their names.
        convolutions = (
            (str(number), nn.Conv2d(channels_in, channels_out, 3, padding=1))
            for number, channels_in, channels_out in self.places.values()
        )
        self.layers = nn.ModuleDict(dict(convolutions))
        for name, values in (("mean", MEAN), ("std", STD)):
            self.register_buffer(name, torch.tensor(values).view(1, 3, 1, 1), persistent=False)
        self.eval().requires_grad_(False)

    def features(self, images: Tensor) -> tuple[Tensor, ...]:
        """Images (B, 3, S, S) → the maps of ``names``, from shallow to deep."""
        maps, below = [], (images - self.mean) / self.std
        for name, place in self.places.items():
            if place.number and name.endswith("_1"):
                below = nn.functional.max_pool2d(below, 2)
            below = nn.functional.relu(self.layers[str(place.number)](below))
            if name in self.names:
                maps.append(below)
        return tuple(maps)


def load_vgg19(path: Path, layers: tuple[str, ...] = LAYERS) -> VGG19Features:
    """Read the weights of VGG-19 with torchvision's names, from .safetensors or a .pth of PyTorch.

    What the file has beyond the layers that are needed (the classifier) is left alone. Nothing in
    the file is executed. The weights are fixed.

    Raises:
        UnusableInput: no such file, one that cannot be read, or weights of another network.
    """
    network = VGG19Features(layers)
    tensors = _read(path)
    known = {str(place.number) for place in PLACES.values()}
    for name in tensors:
        if name.startswith("features.") and name.split(".")[1] not in known:
            raise UnusableInput(
                f"{path} holds another network than VGG-19 (it has {name}): "
                "VGG-19 without batch normalisation is needed."
            )
    for key, target in network.layers.state_dict().items():
        name = f"features.{key}"
        found = tensors.get(name)
        if found is None or found.shape != target.shape:
            what = f"of shape {tuple(found.shape)}" if found is not None else "missing"
            raise UnusableInput(
                f"{path} does not hold the weights of VGG-19 under torchvision's names: "
                f"{name} is {what}, where {tuple(target.shape)} is needed."
            )
        target.copy_(found)
    return network


def holds_torchvision_names(path: Path) -> bool:
    """Whether a file is one for `load_vgg19`: weights of PyTorch, or not Lik's own."""
    if path.suffix != ".safetensors":
        return path.is_file()
    try:
        return any(name.startswith("features.") for name in names_in(path))
    except UnusableInput:
        return False


def _read(path: Path) -> Mapping[str, Tensor]:
    try:
        if path.suffix == ".safetensors":
            return read_tensors(path)[1]
        tensors = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise UnusableInput(f"{path} is missing: give the file with the weights.") from None
    except (OSError, EOFError, RuntimeError, ValueError) as error:
        reason = str(error).split("\n")[0]
        raise UnusableInput(f"{path} cannot be read as weights ({reason}).") from error
    except pickle.UnpicklingError as error:
        raise UnusableInput(
            f"{path} is no plain file of weights, and nothing else is loaded: save the network's "
            "state_dict() as .safetensors."
        ) from error
    if not isinstance(tensors, dict) or not all(isinstance(t, Tensor) for t in tensors.values()):
        raise UnusableInput(f"{path} holds something else than named weights (a state_dict).")
    return tensors
