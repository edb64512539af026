"""An exported page, as a folder behind a plain web server and as one file that is simply opened."""

import io
import json
import re
from base64 import urlsafe_b64encode

import numpy as np
import pytest
from exported_pages import Asked, served
from PIL import Image, PngImagePlugin

from lik.app.directions import open_editor
from lik.app.editing import edit_photograph, with_codes
from lik.app.edits import Edit, read_record
from lik.app.page_exporting import export_page
from lik.app.source_records import draw_codes
from lik.core.errors import UnusableInput
from lik.export.page import own_files, single_file
from lik.faces.crop.cropping import cut, square_of_eyes
from lik.faces.io.files import InMemory
from lik.faces.photograph import Photograph, PhotographedFace
from lik.latent.directions.direction import stepped
from lik.latent.session import decoded, decoded_twice

pytest.importorskip("onnx")
pytest.importorskip("onnxscript")
pytest.importorskip("onnxruntime")

SIZES = {"desk": (1440, 900), "phone": (390, 844)}
EYES = [[120.0, 110.0, 180.0, 116.0], [300.5, 90.3, 341.2, 88.0]]
RUNTIME = """async ([codes, latent]) => {
  const own = await import("/page/static/own.js");
  const ort = await import("/page/static/runtime/onnxruntime-web/ort.wasm.min.mjs");
  const packed = await own.bytesOf("runtime/onnxruntime-web/ort-wasm-simd-threaded.wasm.gz");
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
  const wasmBinary = await new Response(stream).arrayBuffer();
  const mjs = own.addressOf("runtime/onnxruntime-web/ort-wasm-simd-threaded.mjs");
  Object.assign(ort.env.wasm, { numThreads: 1, wasmBinary, wasmPaths: { mjs } });
  const open = async (name) => ort.InferenceSession.create(
    await own.bytesOf(`../model/${name}.onnx`), { logSeverityLevel: 3 });
  const [base, refiner] = [await open("base"), await open("refiner")];
  const all = Float32Array.from(codes);
  const given = new ort.Tensor("float32", all, [all.length / latent, latent]);
  const { images } = await base.run({ codes: given });
  return [...(await refiner.run({ images, codes: given })).refined.data];
}"""


@pytest.fixture(scope="module")
def given(folder):
    return {file.name: file.read_bytes() for file in (folder / "model").iterdir()}


@pytest.fixture(scope="module")
def addresses(folder, given):
    """The page from a server, below another folder, and as a file."""
    single = folder.parent / "one.html"
    single.write_bytes(single_file("toy · Lik", given))
    with served(folder.parent) as address:
        yield {"folder": f"{address}/page/", "file": single.as_uri()}


@pytest.fixture
def opened(browser):
    """Opens addresses; each page may ask nobody but its own server, and nothing may go wrong."""
    contexts, wrong = [], []

    def open_at(address, fragment="", size=SIZES["desk"], offline=False):
        context = browser.new_context(viewport=dict(zip(("width", "height"), size, strict=True)),
                                      locale="en", accept_downloads=True)  # fmt: skip
        contexts.append(context)
        page = context.new_page()
        own = (address, "blob:", "data:")
        page.on("request", lambda r: r.url.startswith(own) or wrong.append(r.url))
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("console", lambda m: m.type == "error" and wrong.append(m.text))
        context.set_offline(offline)
        page.goto(address + fragment)
        page.locator("#history img").first.wait_for(timeout=60_000)
        return page

    yield open_at
    for context in contexts:
        context.close()
    assert wrong == []


@pytest.fixture(scope="module")
def photograph():
    """A picture of nobody, in which faces may be said to be."""
    y, x = np.mgrid[0:240, 0:420]
    waves = [np.sin(x / 17 + k) * 60 + np.cos(y / 23 - k) * 50 + 128 for k in range(3)]
    file = io.BytesIO()
    Image.fromarray(np.stack(waves, axis=-1).clip(0, 255).astype(np.uint8)).save(file, "PNG")
    return file.getvalue()


