"""Threads of one process that work side by side, each on something of its own.

Threads that share every operation wait for each other hundreds of times in a step, and whenever
another program takes one of their cores, all of them stand still. Workers share what is to be done
instead, and wait for each other at its end. Nothing is sent, and a lost worker is a lost process.
"""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Lock
from typing import Any, TypeVar

import torch

R = TypeVar("R")


class Workers:
    """Threads that work at the same time, each with ``threads`` of PyTorch; by default no others.

    While they are entered, PyTorch has one thread outside of them too: further ones would wait for
    work on the very cores that the workers need. `resting` has as many as before.
    """

    _entered = 0
    _outside = 1
    _lock = Lock()
    """Of all workers of the process, for PyTorch's number is that of threads yet to come, too."""

    def __init__(self, count: int = 1, threads: int = 1) -> None:
        self.count, self.threads = count, threads
        self._pool: ThreadPoolExecutor | None = None

    def __enter__(self) -> "Workers":
        if self.count > 1:
            with Workers._lock:
                Workers._outside = threads_at_hand()
                Workers._entered += 1
            self._pool = ThreadPoolExecutor(
                self.count, "lik-worker", torch.set_num_threads, (self.threads,)
            )
            torch.set_num_threads(1)
        return self

    def __exit__(self, *error: Any) -> None:
        if self._pool is None:
            return
        try:
            self._pool.shutdown(cancel_futures=True)  # which Ctrl-C may end
        finally:
            self._pool = None
            with Workers._lock:
                Workers._entered -= 1
            torch.set_num_threads(Workers._outside)

    @contextmanager
    def resting(self) -> Iterator[None]:
        """For what is done between steps, while they wait."""
        if self._pool is None:
            yield
            return
        torch.set_num_threads(Workers._outside)
        try:
            yield
        finally:
            torch.set_num_threads(1)

    def each(self, work: Callable[..., R], *arguments: Iterable[Any]) -> list[R]:
        """What ``work`` gives for each of the arguments, which are as `map` takes them, in order.

        Where there is one worker, it is done here, one after another.
        """
        return list(self.in_turn(work, *arguments))

    def in_turn(self, work: Callable[..., R], *arguments: Iterable[Any]) -> Iterator[R]:
        """The same, each as soon as it is there and those before it."""
        return map(work, *arguments) if self._pool is None else self._pool.map(work, *arguments)


def threads_at_hand() -> int:
    """How many threads PyTorch has, but for what workers have taken."""
    return Workers._outside if Workers._entered else torch.get_num_threads()


@contextmanager
def one_thread_each(tasks: int) -> Iterator[Workers]:
    """Workers for tasks of one thread each, whose results do not depend on how many there are.

    There are as many workers as PyTorch has threads, or tasks. A single one works in this thread.
    """
    with Workers(min(threads_at_hand(), tasks)) as workers:
        threads = torch.get_num_threads()
        torch.set_num_threads(1)
        try:
            yield workers
        finally:
            torch.set_num_threads(threads)
