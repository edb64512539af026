"""Convolutions 4×4 of stride 2, and transposed ones, as matrix products of patches (im2col).

At the few channels of these models a GPU's own convolutions leave most of it idle; a product of
matrices does not, and compiled, the copying of patches becomes one kernel with the layers around
it. On an H100 this nearly halves the time of a step (docs/measurements.md).

Shapes: small maps (B, C, h, w), large ones (B, C', 2h, 2w), weights (C, C', 4, 4); columns
(B h w, 16 C'), a row for each window of a large map. All have their channels last in memory, where
none of the views below copies anything.
"""

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812


def suits(features: Tensor) -> bool:
    """Whether this is the quick way: compiled on a GPU, in lower precision than float32."""
    return (
        features.device.type == "cuda"
        and torch.compiler.is_compiling()
        and torch.is_autocast_enabled("cuda")
    )


def in_autocast(features: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
    """Both in the precision that autocast has on their device, where it is on."""
    kind = features.device.type
    if not torch.is_autocast_enabled(kind):
        return features, weight
    precision = torch.get_autocast_dtype(kind)
    return features.to(precision), weight.to(precision)


def halve(large: Tensor, weight: Tensor) -> Tensor:
    """``conv2d(large, weight, stride=2, padding=1)``, in autocast's precision where it is on."""
    large, weight = in_autocast(large, weight)
    small: Tensor = _Halve.apply(large, weight)  # type: ignore[no-untyped-call]
    return small


def double(small: Tensor, weight: Tensor, padding: int = 1) -> Tensor:
    """The first 2h rows and 2w columns of ``conv_transpose2d(small, weight, None, 2, padding)``.

    ``padding`` 0 or 1; with 1 these are all there are.
    """
    small, weight = in_autocast(small, weight)
    large: Tensor = _Double.apply(small, weight, padding)  # type: ignore[no-untyped-call]
    return large


def im2col(large: Tensor, padding: int) -> Tensor:
    """The 4×4 windows of a large map, two apart, the first of which begins at −``padding``."""
    margins = (padding, 2 - padding) * 2
    windows = F.pad(large, margins).unfold(2, 4, 2).unfold(3, 4, 2)
    return windows.permute(0, 2, 3, 4, 5, 1).reshape(-1, 16 * large.shape[1])


def col2im(columns: Tensor, small: tuple[int, int, int], padding: int) -> Tensor:
    """The adjoint of `im2col`: windows of ``small`` maps (B, h, w), summed where they overlap.

    Row 2m + k of the sum is of window m, at k = 2t + p within it. Hence rows 2a + p are made of two
    windows, m = a (t = 0) and m = a − 1 (t = 1); columns alike.
    """
    batch, height, width = small
    parts = columns.view(batch, height, width, 2, 2, 2, 2, -1)  # …, t, p of rows, of columns, C'
    total = sum(
        F.pad(parts[:, :, :, t, :, u], (0, 0) * 3 + (u, 1 - u, t, 1 - t))
        for t in (0, 1)
        for u in (0, 1)
    )
    assert isinstance(total, Tensor)
    side_by_side = total.permute(0, 1, 3, 2, 4, 5).flatten(3, 4).flatten(1, 2)
    rows, columns_ = (slice(padding, padding + 2 * side) for side in (height, width))
    return side_by_side[:, rows, columns_].permute(0, 3, 1, 2)


class _Halve(torch.autograd.Function):
    @staticmethod
    def forward(context: Any, large: Tensor, weight: Tensor) -> Tensor:
        columns, kernels = im2col(large, 1), _as_matrix(weight)
        context.save_for_backward(columns, weight)
        return _as_map(columns @ kernels.t(), large.shape[0], large.shape[2] // 2)

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> tuple[Tensor | None, Tensor]:
        columns, weight = context.saved_tensors
        rows = _as_rows(gradient)
        of_large = None
        if context.needs_input_grad[0]:
            of_large = col2im(rows @ _as_matrix(weight), _sides(gradient), 1)
        return of_large, _as_weight(rows.t() @ columns)


class _Double(torch.autograd.Function):
    @staticmethod
    def forward(context: Any, small: Tensor, weight: Tensor, padding: int) -> Tensor:
        rows = _as_rows(small)
        context.save_for_backward(rows, weight)
        context.padding = padding
        return col2im(rows @ _as_matrix(weight), _sides(small), padding)

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> tuple[Tensor, Tensor, None]:
        rows, weight = context.saved_tensors
        columns = im2col(gradient, context.padding)
        of_small = columns @ _as_matrix(weight).t()
        height = gradient.shape[2] // 2
        return _as_map(of_small, gradient.shape[0], height), _as_weight(rows.t() @ columns), None


def _as_rows(features: Tensor) -> Tensor:
    """(B, C, h, w) → (B h w, C)."""
    return features.permute(0, 2, 3, 1).reshape(-1, features.shape[1])


def _as_map(rows: Tensor, batch: int, height: int) -> Tensor:
    """(B h w, C) → (B, C, h, w)."""
    return rows.view(batch, height, -1, rows.shape[1]).permute(0, 3, 1, 2)


def _as_matrix(weight: Tensor) -> Tensor:
    """(C, C', 4, 4) → (C, 16 C')."""
    return weight.permute(0, 2, 3, 1).reshape(weight.shape[0], -1)


def _as_weight(matrix: Tensor) -> Tensor:
    """(C, 16 C') → (C, C', 4, 4)."""
    return matrix.view(matrix.shape[0], 4, 4, -1).permute(0, 3, 1, 2)


def _sides(small: Tensor) -> tuple[int, int, int]:
    return small.shape[0], small.shape[2], small.shape[3]
