"""The examples, as whoever has an export and no Lik runs them; and the export of what ships."""

import gzip
import os
import shutil
import subprocess
import sys
from importlib import resources
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import pytest
from PIL import Image

import lik
from lik.app.exporting import export_networks
from lik.app.pretrained import shipped
from lik.core.pixels import to_float
from lik.latent.directions.direction import stepped
from lik.models.saved import weights_hash

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxscript")
runtime = pytest.importorskip("onnxruntime")
pytestmark = pytest.mark.skipif(not shipped(), reason="no run ships with this tree")

EXAMPLES = Path(__file__).parents[2] / "examples"
ORIGIN = "http://example.invalid"
TYPES = {".mjs": "text/javascript", ".html": "text/html", ".wasm": "application/wasm",
         ".onnx": "application/octet-stream", ".json": "application/json"}  # fmt: skip

WITHOUT_LIK = """
import runpy, sys
for name in ("torch", "lik", "onnx", "onnxscript"):
    sys.modules[name] = None
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


@pytest.fixture(scope="module")
def run():
    return lik.load()


@pytest.fixture(scope="module")
def exported(run, tmp_path_factory):
    out = tmp_path_factory.mktemp("exports") / "faces"
    export_networks(run, out, "float16")
    return out


@pytest.fixture(scope="module")
def faces(run):
    return run.sample(3, seed=2)


def opened(exported, name):
    return runtime.InferenceSession(
        exported / f"{name}.onnx", providers=["CPUExecutionProvider"]
    )  # fmt: skip


def test_what_ships_is_exact_at_half_the_size(run, exported, faces, capfd):
    (images,) = opened(exported, "decoder").run(None, {"codes": faces.codes})
    there = next(run.session.decode_batches(faces.codes)).numpy()
    np.testing.assert_allclose(images, there, atol=1e-5)
    means, _ = opened(exported, "encoder").run(None, {"images": to_float(faces.pictures).numpy()})
    np.testing.assert_allclose(means, run.encode(faces.pictures), atol=1e-4)
    assert sum(file.stat().st_size for file in exported.iterdir()) < 9.1e6
    graph = onnx.load(exported / "decoder.onnx").graph
    assert onnx.TensorProto.FLOAT16 in {tensor.data_type for tensor in graph.initializer}
    assert capfd.readouterr().err == ""  # the runtime has no complaints


def test_the_run_that_was_exported_is_as_it_was(run, exported):
    assert weights_hash(run.session.model) == weights_hash(lik.load().session.model)


def run_example(folder, *arguments):
    program = [sys.executable, "-c", WITHOUT_LIK, str(EXAMPLES / "encode_decode.py")]
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    done = subprocess.run(
        [*program, *map(str, arguments)], cwd=folder, env=environment, capture_output=True,
        text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return np.asarray(Image.open(folder / "out.png")).astype(int), done.stdout


def test_python_draws_a_face(run, exported, tmp_path):
    picture, said = run_example(tmp_path, exported)
    assert picture.shape == (64, 64, 3)
    assert picture.std() > 20
    assert said.startswith("faces: 64 pixels, 128 dimensions. Terms: both sets are for non-comm")


def test_python_makes_a_face_smile_as_lik_does(run, exported, faces, tmp_path):
    Image.fromarray(faces.pictures[0]).save(tmp_path / "face.png")
    plain, _ = run_example(tmp_path, exported, "face.png")
    smiling, _ = run_example(tmp_path, exported, "face.png", "Smiling", "1.5")
    codes = run.encode(faces.pictures[:1])
    vector = run.directions("joint").direction("Smiling").vector
    assert np.abs(plain - run.decode(codes)[0]).max() <= 1
    assert np.abs(smiling - run.decode(stepped(codes, 1.5 * vector))[0]).max() <= 1
    assert np.abs(smiling - plain).max() > 20


@pytest.fixture(scope="module")
def site(exported, tmp_path_factory):
    """The example's page, the files of an export beside it, and the runtime as ort/."""
    folder = tmp_path_factory.mktemp("site")
    for file in (*exported.iterdir(), *EXAMPLES.glob("encode_decode.*")):
        shutil.copy(file, folder)
    vendored = Path(str(resources.files("lik"))) / "export" / "runtime" / "onnxruntime-web"
    (folder / "ort").mkdir()
    for file in vendored.glob("*.mjs"):
        shutil.copy(file, folder / "ort")
    for file in vendored.glob("*.gz"):
        (folder / "ort" / file.stem).write_bytes(gzip.decompress(file.read_bytes()))
    return folder


@pytest.fixture
def page(site):
    api = pytest.importorskip("playwright.sync_api", reason="the page is tried with Playwright")
    path = os.environ.get("LIK_CHROMIUM") or shutil.which("chromium")
    if not path:
        pytest.skip("there is no Chromium: set LIK_CHROMIUM to one")

    def answer(route):
        file = site / urlsplit(route.request.url).path.removeprefix("/")
        if not file.is_file() or not route.request.url.startswith(ORIGIN):
            return route.fulfill(status=404)
        return route.fulfill(
            body=file.read_bytes(), headers={"Content-Type": TYPES[file.suffix]}
        )  # fmt: skip

    with api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        page = browser.new_page()
        problems = []
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.route("**/*", answer)
        page.goto(f"{ORIGIN}/encode_decode.html")
        page.wait_for_function("document.getElementById('told').value !== ''")
        yield page
        browser.close()
    assert problems == []


def test_the_page_decodes_moves_and_encodes_as_lik_does(run, faces, page, tmp_path):
    def shown():
        data = page.evaluate(
            "() => { const c = document.getElementById('face');"
            " return [...c.getContext('2d').getImageData(0, 0, c.width, c.height).data]; }"
        )
        return np.array(data).reshape(64, 64, 4)[:, :, :3]

    def move(along, strength):
        page.evaluate("told.value = ''")
        page.select_option("#along", along)
        page.locator("#strength").evaluate("(slider, value) => { slider.value = value; }", strength)
        page.locator("#strength").dispatch_event("input")
        page.wait_for_function(f"told.value === '{strength}'")
        page.wait_for_timeout(200)

    middle = np.zeros((1, run.latent), np.float32)
    assert np.abs(shown() - run.decode(middle)[0]).max() <= 1
    vector = run.directions("joint").direction("Smiling").vector
    move("Smiling", 1.5)
    assert np.abs(shown() - run.decode(stepped(middle, 1.5 * vector))[0]).max() <= 1
    move("dimension 7", -2)
    middle[0, 7] = -2
    assert np.abs(shown() - run.decode(middle)[0]).max() <= 1
    move("dimension 7", 0)
    Image.fromarray(faces.pictures[0]).save(tmp_path / "face.png")
    page.evaluate("told.value = ''")
    page.set_input_files("#file", tmp_path / "face.png")
    page.wait_for_function("told.value !== ''")
    assert np.abs(shown() - run.decode(run.encode(faces.pictures[:1]))[0]).max() <= 1
    page.evaluate("told.value = ''")
    page.click("#draw")
    page.wait_for_function("told.value !== ''")
    assert shown().std() > 20
