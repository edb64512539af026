"""A VAE of residual blocks: a larger encoder than the paper's, and a decoder without a lattice.

Pictures grow by nearest neighbour and convolution, and at last by a pixel shuffle that begins
even, so that no stride leaves its mark at a period of two pixels.

Shapes: images (B, 3, S, S) in 0…1; codes (B, D); features (B, C, H, W).
"""

from itertools import pairwise
from typing import Literal

from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from lik.models.interface import MOST_SIZE, VAE, Channels, VAESettings
from lik.models.layers import begin_as_nearest
from lik.models.paper import MOST_LATENT, GaussianHeads, PixelSigmoid, require_divisible


class ResidualVAESettings(VAESettings):
    """``size`` in pixels, a multiple of 16; ``latent`` dimensions.

    ``encoder``: channels at a half, a quarter, an eighth and a sixteenth of the size; ``decoder``:
    at a sixteenth, an eighth, a quarter and a half; ``narrow``: channels of which the heads see
    each place.
    """

    name: Literal["residual"] = "residual"
    size: int = Field(64, ge=16, le=MOST_SIZE)
    latent: int = Field(128, ge=1, le=MOST_LATENT)
    encoder: tuple[Channels, Channels, Channels, Channels] = (48, 96, 160, 256)
    decoder: tuple[Channels, Channels, Channels, Channels] = (128, 128, 80, 48)
    narrow: Channels = 128


class ResidualBlock(nn.Module):
    """Two 3×3 convolutions whose result is added to the input, brought to its channels and size.

    ``scale`` halves (0.5), keeps (1) or doubles (2) the sides, by means or by nearest neighbour.
    """

    def __init__(self, channels_in: int, channels_out: int, scale: float = 1) -> None:
        super().__init__()
        self.scale = scale
        self.first_norm = nn.BatchNorm2d(channels_in)
        self.first = nn.Conv2d(
            channels_in, channels_out, 3, stride=2 if scale < 1 else 1, padding=1, bias=False
        )
        self.second_norm = nn.BatchNorm2d(channels_out)
        self.second = nn.Conv2d(channels_out, channels_out, 3, padding=1, bias=False)
        self.way = nn.Conv2d(channels_in, channels_out, 1)
        nn.init.zeros_(self.second.weight)

    def forward(self, features: Tensor) -> Tensor:
        """Features (B, C, H, W) → (B, C', scale·H, scale·W)."""
        inner = F.silu(self.first_norm(features))
        if self.scale > 1:
            inner, features = (F.interpolate(x, scale_factor=2) for x in (inner, features))
        if self.scale < 1:
            features = F.avg_pool2d(features, 2)
        inner = self.second(F.silu(self.second_norm(self.first(inner))))
        out: Tensor = self.way(features) + inner
        return out


class ResidualVAE(VAE):
    """About 2.1 million weights of the encoder and 1.1 million of the decoder at 64 pixels."""

    def __init__(self, settings: ResidualVAESettings) -> None:
        super().__init__()
        require_divisible(settings.size, 16, "The residual model")
        self.size, self.latent = settings.size, settings.latent
        down, up, side = settings.encoder, settings.decoder, settings.size // 16
        self.encoder = nn.Sequential(
            nn.Conv2d(3, down[0], 4, 2, 1),
            *(ResidualBlock(a, b, 0.5) for a, b in pairwise(down)),
            nn.BatchNorm2d(down[-1]), nn.SiLU(), nn.Conv2d(down[-1], settings.narrow, 1),
            GaussianHeads(settings.narrow * side * side, settings.latent),
        )  # fmt: skip
        spread = nn.Conv2d(up[-1], 12, 3, padding=1)
        begin_as_nearest(spread)
        self.decoder = nn.Sequential(
            nn.Linear(settings.latent, up[0] * side * side), nn.Unflatten(1, (up[0], side, side)),
            ResidualBlock(up[0], up[0]),
            *(ResidualBlock(a, b, 2) for a, b in pairwise(up)),
            nn.BatchNorm2d(up[-1]), nn.SiLU(),
            spread, nn.PixelShuffle(2), PixelSigmoid(),
        )  # fmt: skip
