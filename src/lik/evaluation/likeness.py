"""How alike two pictures are, by several measures at once.

Pictures are float64 (H, W, 3) in 0…255; measures are taken of them in 0…1, but for the mean
squared error, which stays in the square of the pictures' unit, as is the custom.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torchmetrics.functional.image import (
    multiscale_structural_similarity_index_measure,
    structural_similarity_index_measure,
)

from lik.evaluation.distortions import WHITE, Picture, mean_squared_error
from lik.evaluation.feature_distance import distance_of_maps
from lik.objectives.similarity import Features, scale_exponents


@dataclass(frozen=True)
class Likeness:
    """How alike two pictures are.

    Attributes:
        mse: mean squared error, of values in 0…255. psnr: the same in dB, ∞ for equal pictures.
        ssim, ms_ssim: structural similarity, 1 for equal pictures (Wang et al. 2003, 2004).
        feature_distance: that of `lik.evaluation.feature_distance`, None without a network.
    """

    mse: float
    psnr: float
    ssim: float
    ms_ssim: float
    feature_distance: float | None = None


def measure_likeness(
    original: Picture, other: Picture, features: Features | None = None
) -> Likeness:
    """Compare a picture with the original, both (H, W, 3).

    Raises:
        UnusableInput: pictures too small for structural similarity.
    """
    exponents = scale_exponents(*original.shape[:2])
    mse = mean_squared_error(original, other)
    first, second = _image(original), _image(other)
    return Likeness(
        mse,
        10 * math.log10(WHITE**2 / mse) if mse else math.inf,
        float(structural_similarity_index_measure(second, first, data_range=1.0)),  # type: ignore[arg-type]
        _ms_ssim(first, second, exponents),
        None if features is None else _feature_distance(features, first, second),
    )


def _feature_distance(features: Features, first: Tensor, second: Tensor) -> float:
    with torch.no_grad():
        return float(distance_of_maps(features(first), features(second)))


def _ms_ssim(first: Tensor, second: Tensor, exponents: tuple[float, ...]) -> float:
    found = multiscale_structural_similarity_index_measure(
        second, first, data_range=1.0, betas=exponents, normalize="relu"
    )
    return float(found)


def _image(picture: Picture) -> Tensor:
    """A picture (H, W, 3) in 0…255 → (1, 3, H, W) in 0…1, unrounded."""
    return torch.from_numpy(picture / WHITE).permute(2, 0, 1)[None].float().contiguous()
