"""What a network that knows attributes says of pictures, and of codes through their decodings."""

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from lik.core.pixels import Pictures, to_float
from lik.latent.session import BATCH, Codes, Session


def logits_of(
    session: Session, network: Callable[[Tensor], Tensor], codes: Codes,
    told: Callable[[int, int], None] = lambda done, total: None,
) -> NDArray[np.float32]:  # fmt: skip
    """Codes (N, D) → the logits (N, A) of their decodings; ``told`` how far it is."""
    parts: list[NDArray[np.float32]] = []
    for images in session.decode_batches(codes):
        told(sum(map(len, parts)), len(codes))
        with torch.no_grad():
            parts.append(network(images).float().cpu().numpy())
    logits: NDArray[np.float32] = np.concatenate(parts)
    return logits


def logits_of_pictures(
    network: nn.Module, pictures: Pictures, device: str | torch.device = "cpu",
    told: Callable[[int, int], None] = lambda done, total: None,
) -> NDArray[np.float32]:  # fmt: skip
    """Pictures uint8 (N, S, S, 3), N ≥ 1 → their logits (N, A), on the device of the network.

    The network is then in evaluation mode; ``told`` how far it is.
    """
    network.eval()
    parts = []
    for start in range(0, len(pictures), BATCH):
        told(start, len(pictures))
        images = to_float(pictures[start : start + BATCH]).to(device)
        with torch.no_grad():
            parts.append(network(images).float().cpu().numpy())
    logits: NDArray[np.float32] = np.concatenate(parts)
    return logits


def judge_of(
    session: Session, network: Callable[[Tensor], Tensor], column: int
) -> Callable[[Codes], NDArray[np.float32]]:
    """Codes (N, D) → the logit (N,) of one attribute, that of ``column``."""
    return lambda codes: logits_of(session, network, codes)[:, column]
