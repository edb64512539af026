"""Every point of the security list, from Host to headers."""

import asyncio
import itertools
import logging
from pathlib import Path

import pytest
from starlette.testclient import TestClient, WebSocketDenialResponse

from lik.core.errors import UnusableInput
from lik.studio.guard import CSP, Gatekeeper, RequestLimits
from lik.studio.refusals import refusal_of, without_paths
from lik.studio.server import Doorway, create_app
from studio_requests import HOST, ORIGIN, TOKEN, ask

OTHERS = ["evil.example", "127.0.0.1", "127.0.0.1:8001", "127.0.0.1:8000.evil.example",
          "evil.example:8000", "", "[::1]:8000", "127.0.0.1:8000,evil.example"]  # fmt: skip


LIVE = f"ws://{HOST}/api/live"


def open_socket(app, headers, first='{"token": "the-token", "run": "toy"}'):
    """How a WebSocket is refused: the status of the answer, or the code that closes it."""
    client = TestClient(app, ORIGIN)
    try:
        with client.websocket_connect(LIVE, headers=headers) as socket:
            socket.send_text(first)
            socket.send_bytes(bytes(8))
            message = socket.receive()
            return message.get("code", 101)
    except WebSocketDenialResponse as denied:
        return denied.status_code


@pytest.mark.parametrize("host", OTHERS)
@pytest.mark.parametrize("path", ["/", "/api/runs"])
def test_another_host_is_no_address_of_the_studio(app, host, path):
    assert ask(app, path=path, headers={"host": host}).status == 421


def test_a_host_that_equals_the_origin_is_refused_all_the_same(app):
    """So it is after a DNS name was made to lead here."""
    rebound = {"host": "evil.example:8000", "origin": "http://evil.example:8000"}
    assert ask(app, path="/api/runs", headers=rebound).status == 421
    assert open_socket(app, rebound) == 421


@pytest.mark.parametrize(
    "origin",
    ["null", "http://127.0.0.1", "http://127.0.0.1:8001", "https://127.0.0.1:8000",
     "http://evil.example", "http://localhost:8000", "http://127.0.0.1:8000/", ""],
)  # fmt: skip
def test_other_origins_are_refused(app, origin):
    assert ask(app, path="/api/runs", headers={"origin": origin}).status == 403
    assert open_socket(app, {"origin": origin}) == 403


def test_the_own_origin_is_not(app):
    assert ask(app, path="/api/runs", headers={"origin": ORIGIN}).status == 200
    assert open_socket(app, {"origin": ORIGIN}) == 101
    assert open_socket(app, {}) == 403  # no browser leaves it out there


@pytest.mark.parametrize("token", [None, "", "the-toke", "the-token2", "THE-TOKEN", "ü"])
def test_without_the_token_there_is_no_answer(app, token):
    refused = ask(app, path="/api/runs", headers={"x-lik-token": token})
    assert refused.status == 403
    assert refused.error["code"] == "bad-token"
    told = "" if token is None else token
    hello = f'{{"token": "{told}", "run": "toy"}}'
    assert open_socket(app, {"origin": ORIGIN}, hello) == 1008


@pytest.mark.parametrize(
    "hello", ["", "{", "[]", '"the-token"', '{"token": "the-token"}', '{"run": "toy"}',
              '{"token": "the-token", "run": "../toy"}', '{"token": ["the-token"], "run": "toy"}',
              '{"token": "the-token", "run": "toy", "path": "/etc"}']
)  # fmt: skip
def test_a_socket_begins_with_who_asks(app, hello):
    assert open_socket(app, {"origin": ORIGIN}, hello) == 1008


def test_the_page_itself_needs_no_token(app):
    assert ask(app, headers={"x-lik-token": None}).status == 200


def test_tokens_are_of_128_bits_and_compared_in_constant_time(monkeypatch):
    doors = [Doorway.open() for _ in range(2)]
    for door in doors:
        door.socket.close()
    assert len({door.token for door in doors}) == 2
    assert all(len(door.token) == 22 for door in doors)  # base64 of 16 bytes
    compared = []
    monkeypatch.setattr("hmac.compare_digest", lambda a, b: compared.append((a, b)) or False)
    assert not Gatekeeper(None, TOKEN, frozenset()).is_token("x")
    assert compared == [(b"x", TOKEN.encode())]


