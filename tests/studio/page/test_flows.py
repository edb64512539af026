"""What people come for, from the printed address to the picture, with the run that ships."""

import json
import subprocess
import sys
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import lik
from lik.app.directions import FitRequest, fit_directions
from lik.app.edits import Edit, read_record
from lik.app.run import Run

SIZES = {"desk": (1440, 900), "phone": (390, 844)}


@contextmanager
def studio_of(*runs):
    """The address of a studio of runs, by default of the one that ships."""
    command = [sys.executable, "-m", "lik", "studio", *runs, "--no-browser"]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    yield server.stdout.readline().strip()
    server.terminate()
    server.wait(timeout=20)


@pytest.fixture(scope="module")
def address():
    with studio_of() as address:
        yield address


@pytest.fixture(scope="module")
def laboratory(faces, tmp_path_factory):
    """The address of a studio of two runs, trained for a moment on drawn faces."""
    runs = tmp_path_factory.mktemp("runs")
    for name, latent in (("narrow", 4), ("wide", 8)):
        settings = ["epochs=2", "batch_size=16", f"model.latent={latent}", "device.compile=false"]
        lik.train("paper-first", faces, runs / name, settings, "cpu")
        fit_directions(Run(runs / name, "cpu"), FitRequest("means"))
    with studio_of(str(runs)) as address:
        yield address


@pytest.fixture(scope="module")
def photograph(tmp_path_factory):
    """Two people whom nobody is, before a wall."""
    faces = lik.load("faces").sample(2, seed=1, temperature=0.8, prior="faces").pictures
    wall = Image.fromarray(np.full((480, 720, 3), (120, 132, 140), np.uint8))
    for face, (x, y, side) in zip(faces, ((90, 120, 230), (430, 150, 190)), strict=True):
        wall.paste(Image.fromarray(face).resize((side, side), Image.Resampling.BICUBIC), (x, y))
    path = tmp_path_factory.mktemp("photographs") / "family.png"
    wall.save(path)
    return path


@pytest.fixture(params=SIZES.values(), ids=SIZES)
def window(browser, request):
    width, height = request.param
    context = browser.new_context(viewport={"width": width, "height": height}, locale="en")
    yield context
    context.close()


@contextmanager
def opened_at(address, context):
    """The studio in a window; it may ask nobody but its own server."""
    opened, wrong = context.new_page(), []
    own = (address.partition("#")[0], "blob:", "data:")
    opened.on("request", lambda r: r.url.startswith(own) or wrong.append(r.url))
    opened.on("pageerror", lambda error: wrong.append(str(error)))
    opened.on("console", lambda m: m.type == "error" and wrong.append(m.text))
    opened.goto(address)
    opened.locator("#history li").first.wait_for(timeout=20_000)
    yield opened
    assert wrong == []


@pytest.fixture
def page(address, window):
    with opened_at(address, window) as page:
        yield page


def column(page, name):
    """On a phone the columns are behind tabs."""
    tab = page.locator(".phone-tabs").get_by_role("button", name=name)
    if tab.is_visible():
        tab.click()


def press(page, trait, *keys):
    column(page, "Traits")
    slider = page.locator(f"#trait-{trait}")
    steps = page.locator("#history li").count()
    for key in keys:
        slider.press(key)
    page.locator("#history li").nth(steps).wait_for()


def until(page, condition):
    """Wait for something that the page itself may not evaluate from text."""
    for _ in range(100):
        if page.evaluate(condition):
            return
        page.wait_for_timeout(100)
    pytest.fail(f"it never came that {condition[:80]}")


def saved(page, path):
    with page.expect_download(timeout=60_000) as download:
        page.keyboard.press("Control+s")
    download.value.save_as(path)
    return path


def test_a_family_photograph_is_given_a_smile(page, photograph, tmp_path):
    column(page, "Faces")
    page.locator("input[type=file]").first.set_input_files(photograph)
    page.get_by_role("heading", name="2 faces found").wait_for(timeout=20_000)
    press(page, "Smiling", "PageUp", "PageUp")
    png = saved(page, tmp_path / "smile.png")
    run = Run(None, "cpu", 1)
    done = run.edit(photograph, Edit({"Smiling": "0.5"}))
    assert png.read_bytes() == done.png()
    assert (done.pixels != np.asarray(Image.open(photograph))).any()
    again = run.edit(photograph, Edit.read(png))
    assert np.array_equal(again.pixels, done.pixels)


