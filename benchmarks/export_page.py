"""The exported page in a browser: its size, its first face, and from a moved slider to the picture.

    python benchmarks/export_page.py

The page of a run is written as a folder and as one file, and opened in headless Chromium: from a
web server of Python's own, and as a file. The first face is there in the first frame in which the
stage holds a picture, counted from the beginning of the navigation, with nothing in the cache. A
slider is then set 60 times, 60 ms apart, as a hand does; each time is taken from the event to when
the picture is drawn, and to the first frame in which it is another one; frames come 17 ms apart.
Medians and 95th percentiles, in milliseconds.
"""

import argparse
import gzip
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from playwright.sync_api import sync_playwright

import lik
from lik.app.page_exporting import export_page
from studio_page import MOVE, ROW

FIRST = """
const look = () => {
  const canvas = document.querySelector("#picture");
  const there = canvas && !canvas.hidden && canvas.width > 1
    && canvas.getContext("2d").getImageData(canvas.width / 2, canvas.height / 2, 1, 1).data[3];
  if (there) globalThis.firstFace = performance.now();
  else requestAnimationFrame(look);
};
requestAnimationFrame(look);
for (const name of ["drawImage", "putImageData"]) {
  const own = CanvasRenderingContext2D.prototype[name];
  CanvasRenderingContext2D.prototype[name] = function (...given) {
    own.apply(this, given);
    if (this.canvas.id === "picture") globalThis.drawnAt = performance.now();
  };
}
"""
DRAWN = """async ([slider, value]) => {
  const input = document.querySelector(slider);
  const start = performance.now();
  input.value = value;
  input.dispatchEvent(new Event("input", { bubbles: true }));
  while (performance.now() - start < 5000) {
    await new Promise((done) => setTimeout(done));
    if (drawnAt > start) return drawnAt - start;
  }
  return NaN;
}"""
DRAFTS = """async ([trait, values]) => {
  const { source, directionsOf } = await import("./static/pictures.js");
  const { entry } = await import("./static/state.js");
  const { led } = await import("./static/sums.js");
  const code = entry.value.subject.faces[0].code;
  const directions = await directionsOf("joint");
  const found = [];
  for (const value of values) {
    await source.engine.decode([code]);
    const there = led(code, [[trait, value]], directions);
    const draft = await source.engine.draft(there);
    const [sharp] = await source.engine.decode([there]);
    found.push(draft.reduce((sum, one, i) => sum + Math.abs(one - sharp[i]), 0) / sharp.length);
  }
  return found;
}"""


def show(name, found, unit="ms"):
    """A line of the table."""
    middle, high = np.percentile(found, [50, 95])
    print(f"{name:34s} {middle:7.1f} {high:7.1f} {unit}   {len(found)} times", flush=True)


def opened(browser, address):
    """The page in a new window, with nothing in the cache, and when its first face was there."""
    context = browser.new_context(bypass_csp=True, viewport={"width": 1440, "height": 900})
    context.add_init_script(FIRST)
    page = context.new_page()
    page.goto(address)
    page.wait_for_function("globalThis.firstFace", timeout=60_000)
    return page, page.evaluate("firstFace")


def measure(browser, name, address, loads, moves):
    """First faces, and moves of a slider."""
    first = []
    for _ in range(loads):
        page, when = opened(browser, address)
        first.append(when)
        page.context.close()
    show(f"{name}: first face", first)
    page, _ = opened(browser, address)
    page.wait_for_timeout(3000)
    values = np.random.default_rng(0).permutation(np.arange(-20, 20)) / 20
    slider = "#trait-Smiling"
    page.locator(slider).dispatch_event("pointerdown")
    for until, move in {"drawn": DRAWN, "shown in a frame": MOVE}.items():
        found = []
        for number in range(moves + 5):
            value = f"{values[number % len(values)]:.2f}"
            found.append(page.evaluate(move, [slider, value, ROW]))
            page.wait_for_timeout(60)
        show(f"{name}: slider to {until}", [one for one in found[5:] if one == one])
    return page


def main(run, loads, moves):
    """Write the page, and measure it."""
    with tempfile.TemporaryDirectory() as temporary, sync_playwright() as playwright:
        folder, single = Path(temporary) / "page", Path(temporary) / "page.html"
        export_page(lik.load(run), folder)
        export_page(lik.load(run), single, single=True)
        own = [
            gzip.compress(file.read_bytes(), 9)
            for file in folder.rglob("*") if file.is_file()
            and "runtime" not in file.parts and "model" not in file.parts
        ]  # fmt: skip
        whole = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
        print(f"folder {whole / 1e6:.2f} MB, single file {single.stat().st_size / 1e6:.2f} MB, "
              f"page alone, gzipped file by file, {sum(map(len, own)) / 1e3:.0f} kB")  # fmt: skip
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )
        print("Chromium", browser.version)
        command = [sys.executable, "-u", "-m", "http.server", "0", "--bind", "127.0.0.1"]
        server = subprocess.Popen(
            command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        try:
            port = server.stdout.readline().split("port ")[1].split()[0]
            page = measure(browser, "folder", f"http://127.0.0.1:{port}/", loads, moves)
            values = ["0.25", "0.5", "1", "1.5"]
            for value, off in zip(values, page.evaluate(DRAFTS, ["Smiling", values]), strict=True):
                print(f"Smiling={value}: a draft is off by {off:.2f} of 255")
            measure(browser, "single file", single.as_uri(), loads, moves)
        finally:
            server.terminate()
            server.wait()
        browser.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--run", default="faces")
    parser.add_argument("--loads", type=int, default=7)
    parser.add_argument("--moves", type=int, default=60)
    main(**vars(parser.parse_args()))