@pytest.mark.parametrize(("site", "status"), [("cross-site", 403), ("same-site", 403),
                                              ("same-origin", 200), ("none", 200)])  # fmt: skip
def test_what_another_page_asks_is_refused(app, site, status):
    headers = {"sec-fetch-site": site, "sec-fetch-mode": "cors", "sec-fetch-dest": "empty"}
    assert ask(app, path="/api/runs", headers=headers).status == status
    assert ask(app, headers=headers).status == status


def test_but_a_link_may_lead_to_the_studio(app):
    headers = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate",
               "sec-fetch-dest": "document"}  # fmt: skip
    assert ask(app, headers=headers).status == 200
    assert ask(app, path="/api/runs", headers=headers).status == 403
    assert ask(app, "POST", headers=headers).status == 403
    assert ask(app, headers=headers | {"sec-fetch-dest": "iframe"}).status == 403


async def never_asked(scope, receive, send):
    raise AssertionError("the application was asked")


def test_a_large_body_is_refused_before_anything_parses_it():
    app = Gatekeeper(never_asked, TOKEN, frozenset({HOST}))
    faces = {"method": "PUT", "path": "/api/runs/toy/faces"}
    told = ask(app, **faces, headers={"content-length": "40000001"})
    assert told.status == 413
    assert ask(app, **faces, headers={"content-length": "-1"}).status == 413
    chunks = [bytes(10_000_000)] * 5
    assert ask(app, **faces, parts=chunks).status == 413
    assert ask(app, "POST", "/api/runs/toy/draw", body=bytes(65_537)).status == 413
    assert ask(app, "POST", "/faces", body=bytes(65_537)).status == 413


def test_a_body_that_does_not_come_is_given_up():
    app = Gatekeeper(never_asked, TOKEN, frozenset({HOST}), RequestLimits(seconds=0.05))

    async def slow():
        async def receive():
            await asyncio.sleep(5)

        sent = []

        async def send(message):
            sent.append(message)

        headers = [(b"host", HOST.encode()), (b"x-lik-token", TOKEN.encode())]
        scope = {"type": "http", "method": "PUT", "path": "/api/runs/toy/faces"}
        scope |= {"client": None, "headers": headers}
        await app(scope, receive, send)
        return sent[0]["status"]

    assert asyncio.run(slow()) == 400


def test_who_asks_too_much_is_asked_to_wait():
    inside = 0
    limits = RequestLimits(per_address=2, requests=3)

    async def waits(scope, receive, send):
        nonlocal inside
        inside += 1
        await asyncio.sleep(0.05)
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    app = Gatekeeper(waits, TOKEN, frozenset({HOST}), limits)

    async def ask_from(address):
        sent = []

        async def receive():
            return {"type": "http.request", "body": b""}

        async def send(message):
            sent.append(message)

        scope = {"type": "http", "method": "GET", "path": "/", "client": (address, 1),
                 "headers": [(b"host", HOST.encode())]}  # fmt: skip
        await app(scope, receive, send)
        return sent[0]["status"]

    async def all_at_once():
        return await asyncio.gather(*map(ask_from, ["a", "a", "a", "b", "b"]))

    assert asyncio.run(all_at_once()) == [200, 200, 429, 200, 429]
    assert asyncio.run(all_at_once())[:2] == [200, 200]  # and then there is room again
    assert inside == 6


def test_eight_sockets_are_enough_for_one_address(app):
    client, headers = TestClient(app, ORIGIN), {"origin": ORIGIN}
    opened = [client.websocket_connect(LIVE, headers=headers) for _ in range(8)]
    for one in opened:
        one.__enter__()
    assert open_socket(app, headers) == 1013  # which a page hears, unlike a status
    for one in opened:
        one.__exit__(None, None, None)
    assert open_socket(app, headers) == 101


@pytest.mark.parametrize("path", ["/", "/api/runs", "/nowhere", "/api/nowhere", "/api/runs/none"])
def test_every_answer_has_its_headers(app, path):
    headers = ask(app, path=path).headers
    assert headers["content-security-policy"] == CSP
    assert "default-src 'none'" in CSP
    assert "frame-ancestors 'none'" in CSP
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert "access-control-allow-origin" not in headers
    assert "set-cookie" not in headers


