"""Layers in forms that are quick to train, with the weights and results of the plain ones.

`quicken` turns the layers of a model into these; only training needs the gain, so that in
evaluation mode each is the plain layer again. Weights are stored and named as before: only the
order of the arithmetic is another.

Two things make PyTorch's transposed convolution slow on a CPU, forwards and backwards. With a bias
inside it, oneDNN often falls back to slow code, and the bias's own gradient is a slow sum: here the
bias is added after it. And few output channels, as the three of a picture, leave wide vector units
nearly empty: here they are computed as four times as many, see `sub_pixel`.

At the few channels of these models a GPU's own convolutions leave most of it idle; a product of
matrices with patches (im2col) does not, and compiled, the copying of patches becomes one kernel
with the layers around it. On an H100 this nearly halves the time of a step (docs/measurements.md).

Shapes: features (B, C, H, W); of convolutions 4×4 of stride 2, and transposed ones, small maps
(B, C, h, w), large ones (B, C', 2h, 2w), weights (C, C', 4, 4), columns (B h w, 16 C'), a row for
each window of a large map. All have their channels last in memory, where none of the views below
copies anything.
"""

from collections.abc import Callable, Sequence
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn
from torch.nn.grad import conv2d_weight

from lik.core.gaussian import DiagonalGaussian
from lik.models.paper import GaussianHeads, SameConvTranspose

FEW_CHANNELS = 8
"""Output channels up to which `sub_pixel` is the faster form on a CPU."""


def suits(features: Tensor) -> bool:
    """Whether this is the quick way: compiled on a GPU, in lower precision than float32."""
    return (
        features.device.type == "cuda"
        and torch.compiler.is_compiling()
        and torch.is_autocast_enabled("cuda")
    )


def quicken(model: nn.Module) -> None:
    """Let every layer of a model that has a quick form train in it, in place."""
    for layer in model.modules():
        for kind, fits, quick in QUICK:
            if type(layer) is kind and fits(layer):
                layer.__class__ = quick
                break


class QuickConv4x4(nn.Conv2d):
    """A 4×4 stride-2 convolution with padding 1: (B, C', H / 2, W / 2)."""

    def forward(self, input: Tensor) -> Tensor:
        if self.training and suits(input):
            return with_bias(halve(input, self.weight), self.bias)
        return super().forward(input)


class QuickConv1x1(nn.Conv2d):
    """A dense layer applied at each position alike: (B, C', H, W)."""

    def forward(self, input: Tensor) -> Tensor:
        if self.training and suits(input):
            positions = F.linear(input.permute(0, 2, 3, 1), self.weight.flatten(1), self.bias)
            return positions.permute(0, 3, 1, 2)
        return super().forward(input)


class QuickConvTranspose4x4(nn.ConvTranspose2d):
    """A 4×4 stride-2 transposed convolution with padding 1: (B, C', 2H, 2W)."""

    def forward(self, input: Tensor, output_size: list[int] | None = None) -> Tensor:
        if not self.training:
            return super().forward(input)
        if suits(input):
            return with_bias(double(input, self.weight), self.bias)
        if self.out_channels <= FEW_CHANNELS and input.device.type == "cpu":
            return with_bias(sub_pixel(input, self.weight), self.bias)
        doubled = F.conv_transpose2d(input, self.weight, stride=2, padding=1)
        return with_bias(doubled, self.bias)


class QuickSameConvTranspose(SameConvTranspose):
    """A 3×3 stride-2 transposed convolution with Keras' padding: (B, C', 2H, 2W)."""

    def forward(self, features: Tensor, output_size: list[int] | None = None) -> Tensor:
        if self.training and suits(features):
            kernels = F.pad(self.weight, (0, 1, 0, 1))  # with a last row and column of zeros
            return with_bias(double(features, kernels, padding=0), self.bias)
        return super().forward(features)


class QuickHeads(GaussianHeads):
    """Mean and log variance as one product of matrices."""

    def forward(self, features: Tensor) -> DiagonalGaussian:
        if not self.training:
            return super().forward(features)
        with torch.autocast(features.device.type, enabled=False):
            weight = torch.cat([self.mean.weight, self.log_variance.weight])
            bias = torch.cat([self.mean.bias, self.log_variance.bias])
            both = F.linear(features.flatten(1).float(), weight, bias)
        return DiagonalGaussian(*both.chunk(2, dim=1))


def _is_plain(layer: Any, kernel: int, stride: int, padding: int) -> bool:
    """Whether a convolution is of this square shape and of no special kind."""
    return bool(
        layer.kernel_size == (kernel, kernel)
        and layer.stride == (stride, stride)
        and layer.padding == (padding, padding)
        and layer.dilation == (1, 1)
        and layer.groups == 1
        and layer.padding_mode == "zeros"
        and layer.output_padding == (0, 0)
    )


QUICK: tuple[tuple[type[nn.Module], Callable[[Any], bool], type[nn.Module]], ...] = (
    (nn.Conv2d, lambda layer: _is_plain(layer, 4, 2, 1), QuickConv4x4),
    (nn.Conv2d, lambda layer: _is_plain(layer, 1, 1, 0), QuickConv1x1),
    (nn.ConvTranspose2d, lambda layer: _is_plain(layer, 4, 2, 1), QuickConvTranspose4x4),
    (SameConvTranspose, lambda layer: True, QuickSameConvTranspose),
    (GaussianHeads, lambda layer: True, QuickHeads),
)
"""The plain layer, whether one is of the right shape, and its quick form."""