@pytest.mark.parametrize("window", [SIZES["desk"]], indirect=True)
def test_a_guided_edit_is_saved_as_the_command_line_makes_it(page, photograph, tmp_path):
    page.locator("input[type=file]").first.set_input_files(photograph)
    page.get_by_role("heading", name="2 faces found").wait_for(timeout=20_000)
    page.get_by_role("button", name="Face 1").first.click()
    page.get_by_role("radio", name="Guided").check(force=True)
    press(page, "Smiling", "PageUp", "PageUp")
    png = saved(page, tmp_path / "guided.png")
    wanted = Edit({"Smiling": "0.5"}, method="guided", face=1)
    done = Run(None, "cpu", 1).edit(photograph, wanted)
    assert png.read_bytes() == done.png()


def test_a_student_moves_a_face_of_nobody_and_goes_back(page, tmp_path):
    press(page, "Young", "PageDown", "PageDown")
    press(page, "Smiling", "PageUp")
    for _ in range(2):
        page.keyboard.press("Control+z")
    page.keyboard.press("Control+y")
    record = read_record(saved(page, tmp_path / "older.png"))
    assert record.strengths == {"Young": "-0.5"}
    told = json.loads(Image.open(tmp_path / "older.png").text["Lik source"])
    assert told["kind"] == "prior"


def test_a_link_brings_the_same_face_back(page, address, tmp_path):
    press(page, "Smiling", "PageUp", "ArrowRight")
    png = saved(page, tmp_path / "first.png")
    page.get_by_role("button", name="Share").click()
    link = page.locator("input[readonly]").first.input_value()
    other = page.context.new_page()
    other.goto(address + "&" + link.partition("#")[2])
    other.locator("#trait-Smiling").wait_for(state="attached", timeout=20_000)
    until(other, "document.querySelector('#trait-Smiling').value === '0.3'")
    assert saved(other, tmp_path / "second.png").read_bytes() == png.read_bytes()


def test_a_picture_is_shared_without_its_record(page, tmp_path):
    press(page, "Smiling", "PageUp")
    png = Image.open(saved(page, tmp_path / "told.png"))
    page.get_by_role("button", name="Share").click()
    with page.expect_download(timeout=60_000) as download:
        page.get_by_role("button", name="Picture without record").click()
    download.value.save_as(tmp_path / "plain.png")
    plain = Image.open(tmp_path / "plain.png")
    assert np.array_equal(plain, png)
    assert set(png.text) - set(plain.text) == {"Lik edit", "Lik source", "Lik run"}
    assert "generative model" in plain.text["Description"]


def tab(page, name):
    page.get_by_role("navigation").get_by_role("link", name=name, exact=True).click()


def test_a_teacher_mixes_four_faces(page, tmp_path):
    tab(page, "Mix")
    point = page.locator("#point")
    for key in ("Home", "ArrowRight", "ArrowDown", "ArrowDown"):
        point.press(key)
    png = saved(page, tmp_path / "mix.png")
    told = json.loads(Image.open(png).text["Lik source"])
    assert told["kind"] == "mix"
    assert len(told["ends"]) == 4
    assert sum(map(Decimal, told["shares"])) == 1


def test_a_researcher_looks_at_trainings_and_compares_runs(laboratory, window):
    with opened_at(laboratory, window) as page:
        tab(page, "Training")
        page.get_by_text("Epoch 2 of 2").wait_for()
        page.locator("#training svg").first.wait_for()
        tab(page, "Compare")
        pictures = page.locator("#compare canvas")
        pictures.nth(1).wait_for()
        shown = pictures.nth(1).evaluate("canvas => canvas.toDataURL()")
        page.locator("#compare input[type=range]").first.press("PageUp")
        until(page, f"document.querySelectorAll('#compare canvas')[1].toDataURL() !== '{shown}'")