@pytest.mark.parametrize("path", ["/docs", "/redoc", "/openapi.json", "/api/docs"])
def test_there_are_no_pages_about_the_routes(app, path):
    assert ask(app, path=path).status == 404


STEPS = [
    "../", "..\\", "%2e%2e/", "..%2f", "%2e%2e%2f", "..%5c", "....//", "..;/", "%252e%252e/", "/",
    "//", "\\\\", "file:///", "C:\\", "./../", "\0../", "..%00/", "%c0%ae%c0%ae/",
]  # fmt: skip
GOALS = ["secret.txt", "etc/passwd", "server.py", "../server.py", "index.html/../../server.py"]
BEGINNINGS = ["/static/", "/", "/api/runs/", "/api/runs/toy/directions/", "/static/index.html/"]


def test_no_path_leads_out_of_the_list(tmp_path):
    static = tmp_path / "static"
    static.mkdir()
    (static / "index.html").write_text("page")
    (tmp_path / "secret.txt").write_text("secret")
    (static / "secret.svg").write_text("secret")
    (static / "link.html").symlink_to(tmp_path / "none")
    app = create_app(lambda: (never_asked, lambda: None), TOKEN, frozenset({HOST}), static=static)
    paths = [
        f"{begin}{step * times}{goal}" for begin, step, goal, times
        in itertools.product(BEGINNINGS, STEPS, GOALS, (1, 3)) if not begin.startswith("/api")
    ]  # fmt: skip
    assert len(paths) >= 100
    for path in [*paths, "/static/secret.svg", "/static/link.html", "/static", "/static/"]:
        answer = ask(app, path=path)
        assert answer.status == 404, path
        assert b"secret" not in answer.body
    assert ask(app, path="/static/index.html").body == b"page"


def test_no_path_is_a_run(app):
    paths = [f"/api/runs/{step * 2}{goal}" for step in STEPS for goal in GOALS]
    paths += [f"/api/runs/toy/directions/{step}{goal}" for step in STEPS for goal in GOALS]
    assert len(paths) >= 100
    for path in paths:
        answer = ask(app, path=path)
        assert answer.status == 404, path
        assert "/etc" not in answer.body.decode()


def test_messages_and_logs_name_no_place(place, caplog):
    error = UnusableInput(f"{place} has nothing, nor /home/anna/b.jpg, nor C:\\Users\\anna\\c.")
    told = str(refusal_of(error, {place: "toy"}))
    assert told.startswith("toy has nothing")
    assert "anna" not in told
    assert without_paths("and/or 1/2 is no path", {}) == "and/or 1/2 is no path"

    async def breaks(scope, receive, send):
        raise ValueError("anna.jpg in /home/anna")

    with caplog.at_level(logging.DEBUG):
        answer = ask(Gatekeeper(breaks, TOKEN, frozenset({HOST})))
    assert answer.status == 500
    assert "anna" not in answer.body.decode() + caplog.text
    assert "ValueError" in caplog.text


def test_it_is_reached_at_its_own_names_alone():
    door = Doorway.open()
    door.socket.close()
    host, port = door.shown.split(":")
    assert host == "127.0.0.1"
    assert door.network is None
    assert door.hosts == {f"{name}:{port}" for name in ("127.0.0.1", "localhost", "[::1]")}
    assert door.address == f"http://127.0.0.1:{port}/#t={door.token}"
    with pytest.raises(UnusableInput, match="nobody can be served"):
        Doorway.open("203.0.113.7")


def test_on_a_network_it_says_who_it_is():
    door = Doorway.open("0.0.0.0")
    door.socket.close()
    assert door.network
    assert f"{door.network.lower()}:{door.shown.rpartition(':')[2]}" in door.hosts
    assert door.shown.lower() in door.hosts


def test_nothing_of_the_server_unpickles():
    sources = Path(create_app.__code__.co_filename).parent.glob("*.py")
    assert not [file.name for file in sources if "pickle" in file.read_text()]
