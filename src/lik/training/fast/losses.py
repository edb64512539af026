"""Losses whose passes through the model are in lower precision, and what is compiled.

What does not compile goes on as it is.
"""

from collections.abc import Callable, Mapping
from typing import Any, Generic, ParamSpec, TypeVar, cast

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from lik.core.events import Notify
from lik.training.batches import Batch, Noise
from lik.training.fast.acceleration import Acceleration
from lik.training.step import Loss

P = ParamSpec("P")
R = TypeVar("R")

MERGED = "combo_kernels"
"""PyTorch's option by which small operations that do not depend on each other are one launch."""

UNLOCKED = "cpp_wrapper"
"""PyTorch's option by which what is compiled leaves Python to other threads while it runs."""


class InPrecision:
    """A model that a loss calls, whose passes in training mode have a precision.

    What is measured in evaluation mode is float32.
    """

    def __init__(self, model: nn.Module, precision: torch.dtype) -> None:
        self.model, self.precision = model, precision
        self.plain = model.module if isinstance(model, DistributedDataParallel) else model

    def __call__(self, images: Tensor, *arguments: Any) -> Any:
        lower = self.precision != torch.float32 and self.plain.training
        with torch.autocast(images.device.type, self.precision, enabled=lower):
            return self.model(images, *arguments)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.plain, name)


class Compiled(Generic[P, R]):
    """A function, compiled at its first call.

    Compilers fail in many ways, and most of them are harmless: then the function itself is called,
    from then on, and ``notify`` is given a sentence. ``option`` of PyTorch's, where it has it.
    """

    def __init__(self, function: Callable[P, R], notify: Notify, option: str | None = None) -> None:
        self.function, self.notify = function, notify
        self.given_up = False
        able = option in torch._inductor.list_options()
        self._compiled = torch.compile(
            function, dynamic=False, options={option: True} if option and able else None
        )

    def __call__(self, *arguments: P.args, **named: P.kwargs) -> R:
        if not self.given_up:
            try:
                compiled: R = self._compiled(*arguments, **named)
                return compiled
            except Exception as error:
                if not type(error).__module__.startswith("torch._"):
                    raise
                self.give_up(error)
        return self.function(*arguments, **named)

    def give_up(self, error: Exception) -> None:
        """Do without from now on, for that reason."""
        self.given_up = True
        self.notify(
            f"torch.compile failed ({type(error).__name__}): going on without it, more slowly."
        )


class CompiledLoss:
    """A loss that is compiled for whole batches in training mode.

    ``width`` is how many normal numbers it draws for each face: they are drawn before.
    ``option`` as for `Compiled`.
    """

    def __init__(
        self, loss: Loss, model: nn.Module, objective: nn.Module, width: int, batch_size: int,
        notify: Notify, option: str | None = None,
    ) -> None:  # fmt: skip
        self.loss, self.model, self.objective = loss, model, objective
        self.width, self.batch_size = width, batch_size
        self._tried = isinstance(model, DistributedDataParallel)  # which counts its backward passes
        # PyTorch compiles the same lines for at most eight models, and then no more.
        torch.compiler.reset()
        self._compiled = Compiled(loss, notify, option)

    def __call__(self, batch: Batch, noise: Noise) -> Mapping[str, Tensor]:
        if not self.model.training or len(batch.images) != self.batch_size:
            return self.loss(batch, noise)
        drawn = cast(Noise, _Drawn(noise.normal(self.width)))
        if not self._tried:
            self._tried = True
            self._try(batch, drawn)
        return self._compiled(batch, drawn)

    def _try(self, batch: Batch, drawn: Noise) -> None:
        """Go forwards and backwards once for nothing: compiled code may fail in either pass."""
        buffers = [*self.model.buffers(), *self.objective.buffers()]
        before = [buffer.clone() for buffer in buffers]
        weights = [weight for weight in self.model.parameters() if weight.requires_grad]
        try:
            loss = self._compiled(batch, drawn)["loss"].mean()
            torch.autograd.grad(loss, weights, allow_unused=True)
        except Exception as error:  # what is wrong without a compiler too will be so again
            self._compiled.give_up(error)
        for buffer, old in zip(buffers, before, strict=True):
            buffer.copy_(old)


class _Drawn:
    """`Noise` that has been drawn already."""

    def __init__(self, numbers: Tensor) -> None:
        self.numbers = numbers

    def normal(self, width: int) -> Tensor:
        return self.numbers


def quick_loss(
    loss: Loss,
    how: Acceleration,
    model: nn.Module,
    objective: nn.Module,
    width: int | None,
    batch_size: int,
    notify: Notify,
) -> Loss:
    """The loss, compiled where that was chosen and it draws so many normal numbers for a face."""
    if not how.compiled or width is None:
        return loss
    option = UNLOCKED if how.workers > 1 else None
    return CompiledLoss(loss, model, objective, width, batch_size, notify, option)
