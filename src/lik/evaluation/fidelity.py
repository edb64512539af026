"""How faithfully a run reconstructs faces: the paper's loss parts, PSNR, SSIM and MS-SSIM.

Everything is measured on pictures uint8 (N, S, S, 3); loss parts are in nats per image.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torchmetrics.functional.image import (
    multiscale_structural_similarity_index_measure,
    peak_signal_noise_ratio,
    structural_similarity_index_measure,
)

from lik.core.errors import UnusableInput
from lik.core.gaussian import DiagonalGaussian
from lik.core.pixels import Pictures, to_float
from lik.evaluation.likeness import scales_of
from lik.latent.session import Codes, Session
from lik.objectives.reconstruction import SCALES, sse


@dataclass(frozen=True)
class Fidelity:
    """Means over the pictures, and the standard errors of most (None for one picture).

    The loss is in the scale of the published figures, Σ(x−x̂)² + KL, whatever objective the run
    was trained with. PSNR (dB), SSIM and MS-SSIM are those of the reconstruction from the mean;
    MS-SSIM is None for pictures that have no room for two scales.
    """

    images: int
    scale: str
    loss: float
    reconstruction: float
    kl: float
    reconstruction_from_mean: float
    psnr: float
    ssim: float
    ms_ssim: float | None
    loss_error: float | None
    reconstruction_error: float | None
    kl_error: float | None
    psnr_error: float | None
    ssim_error: float | None
    ms_ssim_error: float | None
    seed: int


def measure_fidelity(session: Session, pictures: Pictures, seed: int = 0) -> Fidelity:
    """Evaluate a run on pictures, with one seeded posterior sample per picture.

    Raises:
        UnusableInput: there are no pictures, or they do not fit the run.
    """
    if not len(pictures):
        raise UnusableInput("there are no faces to evaluate on in this split.")
    posteriors = session.posteriors(pictures)
    gaussian = DiagonalGaussian(
        torch.from_numpy(posteriors.means), torch.from_numpy(posteriors.log_variances)
    )
    kl = gaussian.kl_to_standard().double()
    sampled = _squared_errors(session, pictures, posteriors.sample(seed))
    from_mean = _compare(session, pictures, posteriors.means)
    loss = sampled + kl
    multiscale = from_mean.ms_ssim
    return Fidelity(
        images=len(pictures),
        scale=f"{SCALES['sse']} + KL, nats per image",
        loss=float(loss.mean()),
        reconstruction=float(sampled.mean()),
        kl=float(kl.mean()),
        reconstruction_from_mean=float(from_mean.errors.mean()),
        psnr=float(from_mean.psnr.mean()),
        ssim=float(from_mean.ssim.mean()),
        ms_ssim=None if multiscale is None else float(multiscale.mean()),
        loss_error=_standard_error(loss),
        reconstruction_error=_standard_error(sampled),
        kl_error=_standard_error(kl),
        psnr_error=_standard_error(from_mean.psnr),
        ssim_error=_standard_error(from_mean.ssim),
        ms_ssim_error=None if multiscale is None else _standard_error(multiscale),
        seed=seed,
    )


@dataclass(frozen=True)
class _Comparison:
    """Σ(x−x̂)², PSNR, SSIM and MS-SSIM of each picture, (N,)."""

    errors: torch.Tensor
    psnr: torch.Tensor
    ssim: torch.Tensor
    ms_ssim: torch.Tensor | None


def _pairs(
    session: Session, pictures: Pictures, codes: Codes
) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Batches of images and what their codes decode to, both (B, 3, S, S)."""
    start = 0
    for decoded in session.decode_batches(codes):
        images = to_float(np.ascontiguousarray(pictures[start : start + len(decoded)]))
        start += len(decoded)
        yield images, decoded.cpu()


def _squared_errors(session: Session, pictures: Pictures, codes: Codes) -> torch.Tensor:
    pairs = _pairs(session, pictures, codes)
    return torch.cat([sse(images, decoded).double() for images, decoded in pairs])


def _compare(session: Session, pictures: Pictures, codes: Codes) -> _Comparison:
    exponents = scales_of(session.size, session.size)
    errors, ratios, similarities, multiscale = [], [], [], []
    for images, decoded in _pairs(session, pictures, codes):
        errors.append(sse(images, decoded).double())
        ratios.append(
            peak_signal_noise_ratio(
                decoded, images, data_range=1.0, reduction="none", dim=(1, 2, 3)
            )
        )
        similarity = structural_similarity_index_measure(
            decoded, images, data_range=1.0, reduction="none"
        )
        assert isinstance(similarity, torch.Tensor)
        similarities.append(similarity)
        if len(exponents) > 1:
            multiscale.append(
                multiscale_structural_similarity_index_measure(
                    decoded, images, data_range=1.0, betas=exponents, normalize="relu",
                    reduction="none",
                )
            )  # fmt: skip
    return _Comparison(
        torch.cat(errors),
        torch.cat(ratios),
        torch.cat(similarities),
        torch.cat(multiscale) if multiscale else None,
    )


def _standard_error(values: torch.Tensor) -> float | None:
    return float(values.std() / len(values) ** 0.5) if len(values) > 1 else None
