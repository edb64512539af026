"""The one thread in which models work.

With one torch thread a face takes a millisecond or some; with more, threads of several users would
wait for each other. Long work, such as a guided edit, lets urgent jobs, which are short, through
between its steps.
"""

import asyncio
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeVar

from lik.core.events import Progress
from lik.studio.refusals import Refused

T = TypeVar("T")

MOST_WAITING, MOST_URGENT = 32, 128
"""Jobs that wait at most; who comes then is asked to come again."""


class Abandoned(Exception):
    """Nobody waits any more for what is being done."""


class ModelThread:
    """Jobs in turn, one at a time; urgent ones first."""

    def __init__(self, most_waiting: int = MOST_WAITING) -> None:
        self._urgent: deque[tuple[Future[Any], Callable[[], Any]]] = deque()
        self._patient: deque[tuple[Future[Any], Callable[[], Any]]] = deque()
        self._most = most_waiting
        self._wake = threading.Condition()
        self._closed = False
        self._thread = threading.Thread(target=self._work, name="models", daemon=True)
        self._thread.start()

    async def run(self, job: Callable[[], T], urgent: bool = False) -> T:
        """Do a job and give what it gives.

        Raises:
            Refused: too many jobs wait.
        """
        return await asyncio.wrap_future(self.begin(job, urgent))

    def begin(self, job: Callable[[], T], urgent: bool = False) -> "Future[T]":
        """Let a job be done; Refused where too many wait."""
        future: Future[T] = Future()
        with self._wake:
            waiting = self._urgent if urgent else self._patient
            most = MOST_URGENT if urgent else self._most
            if len(waiting) >= most or self._closed:
                raise Refused(429, "busy", "too much is being asked for at once: try again.")
            waiting.append((future, job))
            self._wake.notify()
        return future

    async def run_long(self, job: Callable[[Progress], T], progress: Progress) -> T:
        """Do a job of many steps, between which urgent ones go; it ends where nobody waits."""
        abandoned = threading.Event()

        def step(stage: str, done: int, total: int) -> None:
            if abandoned.is_set() or self._closed:
                raise Abandoned
            progress(stage, done, total)
            self._let_through()

        try:
            return await self.run(lambda: job(step))
        except asyncio.CancelledError:
            abandoned.set()
            raise

    def close(self) -> None:
        """Take no more jobs, and wait a moment for the one that is being done."""
        with self._wake:
            self._closed = True
            self._wake.notify()
        self._thread.join(timeout=3)

    def _let_through(self) -> None:
        while self._urgent:
            _do(*self._urgent.popleft())

    def _work(self) -> None:
        while True:
            with self._wake:
                self._wake.wait_for(lambda: self._closed or self._urgent or self._patient)
                if self._closed:
                    return
                future, job = (self._urgent or self._patient).popleft()
            _do(future, job)
            del future, job  # or the last one would keep what it worked on


def _do(future: "Future[Any]", job: Callable[[], Any]) -> None:
    if not future.set_running_or_notify_cancel():
        return
    try:
        future.set_result(job())
    except BaseException as error:
        future.set_exception(error)
