"""The reconstruction part of an objective: one error, or several with weights.

A mixture may hold state: the σ of a Gaussian, the scale of a logistic density.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import reduce
from operator import add
from typing import Any, Literal

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn

from lik.core.configuration import Settings, nearest
from lik.objectives.perceptual import Features, feature_distance
from lik.objectives.reconstruction import (
    SCALES,
    gaussian,
    half_sse,
    l1,
    logistic,
    optimal_log_sigma,
    sse,
)
from lik.objectives.similarity import ms_ssim, ssim

Variance = Literal["optimal", "learned"]

START = 0.2
"""σ and the logistic scale before anything is learned: what unlearned pictures are off by."""

PACE = 10.0
"""How much faster than a weight a log σ is learned: Adam moves both by about the learning rate."""

DECAY = 0.99
"""Of the running mean square error of the last hundred batches or so."""


class MixtureSettings(Settings):
    """The weight of each reconstruction error; those of weight 0 take no part.

    A mapping such as ``{sse: 1, ssim: 100}``, or the name of one error, of weight 1.
    """

    sse: float = Field(0.0, ge=0)
    half_sse: float = Field(0.0, ge=0)
    gaussian: float = Field(0.0, ge=0)
    l1: float = Field(0.0, ge=0)
    logistic: float = Field(0.0, ge=0)
    ssim: float = Field(0.0, ge=0)
    ms_ssim: float = Field(0.0, ge=0)
    features: float = Field(0.0, ge=0)

    @model_validator(mode="before")
    @classmethod
    def _from_name(cls, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        names = list(cls.model_fields)
        if value not in names:
            raise ValueError(f"it must be one of {', '.join(names)}.{nearest(value, names)}")
        return {value: 1.0}

    @model_validator(mode="after")
    def _not_empty(self) -> "MixtureSettings":
        if not self.weights:
            raise ValueError("a reconstruction error must have a weight above 0")
        return self

    @property
    def weights(self) -> dict[str, float]:
        """The errors that take part, by name."""
        return {name: weight for name, weight in self.model_dump().items() if weight}

    @property
    def alone(self) -> str | None:
        """The one error that there is, if its weight is 1."""
        (name, weight), *others = self.weights.items()
        return name if weight == 1 and not others else None

    @property
    def scale(self) -> str:
        """What the figures are sums of, for people."""
        return " + ".join(
            SCALES[name] if weight == 1 else f"{weight:g}·{SCALES[name]}"
            for name, weight in self.weights.items()
        )


@dataclass(frozen=True)
class Weighed:
    """The weighted sum of some terms (B,), and the terms of which people are told, unweighted."""

    total: Tensor
    terms: dict[str, Tensor]


class Mixture(nn.Module):
    """The errors that ``settings`` name, as a function of images and their reconstructions."""

    sigma: "Sigma"
    log_scale: nn.Parameter

    def __init__(
        self,
        settings: MixtureSettings,
        variance: Variance = "optimal",
        features: Features | None = None,
        layers: tuple[int, ...] | None = None,
    ) -> None:
        super().__init__()
        self.weights = settings.weights
        self.alone = settings.alone in ("sse", "half_sse")
        # In a tuple, so that the network of the features is no part of this one's state.
        self.features, self.layers = (features,), layers
        if "gaussian" in self.weights:
            self.sigma = OptimalSigma() if variance == "optimal" else LearnedSigma()
        if "logistic" in self.weights:
            self.log_scale = nn.Parameter(torch.tensor(START).log() / PACE)

    def forward(self, images: Tensor, reconstructions: Tensor) -> Weighed:
        """Images (B, 3, S, S) and what was made of them → the weighted sum and each error."""
        errors = {name: getattr(self, f"_{name}")(images, reconstructions) for name in self.weights}
        total = reduce(add, (_weighed(self.weights[name], e) for name, e in errors.items()))
        if self.alone:
            return Weighed(total, {})
        told = {f"{name}_error" if "ssim" in name else name: e for name, e in errors.items()}
        # The squares are told of every objective, so that runs of different ones compare.
        with torch.no_grad():
            squares = sse(images, reconstructions)
        return Weighed(total, told | {"sse": errors.get("sse", squares)})

    def _sse(self, images: Tensor, reconstructions: Tensor) -> Tensor:
        return sse(images, reconstructions)

    def _half_sse(self, images: Tensor, reconstructions: Tensor) -> Tensor:
        return half_sse(images, reconstructions)

    def _l1(self, images: Tensor, reconstructions: Tensor) -> Tensor:
        return l1(images, reconstructions)

    def _gaussian(self, images: Tensor, reconstructions: Tensor) -> Tensor:
        return gaussian(images, reconstructions, self.sigma(images, reconstructions))

    def _logistic(self, images: Tensor, reconstructions: Tensor) -> Tensor:
        return logistic(images, reconstructions, PACE * self.log_scale)

    def _ssim(self, images: Tensor, reconstructions: Tensor) -> Tensor:
        return 1 - ssim(images, reconstructions)

    def _ms_ssim(self, images: Tensor, reconstructions: Tensor) -> Tensor:
        return 1 - ms_ssim(images, reconstructions)

    def _features(self, images: Tensor, reconstructions: Tensor) -> Tensor:
        (features,) = self.features
        assert features is not None
        return feature_distance(features, images, reconstructions, self.layers)

    def figures(self) -> dict[str, float]:
        """The present σ or scale, where there is one; waits for the device."""
        found: dict[str, float] = {}
        if "gaussian" in self.weights:
            found["sigma"] = float(self.sigma.present().detach().exp())
        if "logistic" in self.weights:
            found["logistic_scale"] = float((PACE * self.log_scale).detach().exp())
        return found


def _weighed(weight: float, error: Tensor) -> Tensor:
    return error if weight == 1 else weight * error


class Sigma(nn.Module):
    """The standard deviation of all pixels, in 0…1."""

    present: Callable[[], Tensor]
    """log σ as it stands, a scalar."""


class LearnedSigma(Sigma):
    """σ learned by gradient with the weights of the model."""

    def __init__(self) -> None:
        super().__init__()
        self.slow_log = nn.Parameter(torch.tensor(START).log() / PACE)

    def present(self) -> Tensor:
        return PACE * self.slow_log

    def forward(self, images: Tensor, reconstructions: Tensor) -> Tensor:
        return self.present()


class OptimalSigma(Sigma):
    """The σ that suits each batch best; what is measured takes that of the last batches."""

    mean_square: Tensor
    seen: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("mean_square", torch.tensor(START**2))
        self.register_buffer("seen", torch.tensor(0.0))

    def present(self) -> Tensor:
        return 0.5 * self.mean_square.log()

    def forward(self, images: Tensor, reconstructions: Tensor) -> Tensor:
        if not self.training:
            return self.present()
        log_sigma = optimal_log_sigma(images, reconstructions)
        # The first batches count evenly: the mean does not remember where it began.
        weight = (1 / (self.seen + 1)).clamp(min=1 - DECAY)
        self.mean_square.lerp_((2 * log_sigma).exp(), weight)
        self.seen += 1
        return log_sigma
