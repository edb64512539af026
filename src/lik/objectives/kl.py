"""The KL term of an objective: what is made of KL(q(z | x) ‖ p(z)), and how its weight changes.

Shapes: codes, means, log variances, KL of each dimension (B, D); KL of each image, terms and parts
of KL in nats per image (B,). Schedules are functions of the step, a tensor that stays where the
model is, so that nothing waits for it.
"""

import math
from collections.abc import Mapping
from typing import Literal, Protocol

import torch
from pydantic import Field, model_validator
from torch import Tensor

from lik.core.configuration import Settings
from lik.core.errors import UnusableInput
from lik.core.gaussian import DiagonalGaussian, Posterior
from lik.objectives.interface import Objective, Weighed

BOUND = 10.0
"""Of |log λ| of GECO: a target that cannot be met, or is met by anything, does not overflow."""


class Output(Protocol):
    """What one way through a model gives: see `lik.models.interface.Pass`."""

    @property
    def posterior(self) -> Posterior: ...
    @property
    def code(self) -> Tensor: ...
    @property
    def reconstruction(self) -> Tensor: ...
    @property
    def kl(self) -> Tensor: ...
    @property
    def extra(self) -> Mapping[str, Tensor] | None: ...


def linear(step: Tensor, steps: int) -> Tensor:
    """From 0 at the first step to 1 after ``steps``, and 1 from there on."""
    return (step.float() / steps).clamp(max=1)


def cyclical(step: Tensor, steps: int, cycles: int, share: float) -> Tensor:
    """From 0 to 1 and at once back to 0, ``cycles`` times in ``steps``; 1 from there on.

    Each cycle rises over its first ``share`` and stays at 1 for the rest (Fu et al.,
    arXiv:1903.10145, equation 6).
    """
    in_cycle = torch.remainder(step.float() * cycles / steps, 1)
    return torch.where(step < steps, (in_cycle / share).clamp(max=1), 1.0)


def with_free_bits(kl_per_dimension: Tensor, free: float) -> Tensor:
    """Σ over dimensions of max(mean KL of the batch, ``free``), shared out to the images, (B,).

    Kingma et al., arXiv:1606.04934, equation 15. Dimensions that carry fewer nats than ``free`` on
    average over the batch cost ``free`` and send no gradient.
    """
    enough = kl_per_dimension.detach().mean(dim=0) > free
    return kl_per_dimension.where(enough, free).sum(dim=1)


def off_capacity(kl: Tensor, capacity: Tensor | float, gamma: float) -> Tensor:
    """γ |KL − C|: what an image costs that carries other than C nats.

    Burgess et al., arXiv:1804.03599, equation 8.
    """
    return gamma * (kl - capacity).abs()


class WarmupSettings(Settings):
    """How β rises from 0 over the first ``steps``.

    ``cycles`` and ``share`` (of a cycle in which β rises) are those of the cyclical kind, 4 and
    0.5 where nothing is said.
    """

    kind: Literal["linear", "cyclical"] = "linear"
    steps: int = Field(ge=1)
    cycles: int | None = Field(None, ge=1)
    share: float | None = Field(None, gt=0, le=1)

    @model_validator(mode="after")
    def _cycles_of_the_cyclical(self) -> "WarmupSettings":
        if self.kind == "linear" and (self.cycles is not None or self.share is not None):
            raise ValueError("cycles and share belong to kind: cyclical")
        return self

    def share_of(self, step: Tensor) -> Tensor:
        """What part of β counts at a step, 0…1."""
        if self.kind == "linear":
            return linear(step, self.steps)
        return cyclical(step, self.steps, self.cycles or 4, self.share or 0.5)


class CapacitySettings(Settings):
    """KL is held at ``nats`` per image, reached after ``steps``, by the weight ``gamma``."""

    nats: float = Field(ge=0)
    steps: int = Field(ge=1)
    gamma: float = Field(gt=0)


