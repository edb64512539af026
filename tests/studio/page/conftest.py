"""The page in a browser, before a stand-in for the server that answers from memory.

Skipped where Playwright or a Chromium is missing: LIK_CHROMIUM names one that lies elsewhere.
"""

import json
import os
import shutil
import struct
from importlib import resources
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import pytest

STATIC = Path(str(resources.files("lik"))) / "studio" / "static"
ORIGIN = "http://studio.invalid"
SIZE, LATENT, TOKEN = 16, 6, "secret"
POLICY = (
    "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; "
    "img-src 'self' blob: data:; connect-src 'self'; frame-ancestors 'none'"
)
TYPES = {".js": "text/javascript", ".css": "text/css", ".json": "application/json",
         ".png": "image/png", ".html": "text/html"}  # fmt: skip
TRAITS = ("Smiling", "Young", "Eyeglasses")


@pytest.fixture(scope="session")
def browser():
    api = pytest.importorskip("playwright.sync_api", reason="the page is tried with Playwright")
    path = os.environ.get("LIK_CHROMIUM") or shutil.which("chromium")
    if not path:
        pytest.skip("there is no Chromium: set LIK_CHROMIUM to one")
    with api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def modules(browser):
    """A blank page of the studio's origin, in which its modules can be imported."""
    context = browser.new_context()
    page = context.new_page()
    page.route("**/*", _static)
    page.goto(f"{ORIGIN}/blank")
    yield page
    context.close()


@pytest.fixture
def studio(browser):
    """The page, opened before a server that answers from memory; see `Studio`."""
    context = browser.new_context(viewport={"width": 1440, "height": 900}, locale="en")
    studio = Studio(context.new_page())
    yield studio
    context.close()
    assert studio.problems == []


class Studio:
    """The page and what stands in for its server.

    A decoding has one grey all over, 128 + 50 times the first entry of its code, so that a test
    sees in a single pixel which code is shown.
    """

    def __init__(self, page):
        self.page, self.requests, self.problems, self.decoded = page, [], [], []
        self.edits = []
        self.refuse = None
        page.on("request", lambda request: self.requests.append(request.url))
        page.on("pageerror", lambda error: self.problems.append(str(error)))
        page.on("console", self._heard)
        page.route("**/*", self._answer)
        page.route_web_socket("**/api/live", self._connected)

    def open(self, fragment=""):
        self.page.goto(f"{ORIGIN}/#t={TOKEN}{fragment}")
        self.page.locator("#history img").first.wait_for()

    def slide(self, trait, *values):
        """Move a slider through values, as a pointer does; it is not let go."""
        slider = self.page.locator(f"#trait-{trait}")
        slider.evaluate("e => e.dispatchEvent(new PointerEvent('pointerdown', {bubbles: true}))")
        for value in values:
            slider.evaluate(
                "(e, v) => { e.value = v; e.dispatchEvent(new Event('input', {bubbles: true})) }",
                str(value),
            )

    def let_go(self, trait):
        slider = self.page.locator(f"#trait-{trait}")
        slider.evaluate("e => e.dispatchEvent(new PointerEvent('pointerup', {bubbles: true}))")

    def grey(self):
        """What the middle of the stage shows."""
        return self.page.locator("#picture").evaluate(
            "c => c.getContext('2d').getImageData(c.width / 2, c.height / 2, 1, 1).data[0]"
        )

    def shows(self, grey, within=5000):
        """Wait until the stage shows a grey."""
        for _ in range(within // 25):
            if abs(self.grey() - grey) <= 1:
                return True
            self.page.wait_for_timeout(25)
        return False

    def _heard(self, message):
        if message.type == "error" and "Failed to load resource" not in message.text:
            self.problems.append(message.text)

    def _answer(self, route):
        request = route.request
        path = urlsplit(request.url).path
        if not path.startswith("/api"):
            return _static(route)
        if request.headers.get("x-lik-token") != TOKEN:
            return _refused(route, 403, "this page has no valid token.")
        if path == "/api/runs":
            rows = [{"id": "r1", "name": "small", "size": SIZE, "latent": LATENT}]
            return route.fulfill(json={"runs": rows, "usual": "r1", "network": None})
        if path == "/api/runs/r1":
            return route.fulfill(json=about())
        if "/directions/" in path:
            headers = {"X-Lik-Names": json.dumps(TRAITS)}
            return route.fulfill(body=vectors().tobytes(), headers=headers)
        if path.endswith("/draw"):
            codes = np.zeros((16, LATENT), "<f4")
            codes[:, 0] = np.arange(16) / 100
            return route.fulfill(body=codes.tobytes())
        if path.endswith("/edit"):
            self.edits.append(request.post_data_buffer)
            return route.fulfill(
                body='event: step\ndata: {"done": 1, "total": 1}\n\n'
                'event: done\ndata: {"png": "iVBORw0KGgo="}\n\n',
                headers={"Content-Type": "text/event-stream"},
            )
        return _refused(route, 422, self.refuse or "the photograph cannot be used: no face.")

    def _connected(self, socket):
        def received(message):
            if isinstance(message, str):
                return
            number, count, _ = struct.unpack_from("<IHH", message)
            codes = np.frombuffer(message, "<f4", offset=8).reshape(count, LATENT)
            self.decoded.append(codes)
            greys = np.clip(np.rint(128 + 50 * codes[:, 0]), 0, 255).astype(np.uint8)
            pictures = np.repeat(greys, SIZE * SIZE * 3)
            socket.send(struct.pack("<IHH", number, count, 0) + pictures.tobytes())

        socket.on_message(received)


def about():
    measured = {"reached": 0.9, "plain": 0.9, "without": 0.1, "having": 0.9, "person": 0.3}
    return {
        "id": "r1", "name": "small", "model_sha256": "0" * 64, "recipe_sha256": None,
        "size": SIZE, "latent": LATENT, "invert": 0, "widen": 1.0, "card": "A card.",
        "facts": {"faces": "64 faces", "trained": "", "loss": "VAE"},
        "methods": [{"name": "joint", "unit": "a trait", "guided": False}], "usual_method": "joint",
        "traits": [{"name": name, "along": {"Young": 0.2}, **measured} for name in TRAITS],
        "dimensions": [{"index": i, "kl": 1.0} for i in range(LATENT)],
        "priors": [], "usual_prior": None,
        "abilities": {"detect": True, "carry": True, "guided": False, "testset": False,
                      "runs": True, "training": False, "exactSave": True},
    }  # fmt: skip


def vectors():
    """Directions (3, D): the first trait moves the grey up, the second down."""
    found = np.zeros((len(TRAITS), LATENT), "<f4")
    found[0, 0], found[1, 0], found[2, 1] = 1, -1, 1
    return found


def _static(route):
    path = urlsplit(route.request.url).path
    if path == "/blank":
        return route.fulfill(body="<!doctype html>", headers={"Content-Type": "text/html"})
    file = STATIC / ("index.html" if path == "/" else path.removeprefix("/static/"))
    if not file.is_file():
        return route.fulfill(status=404)
    headers = {"Content-Type": TYPES[file.suffix], "Content-Security-Policy": POLICY}
    return route.fulfill(body=file.read_bytes(), headers=headers)


def _refused(route, status, message):
    return route.fulfill(
        status=status, json={"error": {"code": "refused", "message": message, "hint": None}}
    )
