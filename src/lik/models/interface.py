"""What every variational autoencoder here offers; a model never knows its loss.

Shapes: images (B, 3, S, S) in 0…1; codes (B, D); noise (B, W). A code of several groups, or of
symbols on a grid, is laid out flat.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

from pydantic import Field
from torch import Tensor, nn

from lik.core.configuration import Settings
from lik.core.gaussian import Posterior

MOST_SIZE = 2048
"""Pixels of a picture's side, and channels of its maps, at the most: beyond is no number meant."""

Channels = Annotated[int, Field(ge=1, le=MOST_SIZE)]


class VAESettings(Settings):
    """What the configurations of all families have: a ``name``, and the ``size`` in pixels.

    A family gives ``name`` as a literal with that default, and a default to all else.
    """

    name: str = ""
    size: int = Field(64, ge=1, le=MOST_SIZE)


@dataclass(frozen=True)
class Pass:
    """One way through a model.

    Attributes:
        posterior: what the encoder said.
        code: drawn from it, (B, D).
        reconstruction: what the decoder made of the code, (B, 3, S, S).
        kl: KL from the prior in nats, (B, K), of each dimension, or each group or symbol. Their sum
            is that of an image; it may depend on the code that was drawn.
        extra: further terms (B,) that the family itself asks to be minimised, by name, such as the
            commitment of a vector quantiser.
    """

    posterior: Posterior
    code: Tensor
    reconstruction: Tensor
    kl: Tensor
    extra: Mapping[str, Tensor] | None = None


class VAE(nn.Module):
    """An encoder to a posterior of codes, and a decoder from a code.

    Attributes:
        size: side S of the square images, in pixels.
        latent: number D of numbers in a code.
        encoder, decoder: the two halves, so that each can be counted, exported and imported alone.
    """

    size: int
    latent: int
    encoder: nn.Module
    decoder: nn.Module

    @property
    def noise_width(self) -> int:
        """How many standard normal numbers W draw the code of an image: D, if not said otherwise.

        For a posterior and for the prior alike.
        """
        return self.latent

    def encode(self, images: Tensor) -> Posterior:
        """Images (B, 3, S, S) → the approximate posterior q(z | x)."""
        posterior: Posterior = self.encoder(images)
        return posterior

    def decode(self, codes: Tensor) -> Tensor:
        """Codes (B, D) → images (B, 3, S, S) in 0…1."""
        images: Tensor = self.decoder(codes)
        return images

    def from_prior(self, noise: Tensor) -> Tensor:
        """Standard normal ``noise`` (B, W) → codes (B, D) of the prior, N(0, I) by default."""
        return noise

    def forward(self, images: Tensor, noise: Tensor) -> Pass:
        """Encode, draw one code per image by standard normal ``noise`` (B, W), decode."""
        posterior = self.encode(images)
        code = posterior.sample(noise)
        return Pass(posterior, code, self.decode(code), posterior.kl_per_dimension())


@dataclass(frozen=True)
class ParameterCount:
    """Numbers stored in a module as Keras counts them: weights and the averages of batch norm."""

    trained: int
    fixed: int

    @property
    def total(self) -> int:
        return self.trained + self.fixed


def count_parameters(module: nn.Module) -> ParameterCount:
    """Count the weights that are trained, and the running averages that are not."""
    trained = sum(parameter.numel() for parameter in module.parameters())
    fixed = sum(buffer.numel() for buffer in module.buffers() if buffer.is_floating_point())
    return ParameterCount(trained, fixed)
