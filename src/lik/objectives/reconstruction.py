"""The reconstruction loss: one error of images and their reconstructions, or several with weights.

A new error is one function or module, images and reconstructions (B, 3, S, S) → nats per image
(B,), and one line in `ERRORS`. Each is −log p(x | z) of some density, whole or up to a constant;
which, `lik.objectives.likelihood` says. A module may hold state, such as the σ of a Gaussian.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import reduce
from operator import add
from typing import TYPE_CHECKING, Any, Literal

import torch
import torch.nn.functional as F  # noqa: N812 (PyTorch's own abbreviation)
from pydantic import Field, create_model, model_validator
from torch import Tensor, nn

from lik.core.configuration import Settings, nearest
from lik.objectives.interface import Objective, Weighed
from lik.objectives.similarity import Features, feature_loss, ms_ssim, ssim

STEP = 1 / 255
"""The distance of two values of an 8-bit pixel in 0…1."""

START = 0.2
"""σ and the logistic scale before anything is learned: what unlearned pictures are off by."""

PACE = 10.0
"""How much faster than a weight a log σ is learned: Adam moves both by about the learning rate."""

DECAY = 0.99
"""Of the running mean square error of the last hundred batches or so."""

Variance = Literal["optimal", "learned"]


def sse(images: Tensor, reconstructions: Tensor) -> Tensor:
    """Σ (x − x̂)² over the pixels and channels of an image: the scale of the published figures.

    Up to a constant it is −log p(x | z) of a Gaussian with variance ½.
    """
    return (images - reconstructions).square().sum(dim=(1, 2, 3))


def half_sse(images: Tensor, reconstructions: Tensor) -> Tensor:
    """½ Σ (x − x̂)²: the first sum of the paper's equation 1, a Gaussian with variance 1."""
    return 0.5 * sse(images, reconstructions)


def l1(images: Tensor, reconstructions: Tensor) -> Tensor:
    """Σ |x − x̂|: up to a constant −log p(x | z) of a Laplace density with scale 1."""
    return (images - reconstructions).abs().sum(dim=(1, 2, 3))


def gaussian(images: Tensor, reconstructions: Tensor, log_sigma: Tensor) -> Tensor:
    """−log N(x; x̂, σ² I), with its constant, for a σ shared by all pixels (scalar ``log_sigma``).

    The σ-VAE (Rybkin, Daniilidis & Levine, arXiv:2006.13202). A density may be above 1, so that
    the nats may be negative.
    """
    values = images[0].numel()
    return 0.5 * sse(images, reconstructions) * torch.exp(-2 * log_sigma) + values * (
        log_sigma + 0.5 * math.log(2 * math.pi)
    )


def optimal_log_sigma(images: Tensor, reconstructions: Tensor) -> Tensor:
    """log σ of the σ that makes `gaussian` smallest on average: σ² is the mean square error.

    arXiv:2006.13202, section 3.2. At the minimum the gradient through σ is zero, so it gives none.
    """
    return 0.5 * (images - reconstructions).detach().square().mean().clamp(min=1e-12).log()


def laplace(images: Tensor, reconstructions: Tensor, scale: float) -> Tensor:
    """−log p(x | z) of a Laplace density with this scale, with its constant."""
    return l1(images, reconstructions) / scale + images[0].numel() * math.log(2 * scale)


def logistic(images: Tensor, reconstructions: Tensor, log_scale: Tensor) -> Tensor:
    """−log P(x | z) of 8-bit pixels under a logistic density cut into 256 steps.

    The mass between x − ½ and x + ½ steps; the first and last value take the tails (Kingma et al.,
    arXiv:1606.04934; Salimans et al., arXiv:1701.05517). ``log_scale``, a scalar, is that of the
    density in 0…1, shared by all pixels. A probability: divided by the number of values and by
    log 2 it is bits per dimension.
    """
    inverse = torch.exp(-log_scale)
    above = (images + STEP / 2 - reconstructions) * inverse
    below = (images - STEP / 2 - reconstructions) * inverse
    # σ(a) − σ(b) = σ(a) σ(−b) (1 − exp(b − a)): no difference of nearly equal numbers.
    up_to, from_on = F.logsigmoid(above), F.logsigmoid(-below)
    within = up_to + from_on + torch.log(-torch.expm1(-STEP * inverse))
    mass = torch.where(
        images < STEP / 2, up_to, torch.where(images > 1 - STEP / 2, from_on, within)
    )
    return -mass.sum(dim=(1, 2, 3))


@dataclass(frozen=True)
class ErrorOptions:
    """What errors with a state or a network of their own are made of."""

    variance: Variance = "optimal"
    features: Features | None = None
    layers: tuple[int, ...] | None = None


