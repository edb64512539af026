"""How faithfully a run reconstructs faces: the paper's loss parts, PSNR, SSIM and MS-SSIM.

Pictures are uint8 (N, S, S, 3); every figure is measured on each of them, (N,), loss parts in nats
per image.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torchmetrics.functional.image import (
    multiscale_structural_similarity_index_measure,
    peak_signal_noise_ratio,
    structural_similarity_index_measure,
)

from lik.core.batched import slices
from lik.core.errors import UnusableInput
from lik.core.events import Progress, no_progress
from lik.core.pixels import Pictures, to_float
from lik.evaluation.losses import Terms, losses
from lik.latent.session import Session
from lik.objectives.elbo import ElboSettings
from lik.objectives.reconstruction import sse
from lik.objectives.similarity import scale_exponents

PUBLISHED = ElboSettings()
"""The scale of the published figures, Σ(x−x̂)² + KL, whatever objective a run was trained with."""

SCALE = f"{PUBLISHED.scale}, nats per image"


def measure_fidelity(
    session: Session, pictures: Pictures, seed: int = 0, progress: Progress = no_progress
) -> Terms:
    """Pictures → what is measured of each, by name.

    loss, reconstruction and kl are of one seeded sample of the posterior;
    reconstruction_from_mean, psnr (dB), ssim and ms_ssim of the reconstruction from the mean.
    There is no ms_ssim of pictures that have no room for two scales.

    Raises:
        UnusableInput: there are no pictures, or they do not fit the run.
    """
    if not len(pictures):
        raise UnusableInput("there are no faces to evaluate on in this split.")
    found = losses(session, pictures, PUBLISHED, seed, progress)
    of_batches: dict[str, list[NDArray[np.float64]]] = {}
    decoded = session.decode_batches(session.encode(pictures))
    for part, reconstructions in zip(slices(len(pictures)), decoded, strict=True):
        compared = _compared(to_float(pictures[part]), reconstructions.cpu())
        for name, values in compared.items():
            of_batches.setdefault(name, []).append(values.double().numpy())
    return found | {name: np.concatenate(values) for name, values in of_batches.items()}


def summary(terms: Mapping[str, NDArray[np.float64]]) -> dict[str, Any]:
    """The mean of each term (N,), and its standard error, None of one picture, as NAME_error."""
    return {name: float(values.mean()) for name, values in terms.items()} | {
        f"{name}_error": standard_error(values) for name, values in terms.items()
    }


def standard_error(values: NDArray[np.floating]) -> float | None:
    """The standard error of the mean of values (N,); None of one."""
    return float(values.std(ddof=1) / len(values) ** 0.5) if len(values) > 1 else None


def _compared(images: Tensor, reconstructions: Tensor) -> dict[str, Tensor]:
    """Two batches (B, 3, S, S) → how alike each pair is, (B,)."""
    both: dict[str, Any] = {"preds": reconstructions, "target": images, "data_range": 1.0}
    found = {
        "reconstruction_from_mean": sse(images, reconstructions),
        "psnr": peak_signal_noise_ratio(**both, reduction="none", dim=(1, 2, 3)),
        "ssim": structural_similarity_index_measure(**both, reduction="none"),
    }
    exponents = scale_exponents(images.shape[-1])
    if len(exponents) > 1:
        found["ms_ssim"] = multiscale_structural_similarity_index_measure(
            **both, betas=exponents, normalize="relu", reduction="none"
        )
    return {name: torch.as_tensor(values) for name, values in found.items()}
