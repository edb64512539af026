"""How probable a model finds faces: the importance-weighted bound on log p(x).

With K codes drawn from the posterior q(z | x) of each face,

    log p(x)  ≥  E log 1/K Σ_k p(x | z_k) p(z_k) / q(z_k | x)

(Burda et al., arXiv:1509.00519, equation 8). K = 1 is the ELBO; the bound never falls with K, and
tends to log p(x). Everything is summed in float64.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from lik.core.errors import UnusableInput
from lik.core.events import Progress, no_progress
from lik.core.gaussian import DiagonalGaussian

AT_ONCE = 256
"""Codes that are decoded at once."""

LEVELS = 256
"""Values that a stored pixel can have."""

Decode = Callable[[Tensor], Tensor]
LogDensity = Callable[[Tensor, Tensor], Tensor]
"""Images (B, …) and what was decoded for them, both float64 → log p(x | z) in nats, (B,)."""


@dataclass(frozen=True)
class Bound:
    """The bounds of N images, in nats per image.

    Attributes:
        importance_weighted: with all K codes, (N,).
        elbo: the mean over the same codes of the bound of each alone, (N,).
        effective: effective number of codes 1 … K, (Σw)² / Σw², (N,): near 1, a single code
            carries the sum, and the bound is far from tight.
    """

    importance_weighted: Tensor
    elbo: Tensor
    effective: Tensor


@torch.no_grad()
def importance_weighted_bound(
    images: Tensor,
    posterior: DiagonalGaussian,
    decode: Decode,
    log_density: LogDensity,
    codes: int,
    generator: torch.Generator,
    progress: Progress = no_progress,
) -> Bound:
    """Bound log p(x) of ``images`` (N, …) from below, with K = ``codes`` per image.

    Args:
        images: what the likelihood is of, in the range that the decoder gives.
        posterior: of each image, fields (N, D).
        decode: codes (B, D) → what they decode to, (B, …).
        log_density: log p(x | z), with all its constants.
        generator: draws the codes, on the device of ``images``.
        progress: is told how many codes of all have been decoded.

    Raises:
        UnusableInput: ``codes`` is below 1.
    """
    if codes < 1:
        raise UnusableInput(f"the number of codes per image must be at least 1, not {codes}.")

    def log_weights(part: slice, count: int) -> Tensor:
        """log p(x | z) p(z) / q(z | x) of ``count`` codes for each image of a part, (B, count)."""
        mean, log_variance, repeated = (
            values[part].repeat_interleave(count, dim=0)
            for values in (posterior.mean, posterior.log_variance, images)
        )
        noise = torch.empty_like(mean).normal_(generator=generator)
        z = DiagonalGaussian(mean, log_variance).sample(noise)
        likelihood = log_density(repeated.double(), decode(z).double()).double()
        # log p(z) − log q(z | x), in which ½ log 2π cancels
        squares = noise.double().square() + log_variance.double() - z.double().square()
        return (likelihood + 0.5 * squares.sum(dim=1)).reshape(-1, count)

    rows = [torch.zeros(0, codes, dtype=torch.float64)] if not len(images) else []
    together = max(1, AT_ONCE // codes)
    for start in range(0, len(images), together):
        part = slice(start, min(start + together, len(images)))
        fewer = max(1, AT_ONCE // (part.stop - start))
        columns = [log_weights(part, min(fewer, codes - first)) for first in range(0, codes, fewer)]
        rows.append(torch.cat(columns, dim=1))
        progress("importance sampling", part.stop * codes, len(images) * codes)
    weights = torch.cat(rows)
    total = weights.logsumexp(dim=1)
    effective = (2 * total - (2 * weights).logsumexp(dim=1)).exp()
    return Bound(total - math.log(codes), weights.mean(dim=1), effective)


def bits_per_dimension(nats: float, dimensions: int, discrete: bool) -> float:
    """−log₂ p(x) per pixel and channel, where ``nats`` is log p(x) of an image of ``dimensions``.

    A density over 0…1 is taken for the probability of one of 256 values by the width 1/256 of
    each, which adds 8 bits. That is exact as far as the density does not change over this width,
    that is where σ is far above 1/256.
    """
    bits = -nats / (dimensions * math.log(2))
    return bits if discrete else bits + math.log2(LEVELS)
