"""How faithfully a run reconstructs faces: the paper's loss parts, PSNR and SSIM.

Everything is measured on pictures uint8 (N, S, S, 3); loss parts are in nats per image.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torchmetrics.functional.image import (
    peak_signal_noise_ratio,
    structural_similarity_index_measure,
)

from lik.core.errors import UnusableInput
from lik.core.gaussian import DiagonalGaussian
from lik.core.pixels import Pictures, to_float
from lik.latent.session import Codes, Session
from lik.objectives.reconstruction import SCALES, sse


@dataclass(frozen=True)
class Fidelity:
    """Means over the pictures, and the standard errors of three of them (None for one picture).

    The loss is in the scale of the published figures, Σ(x−x̂)² + KL, whatever objective the run
    was trained with. PSNR (dB) and SSIM are those of the reconstruction from the mean.
    """

    images: int
    scale: str
    loss: float
    reconstruction: float
    kl: float
    reconstruction_from_mean: float
    psnr: float
    ssim: float
    loss_error: float | None
    reconstruction_error: float | None
    kl_error: float | None
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
    sampled, _, _ = _compare(session, pictures, posteriors.sample(seed))
    from_mean, psnr, ssim = _compare(session, pictures, posteriors.means)
    loss = sampled + kl
    return Fidelity(
        images=len(pictures),
        scale=f"{SCALES['sse']} + KL, nats per image",
        loss=float(loss.mean()),
        reconstruction=float(sampled.mean()),
        kl=float(kl.mean()),
        reconstruction_from_mean=float(from_mean.mean()),
        psnr=float(psnr.mean()),
        ssim=float(ssim.mean()),
        loss_error=_standard_error(loss),
        reconstruction_error=_standard_error(sampled),
        kl_error=_standard_error(kl),
        seed=seed,
    )


def _compare(
    session: Session, pictures: Pictures, codes: Codes
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Σ(x−x̂)², PSNR and SSIM of what each code decodes to, each (N,)."""
    errors, ratios, similarities = [], [], []
    start = 0
    for decoded in session.decode_batches(codes):
        images = to_float(np.ascontiguousarray(pictures[start : start + len(decoded)]))
        decoded = decoded.cpu()
        start += len(decoded)
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
    return torch.cat(errors), torch.cat(ratios), torch.cat(similarities)


def _standard_error(values: torch.Tensor) -> float | None:
    return float(values.std() / len(values) ** 0.5) if len(values) > 1 else None