class KLSettings(Settings):
    """The KL term; `lik.objectives.elbo.ElboSettings` has the same keys."""

    beta: float
    warmup: WarmupSettings | None
    free_bits: float | None
    capacity: CapacitySettings | None
    total_correlation: float | None

    @property
    def scale(self) -> str:
        """What the numbers are sums of, for people."""
        if self.capacity is not None:
            return f"{self.capacity.gamma:g}·|KL−C|, C to {self.capacity.nats:g}"
        weight = "" if self.beta == 1 else f"{self.beta:g}·"
        if self.warmup is not None:
            weight += "w(t)·" if self.warmup.kind == "linear" else "w(t, cyclical)·"
        if self.free_bits is not None:
            return f"{weight}Σmax(KL_d, {self.free_bits:g})"
        if self.total_correlation is None or self.total_correlation == self.beta:
            return f"{weight}KL"
        ratio = "w(t)·" if self.warmup is not None else ""
        return f"{weight}(KL−TC) + {ratio}{self.total_correlation:g}·TC"


class KLTerm(Objective):
    """The term that ``settings`` describe; its state is the count of steps, where it needs one.

    ``faces``: how many there are to train on, which the total correlation has to know.
    """

    step: Tensor

    def __init__(self, settings: KLSettings, faces: int) -> None:
        super().__init__()
        self.settings, self.faces = settings, faces
        extras = (settings.warmup, settings.free_bits, settings.capacity)
        self.plain = extras == (None, None, None) and settings.total_correlation is None
        if settings.warmup is not None or settings.capacity is not None:
            self.register_buffer("step", torch.tensor(0))

    def forward(self, output: Output) -> Weighed:
        """A pass through a model → the weighted sum, and ``kl`` as it is."""
        settings = self.settings
        kl = output.kl.sum(dim=1)
        terms = {"kl": kl}
        if self.plain:
            return Weighed(settings.beta * kl, terms)
        if settings.capacity is not None:
            total = off_capacity(kl, self._capacity(settings.capacity), settings.capacity.gamma)
        elif settings.free_bits is not None:
            total = settings.beta * with_free_bits(output.kl, settings.free_bits)
        elif settings.total_correlation is not None:
            if not isinstance(output.posterior, DiagonalGaussian):
                raise UnusableInput(
                    "total_correlation is known of models with Gaussian codes alone."
                )
            split = split_kl(output.posterior, output.code, self.faces)
            # β (KL − TC) + w TC, with the KL that is known exactly: less noise than the estimates.
            excess = settings.total_correlation - settings.beta
            total = settings.beta * kl + excess * split["total_correlation"]
            terms |= split
        else:
            total = settings.beta * kl
        if settings.warmup is not None:
            total = settings.warmup.share_of(self.step) * total
        if self.training and hasattr(self, "step"):
            self.step += 1
        return Weighed(total, terms | {"kl_term": total})

    def settled(self) -> bool:
        schedule = self.settings.warmup or self.settings.capacity
        return schedule is None or int(self.step) >= schedule.steps

    def metrics(self) -> dict[str, float]:
        """The present weight or capacity, where it changes."""
        if self.settings.warmup is not None:
            return {"beta": self.settings.beta * float(self.settings.warmup.share_of(self.step))}
        if self.settings.capacity is not None:
            return {"capacity": float(self._capacity(self.settings.capacity))}
        return {}

    def restore(self, metrics: Mapping[str, float]) -> None:
        schedule = self.settings.warmup or self.settings.capacity
        if schedule is not None:
            self.step.fill_(schedule.steps)

    def _capacity(self, settings: CapacitySettings) -> Tensor:
        return settings.nats * linear(self.step, settings.steps)


