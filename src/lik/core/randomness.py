"""Random numbers: one seed, and one independent stream for each purpose.

A stream is named by the seed and a path of words and numbers, such as ``(7, "order", epoch)``.
Work that is resumed finds its stream again by name, without any stored state.
"""

import hashlib

import numpy as np
import torch
from numpy.typing import NDArray


def derive(seed: int, *purpose: str | int) -> int:
    """A 63-bit seed for one purpose; other purposes of the same seed are independent of it."""
    name = repr((seed, *purpose)).encode()
    return int.from_bytes(hashlib.sha256(name).digest()[:8], "big") >> 1


def torch_stream(
    seed: int, *purpose: str | int, device: str | torch.device = "cpu"
) -> torch.Generator:
    """A PyTorch generator for one purpose, on the device whose numbers it is to make."""
    return torch.Generator(device=device).manual_seed(derive(seed, *purpose))


def numpy_stream(seed: int, *purpose: str | int) -> np.random.Generator:
    """A NumPy generator for one purpose."""
    return np.random.default_rng(derive(seed, *purpose))


def standard_normal(shape: tuple[int, ...], seed: int, *purpose: str | int) -> NDArray[np.float32]:
    """Standard normal numbers, the same for every device; more rows begin with the same rows."""
    return numpy_stream(seed, *purpose).standard_normal(shape, np.float32)
