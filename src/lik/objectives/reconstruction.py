"""Reconstruction errors: pure functions of two image batches (B, 3, S, S), nats per image (B,)."""

from torch import Tensor


def sse(images: Tensor, reconstructions: Tensor) -> Tensor:
    """Σ (x − x̂)² over the pixels and channels of an image: the scale of the published figures.

    Up to a constant it is −log p(x | z) of a Gaussian with variance ½.
    """
    return (images - reconstructions).square().flatten(1).sum(dim=1)


def half_sse(images: Tensor, reconstructions: Tensor) -> Tensor:
    """½ Σ (x − x̂)²: the first sum of the paper's equation 1, a Gaussian with variance 1."""
    return 0.5 * sse(images, reconstructions)


RECONSTRUCTIONS = {"sse": sse, "half_sse": half_sse}

SCALES = {"sse": "Σ(x−x̂)²", "half_sse": "½Σ(x−x̂)²"}
"""How figures of each reconstruction error are named where people read them."""
