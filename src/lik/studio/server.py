"""The server of the studio: the address it is reached at, the page's files, and what comes later.

It answers before the models are loaded: this module loads nothing heavy, and what asks for faces
waits until `lik.studio.api` is there.
"""

import asyncio
import mimetypes
import secrets
import signal
import socket
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
from ipaddress import ip_address
from pathlib import Path
from types import FrameType

import uvicorn

from lik.core.errors import UnusableInput
from lik.studio.guard import Application, Gatekeeper, Receive, RequestLimits, Scope, Send
from lik.studio.refusals import Refused

LONGEST = 65536
"""Bytes of a message on a WebSocket at most."""

STATIC = Path(__file__).parent / "static"
SERVED = {".html", ".js", ".mjs", ".css", ".json", ".png", ".ico", ".woff2", ".wasm"}
"""Endings of the page's own files; a picture of markup (SVG) could hold a program."""


@dataclass(frozen=True)
class Doorway:
    """Where the studio is reached: a listening socket, and the names of this computer on it.

    Attributes:
        hosts: ``name:port`` by which it may be asked for. shown: the one that is printed.
        network: what this computer is called, where others can reach it; else None.
    """

    socket: socket.socket
    hosts: frozenset[str]
    shown: str
    network: str | None
    token: str

    @property
    def address(self) -> str:
        """The address that opens the studio; the token stands where no server ever sees it."""
        return f"http://{self.shown}/#t={self.token}"

    @classmethod
    def open(cls, host: str = "127.0.0.1", port: int = 0) -> "Doorway":
        """Listen at a host and a port, 0 for one that is free.

        Raises:
            UnusableInput: there is no such host here, or the port is taken.
        """
        try:
            family, kind, _, _, place = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
            listening = socket.socket(family, kind)
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listening.bind(place)
            listening.listen(128)
        except (OSError, OverflowError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise UnusableInput(
                f"nobody can be served at {host}, port {port} ({reason.lower()}): give another "
                "one, or the port 0 for one that is free."
            ) from error
        number = listening.getsockname()[1]
        found = ip_address(listening.getsockname()[0].partition("%")[0])
        names, network = ["127.0.0.1", "localhost", "[::1]"], None
        if not found.is_loopback:
            network = socket.gethostname()
            names += [host, network, f"{network}.local", socket.getfqdn(), *_addresses(network)]
        own = f"[{found}]" if found.version == 6 else str(found)
        shown = own if not found.is_unspecified else _towards_others() or str(network)
        hosts = {f"{name.lower()}:{number}" for name in [*names, own]}
        if number == 80:  # which browsers leave out
            hosts |= {name.lower() for name in [*names, own]}
        token = secrets.token_urlsafe(16)
        return cls(listening, frozenset(hosts), f"{shown}:{number}", network, token)


Loaded = tuple[Application, Callable[[], None]]
"""The application below /api, and what ends its threads."""


def loader(
    places: Sequence[Path],
    device: str,
    threads: int,
    network: str | None,
    watched: Sequence[Path] = (),
) -> Callable[[], Loaded]:
    """What loads the models' half of the studio, when it is called.

    ``watched``: folders in which runs may come to be while the studio is open.
    """

    def load() -> Loaded:
        engine = import_module("lik.studio.engine").StudioEngine(places, device, threads, watched)
        engine.warm()
        return import_module("lik.studio.api").create_api(engine, network), engine.close

    return load


def create_app(
    load: Callable[[], Loaded],
    token: str,
    hosts: frozenset[str],
    limits: RequestLimits = RequestLimits(),  # noqa: B008
    static: Path = STATIC,
) -> Application:
    """The page's files and the API, behind the guard."""
    return Gatekeeper(_Studio(load, static), token, hosts, limits)


def serve(doorway: Doorway, load: Callable[[], Loaded], started: Callable[[], None]) -> None:
    """Serve until somebody interrupts; ``started`` is called when pages can be opened."""
    inner, leaving = create_app(load, doorway.token, doorway.hosts), asyncio.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        scope["leaving"] = leaving  # streams without an end of their own look at it
        await inner(scope, receive, send)

    config = uvicorn.Config(
        app, ws_max_size=LONGEST, ws_per_message_deflate=False, ws_max_queue=4,
        access_log=False, log_level="error", server_header=False, proxy_headers=False,
        timeout_graceful_shutdown=2, h11_max_incomplete_event_size=16384,
    )  # fmt: skip
    started()
    server = _Server(config, leaving)
    server.run([doorway.socket])
    if server.interrupted:  # which uvicorn says by another signal, and not always to us
        raise KeyboardInterrupt


class _Server(uvicorn.Server):
    """Tells streams that go on without an end when the server ends."""

    def __init__(self, config: uvicorn.Config, leaving: asyncio.Event) -> None:
        super().__init__(config)
        self._leaving, self.interrupted = leaving, False

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self._leaving.set()
        self.interrupted = self.interrupted or sig == signal.SIGINT
        super().handle_exit(sig, frame)


class _Studio:
    """Answers with the page's files at once, and below /api with what is loaded meanwhile.

    The files are found by a list that is made once: no path is ever put together.
    """

    def __init__(self, load: Callable[[], Loaded], static: Path) -> None:
        self._load, self._loaded = load, Future[Loaded]()
        self._files = {
            f"/static/{file.relative_to(static).as_posix()}": file
            for file in sorted(static.rglob("*")) if file.is_file() and file.suffix in SERVED
        }  # fmt: skip
        self._files["/"] = static / "index.html"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif scope["type"] == "websocket" or scope["path"].startswith("/api/"):
            app, _ = await asyncio.wrap_future(self._loaded)
            await app(scope, receive, send)
        else:
            await self._file(scope, send)

    async def _live(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                threading.Thread(target=self._begin, name="loading", daemon=True).start()
            elif self._loaded.done() and not self._loaded.exception():
                self._loaded.result()[1]()
            await send({"type": f"{message['type']}.complete"})
            if message["type"] == "lifespan.shutdown":
                return

    def _begin(self) -> None:
        try:
            self._loaded.set_result(self._load())
        except Exception as error:
            self._loaded.set_exception(error)

    async def _file(self, scope: Scope, send: Send) -> None:
        file = self._files.get(scope["path"])
        if file is None or scope["method"] not in ("GET", "HEAD") or not file.is_file():
            raise Refused(404, "unknown", "there is no such page here.")
        kind = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
        if file.suffix in (".js", ".mjs"):  # which some systems call otherwise
            kind = "text/javascript"
        content = file.read_bytes()
        headers = [
            (b"content-type", kind.encode()), (b"content-length", b"%d" % len(content)),
            (b"cache-control", b"no-cache"),
        ]  # fmt: skip
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        body = b"" if scope["method"] == "HEAD" else content
        await send({"type": "http.response.body", "body": body})


def _towards_others() -> str | None:
    """The address by which others on the network reach this computer; nothing is sent."""
    with suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(("192.0.2.1", 9))  # of the block that is for documents alone (RFC 5737)
        return str(probe.getsockname()[0])
    return None


def _addresses(name: str) -> Sequence[str]:
    """The addresses of this computer, as far as its name tells them."""
    found = {_towards_others() or name}
    with suppress(OSError):
        found |= {str(info[4][0]) for info in socket.getaddrinfo(name, None)}
    return [f"[{one}]" if ":" in one else one for one in found]
