"""Who may ask: every request passes here before anything of it is read.

The studio has no accounts. What keeps others out is the token, which only the printed address
holds; what keeps other pages of the same browser out are the checks of Host, Origin and
Sec-Fetch-Site (DNS rebinding makes Host and Origin equal, so that Host has a list of its own).
"""

import asyncio
import hmac
from collections import Counter
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from typing import Any

from lik.studio.refusals import Refused, refusal_of

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

CSP = (
    "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; "
    "img-src 'self' blob: data:; connect-src 'self'; frame-ancestors 'none'; "
    "base-uri 'none'; form-action 'none'"
)
HEADERS = [
    (b"content-security-policy", CSP.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
]
TOKEN = b"x-lik-token"
TRY_LATER = 1013
"""The code with which a WebSocket is closed for which there is no room now."""


@dataclass(frozen=True)
class RequestLimits:
    """What may be asked for: bytes of a body, seconds to send it, and how much at once."""

    body: int = 40_000_000
    json: int = 65_536
    seconds: float = 60.0
    bodies: int = 8
    per_address: int = 16
    requests: int = 64
    sockets_per_address: int = 8
    sockets: int = 64


class Gatekeeper:
    """Lets requests through to ``app``, or answers what is wrong with them.

    Args:
        token: what all but the page's own files need. hosts: ``name:port`` of this server.
    """

    def __init__(
        self,
        app: Application,
        token: str,
        hosts: frozenset[str],
        limits: RequestLimits = RequestLimits(),
    ) -> None:
        self._app, self._token, self._hosts, self._limits = app, token.encode(), hosts, limits
        self._asking: Counter[str] = Counter()
        self._sockets: Counter[str] = Counter()
        self._bodies = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        socket = scope["type"] == "websocket"
        try:
            self._require_same_site(scope, _headers(scope), socket)
            await (self._socket if socket else self._request)(scope, receive, send)
        except Refused as refused:
            if socket:
                await _refuse_socket(scope, receive, send, refused)
            else:
                await _refuse(scope, send, refused)

    def is_token(self, told: object) -> bool:
        """Whether this is the token; it takes the same time for every wrong one."""
        return isinstance(told, str) and hmac.compare_digest(
            told.encode("utf-8", "replace"), self._token
        )

    def _require_same_site(self, scope: Scope, headers: dict[bytes, bytes], socket: bool) -> None:
        host = headers.get(b"host", b"").decode("latin-1").lower()
        if host not in self._hosts:
            raise Refused(421, "bad-host", "this is no address of the studio.")
        site = headers.get(b"sec-fetch-site", b"none")
        navigates = (
            scope.get("method") in ("GET", "HEAD") and scope["path"] == "/"
            and headers.get(b"sec-fetch-mode") == b"navigate"
            and headers.get(b"sec-fetch-dest") == b"document"
        )  # fmt: skip
        if site not in (b"same-origin", b"none") and not navigates:
            raise Refused(403, "bad-origin", "another page asks: that is not answered.")
        origin = headers.get(b"origin")
        if origin is None and not socket:
            return  # browsers leave it out where a page asks its own server for something
        if origin is None or origin.decode("latin-1").lower() != f"http://{host}":
            raise Refused(403, "bad-origin", "another page asks: that is not answered.")

    async def _socket(self, scope: Scope, receive: Receive, send: Send) -> None:
        address, limits = _address(scope), self._limits
        if self._sockets[address] >= limits.sockets_per_address:
            raise Refused(429, "busy", "too many pages of the studio are open: close some.")
        if self._sockets.total() >= limits.sockets:
            raise Refused(429, "busy", "too many people use the studio: try again.")
        scope["is_token"] = self.is_token
        self._sockets[address] += 1
        try:
            await self._app(scope, receive, send)
        except Exception as error:
            refusal_of(error)  # which notes it; nothing can be answered any more
        finally:
            self._sockets[address] -= 1
            self._sockets += Counter()  # forgets addresses without any

    async def _request(self, scope: Scope, receive: Receive, send: Send) -> None:
        address, limits = _address(scope), self._limits
        begun = False

        async def with_headers(message: Message) -> None:
            nonlocal begun
            if message["type"] == "http.response.start":
                begun = True
                message["headers"] = [*message.get("headers", ()), *HEADERS]
            await send(message)

        api = scope["path"].startswith("/api")
        if api and not self.is_token(_headers(scope).get(TOKEN, b"").decode("latin-1")):
            raise Refused(403, "bad-token", "open the studio by the address that was printed.")
        if self._asking[address] >= limits.per_address:
            raise Refused(429, "busy", "too much is being asked for at once: try again.")
        if self._asking.total() >= limits.requests:
            raise Refused(429, "busy", "too many people use the studio: try again.")
        self._asking[address] += 1
        try:
            body = await self._body(scope, receive)
            await self._app(scope, _replayed(body, receive), with_headers)
        except Refused:
            raise
        except Exception as error:
            refused = refusal_of(error)
            if not begun:
                raise refused from None
        finally:
            self._asking[address] -= 1
            self._asking += Counter()

    async def _body(self, scope: Scope, receive: Receive) -> bytes:
        """All of the body, within its limit, before anything parses it."""
        path, limits = scope["path"], self._limits
        large = path.startswith("/api/runs/") and path.endswith(("/faces", "/edit", "/fit"))
        most = limits.body if large else limits.json
        told = _headers(scope).get(b"content-length", b"0")
        if not told.isdigit() or len(told) > 15 or int(told) > most:
            raise _too_much(most)
        if self._bodies >= limits.bodies and large:
            raise Refused(429, "busy", "too many photographs come at once: try again.")
        self._bodies += large
        try:
            return await asyncio.wait_for(_read(receive, most), limits.seconds)
        except TimeoutError:
            raise Refused(400, "too-slow", "the request took too long to come.") from None
        finally:
            self._bodies -= large


async def _read(receive: Receive, most: int) -> bytes:
    parts, size = [], 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Refused(400, "gone", "the request ended before it was whole.")
        part = message.get("body", b"")
        size += len(part)
        if size > most:
            raise _too_much(most)
        parts.append(part)
        if not message.get("more_body"):
            return b"".join(parts)


def _replayed(body: bytes, receive: Receive) -> Receive:
    """The body once, and then what comes: the news that nobody waits any more."""
    given = False

    async def again() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again


async def _refuse(scope: Scope, send: Send, refused: Refused) -> None:
    body = b"" if scope.get("method") == "HEAD" else refused.body
    headers = [
        (b"content-type", b"application/json"), (b"content-length", b"%d" % len(refused.body)),
        (b"cache-control", b"no-store"), *HEADERS,
    ]  # fmt: skip
    if refused.status == 413:  # what is still on its way is not read
        headers.append((b"connection", b"close"))
    if refused.status == 429:
        headers.append((b"retry-after", b"1"))
    start = {"type": "http.response.start", "status": refused.status, "headers": headers}
    await send(start)
    await send({"type": "http.response.body", "body": body})


async def _refuse_socket(scope: Scope, receive: Receive, send: Send, refused: Refused) -> None:
    """Answer before it opens; but a page hears why only of one that was open (`TRY_LATER`)."""
    await receive()
    if refused.status == 429:
        await send({"type": "websocket.accept"})
        await send({"type": "websocket.close", "code": TRY_LATER})
        return
    if "websocket.http.response" not in scope.get("extensions", {}):
        await send({"type": "websocket.close", "code": 1008})
        return
    headers = [(b"content-type", b"application/json"), *HEADERS]
    start = {"type": "websocket.http.response.start", "status": refused.status, "headers": headers}
    await send(start)
    await send({"type": "websocket.http.response.body", "body": refused.body})


def _headers(scope: Scope) -> dict[bytes, bytes]:
    """The headers by name; of one that is given twice, both, so that it is like nothing known."""
    found: dict[bytes, bytes] = {}
    for name, value in scope["headers"]:
        found[name] = found[name] + b"," + value if name in found else value
    return found


def _address(scope: Scope) -> str:
    return str((scope.get("client") or ("",))[0])


def _too_much(most: int) -> Refused:
    return Refused(413, "too-large", f"more than {most / 1e6:.3g} MB is not taken at once.")