def saved(page):
    with page.expect_download(timeout=60_000) as download:
        page.keyboard.press("Control+s")
    return download.value.path()


def shown(page):
    return page.locator("#picture").evaluate("canvas => canvas.toDataURL()")


def changed(page, before):
    """Wait until the stage shows something else."""
    for _ in range(200):
        if shown(page) != before:
            return True
        page.wait_for_timeout(50)
    return False


@pytest.mark.parametrize("size", SIZES.values(), ids=SIZES)
@pytest.mark.parametrize("kind", ["folder", "file"])
def test_a_face_is_moved_and_saved(addresses, opened, run, kind, size):
    page = opened(addresses[kind], size=size, offline=kind == "file")
    tab = page.locator(".phone-tabs").get_by_role("button", name="Traits")
    if tab.is_visible():
        tab.click()
    before = shown(page)
    page.locator("#trait-Smiling").press("PageUp")
    page.locator("#history li").nth(1).wait_for()
    assert changed(page, before)
    png = saved(page)
    record = read_record(png)
    assert record.strengths == {"Smiling": "0.25"}
    assert record.model_sha256 == run.sha256
    code = draw_codes(run, 1, 5)
    vector = run.directions("means").directions["Smiling"].vector
    own = run.decode(stepped(code, np.float32(0.25) * vector))[0]
    assert np.abs(np.asarray(Image.open(png), int) - own).max() <= 1
    assert page.get_by_role("navigation").get_by_role("link").all_inner_texts() == [
        "Edit", "Mix", "Map"
    ]  # fmt: skip


def test_faces_are_guided_in_the_browser_as_the_editor_guides_them(addresses, browser, run):
    page = browser.new_page()
    page.goto(addresses["folder"])
    engine = Asked(page, f"{addresses['folder']}static")
    editor = open_editor(run, "guided")
    codes = draw_codes(run, 4, 3)
    for attribute, sign in (("Smiling", 1), ("Smiling", -1), ("Male", 1), ("Young", 1)):
        own = editor.trajectory(codes, attribute, sign)
        for number, code in enumerate(codes):
            stops = np.stack(engine.ask("trajectory", [code, attribute, sign]))
            np.testing.assert_allclose(stops, own[:, number], atol=1e-6, rtol=0)
    for name in ("Nope", "dimension:3", "__proto__"):
        with pytest.raises(RuntimeError, match="does not know"):
            engine.ask("trajectory", [codes[0], name, 1])
    drawn = [{"kind": "prior", "seed": 3, "index": i, "temperature": None, "prior": None}
             for i in (0, 1)]  # fmt: skip
    end = {"kind": "edited", "source": drawn[0], "method": "guided", "strengths": {"Smiling": "1"}}
    mix = {"kind": "mix", "ends": [end, drawn[1]], "shares": ["0.5", "0.5"], "path": "straight"}
    record = {"version": 1, "strengths": {}, "method": "means", "mode": "decode", "inverted": 0,
              "run": "toy", "model_sha256": run.sha256, "face": None}  # fmt: skip
    png = Image.open(io.BytesIO(engine.ask("edit", [record, None, mix])["png"].tobytes()))
    own = run.decode((moved_to(editor, codes[0]) + codes[1])[None] / 2)[0]
    assert np.abs(np.asarray(png, int) - own).max() <= 1
    moved = editor.moved(codes, "Smiling", [1.0])[:, 0]
    assert (np.abs(moved - codes).max(axis=1) > 0.1).any()
    page.close()


def moved_to(editor, code):
    return editor.moved(code[None], "Smiling", [1.0])[0, 0]


def test_a_guided_face_is_saved_and_known_again(addresses, opened, run):
    page = opened(addresses["folder"])
    page.locator("#trait-Smiling").wait_for()
    page.get_by_label("guided").check()
    before = shown(page)
    page.locator("#trait-Smiling").press("PageUp")
    assert changed(page, before)
    page.locator("#history li").nth(1).wait_for()
    record = read_record(saved(page))
    editor = open_editor(run, "guided")
    assert record.method == "guided"
    assert record.networks == tuple(editor.networks)
    assert record.measured == editor.measured
    assert record.guidance == editor.settings


