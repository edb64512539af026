"""Whether the studio stands what people do to it: memory that stays, and answers that are bounded.

    python benchmarks/studio_load.py PHOTOGRAPH [--moves 10000] [--uploads 200] [--seconds 60]

A server with the run that ships is begun on a free port. Printed are its memory (resident set)
before and after so many moves of a slider, half of them carried onto the photograph, and so many
uploads of different photographs; the statuses that 50 clients get who ask for that many seconds
without a pause; and which files were written meanwhile to the folders for temporary files and to
the place where it was begun.
"""

import argparse
import asyncio
import base64
import os
import struct
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import httpx
import numpy as np

from studio import Page

CLIENTS = 50


def resident(process):
    """Megabytes that a process holds in memory."""
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) / 1024


async def move(page, photograph, count):
    """Move a slider so often, as one page does that waits for each answer."""
    face = page.http.put(f"{page.own}/faces", content=photograph).json()["faces"][0]
    code, crop = np.frombuffer(base64.b64decode(face["code"]), "<f4"), face["crop"]
    rng, crop = np.random.default_rng(0), base64.b64decode(crop)
    async with page._connect(0) as socket:
        await page._hello(socket)
        for number in range(count):
            moved = (code + rng.normal(0, 0.3, len(code)).astype("<f4")).tobytes()
            kind = number % 2
            body = code.tobytes() + moved + crop if kind else moved
            await socket.send(struct.pack("<IHH", number, 1, kind) + body)
            reply = await socket.recv()
            assert isinstance(reply, bytes), reply


def upload(page, photograph, count):
    """Send so many photographs, each of which is another file."""
    for number in range(count):
        other = photograph + b"%08d" % number
        answer = page.http.put(f"{page.own}/faces", content=other)
        assert answer.status_code == 200, answer.text


async def crowd(page, photograph, seconds):
    """The statuses that 50 clients get: of new faces, of uploads, and of what there is not."""
    found, end = Counter(), time.perf_counter() + seconds
    limits = httpx.Limits(max_connections=None)

    async def client(number):
        async with httpx.AsyncClient(
            base_url=page.base, headers={"X-Lik-Token": page.token}, timeout=300, limits=limits
        ) as http:
            turn = number
            while time.perf_counter() < end:
                turn += 1
                if turn % 3:
                    wanted = {"kind": "prior", "seed": turn, "count": 4}
                    answer = await http.post(f"{page.own}/draw", json=wanted)
                else:
                    answer = await http.put(f"{page.own}/faces", content=photograph)
                found[answer.status_code] += 1
                if answer.status_code != 200:
                    await asyncio.sleep(0.2)

    await asyncio.gather(*(client(number) for number in range(CLIENTS)))
    return found


def main(photograph, moves, uploads, seconds):
    """Print it all."""
    data = photograph.read_bytes()
    with tempfile.TemporaryDirectory() as place, tempfile.TemporaryDirectory() as temporary:
        command = [sys.executable, "-m", "lik", "studio", "--no-browser"]
        server = subprocess.Popen(
            command, cwd=place, stdout=subprocess.PIPE, text=True,
            env=os.environ | {"TMPDIR": temporary},
        )  # fmt: skip
        try:
            page = Page(server.stdout.readline().strip())
            asyncio.run(move(page, data, 200))
            upload(page, data, 70)  # as many as are remembered
            print(f"memory, warm                 {resident(server.pid):7.0f} MB")
            for _ in range(2):
                asyncio.run(move(page, data, moves // 2))
                print(f"after {moves // 2} moves more        {resident(server.pid):7.0f} MB")
            for _ in range(2):
                upload(page, data, uploads // 2)
                print(f"after {uploads // 2} uploads more        {resident(server.pid):7.0f} MB")
            found = asyncio.run(crowd(page, data, seconds))
            told = ", ".join(f"{status}: {count}" for status, count in sorted(found.items()))
            print(f"{CLIENTS} clients for {seconds} s       {told}; {resident(server.pid):.0f} MB")
            written = [p for folder in (place, temporary) for p in Path(folder).rglob("*")]
            print(f"files written: {len(written)}", *(p.name for p in written))
        finally:
            server.terminate()
            server.wait()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("photograph", type=Path)
    parser.add_argument("--moves", type=int, default=10_000)
    parser.add_argument("--uploads", type=int, default=200)
    parser.add_argument("--seconds", type=int, default=60)
    main(**vars(parser.parse_args()))
