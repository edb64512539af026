"""A refiner upon the decoder of any VAE, and that VAE with it: a code still has one picture.

A decoder that was trained on pixel errors gives the mean of all that a code may stand for, which is
blurred. The refiner draws one sharp picture out of it, and leaves encoder and codes as they are. It
may also make the pictures twice as large.

Shapes: images (B, 3, S, S) in 0…1; codes (B, D); features (B, C, H, W).
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from lik.core.configuration import Settings
from lik.core.gaussian import Posterior
from lik.models.interface import MOST_SIZE, VAE, Channels
from lik.models.layers import begin_as_nearest, begin_at_zero

BINOMIAL = (0.25, 0.5, 0.25)
"""A blur without response at a period of two pixels, where strided decoders leave a lattice."""

NOTCH = (-0.0625, 0.25, 0.625, 0.25, -0.0625)
"""The same, but for three quarters at a period of four: what is enlarged is to keep its edges."""

FADE = 4
"""Pixels from the border over which what is added fades in."""
COARSE = 8
"""Pixels over which the mean of a decoding is left as it is."""
COLOUR_IN_TRAINING = 1.5
"""How many times as much in training what is added to colours counts.

A refiner that has learned makes their details too strong: a critic asks for more than faces have.
"""


Blocks = Annotated[int, Field(ge=0, le=16)]


class RefinerSettings(Settings):
    """``widths``: channels at half the size of the pictures, a quarter, and so on.

    ``blocks``: residual blocks on the way down at each of these; as many follow on the way up.
    ``full``: channels at the full size of the pictures, before the last convolution.
    ``colour``: what is added to colours counts by this much; with 0 the refiner is a grey one.
    ``crisp``: the finest part of what is added counts by so much more, once it has learned.
    """

    widths: tuple[Channels, ...] = Field((48, 96, 128), min_length=1, max_length=5)
    blocks: tuple[Blocks, ...] = Field((1, 1, 1), min_length=1, max_length=5)
    full: int = Field(16, ge=4, le=MOST_SIZE)
    colour: float = Field(0.0, ge=0, le=1)
    crisp: float = Field(0.0, ge=0, le=1)


class ModulatedResidual(nn.Module):
    """Two 3×3 convolutions whose result is added; between them the code scales and shifts (FiLM).

    The second one begins at zero, so that a fresh block passes its input on (arXiv:1709.07871).
    """

    def __init__(self, channels: int, latent: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels, channels, 3, padding=1)
        self.film = nn.Linear(latent, 2 * channels)
        self.second = nn.Conv2d(channels, channels, 3, padding=1)
        begin_at_zero(self.film)
        begin_at_zero(self.second)

    def forward(self, features: Tensor, codes: Tensor) -> Tensor:
        """Features (B, C, H, W) and codes (B, D) → (B, C, H, W)."""
        scale, shift = self.film(codes)[:, :, None, None].chunk(2, dim=1)
        inner = self.first(F.silu(features)) * (1 + scale) + shift
        out: Tensor = features + self.second(F.silu(inner))
        return out


class Refiner(nn.Module):
    """A small U-Net that sees a decoding and its code, and says what is missing in the picture.

    Its answer is added to the decoding, which is blurred by a binomial first (``smooth``): what a
    strided decoder leaves at a period of two pixels is gone by construction. It has no coarse part,
    for a decoding that was trained on pixels has one already: a refiner that may move it makes
    blotches, and falls out of step with its critic. It is grey, or nearly, for a thirtieth of the
    detail of photographs lies in their colours. A fresh refiner adds nothing.
    """

    def __init__(self, settings: RefinerSettings, latent: int, smooth: bool = True) -> None:
        super().__init__()
        self.smooth = smooth
        widths, blocks = settings.widths, settings.blocks
        if len(widths) != len(blocks):
            raise ValueError("the refiner has as many numbers of blocks as it has widths")
        self.stem = nn.Conv2d(12, widths[0], 3, padding=1)
        self.narrower = nn.ModuleList(nn.Conv2d(a, b, 1) for a, b in pairwise(widths))
        self.wider = nn.ModuleList(nn.Conv2d(b, a, 1) for a, b in pairwise(widths))

        def stages() -> nn.ModuleList:
            return nn.ModuleList(
                nn.ModuleList(ModulatedResidual(width, latent) for _ in range(count))
                for width, count in zip(widths, blocks, strict=True)
            )

        self.down, self.up = stages(), stages()
        self.spread = nn.Conv2d(widths[0], 4 * settings.full, 3, padding=1)
        self.colour, self.crisp = settings.colour, settings.crisp
        self.last = nn.Conv2d(settings.full, 3 if self.colour else 1, 3, padding=1)
        begin_as_nearest(self.spread)
        begin_at_zero(self.last)

    def forward(self, decodings: Tensor, codes: Tensor) -> Tensor:
        """Decodings (B, 3, S, S) of codes (B, D) → sharp pictures (B, 3, S, S)."""
        features = self.stem(F.pixel_unshuffle(decodings - 0.5, 2))
        skips = []
        for level, stage in enumerate(self.down):
            if level:
                features = self.narrower[level - 1](F.avg_pool2d(features, 2))
            features = _through(stage, features, codes)
            skips.append(features)
        for level in reversed(range(len(self.up))):
            if level < len(self.up) - 1:
                features = skips[level] + F.interpolate(self.wider[level](features), scale_factor=2)
            features = _through(self.up[level], features, codes)
        fine = F.pixel_shuffle(self.spread(F.silu(features)), 2)
        missing = torch.tanh(self.last(F.silu(fine)).to(decodings.dtype))
        if self.colour:
            share = self.colour * (COLOUR_IN_TRAINING if self.training else 1)
            missing = torch.lerp(missing.mean(dim=1, keepdim=True), missing, share)
        if self.smooth:
            decodings = filtered(decodings, BINOMIAL)
        missing = missing - coarse(missing)
        if self.crisp and not self.training:
            missing = missing + self.crisp * (missing - filtered(missing, BINOMIAL))
        return decodings + faded(missing)


class RefinedDecoder(nn.Module):
    """The decoder of a refined model: codes (B, D) → images (B, 3, S, S) in 0…1."""

    def __init__(self, model: "Refined") -> None:
        super().__init__()
        self.model = model

    def forward(self, codes: Tensor) -> Tensor:
        """Codes (B, D) → images (B, 3, S, S)."""
        return self.model.decode(codes)


class Refined(VAE):
    """A VAE whose decodings are refined; encoder, codes and prior are those of the base.

    Its pictures are as large as those of the base, or twice as large.

    Raises:
        ValueError: a size that does not go with that of the base.
    """

    def __init__(self, base: VAE, settings: RefinerSettings, size: int | None = None) -> None:
        super().__init__()
        self.size, self.latent = size or base.size, base.latent
        self.factor = self.size // base.size
        if self.factor not in (1, 2) or self.size % base.size:
            raise ValueError(
                f"pictures of {base.size} pixels can be refined at that size or at twice of it, "
                f"not at {self.size}"
            )
        least = max(COARSE, 2 ** len(settings.widths))
        if self.size % least:
            raise ValueError(
                f"the refiner's pictures must have a size that is a multiple of {least}, not "
                f"{self.size}"
            )
        self.base = base.eval()
        self.refiner = Refiner(settings, base.latent, smooth=self.factor == 1)

    def train(self, mode: bool = True) -> "Refined":
        """Let the refiner learn; the base stays as it is, its running means of batches too."""
        super().train(mode)
        self.base.eval()
        return self

    @property
    def encoder(self) -> nn.Module:  # type: ignore[override]
        """The encoder of the base, which takes pictures of the base's size."""
        return self.base.encoder

    @property
    def decoder(self) -> nn.Module:  # type: ignore[override]
        """The decoder of the base with the refiner upon it."""
        return RefinedDecoder(self)

    @property
    def noise_width(self) -> int:
        return self.base.noise_width

    def encode(self, images: Tensor) -> Posterior:
        return self.base.encode(self.as_base(images))

    def decode(self, codes: Tensor) -> Tensor:
        return self._refined(self.unrefined(codes), codes)

    def decode_both(self, codes: Tensor) -> tuple[Tensor, Tensor]:
        """Codes (B, D) → decodings, and those without any refiner, (B, 3, S, S) both."""
        if isinstance(self.base, Refined):
            below, blurred = self.base.decode_both(codes)
            return self.enlarge(below, codes), self._enlarged(blurred)
        blurred = self.unrefined(codes)
        return self._refined(blurred, codes), blurred

    def enlarge(self, images: Tensor, codes: Tensor) -> Tensor:
        """Images of the base's size, with their codes (B, D) → refined ones (B, 3, S, S)."""
        return self._refined(self._enlarged(images), codes)

    def unrefined(self, codes: Tensor) -> Tensor:
        """Codes (B, D) → what the refiner sees: decodings of the base, (B, 3, S, S)."""
        return self._enlarged(self.base.decode(codes))

    def to_refine(self, images: Tensor, codes: Tensor) -> Tensor:
        """What the refiner learns from, (B, 3, S, S): decodings of codes (B, D) of images.

        One that enlarges learns from the images themselves, made small: their fine parts lie where
        those of the large image do, and decodings that are sharp already look like them.
        """
        if self.factor > 1:
            return self._enlarged(self.as_base(images))
        return self.unrefined(codes)

    def as_base(self, images: Tensor) -> Tensor:
        """Images (B, 3, S, S) in the size of the base."""
        return F.avg_pool2d(images, self.factor) if self.factor > 1 else images

    def from_prior(self, noise: Tensor) -> Tensor:
        return self.base.from_prior(noise)

    def _enlarged(self, images: Tensor) -> Tensor:
        if self.factor == 1:
            return images
        plain = filtered(images.float(), NOTCH)
        larger = F.interpolate(plain, scale_factor=self.factor, mode="bicubic")
        return larger.clamp(0, 1)

    def _refined(self, decodings: Tensor, codes: Tensor) -> Tensor:
        pictures: Tensor = self.refiner(decodings.float(), codes)
        return pictures.clamp(0, 1)


