"""Requests to the studio that are put together by hand."""

import asyncio
import json
import struct
from dataclasses import dataclass, field

HOST = "127.0.0.1:8000"
TOKEN = "the-token"
ORIGIN = f"http://{HOST}"


@dataclass
class Answer:
    """What an application answers to one request that is put together by hand."""

    status: int = 0
    headers: dict = field(default_factory=dict)
    body: bytes = b""

    @property
    def error(self):
        return json.loads(self.body)["error"]


def ask(app, method="GET", path="/", headers=None, body=b"", address="127.0.0.1", parts=None):
    """Call an application as a server does, with no client that mends what is sent."""
    given = {"host": HOST, "x-lik-token": TOKEN} | (headers or {})
    pairs = [(k.encode(), v.encode("latin-1")) for k, v in given.items() if v is not None]
    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method,
        "scheme": "http", "path": path, "raw_path": path.encode(), "query_string": b"",
        "root_path": "", "headers": pairs, "client": (address, 50000), "server": None,
    }  # fmt: skip
    answer, waiting = Answer(), list(parts or [body])

    async def receive():
        if not waiting:
            await asyncio.sleep(3600)
        part = waiting.pop(0)
        return {"type": "http.request", "body": part, "more_body": bool(waiting)}

    async def send(message):
        if message["type"] == "http.response.start":
            answer.status = message["status"]
            answer.headers = {k.decode(): v.decode() for k, v in message["headers"]}
        else:
            answer.body += message.get("body", b"")

    asyncio.run(app(scope, receive, send))
    return answer


def with_record(record, photo=b""):
    """The body of an edit."""
    told = json.dumps(record).encode()
    return struct.pack("<I", len(told)) + told + photo
