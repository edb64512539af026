"""From a moved slider to the picture on the screen: the studio's page, and a trivial Gradio app.

    python -m venv elsewhere && elsewhere/bin/pip install gradio -e .
    python benchmarks/studio_page.py --gradio elsewhere/bin/python

Both decode one face of the run that ships, moved along its smile, in the same headless Chromium.
A slider is set 60 times, one after the other; each time is taken from the event to the first frame
of the browser in which the picture is another one. Medians and 95th percentiles, in milliseconds.
"""

import argparse
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from playwright.sync_api import sync_playwright

APP = """
import gradio, lik, torch
from lik.latent.directions.direction import stepped
torch.set_num_threads(1)
run = lik.load("faces")
code = run.sample(1, seed=5).codes
smile = run.directions("joint").direction("Smiling").vector
with gradio.Blocks() as app:
    slider = gradio.Slider(-2, 2, 0, step=0.05, label="Smiling")
    image = gradio.Image()
    def moved(s):
        return run.decode(stepped(code, s * smile))[0]
    slider.input(moved, slider, image, show_progress="hidden")
    app.load(lambda: run.decode(code)[0], None, image)
app.launch(server_port=PORT, quiet=True)
"""

MOVE = """async ([slider, value, seen]) => {
    const look = new Function(`return ${seen}`);
    const before = look();
    const input = document.querySelector(slider);
    const start = performance.now();
    input.value = value;
    input.dispatchEvent(new Event("input", { bubbles: true }));
    while (performance.now() - start < 5000) {
        await new Promise(requestAnimationFrame);
        if (look() !== before) return performance.now() - start;
    }
    return NaN;
}"""

ROW = """(() => {
    const canvas = document.querySelector("#picture");
    const { data } = canvas.getContext("2d").getImageData(0, canvas.height / 1.4, canvas.width, 1);
    return data.reduce((sum, one, i) => (sum * 31 + one * (i + 1)) % 1000003, 7);
})()"""
SHOWN = """(() => {
    const image = [...document.querySelectorAll("img")].find((one) => one.naturalWidth);
    return image && image.complete ? image.src : null;
})()"""


def times(page, slider, seen, count=60):
    """Milliseconds of each move but the first few."""
    values = np.random.default_rng(0).permutation(np.arange(-20, 20)) / 20
    found = []
    for number in range(count + 5):
        value = f"{values[number % len(values)]:.2f}"
        found.append(page.evaluate(MOVE, [slider, value, seen]))
        page.wait_for_timeout(60)
    return [one for one in found[5:] if one == one]


def show(name, found):
    """A line of the table."""
    middle, high = np.percentile(found, [50, 95])
    print(f"{name:12s} {middle:7.1f} {high:7.1f} ms   {len(found)} moves", flush=True)


def main(gradio, port):
    """Measure one after the other."""
    with sync_playwright() as playwright:
        # The pages' own policies would not let a benchmark's text be evaluated.
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )
        context = browser.new_context(bypass_csp=True, viewport={"width": 1440, "height": 900})
        command = [sys.executable, "-m", "lik", "studio", "--no-browser"]
        studio = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        try:
            page = context.new_page()
            page.goto(studio.stdout.readline().strip())
            page.locator("#history li").first.wait_for(timeout=60_000)
            page.wait_for_timeout(3000)
            show("lik studio", times(page, "#trait-Smiling", ROW))
        finally:
            studio.terminate()
            studio.wait()
        if gradio:
            with tempfile.TemporaryDirectory() as folder:
                place = Path(folder) / "app.py"
                place.write_text(APP.replace("PORT", str(port)))
                app = subprocess.Popen([gradio, str(place)])
                try:
                    page = context.new_page()
                    for _ in range(120):
                        try:
                            page.goto(f"http://127.0.0.1:{port}/")
                            break
                        except Exception:
                            page.wait_for_timeout(500)
                    page.locator("input[type=range]").wait_for(timeout=60_000)
                    page.wait_for_timeout(4000)
                    show("Gradio", times(page, "input[type=range]", SHOWN))
                finally:
                    app.terminate()
                    app.wait()
        browser.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--gradio", metavar="PYTHON", help="an interpreter that has gradio and lik")
    parser.add_argument("--port", type=int, default=7861)
    main(**vars(parser.parse_args()))