def filtered(images: Tensor, row: Sequence[float]) -> Tensor:
    """Images (B, 3, S, S), filtered along both axes by a symmetric row; borders are repeated."""
    taps = torch.tensor(row, device=images.device, dtype=images.dtype)
    kernel = (taps[:, None] * taps).expand(images.shape[1], 1, len(row), len(row))
    wider = F.pad(images, (len(row) // 2,) * 4, "replicate")
    return F.conv2d(wider, kernel.contiguous(), groups=images.shape[1])


def coarse(images: Tensor) -> Tensor:
    """What is left of images (B, C, S, S) in means of 8×8 pixels, linear between these."""
    means = F.avg_pool2d(images, COARSE)
    return F.interpolate(means, scale_factor=COARSE, mode="bilinear", align_corners=False)


def faded(images: Tensor) -> Tensor:
    """Images (B, C, S, S) that fade to nothing over the outermost pixels.

    There padded convolutions leave dots and lines, which a padded critic does not see.
    """
    side = torch.arange(images.shape[-1], device=images.device, dtype=images.dtype)
    ramp = (torch.minimum(side, side.flip(0)) / FADE).clamp(max=1)
    return images * torch.minimum(ramp[:, None], ramp)


def _through(blocks: Sequence[nn.Module] | nn.Module, features: Tensor, codes: Tensor) -> Tensor:
    assert isinstance(blocks, nn.ModuleList)
    for block in blocks:
        features = block(features, codes)
    return features
