"""A variational autoencoder as ONNX networks: its encoder, and its decoder in one piece or two.

Shapes, in the files as here: ``images`` (B, 3, S, S) float32 in 0…1; ``codes``, ``means`` and
``log_variances`` (B, D) float32. The batch B is dynamic.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from lik.core.errors import UnusableInput
from lik.core.gaussian import DiagonalGaussian
from lik.export.onnx import Weights, export_onnx
from lik.models.interface import VAE
from lik.models.refiner import Refined


class EncoderNetwork(nn.Module):
    """Images → means and log variances of the posteriors of their codes."""

    def __init__(self, model: VAE) -> None:
        super().__init__()
        self.model = model

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Images (B, 3, S, S) → means, log variances, (B, D) both."""
        posterior = self.model.encode(images)
        assert isinstance(posterior, DiagonalGaussian)
        return posterior.mean, posterior.log_variance


class MeansNetwork(nn.Module):
    """Images → means of the posteriors of their codes, and no more: a smaller file."""

    def __init__(self, model: VAE) -> None:
        super().__init__()
        self.encoder = EncoderNetwork(model)

    def forward(self, images: Tensor) -> Tensor:
        """Images (B, 3, S, S) → means (B, D)."""
        means: Tensor = self.encoder(images)[0]
        return means


class DecoderNetwork(nn.Module):
    """Codes → images."""

    def __init__(self, model: VAE) -> None:
        super().__init__()
        self.model = model

    def forward(self, codes: Tensor) -> Tensor:
        """Codes (B, D) → images (B, 3, S, S)."""
        return self.model.decode(codes)


class UnrefinedNetwork(nn.Module):
    """Codes → what the refiner of a refined model sees."""

    def __init__(self, model: Refined) -> None:
        super().__init__()
        self.model = model

    def forward(self, codes: Tensor) -> Tensor:
        """Codes (B, D) → blurred images (B, 3, S, S)."""
        return self.model.unrefined(codes)


class RefinerNetwork(nn.Module):
    """What the refiner sees, and codes → images."""

    def __init__(self, model: Refined) -> None:
        super().__init__()
        self.refiner = model.refiner

    def forward(self, images: Tensor, codes: Tensor) -> Tensor:
        """Blurred images (B, 3, S, S) of codes (B, D) → sharp ones."""
        refined: Tensor = self.refiner(images, codes)
        return refined.clamp(0, 1)


_IMAGES = "float32 (batch, 3, size, size): planes of red, green and blue, rows from above, 0…1"
CONTENTS = {
    "images": _IMAGES,
    "refined": _IMAGES,
    "codes": "float32 (batch, latent)",
    "means": "float32 (batch, latent): of the posteriors; the codes that stand for the images",
    "log_variances": "float32 (batch, latent): of the posteriors, natural logarithms",
}
"""Names of inputs and outputs → what is in them, for the metadata of the files."""


@dataclass(frozen=True)
class ExportedNetwork:
    """A network of a run, with examples of its inputs and the names of inputs and outputs."""

    module: nn.Module
    examples: tuple[Tensor, ...]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]

    def described(self, metadata: Mapping[str, str]) -> dict[str, str]:
        """What is known of a run, and besides what goes into this network and comes out of it."""
        sides = {"inputs": self.inputs, "outputs": self.outputs}
        return {**metadata} | {
            side: json.dumps({name: CONTENTS[name] for name in names}, ensure_ascii=False)
            for side, names in sides.items()
        }


def encoder_of(model: VAE) -> ExportedNetwork:
    """Images → means and log variances.

    Raises:
        UnusableInput: the posteriors of its codes are not Gaussian.
    """
    images = torch.zeros(2, 3, model.size, model.size)
    with torch.no_grad():
        there = images.to(next(model.parameters()).device)
        if not isinstance(model.encode(there), DiagonalGaussian):
            raise UnusableInput(
                f"the codes of a {type(model).__name__} have no means and variances, which is what "
                "an exported encoder gives: only encoders with Gaussian posteriors can be exported."
            )
    return ExportedNetwork(
        EncoderNetwork(model), (images,), ("images",), ("means", "log_variances")
    )


def means_of(model: VAE) -> ExportedNetwork:
    """Images → means alone."""
    images = torch.rand(2, 3, model.size, model.size)
    return ExportedNetwork(MeansNetwork(model), (images,), ("images",), ("means",))


def decoder_of(model: VAE) -> ExportedNetwork:
    """Codes → images, whatever refiners there are."""
    return ExportedNetwork(DecoderNetwork(model), (_codes(model),), ("codes",), ("images",))


def decoder_in_parts(model: VAE) -> dict[str, ExportedNetwork]:
    """The decoder as 'base' (codes → blurred images) and 'refiner' (these and codes → images).

    A model that is not refined has its decoder as 'base' alone. For programs that need both
    pictures, or the first one soon.
    """
    if not isinstance(model, Refined):
        return {"base": decoder_of(model)}
    codes, images = _codes(model), torch.zeros(2, 3, model.size, model.size)
    return {
        "base": ExportedNetwork(UnrefinedNetwork(model), (codes,), ("codes",), ("images",)),
        "refiner": ExportedNetwork(
            RefinerNetwork(model), (images, codes), ("images", "codes"), ("refined",)
        ),
    }


def exact_weights(model: nn.Module) -> Weights:
    """How weights lie in the smallest file that loses nothing: float16 where all of them fit."""
    floats = (one for one in model.state_dict().values() if one.is_floating_point())
    fit = all(bool((one == one.half().to(one.dtype)).all()) for one in floats)
    return "float16" if fit else "float32"


def write_network(
    network: ExportedNetwork, path: Path, metadata: Mapping[str, str], weights: Weights = "float32"
) -> None:
    """Write a network as an ONNX file with a dynamic batch; see `export_onnx` for errors.

    It is not compared with PyTorch's: `lik.export.checking.checked_network` does that.
    """
    export_onnx(
        network.module, network.examples, path, network.inputs, network.outputs,
        network.described(metadata), dynamic=True, weights=weights,
    )  # fmt: skip


def _codes(model: VAE) -> Tensor:
    return torch.zeros(2, model.latent)
