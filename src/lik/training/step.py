"""One step of training: loss, gradient, guard, optimizer, average of the weights.

Nothing here waits for the device: what happened stays in tensors until somebody reads them.
"""

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn

from lik.core.errors import FailedOnTheWay
from lik.core.workers import Workers
from lik.objectives.interface import Objective
from lik.training.batches import Batch, Noise

Loss = Callable[[Batch, Noise], Mapping[str, Tensor]]
"""A batch and a source of noise → ``loss`` and its parts, each (B,)."""

Rate = Callable[[int], float]
"""The learning rate of a step, counted over the whole run."""


class Guard:
    """Tells gradients that would ruin the weights: not finite, or far larger than is usual.

    The usual norm is a running mean over about 100 steps; what is `ABSURD` times as large is
    skipped, as in the training of very deep VAEs (Child, arXiv:2011.10650), but relative to the
    run's own gradients, so that no threshold has to be known.
    """

    ABSURD = 100.0
    PATIENCE = 50
    """Steps skipped in a row after which a run is given up."""

    longer: Tensor | None = None
    """What the gradient last seen is divided by, (); None where its step's own limit holds."""

    def __init__(self, device: torch.device, absurd: float = ABSURD) -> None:
        self.absurd = absurd
        zero = torch.zeros((), dtype=torch.float32, device=device)
        self.usual, self.seen, self.skipped, self.in_a_row = (zero.clone() for _ in range(4))

    def skips(self, norm: Tensor) -> Tensor:
        """Take note of the norm () of a gradient: 1 where its step is to be skipped, else 0."""
        settled = self.seen >= 20
        bad = ~torch.isfinite(norm) | (settled & (norm > self.absurd * self.usual))
        weight = torch.where(bad, 0.0, (1 / (self.seen + 1)).clamp(min=0.01))
        self.usual += weight * (torch.nan_to_num(norm, posinf=0.0) - self.usual)
        self.seen += (~bad).float()
        self.skipped += bad.float()
        self.in_a_row.add_(1).mul_(bad)  # in place, as a recorded step must have it
        return bad.float()

    def require_progress(self, step: int, rate: float) -> None:
        """Give up where every step has been skipped for long; waits for the device.

        ``rate`` is the learning rate, of which a lower one is proposed.

        Raises:
            FailedOnTheWay: no step of the last `PATIENCE` was fit to be taken.
        """
        in_a_row = int(self.in_a_row)
        if in_a_row >= self.PATIENCE:
            raise FailedOnTheWay(
                f"the last {in_a_row} steps up to step {step:,} had gradients that are no finite "
                "numbers or absurdly large, and were skipped; what was saved before them is "
                "intact: begin a new run with a lower learning rate, such as "
                f"optimizer.learning_rate={rate / 5:.1g}."
            )

    def state_dict(self) -> dict[str, Tensor]:
        names = ("usual", "seen", "skipped", "in_a_row")
        return {name: getattr(self, name).cpu() for name in names}

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        for name, value in state.items():
            setattr(self, name, value.to(self.usual.device))


