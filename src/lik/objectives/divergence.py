"""What is made of the KL divergence: pure functions, nats per image (B,).

Shapes: KL of each dimension (B, D), of each image (B,).
"""

from torch import Tensor


def with_free_bits(kl_per_dimension: Tensor, free: float) -> Tensor:
    """Σ over dimensions of max(mean KL of the batch, ``free``), shared out to the images, (B,).

    Kingma et al., arXiv:1606.04934, equation 15. Dimensions that carry fewer nats than ``free`` on
    average over the batch cost ``free`` and send no gradient.
    """
    enough = kl_per_dimension.detach().mean(dim=0) > free
    return kl_per_dimension.where(enough, free).sum(dim=1)


def off_capacity(kl: Tensor, capacity: Tensor | float, gamma: float) -> Tensor:
    """γ |KL − C|: what an image costs that carries other than C nats.

    Burgess et al., arXiv:1804.03599, equation 8.
    """
    return gamma * (kl - capacity).abs()
