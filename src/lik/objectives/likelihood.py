"""log p(x | z) under the objective that a run was trained with, where that is a likelihood."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from lik.core.configuration import validated
from lik.core.errors import UnusableInput
from lik.objectives.elbo import ElboSettings
from lik.objectives.reconstruction import ERRORS, gaussian, laplace, logistic

LogDensity = Callable[[Tensor, Tensor], Tensor]
"""Images (B, 3, S, S) in 0…1 and what was decoded for them → log p(x | z), nats, (B,)."""


@dataclass(frozen=True)
class Likelihood:
    """How a decoder's picture is read as a distribution of pictures.

    Attributes:
        name: what it is, for people.
        discrete: whether it gives 8-bit pixels a probability, of which there are bits per
            dimension; else a density over pixels in 0…1.
        log_density: constants included.
    """

    name: str
    discrete: bool
    log_density: LogDensity


def likelihood(objective: Mapping[str, Any], state: Mapping[str, float]) -> Likelihood:
    """The likelihood of an ``objective`` as a saved model's metadata keep it, and its ``state``.

    Weights of one error that stands alone count: w Σ (x − x̂)² is a Gaussian with σ² = 1 / (2w).
    β and all else that is made of KL are about the code, not about p(x | z).

    Raises:
        UnusableInput: it is a mixture, or an error that is no −log p(x | z).
    """
    settings = validated(ElboSettings, dict(objective), "the objective of this model")
    (name, weight), *others = settings.reconstruction.weights.items()
    if not others and name in ("sse", "half_sse"):
        return _gaussian(0.5 / weight if name == "sse" else 1 / weight)
    if not others and name == "l1":
        scale = 1 / weight
        return Likelihood(
            f"Laplace with scale {scale:g}", False,
            lambda images, decoded: -laplace(images, decoded, scale),
        )  # fmt: skip
    if settings.reconstruction.alone == "gaussian":
        return _gaussian(_kept(state, "sigma") ** 2)
    if settings.reconstruction.alone == "logistic":
        scale = _kept(state, "logistic_scale")
        log_scale = torch.tensor(math.log(scale))
        return Likelihood(
            f"discretised logistic with scale {scale:.4g}", True,
            lambda images, decoded: -logistic(images, decoded, log_scale.to(images.device)),
        )  # fmt: skip
    raise UnusableInput(
        f"{settings.reconstruction.scale} is no −log p(x | z), so this model has no likelihood: "
        f"models trained with {ERRORS['sse'].scale}, gaussian, l1 or logistic alone have."
    )


def _gaussian(variance: float) -> Likelihood:
    log_sigma = torch.tensor(0.5 * math.log(variance))
    return Likelihood(
        f"Gaussian with σ² = {variance:.4g}", False,
        lambda images, decoded: -gaussian(images, decoded, log_sigma.to(images.device)),
    )  # fmt: skip


def _kept(state: Mapping[str, float], name: str) -> float:
    if name not in state:
        raise UnusableInput(f"this model does not say its {name}, so its likelihood is not known.")
    return float(state[name])
