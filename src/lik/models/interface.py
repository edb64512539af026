"""What every variational autoencoder here offers; a model never knows its loss.

Shapes: images (B, 3, S, S) in 0…1; codes (B, D).
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass

from torch import Tensor, nn

from lik.core.gaussian import DiagonalGaussian


@dataclass(frozen=True)
class Pass:
    """One way through the model: what the encoder said, the code drawn, what the decoder made."""

    posterior: DiagonalGaussian
    code: Tensor
    reconstruction: Tensor


class VAE(nn.Module, ABC):
    """An encoder to a diagonal Gaussian and a decoder from a code.

    Attributes:
        size: side S of the square images, in pixels.
        latent: number D of latent dimensions.
        encoder, decoder: the two halves, so that each can be counted, exported and imported alone.
    """

    size: int
    latent: int
    encoder: nn.Module
    decoder: nn.Module

    @abstractmethod
    def encode(self, images: Tensor) -> DiagonalGaussian:
        """Images (B, 3, S, S) → the approximate posterior q(z | x), fields (B, D)."""

    @abstractmethod
    def decode(self, codes: Tensor) -> Tensor:
        """Codes (B, D) → images (B, 3, S, S) in 0…1."""

    def forward(self, images: Tensor, noise: Tensor) -> Pass:
        """Encode, draw one code per image by standard normal ``noise`` (B, D), decode."""
        posterior = self.encode(images)
        code = posterior.sample(noise)
        return Pass(posterior, code, self.decode(code))


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
