"""Where extraction runs: in this process, in a process for each core, or on a Ray cluster.

Every engine gives the extractions of all pictures in the order of the source.
"""

import logging
import os
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from itertools import chain, islice
from multiprocessing import get_context, parent_process
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from lik.core.errors import FailedOnTheWay, UnusableInput
from lik.core.prefetch import prefetch
from lik.faces.io.pictures import Container
from lik.faces.set.extraction import Extraction, Plan, extract

CHUNK = 64
"""Pictures that a worker takes at a time."""

FEW = 4
"""Chunks that are too few for processes to be begun."""

Item = tuple[str, NDArray[np.float64] | None]
"""A picture's name, and where its eyes are known to be."""

Chunk = list[Item]
Engine = Callable[[Container, Plan, Iterator[Chunk]], Iterator[list[Extraction]]]


def here(container: Container, plan: Plan, chunks: Iterator[Chunk]) -> Iterator[list[Extraction]]:
    """One picture after the other, in this process."""
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        for chunk in chunks:
            yield extract_all(container, plan, chunk)
    finally:
        cv2.setNumThreads(threads)


def processes(workers: int) -> Engine:
    """An engine with ``workers`` processes on this machine."""

    def run(
        container: Container, plan: Plan, chunks: Iterator[Chunk]
    ) -> Iterator[list[Extraction]]:
        first = list(islice(chunks, FEW))
        if len(first) < FEW:  # done before another process would have begun
            yield from here(container, plan, iter(first))
            return
        chunks = chain(first, chunks)
        pool = ProcessPoolExecutor(workers, get_context("spawn"), _begin, (container, plan))
        try:
            with pool:
                try:
                    yield from prefetch(
                        lambda chunk: pool.submit(_work, chunk),
                        lambda begun: begun.result(),
                        chunks,
                        2 * workers,
                    )
                finally:
                    pool.shutdown(cancel_futures=True)
        except BrokenProcessPool as error:
            raise FailedOnTheWay(
                "a worker process was lost (out of memory?); the same command goes on from there."
            ) from error

    return run


def ray_cluster(address: str | None = None) -> Engine:
    """An engine on a Ray cluster: the one at ``address``, or one that is begun on this machine.

    Tasks whose worker is lost are run again. The source must be readable under the same path on
    every machine of the cluster.

    Raises:
        UnusableInput: Ray is not installed, or there is no cluster at the address.
    """
    try:
        import ray
    except ImportError:
        raise UnusableInput("a Ray cluster needs Ray: pip install 'lik-vae[ray]'.") from None

    def run(
        container: Container, plan: Plan, chunks: Iterator[Chunk]
    ) -> Iterator[list[Extraction]]:
        begun = not ray.is_initialized()
        if begun:
            try:
                ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR)
            except (ConnectionError, RuntimeError, ValueError) as error:
                where = f"at {address}" if address else "on this machine"
                raise UnusableInput(f"there is no Ray cluster {where} ({error}).") from error
        try:
            yield from _on_cluster(ray, container, plan, chunks)
        except ray.exceptions.RayError as error:
            raise FailedOnTheWay(
                f"the Ray cluster failed ({type(error).__name__}); the same command goes on from "
                "there."
            ) from error
        finally:
            if begun:
                ray.shutdown()

    return run


def _on_cluster(
    ray: Any, container: Container, plan: Plan, chunks: Iterator[Chunk]
) -> Iterator[list[Extraction]]:
    task = ray.remote(max_retries=10)(extract_all)
    shared = ray.put(container), ray.put(plan)
    ahead = 2 * max(1, int(ray.cluster_resources().get("CPU", 1)))
    yield from prefetch(lambda chunk: task.remote(*shared, chunk), ray.get, chunks, ahead)


def extract_all(container: Container, plan: Plan, chunk: Chunk) -> list[Extraction]:
    """The extractions of a chunk of pictures."""
    return [extract(container, name, plan, eyes) for name, eyes in chunk]


_given: tuple[Container, Plan] | None = None
"""What a worker process was begun with."""


def _begin(container: Container, plan: Plan) -> None:
    global _given
    _given = container, plan
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides when work ends
    threading.Thread(target=_end_with_parent, daemon=True).start()
    cv2.setNumThreads(1)


def _end_with_parent() -> None:
    """Do not outlive a parent that was killed."""
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _work(chunk: Chunk) -> list[Extraction]:
    assert _given is not None
    return extract_all(*_given, chunk)