def test_networks_give_in_the_browser_what_the_run_gives(addresses, browser, run):
    context = browser.new_context(bypass_csp=True)
    page = context.new_page()
    page.goto(addresses["folder"] + "static/icon.png")
    codes = np.concatenate([draw_codes(run, 64), draw_codes(run, 36, 40)])
    found = page.evaluate(RUNTIME, [codes.ravel().astype(float).tolist(), 4])
    context.close()
    own = _images(run, codes)
    assert np.abs(np.reshape(found, own.shape) - own).max() <= 1e-4


def test_drafts_are_near_and_what_is_kept_is_no_draft(addresses, browser, run):
    context = browser.new_context(bypass_csp=True)
    page = context.new_page()
    page.goto(addresses["folder"] + "static/icon.png")
    engine = Asked(page, "/page/static")
    code = draw_codes(run, 1, 5)[0]
    moved = code + np.float32(0.3) * run.directions("means").directions["Smiling"].vector
    sharp = np.concatenate(engine.ask("decode", [code, moved]))
    draft = engine.ask("draft", moved)
    assert np.array_equal(draft, sharp[768:])  # it is known by now
    far = engine.ask("draft", code + 4)
    assert np.array_equal(far, engine.ask("decode", [code + 4])[0])  # nobody near is known
    near = np.asarray(moved + 0.05, np.float32)
    sharp, base = decoded_twice(run.session, np.stack([moved, near]))
    expected = base[1] + sharp[0] - base[0]  # its own base, with the details of the nearest one
    off = engine.ask("draft", near) - 255 * expected.clip(0, 1).ravel()
    assert np.abs(off).max() < 0.6
    context.close()


def test_a_photograph_is_edited_where_its_eyes_were_tapped(addresses, browser, run, photograph):
    context = browser.new_context(bypass_csp=True)
    page = context.new_page()
    page.goto(addresses["folder"] + "static/icon.png")
    engine = Asked(page, "/page/static")
    found = engine.ask("encode", [photograph, EYES])
    pixels = np.asarray(Image.open(io.BytesIO(photograph)))
    squares = [square_of_eyes((a, b), (c, d)) for a, b, c, d in EYES]
    faces = [PhotographedFace(one, cut(pixels, one, 16)) for one in squares]
    codes = run.encode(np.stack([face.pixels for face in faces]))
    for face, square, code in zip(found["faces"], squares, codes, strict=True):
        assert face["square"]["side"] == pytest.approx(square.side)
        assert np.abs(face["code"] - code).max() < 0.05
    record = {
        "version": 1, "strengths": {"Smiling": "0.5"}, "method": "means", "mode": "transfer",
        "inverted": 0, "face": 2, "run": run.name, "model_sha256": run.sha256,
    }  # fmt: skip
    done = engine.ask("edit", [record, photograph, None])["png"].tobytes()
    context.close()
    image = Image.open(io.BytesIO(done))
    given = InMemory(photograph, "photo.png")
    opened = with_codes(given, Photograph(pixels, faces), codes, 0)
    own = edit_photograph(run, opened, Edit({"Smiling": "0.5"}, method="means", face=2))
    assert json.loads(image.text["Lik source"])["eyes"] == EYES
    assert read_record(InMemory(done, "done.png")) == own.record
    result = np.asarray(image)
    assert np.abs(result.astype(int) - own.pixels).mean() < 2
    assert np.array_equal(result[:, :200], pixels[:, :200])  # the other face, and all around


HOSTILE = {
    "record": {
        "version": 1, "method": "constructor",
        "strengths": {"__proto__": "1", "dimension:99": "2", "<img src=x onerror=alert(1)>": "1"},
    },
    "source": {"kind": "prior", "seed": 2**40, "index": 3, "prior": "../../x"},
}  # fmt: skip


