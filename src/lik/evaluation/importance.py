"""How probable a model finds faces: the importance-weighted bound on log p(x).

With K codes drawn from the posterior q(z | x) of each face,

    log p(x)  ≥  E log 1/K Σ_k p(x | z_k) p(z_k) / q(z_k | x)

(Burda et al., arXiv:1509.00519, equation 8). K = 1 is the ELBO; the bound never falls with K, and
tends to log p(x). Everything is summed in float64.

Shapes: images (N, …); codes (N, D); bounds in nats per image, (N,).
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
    """The bounds of N images.

    Attributes:
        importance_weighted: with all K codes, (N,).
        elbo: the mean over the same codes of the bound of each alone, (N,).
        effective: effective number of codes 1 … K, (Σw)² / Σw², (N,): near 1, a single code
            carries the sum, and the bound is far from tight.
    """

    codes: int
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
    """Bound log p(x) of ``images`` (N, …) from below, with ``codes`` per image.

    Args:
        images: what the likelihood is of, in the range that the decoder gives.
        posterior: of each image, fields (N, D).
        decode: codes (B, D) → what they decode to, (B, …).
        log_density: log p(x | z), with all its constants.
        codes: K, at least 1.
        generator: draws the codes, on the device of ``images``.
        progress: is told how many codes of all have been decoded.

    Raises:
        UnusableInput: ``codes`` is below 1.
    """
    if codes < 1:
        raise UnusableInput(f"the number of codes per image must be at least 1, not {codes}.")
    rows = []
    together = max(1, AT_ONCE // codes)
    for start in range(0, len(images), together):
        part = slice(start, start + together)
        of_part = DiagonalGaussian(posterior.mean[part], posterior.log_variance[part])
        rows.append(_log_weights(images[part], of_part, decode, log_density, codes, generator))
        done = min(start + together, len(images)) * codes
        progress("importance sampling", done, len(images) * codes)
    weights = torch.cat(rows) if rows else torch.zeros(0, codes, dtype=torch.float64)
    total = weights.logsumexp(dim=1)
    return Bound(
        codes,
        total - math.log(codes),
        weights.mean(dim=1),
        (2 * total - (2 * weights).logsumexp(dim=1)).exp(),
    )


def _log_weights(
    images: Tensor,
    posterior: DiagonalGaussian,
    decode: Decode,
    log_density: LogDensity,
    codes: int,
    generator: torch.Generator,
) -> Tensor:
    """log p(x | z) p(z) / q(z | x) of ``codes`` codes for each image, (B, K) in float64."""
    columns = []
    fewer = max(1, AT_ONCE // len(images))
    for start in range(0, codes, fewer):
        count = min(fewer, codes - start)
        mean = posterior.mean.repeat_interleave(count, dim=0)
        log_variance = posterior.log_variance.repeat_interleave(count, dim=0)
        noise = torch.empty_like(mean).normal_(generator=generator)
        z = DiagonalGaussian(mean, log_variance).sample(noise)
        # log p(z) − log q(z | x), in which ½ log 2π cancels
        noise, drawn = noise.double(), z.double()
        prior = 0.5 * (noise.square() + log_variance.double() - drawn.square()).sum(dim=1)
        repeated = images.double().repeat_interleave(count, dim=0)
        likelihood = log_density(repeated, decode(z).double()).double()
        columns.append((likelihood + prior).reshape(len(images), count))
    return torch.cat(columns, dim=1)


def bits_per_dimension(nats: float, dimensions: int, discrete: bool) -> float:
    """−log₂ p(x) per pixel and channel, where ``nats`` is log p(x) of an image of ``dimensions``.

    A density over 0…1 is taken for the probability of one of 256 values by the width 1/256 of
    each, which adds 8 bits. That is exact as far as the density does not change over this width,
    that is where σ is far above 1/256.
    """
    bits = -nats / (dimensions * math.log(2))
    return bits if discrete else bits + math.log2(LEVELS)
