"""The precision that networks compute in on a device."""

from typing import Literal

import torch

Precision = Literal["auto", "float32", "bfloat16"]


def choose_precision(device: torch.device, wanted: Precision = "auto") -> torch.dtype:
    """What passes through networks are computed in: by itself bfloat16, where that is faster."""
    if wanted == "auto":
        return torch.bfloat16 if has_fast_bfloat16(device) else torch.float32
    return torch.bfloat16 if wanted == "bfloat16" else torch.float32


def has_fast_bfloat16(device: torch.device) -> bool:
    """Whether the device multiplies bfloat16 faster than float32 (AMX, AVX512-BF16, Ampere)."""
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= (8, 0)
    checks = ("_is_amx_tile_supported", "_is_avx512_bf16_supported")
    return any(getattr(torch.cpu, check, lambda: False)() for check in checks)
