"""The two models of the paper (Paunović 2023), exact to the parameter.

The first follows the beta-VAE of arXiv:2112.14278, the second the plain VAE (PVAE) of
arXiv:1610.00291. Both were built in Keras; what Keras does by default is done here by name:
'same' padding, Glorot uniform weights, zero biases, batch norm with ε = 1e-3 and momentum 0.99.

Shapes: images (B, 3, S, S) in 0…1; codes (B, D); features (B, C, H, W).
"""

from typing import Literal

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from lik.core.gaussian import DiagonalGaussian
from lik.models.interface import MOST_SIZE, VAE, VAESettings

MOST_LATENT = 2**16
"""Dimensions of a code, at the most: beyond, it is no number that was meant."""


class GaussianHeads(nn.Module):
    """Features (B, C, H, W) → mean and log variance (B, D), by one linear layer each."""

    def __init__(self, features: int, latent: int) -> None:
        super().__init__()
        self.mean = nn.Linear(features, latent)
        self.log_variance = nn.Linear(features, latent)

    def forward(self, features: Tensor) -> DiagonalGaussian:
        # In float32 whatever the precision before: of a log variance of −5, bfloat16 keeps two
        # digits, and of a mean too few to tell faces apart that differ by less than σ.
        with torch.autocast(features.device.type, enabled=False):
            flat = features.flatten(1).float()
            return DiagonalGaussian(self.mean(flat), self.log_variance(flat))


class PixelSigmoid(nn.Sigmoid):
    """The sigmoid that makes pixels, in float32 whatever the precision of the layers before it.

    In bfloat16 there is nothing between 0.996 and 1, so that pixels near white would stop learning.
    """

    def forward(self, features: Tensor) -> Tensor:
        return super().forward(features.float())


class SameConvTranspose(nn.ConvTranspose2d):
    """A 3×3 stride-2 transposed convolution with Keras' 'same' padding: (H, W) → (2H, 2W).

    The full result has 2n + 1 rows and columns; Keras keeps the first 2n of each, whereas
    PyTorch's padding=1, output_padding=1 would keep the last.
    """

    def __init__(self, channels_in: int, channels_out: int) -> None:
        super().__init__(channels_in, channels_out, kernel_size=3, stride=2)

    def forward(self, features: Tensor, output_size: list[int] | None = None) -> Tensor:
        full = F.conv_transpose2d(features, self.weight, stride=2)
        assert self.bias is not None
        # The bias comes after: with one inside of it, oneDNN is slower.
        return full[:, :, :-1, :-1] + self.bias.to(full.dtype)[:, None, None]


def initialise_as_keras(module: nn.Module) -> None:
    """Glorot uniform weights and zero biases, in every layer that has them (Keras' defaults)."""
    for layer in module.modules():
        if isinstance(layer, nn.Linear | nn.Conv2d | nn.ConvTranspose2d):
            nn.init.xavier_uniform_(layer.weight)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)


def require_divisible(size: int, stride: int, model: str) -> None:
    """Raise a ``ValueError`` of one sentence for a size that the strides do not allow."""
    if size % stride:
        below, above = size // stride * stride, (size // stride + 1) * stride
        nearest = f"{below} or {above}" if below else f"{above}"
        raise ValueError(
            f"{model} halves its pictures {stride.bit_length() - 1} times, so their size "
            f"must be a multiple of {stride}, such as {nearest}, not {size}"
        )


class PaperFirstSettings(VAESettings):
    """The first model: ``size`` in pixels, a multiple of 8; ``latent`` dimensions."""

    name: Literal["paper-first"] = "paper-first"
    size: int = Field(64, ge=8, le=MOST_SIZE)
    latent: int = Field(128, ge=1, le=MOST_LATENT)


class PaperFirst(VAE):
    """The paper's first model: 558,944 + 487,491 parameters at 64 pixels and 128 dimensions.

    The two hidden layers of the decoder are Keras Dense layers applied to (8, 8, 32), hence at
    each of the 8×8 positions alike: convolutions 1×1.
    """

    def __init__(self, settings: PaperFirstSettings) -> None:
        super().__init__()
        require_divisible(settings.size, 8, "The first model")
        self.size, self.latent = settings.size, settings.latent
        side = settings.size // 8
        # Kernel 4, stride 2, padding 1: Keras' 'same', which halves or doubles the side.
        self.encoder = nn.Sequential(
            nn.Conv2d(3, 32, 4, 2, 1), nn.ReLU(),
            nn.Conv2d(32, 32, 4, 2, 1), nn.ReLU(),
            nn.Conv2d(32, 32, 4, 2, 1), nn.ReLU(),
            GaussianHeads(32 * side * side, settings.latent),
        )  # fmt: skip
        self.decoder = nn.Sequential(
            nn.Linear(settings.latent, 32 * side * side), nn.Unflatten(1, (32, side, side)),
            nn.Conv2d(32, 256, kernel_size=1), nn.ReLU(),
            nn.Conv2d(256, 256, kernel_size=1), nn.ReLU(),
            nn.ConvTranspose2d(256, 32, 4, 2, 1), nn.ReLU(),
            nn.ConvTranspose2d(32, 32, 4, 2, 1), nn.ReLU(),
            nn.ConvTranspose2d(32, 3, 4, 2, 1), PixelSigmoid(),
        )  # fmt: skip
        initialise_as_keras(self)


class PaperSecondSettings(VAESettings):
    """The second model: ``size`` in pixels, a multiple of 16; ``latent`` dimensions.

    ``upsampling`` is 'transposed' as in the paper, or 'nearest' as in arXiv:1610.00291: nearest
    neighbour ×2, then a 3×3 convolution.
    """

    name: Literal["paper-second"] = "paper-second"
    size: int = Field(64, ge=16, le=MOST_SIZE)
    latent: int = Field(100, ge=1, le=MOST_LATENT)
    upsampling: Literal["transposed", "nearest"] = "transposed"


class PaperSecond(VAE):
    """The paper's second model: 1,511,464 + 802,755 parameters at 64 pixels and 100 dimensions."""

    def __init__(self, settings: PaperSecondSettings) -> None:
        super().__init__()
        require_divisible(settings.size, 16, "The second model")
        self.size, self.latent = settings.size, settings.latent
        side = settings.size // 16

        def halve(channels_in: int, channels_out: int) -> list[nn.Module]:
            return [nn.Conv2d(channels_in, channels_out, 4, 2, 1), *normalise(channels_out)]

        def double(channels_in: int, channels_out: int) -> list[nn.Module]:
            if settings.upsampling == "transposed":
                return [SameConvTranspose(channels_in, channels_out)]
            return [nn.Upsample(scale_factor=2), nn.Conv2d(channels_in, channels_out, 3, padding=1)]

        def normalise(channels: int) -> list[nn.Module]:
            # Keras' momentum is the share that is kept, PyTorch's the share that is replaced.
            return [nn.BatchNorm2d(channels, eps=1e-3, momentum=0.01), nn.LeakyReLU(0.3)]

        self.encoder = nn.Sequential(
            *halve(3, 32), *halve(32, 64), *halve(64, 128), *halve(128, 256),
            GaussianHeads(256 * side * side, settings.latent),
        )  # fmt: skip
        self.decoder = nn.Sequential(
            nn.Linear(settings.latent, 256 * side * side), nn.Unflatten(1, (256, side, side)),
            *double(256, 128), *normalise(128),
            *double(128, 64), *normalise(64),
            *double(64, 32), *normalise(32),
            *double(32, 3), PixelSigmoid(),
        )  # fmt: skip
        initialise_as_keras(self)