def split_kl(posterior: DiagonalGaussian, codes: Tensor, faces: int) -> dict[str, Tensor]:
    """Split the KL of codes drawn from the posteriors of a batch in three (arXiv:1802.04942).

    Equation 2 of Chen, Li, Grosse & Duvenaud: mutual information of image and code, total
    correlation (how much the dimensions of the aggregate posterior depend on one another) and KL
    of each of these dimensions from the prior. The parts are estimates from one code per image;
    their sum is log q(z|x) − log p(z), to the last digit.

    ``faces``: the size of the training set. The aggregate posterior q(z) = mean over the set of
    q(z | x) is estimated from the batch: q(z | x) of the image the code came from counts 1/N, the
    others of the batch stand for all the rest. It is the paper's stratified sampling (appendix
    C.1) with its weights averaged over the order of the batch.
    """
    # (B, B, D): the density of each code (first) under each posterior (second).
    pairs = _log_normal(codes[:, None], posterior.mean[None], posterior.log_variance[None])
    own = torch.diagonal(pairs, dim1=0, dim2=1).sum(dim=0)
    weights = _log_weights(len(codes), faces, codes)
    joint = torch.logsumexp(weights + pairs.sum(dim=2), dim=1)
    separate = torch.logsumexp(weights[:, :, None] + pairs, dim=1).sum(dim=1)
    prior = _log_normal(codes, codes.new_zeros(()), codes.new_zeros(())).sum(dim=1)
    return {
        "mutual_information": own - joint,
        "total_correlation": joint - separate,
        "dimension_kl": separate - prior,
    }


def _log_weights(batch: int, faces: int, like: Tensor) -> Tensor:
    """log of what each posterior of a batch counts for each code, (B, B); rows sum to 1."""
    if batch == 1:
        return like.new_zeros(1, 1)
    share = 1 / max(faces, batch)
    same = torch.eye(batch, dtype=torch.bool, device=like.device)
    others = like.new_full((batch, batch), math.log((1 - share) / (batch - 1)))
    return others.masked_fill(same, math.log(share))


def _log_normal(values: Tensor, mean: Tensor, log_variance: Tensor) -> Tensor:
    return -0.5 * (
        math.log(2 * math.pi) + log_variance + (values - mean).square() * torch.exp(-log_variance)
    )


class GecoSettings(Settings):
    """``error``: the target of the reconstruction error, per value (pixel and channel).

    With sse it is the mean square error. ``decay`` of the moving average of the error; ``rate``:
    how much log λ grows in a step in which that average is twice the target.
    """

    error: float = Field(gt=0)
    decay: float = Field(0.99, ge=0, lt=1)
    rate: float = Field(0.01, gt=0)


class Geco(Objective):
    """The multiplier λ of the constraint *error ≤ target*, which it enforces in training.

    GECO (Rezende & Viola, arXiv:1810.00597): λ rises while the moving average of the error is
    above the target, and falls while it is below (algorithm 1 of the paper); here it looks at the
    error relative to the target, so that one rate suits all of them. 1/λ is the β that the target
    amounts to.
    """

    log_multiplier: Tensor
    average: Tensor
    seen: Tensor

    def __init__(self, settings: GecoSettings) -> None:
        super().__init__()
        self.settings = settings
        for name in ("log_multiplier", "average", "seen"):
            self.register_buffer(name, torch.tensor(0.0))

    def forward(self, errors: Tensor, values: int) -> Tensor:
        """Errors (B,) of images of so many ``values`` → λ (error − target), in nats, (B,)."""
        multiplier = self.log_multiplier.exp()
        if self.training:
            self._update(errors.detach().mean() / values)
        return multiplier * (errors - self.settings.error * values)

    def settled(self) -> bool:
        return False

    def metrics(self) -> dict[str, float]:
        """λ and the moving average of the error per value."""
        return {
            "multiplier": float(self.log_multiplier.exp()),
            "average_error": float(self.average),
        }

    def restore(self, metrics: Mapping[str, float]) -> None:
        self.log_multiplier.fill_(math.log(metrics.get("multiplier", 1.0)))

    def _update(self, error: Tensor) -> None:
        # By the average of the steps before this one, which is the same in all processes.
        off = (self.average / self.settings.error - 1).clamp(max=1)
        off = torch.where(self.seen > 0, off, 0.0)
        moved = self.log_multiplier + self.settings.rate * off
        self.log_multiplier.copy_(moved.clamp(-BOUND, BOUND))
        weight = (1 / (self.seen + 1)).clamp(min=1 - self.settings.decay)
        self.average.lerp_(error, weight)
        self.seen += 1
