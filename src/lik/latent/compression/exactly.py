"""Decodings that are the same on every machine, up to a rounding that all but never falls apart.

In float64, machines and thread counts differ by about 1e-13 of a value, and a pixel is rounded the
other way by one in some 10¹¹. A checksum of the pixels tells when that has happened.
"""

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from lik.core.batched import slices
from lik.core.errors import UnusableInput
from lik.core.pixels import Pictures
from lik.latent.session import Codes, Session
from lik.models.refiner import Refined

AT_ONCE = 64
"""Codes that are decoded together."""


class _AllDouble(TorchFunctionMode):
    """Lets nothing go back to float32, as the last layers of decoders do on purpose."""

    def __torch_function__(
        self, function: Callable[..., Any], types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        if function is Tensor.float:
            return args[0]
        return function(*args, **(kwargs or {}))


def exact_decodings(session: Session, codes: Codes) -> Pictures:
    """Codes (N, D) → pictures uint8 (N, S, S, 3), on the CPU, without what a refiner invents.

    Raises:
        UnusableInput: a model that decodes in float32 whatever its weights are.
    """
    double = copy.deepcopy(session.model).to("cpu", torch.float64)
    decode = double.unrefined if isinstance(double, Refined) else double.decode
    parts = []
    with torch.no_grad(), torch.autocast("cpu", enabled=False), _AllDouble():
        for part in slices(len(codes), AT_ONCE):
            images = decode(torch.from_numpy(codes[part].astype(np.float64)))
            parts.append(_rounded(images, session.name))
    return np.concatenate(parts)


def _rounded(images: Tensor, name: str) -> Pictures:
    if images.dtype != torch.float64:
        raise UnusableInput(
            f"{name} cannot keep faces exactly: its decoder does not compute in float64."
        )
    pixels = np.rint(255 * images.numpy().transpose(0, 2, 3, 1))
    return np.asarray(np.clip(pixels, 0, 255), np.uint8)
