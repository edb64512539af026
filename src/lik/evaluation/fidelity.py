"""What a run makes of faces: the terms of an objective, PSNR, SSIM and MS-SSIM of each.

Pictures are uint8 (N, S, S, 3); every figure is measured on each of them, (N,), terms in nats per
image.
"""

from collections.abc import Iterable, Mapping
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
from lik.core.configuration import validated
from lik.core.errors import UnusableInput
from lik.core.events import Progress, no_progress
from lik.core.pixels import Pictures, to_float
from lik.latent.session import Session
from lik.objectives.elbo import Elbo, ElboSettings
from lik.objectives.reconstruction import sse
from lik.objectives.similarity import scale_exponents
from lik.training.feature_networks import open_features

Terms = dict[str, NDArray[np.float64]]

PUBLISHED = ElboSettings()
"""The scale of the published figures, Σ(x−x̂)² + KL, whatever objective a run was trained with."""

SCALE = f"{PUBLISHED.scale}, nats per image"


def losses(
    session: Session,
    pictures: Pictures,
    objective: ElboSettings | None = None,
    seed: int = 0,
    progress: Progress = no_progress,
) -> Terms:
    """Each term of an objective for each picture, (N,), by name: loss, reconstruction, kl, ….

    By default it is the objective of the run (the published scale where it does not say), with the
    σ, scale or λ that it had arrived at, and its schedules at their end. One code is drawn from
    each posterior. Terms that look at a whole batch (free bits, the total correlation) look at
    those of 256 pictures, the latter as if all pictures were the training set.

    Raises:
        UnusableInput: pictures of another size, half a run, or an objective whose network of
            features is gone.
    """
    state = None
    if objective is None:
        given = dict(session.metadata.get("objective") or {})
        objective = validated(ElboSettings, given, f"the objective of {session.name}")
        state = session.metadata.get("objective_state") or {}
    features = None
    if objective.features is not None:
        network, layers = objective.features.network, objective.features.layers
        features = open_features(network, layers, session.size, session.device)
    elbo = Elbo(objective, len(pictures), features).to(session.device).eval()
    if state is not None:
        elbo.restore(state)
    found = []
    for part, output in session.passes(pictures, seed, progress):
        with torch.no_grad():
            found.append(elbo.terms(to_float(pictures[part]).to(session.device), output))
    return _joined(found)


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
    compared = []
    decoded = session.decode_batches(session.encode(pictures))
    for part, reconstructions in zip(slices(len(pictures)), decoded, strict=True):
        images, others = to_float(pictures[part]), reconstructions.cpu()
        psnr = peak_signal_noise_ratio(others, images, 1.0, reduction="none", dim=(1, 2, 3))
        alike = {"reconstruction_from_mean": sse(images, others), "psnr": psnr}
        alike |= similarities(images, others)
        if len(scale_exponents(session.size)) == 1:
            del alike["ms_ssim"]
        compared.append(alike)
    return found | _joined(compared)


def similarities(images: Tensor, others: Tensor) -> dict[str, Tensor]:
    """SSIM and MS-SSIM of each pair (B, 3, H, W), (B,): 1 for equal pictures (Wang et al.).

    MS-SSIM has the scales that there is room for, as of `scale_exponents`.

    Raises:
        UnusableInput: pictures too small for structural similarity.
    """
    both: dict[str, Any] = {"preds": others, "target": images, "data_range": 1.0}
    both["reduction"] = "none"
    exponents = scale_exponents(*images.shape[2:])
    found = {
        "ssim": structural_similarity_index_measure(**both),
        "ms_ssim": multiscale_structural_similarity_index_measure(
            **both, betas=exponents, normalize="relu"
        ),
    }
    return {name: torch.as_tensor(values) for name, values in found.items()}


def summary(terms: Mapping[str, NDArray[np.float64]]) -> dict[str, Any]:
    """The mean of each term (N,), and its standard error, None of one picture, as NAME_error."""
    return {name: float(values.mean()) for name, values in terms.items()} | {
        f"{name}_error": standard_error(values) for name, values in terms.items()
    }


def standard_error(values: NDArray[np.floating]) -> float | None:
    """The standard error of the mean of values (N,); None of one."""
    return float(values.std(ddof=1) / len(values) ** 0.5) if len(values) > 1 else None


def _joined(batches: Iterable[Mapping[str, Tensor]]) -> Terms:
    """Terms of one batch after another, each (B,), as (N,)."""
    found: dict[str, list[NDArray[np.float64]]] = {}
    for terms in batches:
        for name, values in terms.items():
            found.setdefault(name, []).append(values.double().cpu().numpy())
    return {name: np.concatenate(values) for name, values in found.items()}
