"""Attribute classifiers: networks that tell the attributes of a face; their maps are features.

They stand outside the catalogue, for they encode nothing; the loop trains them like any other
model. Their maps measure how alike two faces are (arXiv:1610.00291), and their pooled last maps
are what distances between sets of faces are taken in.

Shapes: images (B, 3, S, S) in 0…1; maps (B, C, H, W); embeddings (B, F); logits (B, A).
"""

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Literal

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, relu

from lik.core.artifacts import sha256_of
from lik.core.configuration import Settings
from lik.core.errors import UnusableInput
from lik.models.interface import MOST_SIZE, Channels
from lik.models.saved import read_model, weights_file

MEAN, STD = 0.5, 0.25
"""Roughly those of pixels: images are brought to 0 and 1 by them before the first layer."""

KIND = "an attribute classifier"


class ClassifierSettings(Settings):
    """What both architectures are told: ``size`` in pixels, names of the ``attributes``."""

    size: int = Field(64, ge=16, le=MOST_SIZE)
    attributes: tuple[str, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _each_once(self) -> "ClassifierSettings":
        if len(set(self.attributes)) < len(self.attributes):
            raise ValueError("each attribute may stand in 'attributes' once only")
        return self


class PlainSettings(ClassifierSettings):
    """``widths``: channels at full size, and after each halving of the picture."""

    name: Literal["attributes-plain"] = "attributes-plain"
    widths: tuple[Channels, ...] = Field((32, 64, 128, 192, 256), min_length=2, max_length=6)


class ResidualSettings(ClassifierSettings):
    """``widths`` as of the plain one; ``blocks``: residual blocks at each of the smaller sizes."""

    name: Literal["attributes-residual"] = "attributes-residual"
    widths: tuple[Channels, ...] = Field((32, 64, 128, 256), min_length=2, max_length=6)
    blocks: int = Field(1, ge=1, le=16)


AnyClassifierSettings = Annotated[PlainSettings | ResidualSettings, Field(discriminator="name")]


class AttributeClassifier(nn.Module):
    """A network with one logit for each attribute, above 0 where a face more likely has it.

    The plain kind has a convolution at full size, then halvings by the maximum with a convolution
    after each, after the stacks of Simonyan & Zisserman (arXiv:1409.1556) with batch
    normalisation. The residual kind has a convolution at full size, then stages of residual blocks
    (arXiv:1512.03385), the first of which halves the picture with its stride.

    Attributes:
        size: side S of the faces it was trained on. attributes: what its logits are of.
        stages: what makes the maps, each stage from those of the one before.
    """

    def __init__(self, settings: PlainSettings | ResidualSettings) -> None:
        super().__init__()
        widths = settings.widths
        halvings = len(widths) - 1
        if settings.size % 2**halvings:
            raise UnusableInput(
                f"{settings.name} halves its pictures {halvings} times, so their size must be a "
                f"multiple of {2**halvings}, not {settings.size}."
            )
        self.size = settings.size
        self.attributes = settings.attributes
        self.head = nn.Linear(widths[-1], len(settings.attributes))
        if isinstance(settings, PlainSettings):
            stages = [
                nn.Sequential(nn.MaxPool2d(2) if number else nn.Identity(), *_layers(*pair))
                for number, pair in enumerate(pairwise((3, *widths)))
            ]
        else:
            stages = [nn.Sequential(*_layers(3, widths[0]))]
            for before, after in pairwise(widths):
                more = (Residual(after, after) for _ in range(settings.blocks - 1))
                stages.append(nn.Sequential(Residual(before, after, stride=2), *more))
        self.stages = nn.ModuleList(stages)

    def features(self, images: Tensor) -> tuple[Tensor, ...]:
        """Images (B, 3, S, S) → maps (B, C, H, W) from shallow to deep, at least 0 everywhere."""
        maps, below = [], (images - MEAN) / STD
        for stage in self.stages:
            below = stage(below)
            maps.append(below)
        return tuple(maps)

    def embedding(self, images: Tensor) -> Tensor:
        """Images (B, 3, S, S), or a multiple of that size → the means of the last maps, (B, F)."""
        factor = images.shape[-1] // self.size
        if factor > 1:
            images = avg_pool2d(images, factor)
        return self.features(images)[-1].mean(dim=(2, 3))

    def logits(self, images: Tensor) -> Tensor:
        """Images (B, 3, S, S) → (B, A)."""
        # In float32 whatever the precision before, as the heads of the VAEs.
        logits: Tensor = self.head(self.embedding(images)).float()
        return logits

    def forward(self, images: Tensor) -> Tensor:
        return self.logits(images)


def require_multiple(size: int, own: int, name: str) -> None:
    """Refuse faces of a ``size`` that cannot be averaged down to a network's ``own``.

    Raises:
        UnusableInput: they cannot.
    """
    if size % own:
        raise UnusableInput(
            f"{name} takes faces of {own} pixels or a multiple of it, not of {size}: give a "
            "network that was trained on faces of this size."
        )


class Residual(nn.Module):
    """Two convolutions 3×3 whose result is added to the input, brought to its shape."""

    def __init__(self, channels_in: int, channels_out: int, stride: int = 1) -> None:
        super().__init__()
        first = _layers(channels_in, channels_out, stride)
        self.branch = nn.Sequential(*first, *_layers(channels_out, channels_out)[:-1])
        self.way: nn.Module = nn.Identity()
        if stride > 1 or channels_in != channels_out:
            self.way = nn.Sequential(
                nn.AvgPool2d(stride),
                nn.Conv2d(channels_in, channels_out, 1, bias=False),
                nn.BatchNorm2d(channels_out),
            )

    def forward(self, maps: Tensor) -> Tensor:
        """Maps (B, C, H, W) → (B, C', H / stride, W / stride)."""
        return relu(self.way(maps) + self.branch(maps))


def _layers(channels_in: int, channels_out: int, stride: int = 1) -> list[nn.Module]:
    convolution = nn.Conv2d(channels_in, channels_out, 3, stride, padding=1, bias=False)
    return [convolution, nn.BatchNorm2d(channels_out), nn.ReLU()]


def build_classifier(settings: PlainSettings | ResidualSettings) -> AttributeClassifier:
    """The classifier that ``settings`` describe, with fresh weights from PyTorch's current seed.

    Raises:
        UnusableInput: a size that the halvings do not allow.
    """
    network = AttributeClassifier(settings)
    # Channels last: convolutions are up to twice as fast so, on processors as on GPUs.
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return network


@dataclass(frozen=True)
class LoadedClassifier:
    """A network in evaluation mode whose weights are fixed, and which file it is of."""

    network: AttributeClassifier
    metadata: dict[str, Any]
    sha256: str


def load_attribute_classifier(path: Path) -> LoadedClassifier:
    """Read an attribute classifier: the folder of its run, or its file of weights.

    Gradients reach the images and not the weights.

    Raises:
        UnusableInput: there is none, it is broken, or it is a model of another kind.
    """
    file = weights_file(path)
    network, _, metadata = read_model(file, AnyClassifierSettings, KIND, build_classifier)
    network.requires_grad_(False)
    return LoadedClassifier(network, metadata, sha256_of(file))
