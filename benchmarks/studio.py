"""Measure the studio as a page feels it: from a moved slider, or a dropped photograph, to pixels.

    python benchmarks/studio.py PHOTOGRAPH [RUN]

PHOTOGRAPH shows a face; RUN is by default the one that ships. A server is begun on a free port.
Printed are medians and 95th percentiles in milliseconds: of decoding and carrying one face over
the WebSocket, alone and with ten users who move sliders 30 times a second (what is overtaken by a
newer frame is dropped, and counted); of 16 new faces; from an upload to its first face, to its
fitted one, and to the PNG of an edit, at the photograph's own size and enlarged to 1024² and 4000²
pixels.
"""

import argparse
import asyncio
import base64
import io
import json
import struct
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import numpy as np
from PIL import Image
from websockets.asyncio.client import ClientConnection, connect

USERS, HERTZ, SECONDS = 10, 30, 6


def main() -> None:
    """Begin a server, print the table, and end it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("photograph", type=Path)
    parser.add_argument("run", nargs="?")
    wanted = parser.parse_args()
    begun = time.perf_counter()
    command = [sys.executable, "-m", "lik", "studio", *filter(None, [wanted.run]), "--no-browser"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        address = process.stdout.readline().strip()
        print(f"address printed after {time.perf_counter() - begun:.2f} s")
        page = Page(address)
        print(f"first answer after    {time.perf_counter() - begun:.2f} s")
        page.measure(wanted.photograph.read_bytes())
    finally:
        process.terminate()


class Page:
    """What a page of the studio does, without a browser."""

    def __init__(self, address: str) -> None:
        self.base, self.token = address.split("/#t=")
        headers = {"X-Lik-Token": self.token}
        self.http = httpx.Client(base_url=self.base, headers=headers, timeout=120)
        self.run = self.http.get("/api/runs").json()["usual"]
        self.about = self.http.get(f"/api/runs/{self.run}").json()
        self.own = f"/api/runs/{self.run}"

    def measure(self, photograph: bytes) -> None:
        """Print every figure."""
        new = {"kind": "prior", "seed": 1, "count": 16, "temperature": None, "prior": None}
        codes = self.http.post(f"{self.own}/draw", json=new).content
        told = self.http.put(f"{self.own}/faces", content=photograph).json()
        face = told["faces"][0]
        code = np.frombuffer(base64.b64decode(face["code"]), "<f4")
        crop = base64.b64decode(face["crop"])
        for name, kind in (("decode", 0), ("carry", 1)):
            alone = asyncio.run(self._users(1, kind, code, crop))
            show(f"slider, {name}, alone", alone[0])
            times, sent = asyncio.run(self._users(USERS, kind, code, crop))
            answered = f"{100 * len(times) / sent:.0f} % answered"
            show(f"slider, {name}, {USERS} users", times, answered)
        show("16 new faces", asyncio.run(self._sixteen(new, codes)))
        for size in (None, 1024, 4000):
            data = photograph if size is None else enlarged(photograph, size)
            name = "own size" if size is None else f"{size}²"
            self._photograph(name, data)

    def _photograph(self, name: str, data: bytes) -> None:
        def upload() -> None:
            nonlocal data
            data += b"\0"  # another file each time, whose faces are looked for anew
            answer = self.http.put(f"{self.own}/faces", content=data)
            assert answer.status_code == 200, answer.text

        show(f"upload to face, {name}", timed(upload, 5))
        told = self.http.put(f"{self.own}/faces", content=data).json()
        crops = b"".join(base64.b64decode(face["crop"]) for face in told["faces"])
        begun = time.perf_counter()
        self.http.post(f"{self.own}/fit", content=crops)
        show(f"fitted, {name}", [1000 * (time.perf_counter() - begun)])
        trait = self.about["traits"][0]["name"] if self.about["traits"] else "dimension:0"
        record = {
            "strengths": {trait: "1"}, "method": self.about["usual_method"] or "joint",
            "mode": "transfer", "run": self.about["name"], "inverted": self.about["invert"],
            "model_sha256": self.about["model_sha256"],
        }  # fmt: skip
        text = json.dumps(record).encode()
        body = struct.pack("<I", len(text)) + text + data

        def save() -> None:
            answer = self.http.post(f"{self.own}/edit", content=body)
            assert answer.status_code == 200, answer.text

        show(f"Save, {name}", timed(save, 5))

    def _connect(self, number: int) -> connect:
        place = self.base.replace("http", "ws") + "/api/live"
        own = (f"127.0.0.{2 + number}", 0)  # each user comes from an address of his own
        return connect(place, origin=self.base, compression=None, local_addr=own)  # type: ignore[arg-type]

    async def _users(
        self, users: int, kind: int, code: np.ndarray, crop: bytes
    ) -> tuple[list[float], int]:
        each = await asyncio.gather(
            *(self._user(number, kind, code, crop) for number in range(users))
        )
        return [time for times, _ in each for time in times], sum(sent for _, sent in each)

    async def _user(
        self, number: int, kind: int, code: np.ndarray, crop: bytes
    ) -> tuple[list[float], int]:
        """Frames at 30 Hz, as a page sends them: one in flight, and the newest waits."""
        times: list[float] = []
        async with self._connect(number) as socket:
            await self._hello(socket)
            rng = np.random.default_rng(number)
            moved, sent = code.copy(), 0
            begun = time.perf_counter()
            while time.perf_counter() - begun < SECONDS:
                due = begun + (sent + 1) / HERTZ
                moved = moved + rng.normal(0, 0.02, len(code)).astype(np.float32)
                body = code.tobytes() + moved.tobytes() + crop if kind else moved.tobytes()
                start = time.perf_counter()
                await socket.send(struct.pack("<IHH", sent, 1, kind) + body)
                reply = await socket.recv()
                assert isinstance(reply, bytes), reply
                times.append(1000 * (time.perf_counter() - start))
                late = max(0, int((time.perf_counter() - due) * HERTZ))
                sent += 1 + late  # moves of the slider that this answer made others overtake
                await asyncio.sleep(max(0.0, begun + sent / HERTZ - time.perf_counter()))
        return times[3:], sent

    async def _sixteen(self, new: dict[str, object], codes: bytes) -> list[float]:
        times = []
        async with self._connect(0) as socket:
            await self._hello(socket)
            for _ in range(42):
                start = time.perf_counter()
                self.http.post(f"{self.own}/draw", json=new)
                await socket.send(struct.pack("<IHH", 0, 16, 0) + codes)
                await socket.recv()
                times.append(1000 * (time.perf_counter() - start))
        return times[2:]

    async def _hello(self, socket: ClientConnection) -> None:
        await socket.send(json.dumps({"token": self.token, "run": self.run}))


def enlarged(data: bytes, size: int) -> bytes:
    """A photograph of size × size pixels, as JPEG."""
    image = (
        Image.open(io.BytesIO(data)).convert("RGB").resize((size, size), Image.Resampling.BICUBIC)
    )
    file = io.BytesIO()
    image.save(file, "JPEG", quality=92)
    return file.getvalue()


def timed(job: Callable[[], None], times: int) -> list[float]:
    """Milliseconds of each call but the first."""
    found = []
    for _ in range(times + 1):
        begun = time.perf_counter()
        job()
        found.append(1000 * (time.perf_counter() - begun))
    return found[1:]


def show(name: str, times: list[float], more: str = "") -> None:
    """A line of the table."""
    middle, high = np.percentile(times, [50, 95])
    print(f"{name:<28} {middle:7.1f} {high:7.1f} ms  {more}", flush=True)


if __name__ == "__main__":
    main()
