"""The routes of the page that edits faces; pages for other work get a router of their own."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from typing import Any, TypeVar

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse, StreamingResponse

from lik.core.configuration import validated
from lik.core.events import Progress, no_progress
from lik.studio.engine import StudioEngine
from lik.studio.refusals import Refused, refusal_of
from lik.studio.requests import DrawRequest, Trajectory, eyes_in, parsed, split_edit
from lik.studio.wire import event, floats, to_base64

T = TypeVar("T")

BYTES = "application/octet-stream"
LOOK_EVERY = 0.2
"""Seconds between two looks whether somebody still waits for an answer."""


def edit_router(engine: StudioEngine, network: str | None) -> APIRouter:
    """What the page for editing asks for.

    ``network``: what this computer is called, where others can reach it.
    """
    router = APIRouter(prefix="/api")

    @router.get("/runs")
    async def runs() -> Response:
        rows = await engine.rows()
        usual = rows[0]["id"] if rows else None
        return JSONResponse({"runs": rows, "usual": usual, "network": network})

    @router.get("/runs/{run_id}")
    async def about(run_id: str) -> Response:
        return JSONResponse(await engine.about(run_id))

    @router.get("/runs/{run_id}/directions/{name}")
    async def directions(run_id: str, name: str) -> Response:
        names, vectors = await engine.directions(run_id, name)
        return Response(floats(vectors), 200, {"X-Lik-Names": json.dumps(names)}, BYTES)

    @router.post("/runs/{run_id}/draw")
    async def draw(run_id: str, request: Request) -> Response:
        wanted = validated(DrawRequest, parsed(await request.body()), "the request")
        return Response(floats(await engine.draw(run_id, wanted)), media_type=BYTES)

    @router.put("/runs/{run_id}/faces")
    async def faces(run_id: str, request: Request) -> Response:
        eyes = eyes_in(request.headers.get("x-lik-eyes"))
        return JSONResponse(await engine.faces(run_id, await request.body(), eyes))

    @router.post("/runs/{run_id}/fit")
    async def fit(run_id: str, request: Request) -> Response:
        codes = await unless_gone(request, engine.fit(run_id, await request.body()))
        return Response(floats(codes), media_type=BYTES)

    @router.post("/runs/{run_id}/trajectory")
    async def trajectory(run_id: str, request: Request) -> Response:
        wanted = validated(Trajectory, parsed(await request.body()), "the request")

        async def work(progress: Progress) -> dict[str, Any]:
            return {"stops": to_base64(floats(await engine.trajectory(run_id, wanted, progress)))}

        return streamed(engine, work)

    @router.post("/runs/{run_id}/edit")
    async def edit(run_id: str, request: Request) -> Response:
        record, source, photograph = split_edit(await request.body())
        if "text/event-stream" not in request.headers.get("accept", ""):
            editing = engine.edit(run_id, record, source, photograph, no_progress)
            png, _ = await unless_gone(request, editing)
            return Response(png, media_type="image/png")

        async def work(progress: Progress) -> dict[str, Any]:
            png, notices = await engine.edit(run_id, record, source, photograph, progress)
            return {"png": to_base64(png), "notices": list(notices)}

        return streamed(engine, work)

    return router


async def unless_gone(request: Request, work: Coroutine[Any, Any, T]) -> T:
    """Do some work, and give it up when who asked goes away.

    Raises:
        Refused: so it was.
    """
    task = asyncio.create_task(work)
    while not task.done():
        await asyncio.wait({task}, timeout=LOOK_EVERY)
        if not task.done() and await request.is_disconnected():
            task.cancel()
            raise Refused(400, "gone", "nobody waits for the answer.")
    return task.result()


Work = Callable[[Progress], Awaitable[dict[str, Any]]]


def streamed(engine: StudioEngine, work: Work) -> Response:
    """Work as server-sent events: ``step`` after each step, then ``done``, or ``error``."""
    return StreamingResponse(_events(engine, work), media_type="text/event-stream")


async def _events(engine: StudioEngine, work: Work) -> AsyncIterator[bytes]:
    loop = asyncio.get_running_loop()
    steps: asyncio.Queue[tuple[str, dict[str, Any]]] = asyncio.Queue()

    def progress(stage: str, done: int, total: int) -> None:
        step = {"stage": stage, "done": done, "total": total}
        loop.call_soon_threadsafe(steps.put_nowait, ("step", step))

    async def ended() -> None:
        try:
            last = "done", await work(progress)
        except Exception as error:
            last = "error", refusal_of(error, engine.names).told
        # Behind the steps that the other thread has told already.
        loop.call_soon(steps.put_nowait, last)

    task = asyncio.create_task(ended())
    try:
        while True:
            name, told = await steps.get()
            yield event(name, told)
            if name != "step":
                return
    finally:
        task.cancel()  # who goes away before the end is not worked for any more