class MovingAverage:
    """A second model whose weights follow those of the first (Polyak & Juditsky 1992).

    Early on, when the weights move fast, the average is short: the decay of step t is at most
    (1 + t) / (10 + t), as in TensorFlow's ExponentialMovingAverage. The averages of batch
    normalisation are taken over as they are.
    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        self.model = copy.deepcopy(model).eval().requires_grad_(False)
        self.decay = decay
        self.steps = 0

    @torch.no_grad()
    def update(self, model: nn.Module) -> None:
        """Move towards the weights of ``model``, after a step."""
        decay = min(self.decay, (1 + self.steps) / (10 + self.steps))
        self.steps += 1
        torch._foreach_lerp_([*self.model.parameters()], [*model.parameters()], 1 - decay)
        for kept, new in zip(self.model.buffers(), model.buffers(), strict=True):
            kept.copy_(new)

    def state_dict(self) -> dict[str, Any]:
        return {"steps": self.steps, "weights": self.model.state_dict()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.steps = state["steps"]
        self.model.load_state_dict(state["weights"])


@dataclass(frozen=True, eq=False)
class Replica:
    """What faces are passed through: a model, the objective, and the loss of both."""

    model: nn.Module
    objective: Objective
    loss: Loss


TermsOf = Callable[[Replica, Batch, Noise], Mapping[str, Tensor]]
"""What finds the terms of a loss in a pass forwards, each (B,); ``loss`` is one of them."""

Passes = Callable[[TermsOf, Batch, Noise], Mapping[str, Tensor]]
"""Passes forwards and backwards; what was found, while the weights have the gradients."""


@dataclass(eq=False)
class Step:
    """Everything that changes with a step, and the step itself.

    Attributes:
        model: what is trained. average: the running mean of its weights, or None.
        clip: the longest gradient that is taken as it is.
        processes: how many share the work. workers: threads that do, ``shared_passes`` how.
        objective: what the loss itself learns or counts, often nothing.
    """

    model: nn.Module
    loss: Loss
    optimizer: Any
    rate: Rate
    clip: float | None = None
    average: MovingAverage | None = None
    processes: int = 1
    objective: Objective = field(default_factory=Objective)
    workers: Workers = field(default_factory=Workers)
    shared_passes: Passes | None = None

    def __post_init__(self) -> None:
        self.weights = [weight for weight in self.model.parameters() if weight.requires_grad]
        own, kept = (
            [buffer for buffer in module.buffers() if buffer.is_floating_point()]
            for module in (self.model, self.objective)
        )
        self.buffers = own + kept
        # What has to be brought together from all processes, which DDP does for the model alone.
        self.learned = list(self.objective.parameters()) if self.processes > 1 else []
        self.running = kept if self.processes > 1 else []
        self.guard = Guard(self.weights[0].device)

    def __call__(self, batch: Batch, noise: Noise, number: int) -> dict[str, Tensor]:
        """Take step ``number``, from 0.

        Returns:
            The sums of the terms over the images of this process and ``images``, the number of
            them; all 0 where the step was skipped.
        """
        self.set_rate(self.rate(number))
        sums = self.take(batch, noise)
        if self.average is not None:
            self.average.update(self.model)
        return sums

    def set_rate(self, rate: float) -> None:
        """Let the optimizer take this learning rate."""
        for group in self.optimizer.param_groups:
            group["lr"] = rate

    def take(self, batch: Batch, noise: Noise) -> dict[str, Tensor]:
        """The step as far as it is the device's work: nothing in it depends on its number."""
        before = [buffer.clone() for buffer in self.buffers]
        terms = self.passes(self.terms_of, batch, noise)
        self._reduce_objective(batch.mine / batch.total)
        return self.optimizer_step(terms, before, batch.mine)

    def terms_of(self, replica: Replica, batch: Batch, noise: Noise) -> Mapping[str, Tensor]:
        """The terms of the loss of a batch, or of a share in it, each (B,)."""
        return replica.loss(batch, noise)

    def passes(self, terms_of: TermsOf, batch: Batch, noise: Noise) -> Mapping[str, Tensor]:
        """Pass a batch forwards and backwards: what was found; the weights have their gradients."""
        if self.shared_passes is not None:
            return self.shared_passes(terms_of, batch, noise)
        terms = terms_of(Replica(self.model, self.objective, self.loss), batch, noise)
        self.optimizer.zero_grad(set_to_none=True)
        # Over all processes, whose gradients are averaged, it is the mean over the whole batch.
        share = batch.mine * self.processes / batch.total
        (share * terms["loss"].mean()).backward()  # type: ignore[no-untyped-call]
        return terms

    def optimizer_step(
        self, terms: Mapping[str, Tensor], before: Sequence[Tensor], mine: int
    ) -> dict[str, Tensor]:
        """Check the gradients, move the weights, sum the terms."""
        skip = self.move(self.gradient_norm(), self.guard)
        return self.sum_terms(terms, before, skip, mine)

    def move(self, norm: Tensor, guard: Guard) -> Tensor:
        """Move what has gradients, together of length ``norm`` (); 1 where it was skipped, else 0.

        The fused optimizer reads both on the device: it divides the gradients by grad_scale, and
        leaves weights and moments as they are where found_inf is 1.
        """
        self.optimizer.found_inf = skip = guard.skips(norm)
        scale = self.clip_scale(norm) if guard.longer is None else guard.longer
        if scale is not None:
            self.optimizer.grad_scale = scale
        self.optimizer.step()
        return skip

    def gradient_norm(self) -> Tensor:
        """The length of the gradient of all weights that have one, ()."""
        return nn.utils.get_total_norm([w.grad for w in self.weights if w.grad is not None])

    def clip_scale(self, norm: Tensor) -> Tensor | None:
        """What gradients of this norm () are divided by, so that none is longer than allowed."""
        return None if self.clip is None else (norm / self.clip).clamp(min=1.0)

    def sum_terms(
        self, terms: Mapping[str, Tensor], before: Sequence[Tensor], skip: Tensor, mine: int
    ) -> dict[str, Tensor]:
        """The sums of the terms; where the step was skipped, 0, and buffers as they were before."""
        taken = skip == 0
        for buffer, old in zip(self.buffers, before, strict=True):  # of batch normalisation
            buffer.copy_(torch.where(taken, buffer, old))
        counted = taken & (mine > 0)
        sums = {
            name: torch.where(counted, values.detach().sum().double(), 0.0)
            for name, values in terms.items()
        }
        return sums | {"images": taken.double() * mine}

    def _reduce_objective(self, share: float) -> None:
        """The objective's gradients and averages over the whole batch, from all processes."""
        for weight in self.learned:
            assert weight.grad is not None
            dist.all_reduce(weight.grad)
            weight.grad /= self.processes
        for buffer in self.running:
            buffer *= share
            dist.all_reduce(buffer)

    @property
    def shown(self) -> nn.Module:
        """The model whose weights are for use: the averaged one where there is one."""
        return self.model if self.average is None else self.average.model

    def parts(self) -> dict[str, Any]:
        """What a checkpoint keeps, by name."""
        parts: dict[str, Any] = {
            "model": self.model, "optimizer": self.optimizer, "guard": self.guard,
        }  # fmt: skip
        if self.objective.state_dict():
            parts["objective"] = self.objective
        return parts if self.average is None else parts | {"average": self.average}
