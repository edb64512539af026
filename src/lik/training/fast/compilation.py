"""Functions that are compiled, or where that fails go on as they are."""

from collections.abc import Callable
from typing import Generic, ParamSpec, TypeVar

import torch

from lik.core.events import Notify

P = ParamSpec("P")
R = TypeVar("R")

MERGED = "combo_kernels"
"""PyTorch's option by which small operations that do not depend on each other are one launch."""


class Compiled(Generic[P, R]):
    """A function, compiled at its first call.

    Compilers fail in many ways, and most of them are harmless: then the function itself is called,
    from then on, and ``notify`` is given a sentence. ``merged``: launches are what takes time.
    """

    def __init__(self, function: Callable[P, R], notify: Notify, merged: bool = False) -> None:
        self.function, self.notify = function, notify
        self.given_up = False
        able = merged and MERGED in torch._inductor.list_options()
        self._compiled = torch.compile(
            function, dynamic=False, options={MERGED: True} if able else None
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
