"""The KL divergence split in three (Chen, Li, Grosse & Duvenaud, arXiv:1802.04942, equation 2).

KL = mutual information of image and code + total correlation (how much the dimensions of the
aggregate posterior depend on one another) + KL of each dimension of the aggregate posterior.

Shapes: codes, means, log variances (B, D); parts in nats per image (B,).
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from lik.core.gaussian import DiagonalGaussian


@dataclass(frozen=True)
class Split:
    """Estimates from one code per image; their sum is log q(z|x) − log p(z), to the last digit."""

    mutual_information: Tensor
    total_correlation: Tensor
    dimension_kl: Tensor


def split_kl(posterior: DiagonalGaussian, codes: Tensor, faces: int) -> Split:
    """Split the KL of a batch of codes drawn from its posteriors.

    ``faces``: the size of the training set. The aggregate posterior q(z) = mean over the set of
    q(z | x) is estimated from the batch: q(z | x) of the image the code came from counts 1/N, the
    others of the batch stand for all the rest. It is the paper's stratified sampling (appendix
    C.1) with its weights averaged over the order of the batch.
    """
    # (B, B, D): the density of each code (first) under each posterior (second).
    pairs = _log_normal(codes[:, None], posterior.mean[None], posterior.log_variance[None])
    own = torch.diagonal(pairs, dim1=0, dim2=1).sum(dim=0)
    weights = _log_weights(len(codes), faces, codes)
    joint = torch.logsumexp(weights + pairs.sum(dim=2), dim=1)
    separate = torch.logsumexp(weights[:, :, None] + pairs, dim=1).sum(dim=1)
    prior = _log_normal(codes, codes.new_zeros(()), codes.new_zeros(())).sum(dim=1)
    return Split(own - joint, joint - separate, separate - prior)


def _log_weights(batch: int, faces: int, like: Tensor) -> Tensor:
    """log of what each posterior of a batch counts for each code, (B, B); rows sum to 1."""
    if batch == 1:
        return like.new_zeros(1, 1)
    share = 1 / max(faces, batch)
    same = torch.eye(batch, dtype=torch.bool, device=like.device)
    others = like.new_full((batch, batch), math.log((1 - share) / (batch - 1)))
    return others.masked_fill(same, math.log(share))


def _log_normal(values: Tensor, mean: Tensor, log_variance: Tensor) -> Tensor:
    return -0.5 * (
        math.log(2 * math.pi) + log_variance + (values - mean).square() * torch.exp(-log_variance)
    )