def with_bias(features: Tensor, bias: Tensor | None) -> Tensor:
    """Features (B, C, H, W) + bias (C,), in the precision of the features."""
    return features if bias is None else features + bias.to(features.dtype)[:, None, None]


def in_autocast(features: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
    """Both in the precision that autocast has on their device, where it is on."""
    kind = features.device.type
    if not torch.is_autocast_enabled(kind):
        return features, weight
    precision = torch.get_autocast_dtype(kind)
    return features.to(precision), weight.to(precision)


def sub_pixel(features: Tensor, weight: Tensor) -> Tensor:
    """What ``conv_transpose2d(features, weight, stride=2, padding=1)`` gives, weight (C, C', 4, 4).

    Output row 2m + p, of phase p = 0 or 1, is made of two input rows only:

        y[2m]     = w[3] x[m − 1] + w[1] x[m]
        y[2m + 1] = w[2] x[m]     + w[0] x[m + 1]

    that is, y[2m + p] = Σ_t w[3 − 2t − p] x[m − 1 + p + t] over the taps t = 0, 1; columns alike.
    So the four phases of rows and columns are the 4 C' channels of one 2×2 convolution of x with a
    border of zeros, and need only be put side by side. This is the sub-pixel convolution of
    arXiv:1609.05158. Its gradients are those of the transposed convolution,
    whose adjoint is the usual convolution of stride 2.
    """
    features, weight = in_autocast(features, weight)
    doubled: Tensor = _SubPixel.apply(features, weight)  # type: ignore[no-untyped-call]
    return doubled


class _SubPixel(torch.autograd.Function):
    @staticmethod
    def forward(context: Any, features: Tensor, weight: Tensor) -> Tensor:
        context.save_for_backward(features, weight)
        batch, channels_in, height, width = features.shape
        channels = weight.shape[1]
        # Flipped, index 3 − k is 2t + p.
        flipped = weight.flip(2, 3).reshape(channels_in, channels, 2, 2, 2, 2)
        kernels = flipped.permute(3, 5, 1, 0, 2, 4).reshape(4 * channels, channels_in, 2, 2)
        phases = F.conv2d(features, kernels, padding=1).permute(0, 2, 3, 1).contiguous()
        # Its (H + 1, W + 1) windows begin at x[-1]. Phase p is read p rows further on, hence a
        # step in p goes on by a row as well as by a phase; columns alike.
        pixel = 4 * channels
        row = (width + 1) * pixel
        side_by_side = phases.as_strided(
            (batch, height, 2, width, 2, channels),
            ((height + 1) * row, row, row + 2 * channels, pixel, pixel + channels, 1),
        )
        doubled = side_by_side.reshape(batch, 2 * height, 2 * width, channels)
        return doubled.permute(0, 3, 1, 2)

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> tuple[Tensor | None, Tensor | None]:
        features, weight = context.saved_tensors
        of_features = of_weight = None
        if context.needs_input_grad[0]:
            of_features = F.conv2d(gradient, weight, stride=2, padding=1)
        if context.needs_input_grad[1]:
            of_weight = conv2d_weight(  # type: ignore[no-untyped-call]
                gradient, weight.shape, features, stride=2, padding=1
            )
        return of_features, of_weight


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


def col2im(columns: Tensor, small: Sequence[int], padding: int) -> Tensor:
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
            of_large = col2im(rows @ _as_matrix(weight), gradient[:, 0].shape, 1)
        return of_large, _as_weight(rows.t() @ columns)


class _Double(torch.autograd.Function):
    @staticmethod
    def forward(context: Any, small: Tensor, weight: Tensor, padding: int) -> Tensor:
        rows = _as_rows(small)
        context.save_for_backward(rows, weight)
        context.padding = padding
        return col2im(rows @ _as_matrix(weight), small[:, 0].shape, padding)

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> tuple[Tensor, Tensor, None]:
        rows, weight = context.saved_tensors
        columns = im2col(gradient, context.padding)
        of_small = columns @ _as_matrix(weight).t()
        height = gradient.shape[2] // 2
        return _as_map(of_small, gradient.shape[0], height), _as_weight(rows.t() @ columns), None


def _as_rows(features: Tensor) -> Tensor:  # (B, C, h, w) → (B h w, C)
    return features.permute(0, 2, 3, 1).reshape(-1, features.shape[1])


def _as_map(rows: Tensor, batch: int, height: int) -> Tensor:  # and back
    return rows.view(batch, height, -1, rows.shape[1]).permute(0, 3, 1, 2)


def _as_matrix(weight: Tensor) -> Tensor:  # (C, C', 4, 4) → (C, 16 C')
    return weight.permute(0, 2, 3, 1).reshape(weight.shape[0], -1)


def _as_weight(matrix: Tensor) -> Tensor:  # and back
    return matrix.view(matrix.shape[0], 4, 4, -1).permute(0, 3, 1, 2)
