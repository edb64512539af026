"""Jobs go one at a time, urgent ones between the steps of long ones, and none waits for ever."""

import asyncio
import threading
import time

import pytest

from lik.faces.io.files import InMemory
from lik.studio import uploads
from lik.studio.refusals import Refused
from lik.studio.uploads import PhotographPool
from lik.studio.worker import Abandoned, ModelThread


@pytest.fixture
def models():
    made = ModelThread(most_waiting=2)
    yield made
    made.close()


def test_urgent_jobs_go_between_the_steps_of_a_long_one(models):
    order = []

    def long(step):
        for number in range(3):
            order.append(number)
            if number == 1:
                models.begin(lambda: order.append("urgent"), urgent=True)
            step("long", number, 3)

    asyncio.run(models.run_long(long, lambda *_: None))
    assert order == [0, 1, "urgent", 2]


def test_what_nobody_waits_for_ends(models):
    ended = threading.Event()

    def endless(step):
        try:
            while True:
                time.sleep(0.01)
                step("endless", 0, 1)
        except Abandoned:
            ended.set()
            raise

    async def leave():
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(models.run_long(endless, lambda *_: None), 0.05)

    asyncio.run(leave())
    assert ended.wait(5)
    assert asyncio.run(models.run(lambda: 7)) == 7


def test_who_comes_to_a_full_queue_is_asked_to_come_again(models):
    free = threading.Event()
    models.begin(free.wait)
    time.sleep(0.05)
    models.begin(int)
    models.begin(int)
    with pytest.raises(Refused) as refused:
        models.begin(int)
    assert refused.value.status == 429
    assert models.begin(int, urgent=True)
    free.set()


def test_errors_come_back_and_the_thread_goes_on(models):
    with pytest.raises(ZeroDivisionError):
        asyncio.run(models.run(lambda: 1 / 0))
    assert asyncio.run(models.run(lambda: 7)) == 7


def test_two_photographs_are_opened_at_once_and_few_may_wait(monkeypatch):
    inside, most, lock = 0, 0, threading.Lock()

    def slow():
        nonlocal inside, most
        with lock:
            inside += 1
            most = max(most, inside)
        time.sleep(0.02)
        with lock:
            inside -= 1

    pool = PhotographPool()

    async def many():
        jobs = [pool.do(slow) for _ in range(20)]
        return await asyncio.gather(*jobs, return_exceptions=True)

    results = asyncio.run(many())
    assert most == 2
    refused = [one for one in results if isinstance(one, Refused)]
    assert len(refused) == 20 - uploads.AT_ONCE - uploads.MOST_WAITING
    assert {one.status for one in refused} == {429}
    assert asyncio.run(pool.do(lambda: 7)) == 7
    pool.close()


def test_a_photograph_that_takes_too_long_is_given_up(monkeypatch):
    monkeypatch.setattr(uploads, "open_photograph", lambda *_, **__: time.sleep(0.3))
    pool = PhotographPool(seconds=0.05)
    with pytest.raises(Refused, match="takes too long"):
        asyncio.run(pool.open(InMemory(b""), {}, 16))
    pool.close()
