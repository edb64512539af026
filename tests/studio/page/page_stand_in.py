"""What stands in for the studio's server in tests of its page: it answers from memory."""

import base64
import json
import struct
from importlib import resources
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np

STATIC = Path(str(resources.files("lik"))) / "studio" / "static"
ORIGIN = "http://studio.invalid"
SIZE, LATENT, TOKEN = 16, 6, "secret"
SHORT = 0.001
POLICY = (
    "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; "
    "img-src 'self' blob: data:; connect-src 'self'; frame-ancestors 'none'"
)
TYPES = {".js": "text/javascript", ".css": "text/css", ".json": "application/json",
         ".png": "image/png", ".html": "text/html"}  # fmt: skip
EVENTS = {"Content-Type": "text/event-stream"}
GRID = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR4nGP4z8DwHwAFAAH/iZk9HQAAAABJRU5ErkJggg=="
)
TRAITS = ("Smiling", "Young", "Eyeglasses")


class Studio:
    """The page and what stands in for its server.

    A decoding has one grey all over, 128 + 50 times what `greys_of` reads from its code, so that a
    test sees in a single pixel which code is shown.
    """

    def __init__(self, page):
        self.page, self.requests, self.problems, self.decoded = page, [], [], []
        self.edits, self.trainings, self.told = [], [], ""
        self.others = {}  # runs beside r1: id → what is told otherwise of each
        self.mapped = []
        self.faces, self.changed, self.socket, self.trajectories = [], {}, None, 0
        self.waiting, self.began, self.shown = None, [], None
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

    def grey(self, x=0.5, y=0.5):
        """What the stage shows at a share of its width and height, by default in the middle."""
        return self.page.locator("#picture").evaluate(
            "(c, [x, y]) => c.getContext('2d')"
            ".getImageData(c.width * x, c.height * y, 1, 1).data[0]",
            [x, y],
        )

    def shows(self, grey, x=0.5, y=0.5, within=5000):
        """Wait until the stage shows a grey there."""
        for _ in range(within // 25):
            if abs(self.grey(x, y) - grey) <= 1:
                return True
            self.page.wait_for_timeout(25)
        return False

    def fit(self, value):
        """Answer the page that waits for fitted codes: each begins with ``value``."""
        for _ in range(200):
            if self.waiting:
                break
            self.page.wait_for_timeout(25)
        codes = np.zeros((len(self.faces), LATENT), "<f4")
        codes[:, 0] = value
        self.waiting.fulfill(body=codes.tobytes())

    def _heard(self, message):
        if message.type == "error" and "Failed to load resource" not in message.text:
            self.problems.append(message.text)

    def _answer(self, route):
        request = route.request
        path = urlsplit(request.url).path
        if not path.startswith("/api"):
            return static_file(route)
        if request.headers.get("x-lik-token") != TOKEN:
            return _refused(route, 403, "this page has no valid token.")
        if path == "/api/runs":
            rows = [{"id": "r1", "name": "small", "size": SIZE, "latent": LATENT}]
            rows += [{**rows[0], "id": one, "name": one} for one in self.others]
            return route.fulfill(json={"runs": rows, "usual": "r1", "network": None})
        if path == "/api/runs/r1":
            return route.fulfill(json=about() | self.changed)
        run = path.split("/")[3] if path.startswith("/api/runs/") else ""
        if run in self.others and path.endswith(run):
            return route.fulfill(json=about() | {"id": run, "name": run} | self.others[run])
        if path == "/api/trainings":
            return route.fulfill(json={"trainings": self.trainings})
        if path.endswith("/events"):
            return route.fulfill(body=self.told, headers=EVENTS)
        if "/samples/" in path:
            return route.fulfill(body=GRID, headers={"Content-Type": "image/png"})
        if "/directions/" in path:
            traits = (about() | self.others.get(run, {}))["traits"]
            names = [trait["name"] for trait in traits]
            headers = {"X-Lik-Names": json.dumps(names)}
            return route.fulfill(body=vectors()[: len(names)].tobytes(), headers=headers)
        if path.endswith("/draw"):
            codes = np.zeros((16, LATENT), "<f4")
            codes[:, 0] = np.arange(16) / 100
            return route.fulfill(body=codes.tobytes())
        if path.endswith("/map") and request.method == "GET":
            return route.fulfill(json={"attributes": list(TRAITS)})
        if "/map" in path:
            self.mapped.append((path.rsplit("/", 1)[1], request.post_data_json))
            return route.fulfill(body=mapped(*self.mapped[-1]), headers=EVENTS)
        self.shown = request.headers.get("x-lik-eyes", self.shown)
        if path.endswith("/faces") and self.faces:
            return route.fulfill(json=self._found())
        if path.endswith("/fit"):
            self.waiting = route  # until `fit`
            return None
        if path.endswith("/trajectory"):
            return route.fulfill(body=self._trajectory(request.post_data_json), headers=EVENTS)
        if path.endswith("/edit"):
            self.edits.append(request.post_data_buffer)
            return route.fulfill(
                body='event: step\ndata: {"done": 1, "total": 1}\n\n'
                'event: done\ndata: {"png": "iVBORw0KGgo="}\n\n',
                headers=EVENTS,
            )
        return _refused(route, 422, "the photograph cannot be used: no face.", "no-face")

    def _found(self):
        """Faces of a photograph of 400×200: grey crops, and codes of nothing."""
        code = base64.b64encode(np.zeros(LATENT, "<f4").tobytes()).decode()
        crop = base64.b64encode(np.full(SIZE * SIZE * 3, 128, np.uint8).tobytes()).decode()
        faces = [
            {"square": dict(zip(("x", "y", "side", "angle"), square, strict=True)),
             "code": code, "crop": crop, "inverted": 0} for square in self.faces
        ]  # fmt: skip
        told = {"sha256": "1" * 64, "width": 400, "height": 200, "notice": "", "a_crop": False}
        return told | {"faces": faces}

    def _trajectory(self, asked):
        """Events of a straight trajectory that ends two units up, or down."""
        self.trajectories += 1
        code = np.frombuffer(base64.b64decode(asked["code"]), "<f4")
        stops = np.repeat(code[None], 21, axis=0)
        stops[:, 0] += np.linspace(0, 2 * asked["sign"], 21, dtype=np.float32)
        done = json.dumps({"stops": base64.b64encode(stops.tobytes()).decode()})
        return f'event: step\ndata: {{"done": 1, "total": 2}}\n\nevent: done\ndata: {done}\n\n'

    def _connected(self, socket):
        self.socket = socket

        def received(message):
            if isinstance(message, str):
                return None
            number, count, kind = struct.unpack_from("<IHH", message)
            if kind == 1:
                self.began.append(float(np.frombuffer(message, "<f4", 1, 8)[0]))
                return socket.send(struct.pack("<IHH", number, count, 1) + carried(message, count))
            codes = np.frombuffer(message, "<f4", offset=8).reshape(count, LATENT)
            self.decoded.append(codes)
            greys = np.clip(np.rint(128 + 50 * greys_of(codes)), 0, 255).astype(np.uint8)
            pictures = np.repeat(greys, SIZE * SIZE * 3)
            return socket.send(struct.pack("<IHH", number, count, 0) + pictures.tobytes())

        socket.on_message(received)


def greys_of(codes):
    """Codes (N, D) → (N,). Directions lie along the last entry, so short that edits add up."""
    return codes[:, 0] + codes[:, -1] / SHORT


def carried(message, count):
    """The answer to a carry: no flow, no tint, and all over the square the change of the grey."""
    parts, own = [], 8 * LATENT + SIZE * SIZE * 3
    for i in range(count):
        codes = np.frombuffer(message, "<f4", 2 * LATENT, 8 + i * own).reshape(2, LATENT)
        change = round(float(np.diff(greys_of(codes))[0]) * 50 * 64)
        parts += [
            bytes(SIZE * SIZE * 3), bytes(SIZE * SIZE * 4),
            np.full(SIZE * SIZE * 3, change, "<i2").tobytes(), bytes(3 * 4 * 4),
        ]  # fmt: skip
    return b"".join(parts)


def mapped(route, asked):
    """Events of a map: points on a grid of 10 a row, whose codes are those of `draw`."""
    count = asked["count"]
    codes = np.zeros((count, LATENT), "<f4")
    codes[:, 0] = np.arange(count) % 16 / 100
    points = np.stack([np.arange(count) % 10, np.arange(count) // 10], axis=1).astype("<f4")
    told = {"count": count, "shares": [0.5, 0.25], "names": TRAITS}
    numbers = {
        "places": np.arange(count, dtype="<u4"), "points": points, "codes": codes,
        "seen": np.linspace(0, 1, len(TRAITS) * count, dtype="<f4"),
    }  # fmt: skip
    for name, array in numbers.items():
        told[name] = base64.b64encode(array.tobytes()).decode()
    step = '{"stage": "seeing", "done": 1, "total": 2}'
    return f"event: step\ndata: {step}\n\nevent: done\ndata: {json.dumps(told)}\n\n"


def about():
    one = {"reached": 0.9, "person": 0.3, "along": {"Young": 0.2}}
    joint = {"name": "joint", "unit": "a trait", "guided": False,
             "measured": dict.fromkeys(TRAITS, one)}  # fmt: skip
    return {
        "id": "r1", "name": "small", "model_sha256": "0" * 64, "recipe_sha256": None,
        "size": SIZE, "latent": LATENT, "invert": 0, "widen": 1.0, "card": "A card.",
        "facts": {"faces": "64 faces", "epochs": None, "loss": "VAE"},
        "methods": [joint], "usual_method": "joint", "traits": [{"name": name} for name in TRAITS],
        "dimensions": [{"index": i, "kl": 1.0} for i in range(LATENT)],
        "priors": [], "usual_prior": None,
        "abilities": {"detect": True, "carry": True, "guided": False, "testset": False,
                      "runs": True, "training": False, "exactSave": True},
    }  # fmt: skip


def vectors():
    """Directions (3, D): the first trait moves the grey up, the second down."""
    found = np.zeros((len(TRAITS), LATENT), "<f4")
    found[0, -1], found[1, -1], found[2, 1] = SHORT, -SHORT, SHORT
    return found


def static_file(route):
    path = urlsplit(route.request.url).path
    if path == "/blank":
        return route.fulfill(body="<!doctype html>", headers={"Content-Type": "text/html"})
    file = STATIC / ("index.html" if path == "/" else path.removeprefix("/static/"))
    if not file.is_file():
        return route.fulfill(status=404)
    headers = {"Content-Type": TYPES[file.suffix], "Content-Security-Policy": POLICY}
    return route.fulfill(body=file.read_bytes(), headers=headers)


def _refused(route, status, message, code="refused"):
    return route.fulfill(
        status=status, json={"error": {"code": code, "message": message, "hint": None}}
    )
