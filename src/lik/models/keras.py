"""The paper's weights as its author published them: Keras archives, read without Keras.

A `.keras` archive is a zip with ``model.weights.h5``, which keeps layer ``<name>`` under
``_layer_checkpoint_dependencies/<name>/vars/<n>``. Keras stores convolutions as (kh, kw, in, out),
transposed ones as (kh, kw, out, in), dense ones as (in, out), and flattens as height, width,
channel; PyTorch has (out, in, kh, kw), (in, out, kh, kw), (out, in), and channel, height, width.
"""

import io
import re
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from lik.core.errors import UnusableInput
from lik.models.catalogue import build
from lik.models.interface import VAE
from lik.models.paper import GaussianHeads, PaperFirstSettings, PaperSecondSettings

Array = NDArray[np.float32]
Layers = dict[str, list[Array]]
Part = Literal["encoder", "decoder"]


@dataclass(frozen=True)
class Imported:
    """A model with the weights of one or two archives, and which of its halves have them."""

    model: VAE
    settings: PaperFirstSettings | PaperSecondSettings
    parts: list[Part]


def import_keras(paths: list[Path]) -> Imported:
    """Build the paper's model that the archives hold: an encoder, a decoder, or both.

    Raises:
        UnusableInput: no Keras archive, layers that are none of the paper's, two halves that do
            not belong together, or h5py missing.
    """
    halves: dict[Part, tuple[Path, Layers]] = {}
    for path in paths:
        layers = read_layers(path)
        part: Part = "decoder" if _of_kind(layers, "conv2d_transpose") else "encoder"
        if part in halves:
            raise UnusableInput(f"{halves[part][0]} and {path} are both {part}s: give one of each.")
        halves[part] = (path, layers)
    descriptions = {part: _settings(path, layers, part) for part, (path, layers) in halves.items()}
    settings = next(iter(descriptions.values()))
    if any(other != settings for other in descriptions.values()):
        raise UnusableInput(
            f"{paths[0]} and {paths[1]} do not belong together: one is of "
            + " and the other of ".join(str(s) for s in descriptions.values())
            + "."
        )
    model = build(settings)
    for part, (path, layers) in halves.items():
        try:
            _fill(getattr(model, part), layers, settings.size)
        except (ValueError, RuntimeError, IndexError) as error:
            raise UnusableInput(f"{path} does not hold the layers of {settings.name}.") from error
    return Imported(model.eval(), settings, list(halves))


def read_layers(path: Path) -> Layers:
    """All layers of a Keras archive that have weights: name → its arrays in order."""
    try:
        import h5py
    except ImportError:
        raise UnusableInput(
            "reading Keras archives needs h5py: pip install 'lik-vae[keras]'."
        ) from None
    try:
        with zipfile.ZipFile(path) as archive:
            content = io.BytesIO(archive.read("model.weights.h5"))
        with h5py.File(content) as file:
            group = file["_layer_checkpoint_dependencies"]
            return {
                name: [np.asarray(layer["vars"][n]) for n in sorted(layer["vars"], key=int)]
                for name, layer in group.items()
                if len(layer.get("vars", ()))
            }
    except FileNotFoundError:
        raise UnusableInput(f"{path} is missing.") from None
    except (zipfile.BadZipFile, KeyError, OSError) as error:
        raise UnusableInput(f"{path} is no Keras archive with weights in it ({error}).") from error


def _of_kind(layers: Layers, kind: str) -> list[list[Array]]:
    """The layers named ``kind``, ``kind_1``, ``kind_2``… in the order of their numbers."""
    pattern = re.compile(rf"{kind}(?:_(\d+))?")
    matches = [(pattern.fullmatch(name), arrays) for name, arrays in layers.items()]
    found = [(int(match[1] or 0), arrays) for match, arrays in matches if match]
    return [arrays for _, arrays in sorted(found, key=lambda pair: pair[0])]


def _settings(path: Path, layers: Layers, part: Part) -> PaperFirstSettings | PaperSecondSettings:
    second = bool(_of_kind(layers, "batch_normalization"))
    channels, stride = (256, 16) if second else (32, 8)
    dense = _of_kind(layers, "dense")
    if dense and dense[0][0].ndim == 2:
        rows, columns = dense[0][0].shape
        features, latent = (rows, columns) if part == "encoder" else (columns, rows)
        side = round((features / channels) ** 0.5)
        if side * side * channels == features:
            family = PaperSecondSettings if second else PaperFirstSettings
            return family(size=side * stride, latent=latent)
    raise UnusableInput(f"{path} holds neither of the paper's models.")


def _fill(half: nn.Module, layers: Layers, size: int) -> None:
    """Copy the weights of one half, layer by layer in the order of their kinds."""
    waiting = {
        nn.Conv2d: _of_kind(layers, "conv2d"),
        nn.ConvTranspose2d: _of_kind(layers, "conv2d_transpose"),
        nn.BatchNorm2d: _of_kind(layers, "batch_normalization"),
        nn.Linear: _of_kind(layers, "dense"),
    }
    for layer in half.modules():
        if isinstance(layer, GaussianHeads) or not list(layer.parameters(recurse=False)):
            continue
        # The decoder's Dense layers at each position are convolutions 1×1 here.
        pointwise = isinstance(layer, nn.Conv2d) and layer.kernel_size == (1, 1)
        kind = nn.Linear if pointwise else next(k for k in waiting if isinstance(layer, k))
        arrays = waiting[kind].pop(0)
        if isinstance(layer, nn.BatchNorm2d):
            names = ("weight", "bias", "running_mean", "running_var")
            tensors = dict(zip(names, map(torch.from_numpy, arrays), strict=True))
        else:
            weight, bias = (torch.from_numpy(array) for array in arrays)
            tensors = _for_torch(layer, weight, bias, size)
        for name, tensor in tensors.items():
            target: Tensor = getattr(layer, name)
            if target.shape != tensor.shape:
                raise ValueError(f"{name} has shape {tuple(tensor.shape)}")
            target.data.copy_(tensor)
    if any(waiting.values()):
        raise ValueError("layers are left over")


def _for_torch(layer: nn.Module, weight: Tensor, bias: Tensor, size: int) -> dict[str, Tensor]:
    if isinstance(layer, nn.Linear):
        rows, columns = weight.shape
        if layer.in_features > layer.out_features:  # a head: rows lie flattened
            weight = _channels_first(weight.T, size).T
        else:  # the decoder's first layer: columns lie flattened
            weight = _channels_first(weight, size)
            bias = _channels_first(bias[None], size)[0]
        return {"weight": weight.reshape(rows, columns).T, "bias": bias}
    if isinstance(layer, nn.Conv2d) and weight.ndim == 2:
        weight = weight[None, None]
    return {"weight": weight.permute(3, 2, 0, 1), "bias": bias}


def _channels_first(matrix: Tensor, size: int) -> Tensor:
    """Columns flattened as (height, width, channel) → (channel, height, width)."""
    rows, features = matrix.shape
    channels = next(
        c for c, stride in ((32, 8), (256, 16)) if c * (size // stride) ** 2 == features
    )
    side = round((features / channels) ** 0.5)
    return matrix.reshape(rows, side, side, channels).permute(0, 3, 1, 2).reshape(rows, features)
