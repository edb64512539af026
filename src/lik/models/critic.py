"""A critic that sees an image beside the decoding of its code, and says how real it looks.

It judges pairs, so that a picture that is sharp but of somebody else does not please it. One head
looks at pixels, the others at the maps of a fixed network (projected critics, arXiv:2111.01007).
All weights are spectrally normalised (arXiv:1802.05957).

Shapes: images (B, 3, S, S) in 0…1; maps (B, C, H, W); scores (B, 1, H, W), a patch each.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812
from torch.nn.utils.parametrizations import spectral_norm

SLOPE = 0.2
"""Of the leaky rectifiers."""


def _convolution(channels_in: int, channels_out: int, kernel: int = 3) -> nn.Module:
    layer = nn.Conv2d(channels_in, channels_out, kernel, padding=kernel // 2)
    return spectral_norm(layer)


class Halving(nn.Module):
    """A residual block that halves its features: (B, C, H, W) → (B, C', H/2, W/2)."""

    def __init__(self, channels_in: int, channels_out: int) -> None:
        super().__init__()
        self.first = _convolution(channels_in, channels_out)
        self.second = _convolution(channels_out, channels_out)
        self.way = _convolution(channels_in, channels_out, 1)

    def forward(self, features: Tensor) -> Tensor:
        """Features (B, C, H, W) → (B, C', H/2, W/2)."""
        inner = self.second(F.leaky_relu(self.first(F.leaky_relu(features, SLOPE)), SLOPE))
        out: Tensor = F.avg_pool2d(inner, 2) + self.way(F.avg_pool2d(features, 2))
        return out


class PairCritic(nn.Module):
    """Scores of images beside the decodings of their codes.

    Args:
        channels: of the maps of the fixed network that are looked at, from shallow to deep.
        width: of the first features of pixels, doubled after the first halving.
    """

    def __init__(self, channels: Sequence[int], width: int = 32) -> None:
        super().__init__()
        self.pixels = nn.Sequential(
            nn.PixelUnshuffle(2), _convolution(24, width),
            Halving(width, 2 * width), Halving(2 * width, 2 * width),
            nn.LeakyReLU(SLOPE), _convolution(2 * width, 1, 1),
        )  # fmt: skip
        self.maps = nn.ModuleList(
            nn.Sequential(
                _convolution(2 * count, 2 * width, 1), nn.LeakyReLU(SLOPE),
                _convolution(2 * width, 2 * width), nn.LeakyReLU(SLOPE),
                _convolution(2 * width, 1, 1),
            )
            for count in channels
        )  # fmt: skip

    def forward(
        self, images: Tensor, decodings: Tensor, maps: Sequence[Tensor], decoded: Sequence[Tensor]
    ) -> list[Tensor]:
        """Images and decodings, and the maps of both → scores by head, pixels first."""
        scores = [self.pixels(torch.cat([images, decodings], dim=1) - 0.5)]
        for head, seen, base in zip(self.maps, maps, decoded, strict=True):
            scores.append(head(torch.cat([seen, base], dim=1)))
        return scores
