"""How alike two pictures look, as functions with gradients.

Structural similarity (Wang et al. 2004), also over several scales, gives the numbers of
torchmetrics for images in 0…1: Gaussian windows with σ = 1.5 of 11 pixels, the picture mirrored at
its borders, K1 = 0.01, K2 = 0.03. Distance in the features of a network is that of Hou, Shen, Sun &
Qiu (arXiv:1610.00291).

Shapes: images (B, C, S, S) in 0…1; similarities (B,), 1 for equal pictures; distances (B,).
"""

from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F  # noqa: N812 (PyTorch's own abbreviation)
from torch import Tensor

from lik.core.errors import UnusableInput

WINDOW, SIGMA = 11, 1.5
C1, C2 = 0.01**2, 0.03**2

EXPONENTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
"""How much each scale counts, finest first (Wang, Simoncelli & Bovik 2003)."""

Features = Callable[[Tensor], Sequence[Tensor]]
"""Images (B, 3, S, S) in 0…1 → feature maps (B, C, H, W), from shallow to deep.

Its weights are to be fixed; gradients go through it to the images."""


def ssim(images: Tensor, reconstructions: Tensor) -> Tensor:
    """The structural similarity of each pair of pictures, at most 1, (B,)."""
    return _similarity(images, reconstructions)[0]


def ms_ssim(images: Tensor, reconstructions: Tensor) -> Tensor:
    """The structural similarity over several scales, 0…1, (B,).

    Contrast and structure count at every scale, luminance at the coarsest; negative parts count as
    0. A picture of 64 pixels has three scales, the exponents of which are brought to a sum of 1.
    """
    exponents = scale_exponents(images.shape[-1])
    product = images.new_ones(len(images))
    for scale, exponent in enumerate(exponents):
        if scale:
            images, reconstructions = F.avg_pool2d(images, 2), F.avg_pool2d(reconstructions, 2)
        whole, contrast = _similarity(images, reconstructions)
        last = scale == len(exponents) - 1
        product = product * _power(whole if last else contrast, exponent)
    return product


def scale_exponents(height: int, width: int | None = None) -> tuple[float, ...]:
    """The exponents of the scales that a picture has room for, brought to a sum of 1.

    Up to five, each half as large as the one before and none smaller than a window. The fourth and
    fifth ask for somewhat more, as torchmetrics does, so that both give the same: the side over
    9 and over 16 must be a window. 64 and 96 pixels have three scales, 99 four, 176 all five.

    Raises:
        UnusableInput: there is not room for one.
    """
    shorter = min(height, width or height)
    count = sum(shorter // max(2**scale, scale**2) >= WINDOW for scale in range(len(EXPONENTS)))
    if not count:
        raise UnusableInput(
            f"a picture of {width or height}×{height} pixels is too small to measure structural "
            f"similarity: its shorter side must have {WINDOW} pixels."
        )
    total = sum(EXPONENTS[:count])
    return tuple(exponent / total for exponent in EXPONENTS[:count])


def _similarity(images: Tensor, reconstructions: Tensor) -> tuple[Tensor, Tensor]:
    """Of each picture (B,): the whole index, and its part of contrast and structure alone."""
    blur = _blur(images.shape[-1], images)
    moments = torch.stack(
        [images, reconstructions, images**2, reconstructions**2, images * reconstructions]
    )
    # Blurred along rows and columns, mirrored borders and all, as two products of matrices.
    mean_x, mean_y, square_x, square_y, product = (blur @ moments @ blur.T).unbind()
    variance_x = (square_x - mean_x**2).clamp(min=0)
    variance_y = (square_y - mean_y**2).clamp(min=0)
    contrast = (2 * (product - mean_x * mean_y) + C2) / (variance_x + variance_y + C2)
    luminance = (2 * mean_x * mean_y + C1) / (mean_x**2 + mean_y**2 + C1)
    edge = WINDOW // 2  # there windows look at mirrored pixels; torchmetrics leaves them out here
    inner = contrast[..., edge:-edge, edge:-edge]
    return (luminance * contrast).flatten(1).mean(dim=1), inner.flatten(1).mean(dim=1)


def _blur(size: int, like: Tensor) -> Tensor:
    """The matrix (S, S) that blurs a row of pixels by the window, mirrored at its ends."""
    offsets = torch.arange(WINDOW, device=like.device) - WINDOW // 2
    weights = torch.exp(-((offsets / SIGMA) ** 2) / 2).to(like.dtype)
    weights = weights / weights.sum()
    pixels = torch.arange(size, device=like.device)
    seen = (pixels[:, None] + offsets).abs()
    seen = (size - 1) - ((size - 1) - seen).abs()
    return ((seen[:, :, None] == pixels) * weights[:, None]).sum(dim=1)


def _power(base: Tensor, exponent: float) -> Tensor:
    """base^exponent, and 0 without a gradient where the base is not positive."""
    positive = base > 0
    return torch.where(positive, torch.where(positive, base, 1.0) ** exponent, 0.0)


def feature_loss(
    features: Features,
    images: Tensor,
    reconstructions: Tensor,
    layers: Sequence[int] | None = None,
) -> Tensor:
    """Σ over layers of ½ the mean square difference of two feature maps, (B,).

    Equations 3 and 4 of the paper: 1 / (2CHW) Σ (Φ(x) − Φ(x̂))² of each layer, added up. The unit
    is that of the features, squared. ``layers`` counts the network's maps from 0; all by default.
    """
    with torch.no_grad():
        targets = features(images)
    found = features(reconstructions)
    chosen = range(len(found)) if layers is None else layers
    distances = [
        0.5 * (found[layer].float() - targets[layer].float()).square().flatten(1).mean(dim=1)
        for layer in chosen
    ]
    return torch.stack(distances).sum(dim=0)
