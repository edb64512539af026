"""The alignment network: where the two eyes are in a small grey cut around a face.

It stands outside the catalogue, for it encodes nothing; the loop trains it like any other model.

Shapes: cuts (B, 1, 64, 64), grey, 0…255; points (B, 2) as (x, y) in shares of the cut's side,
counted from its upper left corner.
"""

from dataclasses import dataclass
from typing import Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from lik.core.configuration import Settings

CUT = 64
"""Side of the cuts that the network takes, in pixels."""

DARKEST = 2.0
"""Added to a cut's standard deviation, in grey levels: below it, noise is not blown up."""


class AlignerSettings(Settings):
    """``widths``: channels after the first layer and after each of the three stages."""

    name: Literal["aligner"] = "aligner"
    widths: tuple[int, int, int, int] = (12, 24, 48, 64)
    hidden: int = Field(96, ge=1, le=2**16)


@dataclass(frozen=True)
class Sight:
    """What the network sees: the eye at the left and at the right (B, 2), and the logit (B,) of
    "this is a face"."""

    left: Tensor
    right: Tensor
    face: Tensor


class Aligner(nn.Module):
    """Seven convolutions and two linear layers, 203,145 parameters: small enough for `cv2.dnn`.

    ``forward`` gives the plain numbers that are exported, (B, 5): left x, y, right x, y, logit.
    """

    def __init__(self, settings: AlignerSettings) -> None:
        super().__init__()
        first, *stages = settings.widths
        layers = [_convolution(1, first, kernel=5, stride=2)]
        for before, after in zip(settings.widths, stages, strict=False):
            layers += [_convolution(before, after, stride=2), _convolution(after, after)]
        self.features = nn.Sequential(*layers)
        side = CUT // 2 ** len(settings.widths)
        self.head = nn.Sequential(
            nn.Flatten(),
            nn.Linear(stages[-1] * side**2, settings.hidden),
            nn.ReLU(),
            nn.Linear(settings.hidden, 5),
        )

    def forward(self, cuts: Tensor) -> Tensor:
        """Cuts (B, 1, 64, 64) → (B, 5)."""
        centred = cuts - cuts.mean((2, 3), keepdim=True)
        deviation = centred.square().mean((2, 3), keepdim=True).sqrt()
        output: Tensor = self.head(self.features(centred / (deviation + DARKEST)))
        return output

    def look(self, cuts: Tensor) -> Sight:
        """Cuts (B, 1, 64, 64) → the same numbers, named."""
        left, right, face = torch.split(self(cuts), [2, 2, 1], dim=1)
        return Sight(left, right, face[:, 0])


def _convolution(
    channels_in: int, channels_out: int, kernel: int = 3, stride: int = 1
) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(channels_in, channels_out, kernel, stride, kernel // 2, bias=False),
        nn.BatchNorm2d(channels_out),
        nn.ReLU(),
    )
