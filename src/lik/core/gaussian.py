"""What an encoder says about images: posteriors of their codes, the diagonal Gaussian first of all.

Shapes: codes, mean and log variance (B, D); divergences in nats.
"""

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor


class Posterior(Protocol):
    """The distribution q(z | x) of the codes of B images, whatever its family."""

    @property
    def mean(self) -> Tensor:
        """The code that stands for each image, (B, D)."""

    def sample(self, noise: Tensor) -> Tensor:
        """A code for each image, (B, D), drawn by standard normal ``noise`` (B, W)."""

    def kl_per_dimension(self) -> Tensor:
        """KL from the prior in nats, (B, K): of each dimension, or each group or symbol."""


@dataclass(frozen=True)
class DiagonalGaussian:
    """N(mean, exp(log_variance)), independent in every dimension; both fields (B, D)."""

    mean: Tensor
    log_variance: Tensor

    def sample(self, noise: Tensor) -> Tensor:
        """The reparametrised sample μ + σ ε of ``noise`` ε ~ N(0, 1), both of shape (B, D)."""
        return self.mean + torch.exp(0.5 * self.log_variance) * noise

    def kl_per_dimension(self) -> Tensor:
        """KL(self ‖ N(0, 1)) in nats, (B, D): ½ (σ² + μ² − log σ² − 1)."""
        variance = self.log_variance.exp()
        return 0.5 * (variance + self.mean.square() - self.log_variance - 1)

    def kl_to_standard(self) -> Tensor:
        """KL(self ‖ N(0, I)) in nats per image, (B,): the second sum of the paper's equation 1."""
        return self.kl_per_dimension().sum(dim=1)
