"""Passes of a batch that workers share: the default on a processor with several cores."""

import copy
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from lik.core.events import Notify, no_notices
from lik.core.workers import Workers
from lik.objectives.interface import Objective
from lik.training.batches import Batch, Noise
from lik.training.shares import parts_of, shares_of
from lik.training.step import Loss, Replica, TermsOf

Module = TypeVar("Module", bound=nn.Module)


def replicate(
    model: nn.Module,
    objective: Objective,
    loss_of: Callable[[nn.Module, Objective, int, Notify], Loss],
    batch_size: int,
    shares: int,
    notify: Notify,
) -> list[Replica]:
    """A replica for each share, the first of which is the model and the objective themselves.

    ``loss_of`` gives the loss of a model and an objective, for shares of a size; what it has to
    tell is told once.
    """
    first, *others = (len(range(batch_size)[part]) for part in parts_of(batch_size, shares))
    replicas = [Replica(model, objective, loss_of(model, objective, first, notify))]
    for size in others:
        own = same_weights(model), same_weights(objective)
        replicas.append(Replica(*own, loss_of(*own, size, no_notices)))
    return replicas


def same_weights(module: Module) -> Module:
    """A module whose weights lie in the memory of the same weights, and all else is its own."""
    weights = {id(w): nn.Parameter(w.detach(), w.requires_grad) for w in module.parameters()}
    return copy.deepcopy(module, weights)


def weights_of(replica: Replica) -> list[nn.Parameter]:
    """What a pass finds gradients for."""
    both = (*replica.model.parameters(), *replica.objective.parameters())
    return [weight for weight in both if weight.requires_grad]


def buffers_of(replica: Replica) -> list[Tensor]:
    """What a pass may write, such as the averages of batch normalisation."""
    return [*replica.model.buffers(), *replica.objective.buffers()]


class SharedPasses:
    """Passes of which every worker makes a share through its replica.

    The first replica, which is what is trained, has the gradients afterwards, and what the passes
    keep: those of the whole batch. Batch normalisation alone is over each share, as ghost batch
    normalisation is (Hoffer et al., arXiv:1705.08741).
    """

    def __init__(self, replicas: Sequence[Replica], workers: Workers, batch_size: int) -> None:
        self.replicas, self.workers, self.batch_size = replicas, workers, batch_size
        self.weights = [weights_of(replica) for replica in replicas]
        self.buffers = [buffers_of(replica) for replica in replicas]
        self.compiled: set[Any] = set()

    def __call__(self, terms_of: TermsOf, batch: Batch, noise: Noise) -> Mapping[str, Tensor]:
        count = round(len(self.replicas) * len(batch.images) / self.batch_size)  # fewer of a few
        shares = shares_of(batch, noise, count)
        weights, buffers = self.weights[: len(shares)], self.buffers[: len(shares)]
        for of_other in buffers[1:]:
            _copy(of_other, buffers[0])
        terms = self._in_workers(terms_of, weights, shares)
        _sum_gradients(weights)
        _average(buffers, [share.mine / share.total for share, _ in shares])
        return {name: torch.cat([each[name] for each in terms]) for name in terms[0]}

    def _in_workers(
        self,
        terms_of: TermsOf,
        weights: Sequence[Sequence[nn.Parameter]],
        shares: Sequence[tuple[Batch, Noise]],
    ) -> list[dict[str, Tensor]]:
        """What `_pass` gives for each share."""
        work, kind = partial(_pass, terms_of), (terms_of, len(shares[0][0].images))
        if kind in self.compiled:
            return self.workers.each(work, self.replicas, weights, shares)
        self.compiled.add(kind)  # one after another: compilers are not made to be called at once
        each = zip(self.replicas, weights, shares, strict=False)  # fewer shares of a few
        return [self.workers.each(work, [r], [w], [share])[0] for r, w, share in each]


def _pass(
    terms_of: TermsOf,
    replica: Replica,
    weights: Sequence[nn.Parameter],
    share: tuple[Batch, Noise],
) -> dict[str, Tensor]:
    """Find the share's part of the gradients; the terms, each (B,)."""
    batch, noise = share
    for weight in weights:
        weight.grad = None
    terms = terms_of(replica, batch, noise)
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
