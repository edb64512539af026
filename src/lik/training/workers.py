"""Threads of one process that share each batch: how a processor with several cores trains.

Threads that share every operation wait for each other hundreds of times in a step, and whenever
another program takes one of their cores, all of them stand still. Workers take shares of the batch
instead, and wait for each other once in a step. It is the data parallelism of
`lik.training.processes` within one memory: nothing is sent, and a lost worker is a lost process.
"""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import pairwise
from threading import Lock
from typing import Any, TypeVar

import torch

from lik.training.batches import Batch, Noise

R = TypeVar("R")

FEWEST = 2
"""Faces in a share, at the least: batch normalisation may not take a single one."""


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

        Where the workers have not been entered, it is done one after another.
        """
        return list(
            map(work, *arguments) if self._pool is None else self._pool.map(work, *arguments)
        )


def threads_at_hand() -> int:
    """How many threads PyTorch has, but for what workers have taken."""
    return Workers._outside if Workers._entered else torch.get_num_threads()


def parts_of(faces: int, count: int) -> list[slice]:
    """Which faces of a batch are whose, of ``count`` workers; fewer of them where it is small."""
    count = max(1, min(count, faces // FEWEST))
    borders = [faces * worker // count for worker in range(count + 1)]
    return [slice(*ends) for ends in pairwise(borders)]


def shares_of(batch: Batch, noise: Noise, count: int) -> list[tuple[Batch, Noise]]:
    """The shares of ``count`` workers in a batch, which has not been shared yet, and their noise.

    A face has the same noise in its share as it has in the whole batch. ``noise`` itself is that
    of the first share: when that has drawn, it stands where it would after the whole batch.
    """
    parts = parts_of(len(batch.images), count)
    if len(parts) == 1:
        return [(batch, noise)]
    state = noise.generator.get_state()
    generators = [noise.generator, *(torch.Generator().set_state(state) for _ in parts[1:])]
    shares = []
    for part, generator in zip(parts, generators, strict=True):
        images, labels = batch.images[part], batch.labels
        labels = None if labels is None else labels[part]
        share = Batch(images, batch.total, len(images), labels)
        shares.append((share, Noise(generator, noise.total, part)))
    return shares
