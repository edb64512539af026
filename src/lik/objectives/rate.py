"""The divergence part of an objective: what is made of KL(q(z | x) ‖ p(z)).

It may hold state: the count of steps, where a weight changes with them.
"""

from typing import Literal

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn

from lik.core.configuration import Settings
from lik.core.gaussian import DiagonalGaussian
from lik.objectives.divergence import off_capacity, with_free_bits
from lik.objectives.mixture import Weighed
from lik.objectives.schedules import cyclical, linear
from lik.objectives.total_correlation import split_kl


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


class RateSettings(Settings):
    """What is asked of the divergence; `ElboSettings` has the same keys."""

    beta: float
    warmup: WarmupSettings | None
    free_bits: float | None
    capacity: CapacitySettings | None
    total_correlation: float | None

    @property
    def scale(self) -> str:
        """What the figures are sums of, for people."""
        if self.capacity is not None:
            return f"{self.capacity.gamma:g}·|KL−C|, C to {self.capacity.nats:g}"
        weight = "" if self.beta == 1 else f"{self.beta:g}·"
        if self.warmup is not None:
            weight += "w(t)·" if self.warmup.kind == "linear" else "w(t, cyclical)·"
        if self.free_bits is not None:
            return f"{weight}Σmax(KL_d, {self.free_bits:g})"
        if self.total_correlation is not None:
            if self.total_correlation == self.beta:
                return f"{weight}KL"
            ratio = "w(t)·" if self.warmup is not None else ""
            return f"{weight}(KL−TC) + {ratio}{self.total_correlation:g}·TC"
        return f"{weight}KL"


class Rate(nn.Module):
    """What ``settings`` make of the divergence of the posteriors from N(0, I).

    ``faces``: how many there are to train on, which the total correlation has to know.
    """

    step: Tensor

    def __init__(self, settings: RateSettings, faces: int) -> None:
        super().__init__()
        self.settings, self.faces = settings, faces
        extras = (settings.warmup, settings.free_bits, settings.capacity)
        self.plain = extras == (None, None, None) and settings.total_correlation is None
        if settings.warmup is not None or settings.capacity is not None:
            self.register_buffer("step", torch.tensor(0))

    def forward(self, posterior: DiagonalGaussian, codes: Tensor) -> Weighed:
        """Posteriors and a code drawn from each (B, D) → the weighted sum, and ``kl`` as it is."""
        settings = self.settings
        kl = posterior.kl_to_standard()
        terms = {"kl": kl}
        if self.plain:
            return Weighed(settings.beta * kl, terms)
        if settings.capacity is not None:
            total = off_capacity(kl, self._capacity(settings.capacity), settings.capacity.gamma)
        elif settings.free_bits is not None:
            counted = with_free_bits(posterior.kl_per_dimension(), settings.free_bits)
            total = settings.beta * counted
        elif settings.total_correlation is not None:
            split = split_kl(posterior, codes, self.faces)
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
        return Weighed(total, terms | {"divergence": total})

    def settled(self) -> bool:
        """Whether the weights stay as they are; waits for the device."""
        schedule = self.settings.warmup or self.settings.capacity
        return schedule is None or int(self.step) >= schedule.steps

    def figures(self) -> dict[str, float]:
        """The present weight or capacity, where it changes; waits for the device."""
        if self.settings.warmup is not None:
            return {"beta": self.settings.beta * float(self.settings.warmup.share_of(self.step))}
        if self.settings.capacity is not None:
            return {"capacity": float(self._capacity(self.settings.capacity))}
        return {}

    def _capacity(self, settings: CapacitySettings) -> Tensor:
        return settings.nats * linear(self.step, settings.steps)
