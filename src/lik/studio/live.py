"""The WebSocket on which sliders speak: one frame is worked on, one waits, and the newest wins."""

import asyncio
from contextlib import suppress

from fastapi import APIRouter, WebSocket, WebSocketDisconnect

from lik.core.configuration import validated
from lik.core.errors import UnusableInput
from lik.studio.engine import StudioEngine
from lik.studio.refusals import Refused, refusal_of
from lik.studio.requests import Hello, parsed
from lik.studio.wire import LONGEST, id_of

FIRST = 10.0
"""Seconds within which a page must say who it is."""
POLICY = 1008
"""The code with which a WebSocket is closed that may not go on."""


def live_router(engine: StudioEngine) -> APIRouter:
    """The WebSocket of the page."""
    router = APIRouter(prefix="/api")

    @router.websocket("/live")
    async def live(socket: WebSocket) -> None:
        await socket.accept()
        with suppress(WebSocketDisconnect, RuntimeError):  # it may go away at any time
            try:
                run_id = await _introduced(socket, engine)
            except (Refused, UnusableInput, TimeoutError):
                await socket.close(POLICY)
                return
            await _Conversation(socket, engine, run_id).hold()

    return router


async def _introduced(socket: WebSocket, engine: StudioEngine) -> str:
    """The run that the first message names, where it knows the token."""
    message = await asyncio.wait_for(socket.receive(), FIRST)
    text = message.get("text")
    if not text or len(text) > LONGEST:
        raise Refused(403, "bad-token", "the first message says who asks.")
    hello = validated(Hello, parsed(text.encode()), "the first message")
    if not socket.scope["is_token"](hello.token) or hello.run not in engine.places:
        raise Refused(403, "bad-token", "open the studio by the address that was printed.")
    return hello.run


class _Conversation:
    """Frames of one page and their answers."""

    def __init__(self, socket: WebSocket, engine: StudioEngine, run_id: str) -> None:
        self._socket, self._engine, self._run_id = socket, engine, run_id
        self._newest: bytes | None = None
        self._came = asyncio.Event()

    async def hold(self) -> None:
        """Answer until the page goes away."""
        answering = asyncio.create_task(self._answer())
        try:
            while True:
                message = await self._socket.receive()
                if message["type"] == "websocket.disconnect":
                    return
                self._newest = message.get("bytes") or b""
                self._came.set()
        finally:
            answering.cancel()

    async def _answer(self) -> None:
        with suppress(WebSocketDisconnect, RuntimeError):  # what receives will hear of it
            while True:
                await self._came.wait()
                self._came.clear()
                message, self._newest = self._newest or b"", None
                await self._answer_one(message)

    async def _answer_one(self, message: bytes) -> None:
        try:
            reply = await self._engine.live(self._run_id, message)
        except Exception as error:
            told = refusal_of(error, self._engine.names).told
            await self._socket.send_json({"id": id_of(message), **told})
        else:
            await self._socket.send_bytes(reply)
