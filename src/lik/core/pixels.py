"""Pixels change their range and layout here, and nowhere else.

Stored pictures are uint8 (B, H, W, 3) in 0…255, red first; models see float32 (B, 3, H, W)
in 0…1, as the paper divides by 255.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lik.core.errors import UnusableInput

Pictures = NDArray[np.uint8]


def to_float(pictures: Pictures | Tensor) -> Tensor:
    """Pictures uint8 (B, H, W, 3) → float32 (B, 3, H, W) in 0…1, on the device they lie on."""
    tensor = pictures if isinstance(pictures, Tensor) else torch.from_numpy(np.array(pictures))
    if tensor.dtype != torch.uint8 or tensor.ndim != 4 or tensor.shape[-1] != 3:
        raise UnusableInput(
            "pictures must be uint8 of shape (B, H, W, 3), "
            f"not {str(tensor.dtype).removeprefix('torch.')} of shape {tuple(tensor.shape)}."
        )
    return tensor.permute(0, 3, 1, 2).to(torch.float32).div_(255)


def to_uint8(images: Tensor) -> Pictures:
    """Images float (B, 3, H, W) → uint8 (B, H, W, 3), rounded, values outside 0…1 clipped."""
    scaled = images.detach().to(torch.float32).mul(255).round().clamp(0, 255).to(torch.uint8)
    return scaled.permute(0, 2, 3, 1).contiguous().cpu().numpy()