def reach(page, selector):
    """Go to something that is shown by the Tab key alone, and see where one is."""
    for _ in range(300):
        if page.evaluate("s => document.activeElement.matches(s)", selector):
            return
        page.keyboard.press("Tab")
    pytest.fail(f"no key leads to {selector}")


def follow(page, selector):
    reach(page, selector)
    page.keyboard.press("Enter")


def test_each_flow_goes_by_keys_alone(page, photograph, tmp_path):
    phone = page.locator(".phone-tabs").is_visible()

    def go_to(number):
        if phone:
            follow(page, f".phone-tabs button:nth-of-type({number})")

    page.on("filechooser", lambda chooser: chooser.set_files(photograph))
    go_to(1)  # a photograph
    reach(page, "#file")
    page.keyboard.press("Space")
    page.get_by_role("heading", name="2 faces found").wait_for(timeout=20_000)
    go_to(2)
    reach(page, "#trait-Smiling")
    page.keyboard.press("PageUp")
    until(page, "document.querySelectorAll('#history li').length === 3")
    assert read_record(saved(page, tmp_path / "smile.png")).strengths == {"Smiling": "0.25"}
    page.keyboard.press("Control+z")  # a step back, and a face of nobody
    go_to(1)
    follow(page, "#faces .tiles:not(.small) button:nth-of-type(2)")
    go_to(2)
    reach(page, "#trait-Young")
    page.keyboard.press("PageDown")
    until(page, "document.querySelectorAll('#history li').length === 4")
    assert read_record(saved(page, tmp_path / "older.png")).strengths == {"Young": "-0.25"}
    follow(page, "button.share")  # a link
    reach(page, "input[readonly]")
    assert "#r=" in page.evaluate("document.activeElement.value")
    page.keyboard.press("Escape")
    follow(page, "header nav a:nth-of-type(2)")  # a mixture
    reach(page, "#point")
    page.keyboard.press("ArrowRight")
    assert json.loads(Image.open(saved(page, tmp_path / "mix.png")).text["Lik source"])["ends"]
    follow(page, "header nav a:nth-of-type(3)")  # the map
    page.locator("#map button.wide").wait_for(timeout=20_000)
    follow(page, "#map button.wide")
    page.locator("#looked[aria-label]:not([aria-label=''])").wait_for()


def test_trainings_and_runs_are_seen_by_keys_alone(laboratory, window):
    with opened_at(laboratory, window) as page:
        follow(page, "header nav a:nth-of-type(4)")
        page.get_by_text("Epoch 2 of 2").wait_for()
        follow(page, "header nav a:nth-of-type(5)")
        page.locator("#compare canvas").nth(1).wait_for()
        reach(page, "#compare input[type=range]")
        page.keyboard.press("PageUp")
        assert page.evaluate("document.activeElement.value") == "0.25"


@pytest.mark.parametrize(
    ("scheme", "size"),
    [
        ("light", "desk"),
        pytest.param("dark", "phone", marks=pytest.mark.long),
        pytest.param("light", "phone", marks=pytest.mark.long),
        pytest.param("dark", "desk", marks=pytest.mark.long),
    ],
)
def test_nothing_on_any_tab_keeps_anyone_out(laboratory, browser, scheme, size):
    """The rules of axe, which come with a package of PyPI, on every tab."""
    axe = pytest.importorskip("axe_playwright_python", reason="axe comes with that package")
    rules = (Path(axe.__file__).parent / "axe.min.js").read_text(encoding="utf-8")
    found = {}
    width, height = SIZES[size]
    context = browser.new_context(
        viewport={"width": width, "height": height}, color_scheme=scheme, locale="en"
    )
    with opened_at(laboratory, context) as page:
        for shown in ("Edit", "Mix", "Map", "Training", "Compare"):
            tab(page, shown)
            page.wait_for_timeout(600)
            page.evaluate(rules)
            for one in page.evaluate("axe.run()")["violations"]:
                found[shown, one["id"]] = [node["html"][:120] for node in one["nodes"]]
    context.close()
    assert found == {}
