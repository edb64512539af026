"""A step whose batch is shared among workers: the default on a processor with several cores."""

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import torch
from torch import Tensor, nn

from lik.core.events import Notify, no_notices
from lik.objectives.interface import Objective
from lik.training.batches import Batch, Noise
from lik.training.step import Loss, Step
from lik.training.workers import parts_of, shares_of

Module = TypeVar("Module", bound=nn.Module)


@dataclass(frozen=True)
class Replica:
    """What a worker passes its share through: the weights of all, its own gradients and buffers."""

    model: nn.Module
    objective: Objective
    loss: Loss

    @property
    def weights(self) -> list[nn.Parameter]:
        """What it finds gradients for."""
        both = (*self.model.parameters(), *self.objective.parameters())
        return [weight for weight in both if weight.requires_grad]

    @property
    def buffers(self) -> list[Tensor]:
        """What a pass may write, such as the averages of batch normalisation."""
        return [*self.model.buffers(), *self.objective.buffers()]


def replicate(
    model: nn.Module,
    objective: Objective,
    loss_of: Callable[[nn.Module, Objective, int, Notify], Loss],
    batch_size: int,
    workers: int,
    notify: Notify,
) -> list[Replica]:
    """A replica for each worker, the first of which is the model and the objective themselves.

    ``loss_of`` gives the loss of a model and an objective, for shares of a size; what it has to
    tell is told once.
    """
    first, *others = (len(range(batch_size)[part]) for part in parts_of(batch_size, workers))
    replicas = [Replica(model, objective, loss_of(model, objective, first, notify))]
    for size in others:
        own = same_weights(model), same_weights(objective)
        replicas.append(Replica(*own, loss_of(*own, size, no_notices)))
    return replicas


def same_weights(module: Module) -> Module:
    """A module whose weights lie in the memory of the same weights, and all else is its own."""
    weights = {id(w): nn.Parameter(w.detach(), w.requires_grad) for w in module.parameters()}
    return copy.deepcopy(module, weights)


@dataclass(eq=False)
class SharedStep(Step):
    """A step of which every worker passes a share through its replica; the first is the model.

    Gradients, and averages that passes keep, are those of the whole batch; batch normalisation
    alone normalises over each share.
    """

    replicas: Sequence[Replica] = ()

    def __post_init__(self) -> None:
        super().__post_init__()
        self.begun = False

    def passes(self, batch: Batch, noise: Noise) -> Mapping[str, Tensor]:
        shares = shares_of(batch, noise, self.workers.count)
        replicas = self.replicas[: len(shares)]
        buffers = [replica.buffers for replica in replicas]
        for of_other in buffers[1:]:
            _copy(of_other, buffers[0])
        terms = self._in_workers(replicas, shares)
        _sum_gradients([replica.weights for replica in replicas])
        _average(buffers, [share.mine / share.total for share, _ in shares])
        return {name: torch.cat([each[name] for each in terms]) for name in terms[0]}

    def _in_workers(
        self, replicas: Sequence[Replica], shares: Sequence[tuple[Batch, Noise]]
    ) -> list[dict[str, Tensor]]:
        """What `_pass` gives for each share."""
        if self.begun:
            return self.workers.each(self._pass, replicas, shares)
        self.begun = True  # at first one after another: compilers are not made to be called at once
        pairs = zip(replicas, shares, strict=True)
        return [self.workers.each(self._pass, [replica], [s])[0] for replica, s in pairs]

    def _pass(self, replica: Replica, share: tuple[Batch, Noise]) -> dict[str, Tensor]:
        """Find the share's part of the gradients; the terms, each (B,)."""
        batch, noise = share
        for weight in replica.weights:
            weight.grad = None
        terms = replica.loss(batch, noise)
        (batch.mine / batch.total * terms["loss"].mean()).backward()  # type: ignore[no-untyped-call]
        return {name: values.detach() for name, values in terms.items()}


def _copy(targets: Sequence[Tensor], sources: Sequence[Tensor]) -> None:
    for target, source in zip(targets, sources, strict=True):
        target.copy_(source)


def _sum_gradients(weights: Sequence[Sequence[nn.Parameter]]) -> None:
    """Let the first weights have the sum of the gradients of all that are the same."""
    for first, *others in zip(*weights, strict=True):
        for other in others:
            if first.grad is None:
                first.grad = other.grad
            elif other.grad is not None:
                first.grad += other.grad


@torch.no_grad()
def _average(buffers: Sequence[Sequence[Tensor]], shares: Sequence[float]) -> None:
    """Let the first buffers be the averages of all by their shares; a count is the first one's.

    What is the same in all stays so to the bit.
    """
    for first, *others in zip(*buffers, strict=True):
        if first.is_floating_point():
            differences = (s * (b - first) for s, b in zip(shares[1:], others, strict=True))
            first += sum(list(differences))
