"""What a network that knows attributes says of pictures, and of codes through their decodings."""

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from lik.core.batched import through
from lik.core.pixels import Pictures
from lik.latent.session import Codes, Session


def logits_of(
    session: Session, network: Callable[[Tensor], Tensor], codes: Codes,
    told: Callable[[int, int], None] = lambda done, total: None,
) -> NDArray[np.float32]:  # fmt: skip
    """Codes (N, D) → the logits (N, A) of their decodings; ``told`` how far it is."""
    return through(
        lambda batch: network(session.model.decode(batch).float()), codes,
        device=session.device, progress=lambda stage, done, total: told(done, total),
    )  # fmt: skip


def logits_of_pictures(
    network: nn.Module, pictures: Pictures, device: str | torch.device = "cpu",
    told: Callable[[int, int], None] = lambda done, total: None,
) -> NDArray[np.float32]:  # fmt: skip
    """Pictures uint8 (N, S, S, 3) → their logits (N, A), on the device of the network.

    The network is then in evaluation mode; ``told`` how far it is.
    """
    return through(
        network.eval(), pictures, device=device,
        progress=lambda stage, done, total: told(done, total),
    )  # fmt: skip
