"""Reconstruction errors: pure functions of two image batches (B, 3, S, S), nats per image (B,).

Each is −log p(x | z) of some density, whole or up to a constant; which, `likelihood` says.
"""

import math

import torch
import torch.nn.functional as F  # noqa: N812 (PyTorch's own abbreviation)
from torch import Tensor

STEP = 1 / 255
"""The distance of two values of an 8-bit pixel in 0…1."""


def sse(images: Tensor, reconstructions: Tensor) -> Tensor:
    """Σ (x − x̂)² over the pixels and channels of an image: the scale of the published figures.

    Up to a constant it is −log p(x | z) of a Gaussian with variance ½.
    """
    return (images - reconstructions).square().flatten(1).sum(dim=1)


def half_sse(images: Tensor, reconstructions: Tensor) -> Tensor:
    """½ Σ (x − x̂)²: the first sum of the paper's equation 1, a Gaussian with variance 1."""
    return 0.5 * sse(images, reconstructions)


def l1(images: Tensor, reconstructions: Tensor) -> Tensor:
    """Σ |x − x̂|: up to a constant −log p(x | z) of a Laplace density with scale 1."""
    return (images - reconstructions).abs().flatten(1).sum(dim=1)


def gaussian(images: Tensor, reconstructions: Tensor, log_sigma: Tensor) -> Tensor:
    """−log N(x; x̂, σ² I), with its constant, for a σ shared by all pixels (scalar ``log_sigma``).

    The σ-VAE (Rybkin, Daniilidis & Levine, arXiv:2006.13202). A density may be above 1, so that
    the nats may be negative.
    """
    values = images[0].numel()
    return 0.5 * sse(images, reconstructions) * torch.exp(-2 * log_sigma) + values * (
        log_sigma + 0.5 * math.log(2 * math.pi)
    )


def optimal_log_sigma(images: Tensor, reconstructions: Tensor) -> Tensor:
    """log σ of the σ that makes `gaussian` smallest on average: σ² is the mean square error.

    arXiv:2006.13202, section 3.2. At the minimum the gradient through σ is zero, so it gives none.
    """
    return 0.5 * (images - reconstructions).detach().square().mean().clamp(min=1e-12).log()


def laplace(images: Tensor, reconstructions: Tensor, scale: float) -> Tensor:
    """−log p(x | z) of a Laplace density with this scale, with its constant."""
    return l1(images, reconstructions) / scale + images[0].numel() * math.log(2 * scale)


def logistic(images: Tensor, reconstructions: Tensor, log_scale: Tensor) -> Tensor:
    """−log P(x | z) of 8-bit pixels under a logistic density cut into 256 steps.

    The mass between x − ½ and x + ½ steps; the first and last value take the tails (Kingma et al.,
    arXiv:1606.04934; Salimans et al., arXiv:1701.05517). ``log_scale``, a scalar, is that of the
    density in 0…1, shared by all pixels. A probability: divided by the number of values and by
    log 2 it is bits per dimension.
    """
    inverse = torch.exp(-log_scale)
    above = (images + STEP / 2 - reconstructions) * inverse
    below = (images - STEP / 2 - reconstructions) * inverse
    # σ(a) − σ(b) = σ(a) σ(−b) (1 − exp(b − a)): no difference of nearly equal numbers.
    up_to, from_on = F.logsigmoid(above), F.logsigmoid(-below)
    within = up_to + from_on + torch.log(-torch.expm1(-STEP * inverse))
    mass = torch.where(
        images < STEP / 2, up_to, torch.where(images > 1 - STEP / 2, from_on, within)
    )
    return -mass.flatten(1).sum(dim=1)


SCALES = {
    "sse": "Σ(x−x̂)²",
    "half_sse": "½Σ(x−x̂)²",
    "gaussian": "−log N(x; x̂, σ²)",
    "l1": "Σ|x−x̂|",
    "logistic": "−log P(x), logistic",
    "ssim": "(1−SSIM)",
    "ms_ssim": "(1−MS-SSIM)",
    "features": "feature distance",
}
"""How figures of each reconstruction error are named where people read them."""