class GaussianError(Objective):
    """`gaussian` with the σ that suits each batch best, or with a learned one.

    What is measured of the optimal σ takes that of the last batches.
    """

    mean_square: Tensor
    seen: Tensor

    def __init__(self, options: ErrorOptions) -> None:
        super().__init__()
        self.learned = options.variance == "learned"
        if self.learned:
            self.slow_log = nn.Parameter(torch.tensor(START).log() / PACE)
        else:
            self.register_buffer("mean_square", torch.tensor(START**2))
            self.register_buffer("seen", torch.tensor(0.0))

    def forward(self, images: Tensor, reconstructions: Tensor) -> Tensor:
        return gaussian(images, reconstructions, self.log_sigma(images, reconstructions))

    def log_sigma(self, images: Tensor, reconstructions: Tensor) -> Tensor:
        """log σ for a batch, a scalar."""
        if self.learned or not self.training:
            return self._present()
        log_sigma = optimal_log_sigma(images, reconstructions)
        # The first batches count evenly: the mean does not remember where it began.
        weight = (1 / (self.seen + 1)).clamp(min=1 - DECAY)
        self.mean_square.lerp_((2 * log_sigma).exp(), weight)
        self.seen += 1
        return log_sigma

    def metrics(self) -> dict[str, float]:
        return {"sigma": float(self._present().detach().exp())}

    def restore(self, metrics: Mapping[str, float]) -> None:
        log = math.log(metrics.get("sigma", START))
        if self.learned:
            self.slow_log.data.fill_(log / PACE)
        else:
            self.mean_square.fill_(math.exp(2 * log))

    def _present(self) -> Tensor:
        return PACE * self.slow_log if self.learned else 0.5 * self.mean_square.log()


class LogisticError(Objective):
    """`logistic` with a learned scale."""

    def __init__(self, options: ErrorOptions) -> None:
        super().__init__()
        self.slow_log = nn.Parameter(torch.tensor(START).log() / PACE)

    def forward(self, images: Tensor, reconstructions: Tensor) -> Tensor:
        return logistic(images, reconstructions, PACE * self.slow_log)

    def metrics(self) -> dict[str, float]:
        return {"logistic_scale": float((PACE * self.slow_log).detach().exp())}

    def restore(self, metrics: Mapping[str, float]) -> None:
        self.slow_log.data.fill_(math.log(metrics.get("logistic_scale", START)) / PACE)


class FeatureError(Objective):
    """`feature_loss` in a network that is fixed, and no part of the state."""

    def __init__(self, options: ErrorOptions) -> None:
        super().__init__()
        assert options.features is not None
        self.network = (options.features,)  # in a tuple, where PyTorch does not look
        self.layers = options.layers

    def forward(self, images: Tensor, reconstructions: Tensor) -> Tensor:
        return feature_loss(self.network[0], images, reconstructions, self.layers)


@dataclass(frozen=True)
class Error:
    """An error of images and reconstructions → (B,), and how it is named where people read it.

    ``logged``: its name in the journal, where that is another than in a recipe.
    """

    measure: Callable[[Tensor, Tensor], Tensor] | type[nn.Module]
    scale: str
    logged: str = ""


ERRORS: dict[str, Error] = {
    "sse": Error(sse, "Σ(x−x̂)²"),
    "half_sse": Error(half_sse, "½Σ(x−x̂)²"),
    "gaussian": Error(GaussianError, "−log N(x; x̂, σ²)"),
    "l1": Error(l1, "Σ|x−x̂|"),
    "logistic": Error(LogisticError, "−log P(x), logistic"),
    "ssim": Error(lambda *pair: 1 - ssim(*pair), "(1−SSIM)", "ssim_error"),
    "ms_ssim": Error(lambda *pair: 1 - ms_ssim(*pair), "(1−MS-SSIM)", "ms_ssim_error"),
    "features": Error(FeatureError, "feature distance"),
}
"""Every error that a recipe may name."""


class _Weights(Settings):
    """What `ReconstructionSettings` can do; its fields are the names in `ERRORS`."""

    @model_validator(mode="before")
    @classmethod
    def _from_name(cls, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        if value not in ERRORS:
            raise ValueError(f"it must be one of {', '.join(ERRORS)}.{nearest(value, ERRORS)}")
        return {value: 1.0}

    @model_validator(mode="after")
    def _not_empty(self) -> "_Weights":
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
        """What the numbers are sums of, for people."""
        return " + ".join(
            ERRORS[name].scale if weight == 1 else f"{weight:g}·{ERRORS[name].scale}"
            for name, weight in self.weights.items()
        )


if TYPE_CHECKING:
    ReconstructionSettings = _Weights
else:
    ReconstructionSettings = create_model(
        "ReconstructionSettings",
        __base__=_Weights,
        **{name: (float, Field(0.0, ge=0)) for name in ERRORS},
    )
    ReconstructionSettings.__doc__ = """The weight of each error; those of weight 0 take no part.

    A mapping such as ``{sse: 1, ssim: 100}``, or the name of one error, of weight 1.
    """


class ReconstructionLoss(Objective):
    """The weighted sum of the errors that ``settings`` name."""

    def __init__(
        self, settings: ReconstructionSettings, options: ErrorOptions | None = None
    ) -> None:
        super().__init__()
        self.weights = settings.weights
        self.alone = settings.alone in ("sse", "half_sse")
        self.errors: dict[str, Callable[[Tensor, Tensor], Tensor]] = {}
        for name in self.weights:
            measure = ERRORS[name].measure
            if isinstance(measure, type):
                measure = measure(options or ErrorOptions())
                self.add_module(name, measure)
            self.errors[name] = measure

    def forward(self, images: Tensor, reconstructions: Tensor) -> Weighed:
        """Images (B, 3, S, S) and what was made of them → the weighted sum and each error."""
        errors = {name: error(images, reconstructions) for name, error in self.errors.items()}
        weighed = (e if self.weights[n] == 1 else self.weights[n] * e for n, e in errors.items())
        total = reduce(add, weighed)
        if self.alone:
            return Weighed(total, {})
        terms = {ERRORS[name].logged or name: error for name, error in errors.items()}
        # The squares are told of every objective, so that runs of different ones compare.
        with torch.no_grad():
            squares = sse(images, reconstructions)
        return Weighed(total, terms | {"sse": errors.get("sse", squares)})
