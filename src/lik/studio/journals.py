"""The routes of the page that watches trainings: by their files, and without their models."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse, StreamingResponse

from lik.app.following import JournalTail, describe_training, dimensions_of, plain_record
from lik.app.watching import grid_bytes
from lik.core.errors import UnusableInput
from lik.studio.engine import StudioEngine
from lik.studio.refusals import Refused, refusal_of
from lik.studio.wire import event

EVERY = 1.0
"""Seconds between two looks at a journal."""
STATE_EVERY = 5
"""Looks between two at all else, where the journal says nothing new."""
KEPT_FOR = 20.0
"""Seconds for which it is kept how a run stands that says nothing new."""
MOST_WATCHING = 32
"""Pages that are told of a training as it goes on, at most."""
LAST_EPOCH = 10**6

Event = tuple[str, dict[str, Any]]


def training_router(engine: StudioEngine) -> APIRouter:
    """What the page for trainings asks for."""
    router = APIRouter(prefix="/api")
    watching: set[object] = set()
    known: dict[str, tuple[object, float, dict[str, Any] | None]] = {}

    def described(run_id: str) -> dict[str, Any] | None:
        """How a run stands; of one whose journal says nothing new, what was found lately."""
        folder, now = engine.folder(run_id), time.monotonic()
        journal = folder.journal.stat() if folder.journal.is_file() else None
        key = (journal.st_mtime_ns, journal.st_size) if journal else None
        if run_id not in known or known[run_id][0] != key or now - known[run_id][1] > KEPT_FOR:
            known[run_id] = key, now, describe_training(folder.path)
        return known[run_id][2]

    def trainings() -> list[dict[str, Any]]:
        engine.look_again()
        found = {run_id: described(run_id) for run_id in list(engine.places)}
        return [{"id": run_id, **told} for run_id, told in found.items() if told]

    @router.get("/trainings")
    async def listed() -> Response:
        return JSONResponse({"trainings": await asyncio.to_thread(trainings)})

    @router.get("/runs/{run_id}/events")
    async def events(run_id: str, request: Request) -> Response:
        training = _Training(engine, run_id)
        if len(watching) >= MOST_WATCHING:
            raise Refused(429, "busy", "too many pages watch trainings: close some.")
        leaving = request.scope.get("leaving") or asyncio.Event()
        stream = _streamed(engine, training, watching, leaving)
        return StreamingResponse(stream, media_type="text/event-stream")

    @router.get("/runs/{run_id}/samples/{epoch}")
    async def samples(run_id: str, epoch: int) -> Response:
        folder = engine.folder(run_id)
        try:
            if not 0 <= epoch <= LAST_EPOCH:
                raise UnusableInput(f"there is no sample grid of epoch {epoch}.")
            png = await asyncio.to_thread(grid_bytes, folder, epoch)
        except UnusableInput as error:
            raise Refused(404, "unknown", str(error)) from None
        return Response(png, media_type="image/png", headers={"Cache-Control": "no-store"})

    return router


class _Training:
    """What is new of a run, each time that one looks."""

    def __init__(self, engine: StudioEngine, run_id: str) -> None:
        folder = engine.folder(run_id)
        self._path, self._tail = folder.path, JournalTail(folder)
        self._looks = 0
        self._state: dict[str, Any] | None = None

    def look(self) -> list[Event]:
        """Events: ``journal`` with records that came, and ``state`` where that is another."""
        records, anew = self._tail.read()
        events: list[Event] = []
        if records or anew:
            kl = next((kl for one in reversed(records) if (kl := dimensions_of(one))), None)
            told = {"records": list(map(plain_record, records)), "anew": anew, "dimensions": kl}
            events.append(("journal", told))
        if events or self._looks % STATE_EVERY == 0:
            state = describe_training(self._path)
            if state != self._state:
                events.append(("state", {"training": state}))
                self._state = state
        self._looks += 1
        return events


async def _streamed(
    engine: StudioEngine, training: _Training, watching: set[object], leaving: asyncio.Event
) -> AsyncIterator[bytes]:
    """Events as they come, until page or server go away; a sign of life where there are none."""
    watching.add(training)
    try:
        while not leaving.is_set():
            found = await asyncio.to_thread(training.look)
            for name, told in found:
                yield event(name, told)
            if not found:
                yield b": nothing new\n\n"
            with suppress(TimeoutError):
                await asyncio.wait_for(leaving.wait(), EVERY)
    except Exception as error:
        yield event("error", refusal_of(error, engine.names).told)
    finally:
        watching.discard(training)