def test_hostile_links_do_no_harm(addresses, opened):
    told = urlsafe_b64encode(json.dumps(HOSTILE).encode()).decode().rstrip("=")
    page = opened(addresses["folder"], f"#r={told}")
    for shared in ("#r=%00%ff", "#r=" + "A" * 30_000, "#r=e30", f"#r={told}&t=x"):
        page.evaluate("shared => { location.hash = shared; }", shared)
        page.wait_for_timeout(150)
        page.keyboard.press("Escape")
    assert page.locator("img[src=x]").count() == 0
    page.locator("#trait-Smiling").press("PageUp")
    page.locator("#history li").nth(1).wait_for()


def test_a_hostile_picture_does_no_harm(addresses, opened, tmp_path):
    text = PngImagePlugin.PngInfo()
    text.add_itxt("Lik edit", json.dumps(HOSTILE["record"] | {"method": "means"}))
    text.add_itxt("Lik source", json.dumps(HOSTILE["source"] | {"seed": 99}))
    Image.new("RGB", (16, 16)).save(tmp_path / "hostile.png", pnginfo=text)
    page = opened(addresses["folder"])
    page.locator("#file").set_input_files(tmp_path / "hostile.png")
    page.locator("#offer[open]").wait_for()
    assert "onerror" in page.locator("#offer").inner_text()  # it is told as a name
    page.locator("#offer .choices button").first.click()
    page.get_by_text("drawn otherwise").first.wait_for()
    assert page.locator("img[src=x]").count() == 0


def test_a_link_brings_its_face(addresses, opened):
    page = opened(addresses["folder"])
    page.locator("#trait-Smiling").press("PageUp")
    page.locator("#history li").nth(1).wait_for()
    page.get_by_role("button", name="Share").click()
    link = page.locator("#link").input_value()
    other = opened(addresses["folder"], link.removeprefix(addresses["folder"]))
    other.locator("#history li").nth(1).wait_for()
    assert other.locator("#trait-Smiling").input_value() == "0.25"


def test_a_file_tells_nobody_where_it_lies(addresses, opened):
    page = opened(addresses["file"])
    page.get_by_role("button", name="Share").click()
    assert page.locator("#link").count() == 0
    assert "file on this computer" in page.locator("#share").inner_text()


def test_seeds_that_the_page_lacks_are_refused_kindly(addresses, opened):
    page = opened(addresses["folder"])
    page.locator("#seed").fill("70000")
    page.locator("#seed").press("Enter")
    page.locator("#seed").blur()
    assert page.locator("#seed").input_value() == "63"


def test_nothing_in_a_page_tells_where_it_was_made(folder, given, run):
    told = json.loads(given["about.json"])
    assert {"crop", "seeds", "networks", "sets", "map"} <= told.keys()
    for data in given.values():
        for part in (str(run.path.parent), str(folder.parent)):
            assert part.encode() not in data
    page = (folder / "index.html").read_text()
    assert "connect-src 'self'" in page
    assert not re.search(r'(src|href)="(/|https?:)', page)


def test_every_module_comes_after_those_that_it_imports():
    own = own_files()
    assert {"exported.js", "page.js"} <= set(own.first) <= set(own.modules)
    assert "engine.js" not in own.modules  # of the server, which is not there
    assert "training.js" not in own.modules
    assert own.worker[-1] != "exported.js"


def test_a_place_that_holds_something_else_is_left_alone(run, folder, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("mine")
    (tmp_path / "mine.html").write_text("mine")
    for out, single in (("mine", False), ("mine.html", True), ("mine.html", False)):
        with pytest.raises(UnusableInput, match="holds something else"):
            export_page(run, tmp_path / out, single)
    with pytest.raises(UnusableInput, match=r"ends in \.html"):
        export_page(run, tmp_path / "page", single=True)
    assert (tmp_path / "mine" / "notes.txt").read_text() == "mine"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mine", "mine.html"]


def _images(run, codes):
    return decoded(run.session, codes).transpose(0, 3, 1, 2)
