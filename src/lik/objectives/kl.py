"""The KL term of an objective: what is made of KL(q(z | x) ‖ p(z)), and how its weight changes.

Shapes: KL of each dimension (B, D), of each image (B,); terms in nats per image (B,). Schedules are
functions of the step, a tensor that stays where the model is, so that nothing waits for it.
"""

from dataclasses import dataclass
from typing import Literal, Protocol

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn

from lik.core.configuration import Settings
from lik.core.errors import UnusableInput
from lik.core.gaussian import DiagonalGaussian, Posterior
from lik.objectives.total_correlation import split_kl


@dataclass(frozen=True)
class Weighed:
    """A weighted sum of terms (B,), and the terms of which people are told, unweighted."""

    total: Tensor
    terms: dict[str, Tensor]


class Coded(Protocol):
    """What a pass through a model gives of the code: see `lik.models.interface.Pass`."""

    @property
    def posterior(self) -> Posterior: ...
    @property
    def code(self) -> Tensor: ...
    @property
    def kl(self) -> Tensor: ...


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


class KLTerm(nn.Module):
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

    def forward(self, output: Coded) -> Weighed:
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
            split = split_kl(_gaussian(output.posterior), output.code, self.faces)
            # β (KL − TC) + w TC, with the KL that is known exactly: less noise than the estimates.
            excess = settings.total_correlation - settings.beta
            total = settings.beta * kl + excess * split.total_correlation
            terms |= {
                "mutual_information": split.mutual_information,
                "total_correlation": split.total_correlation,
                "dimension_kl": split.dimension_kl,
            }
        else:
            total = settings.beta * kl
        if settings.warmup is not None:
            total = settings.warmup.share_of(self.step) * total
        if self.training and hasattr(self, "step"):
            self.step += 1
        return Weighed(total, terms | {"kl_term": total})

    def settled(self) -> bool:
        """Whether the weights stay as they are; waits for the device."""
        schedule = self.settings.warmup or self.settings.capacity
        return schedule is None or int(self.step) >= schedule.steps

    def metrics(self) -> dict[str, float]:
        """The present weight or capacity, where it changes; waits for the device."""
        if self.settings.warmup is not None:
            return {"beta": self.settings.beta * float(self.settings.warmup.share_of(self.step))}
        if self.settings.capacity is not None:
            return {"capacity": float(self._capacity(self.settings.capacity))}
        return {}

    def settle(self) -> None:
        """Go to the end of the schedule, where there is one."""
        schedule = self.settings.warmup or self.settings.capacity
        if schedule is not None:
            self.step.fill_(schedule.steps)

    def _capacity(self, settings: CapacitySettings) -> Tensor:
        return settings.nats * linear(self.step, settings.steps)


def _gaussian(posterior: Posterior) -> DiagonalGaussian:
    if not isinstance(posterior, DiagonalGaussian):
        raise UnusableInput("total_correlation is known of models with Gaussian codes alone.")
    return posterior
