"""The dialog in which a person shows eyes: by mouse, by fingers, by keys alone."""

import base64
import io
from pathlib import Path

import numpy as np
import pytest
from page_stand_in import Studio
from PIL import Image

from lik.faces.crop.cropping import cut, square_of_eyes
from lik.faces.drawn import rendering as drawn

ASK = """async ([png, options]) => {
  const { askForEyes } = await import("/static/taps.js");
  const { fromBase64 } = await import("/static/bytes.js");
  const bitmap = await createImageBitmap(new Blob([fromBase64(png)], { type: "image/png" }));
  window.answer = "none yet";
  askForEyes(bitmap, options).then((answer) => { window.answer = answer; });
}"""
PREVIEW = """(canvas) => {
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  return [...data].filter((_, i) => i % 4 < 3);
}"""

PORTRAIT = drawn.render(drawn.sample_factors(1, 5), 600)
GROUP = np.full((600, 1000, 3), 160, np.uint8)
GROUP[200:400, 100:300] = drawn.render(drawn.sample_factors(1, 20), 200)
GROUP[200:400, 600:800] = drawn.render(drawn.sample_factors(1, 21), 200)
EYES = [(214.0, 279.0), (386.0, 279.0)]
PAIRS = [[(171.0, 293.0), (229.0, 293.0)], [(671.0, 293.0), (729.0, 293.0)]]
OPTIONS = {"size": 64, "crop": {"kind": "aligned", "widen": 1.0}}


class Eyes:
    """The dialog, opened on a picture."""

    def __init__(self, page, picture, **options):
        self.page, (self.height, self.width) = page, picture.shape[:2]
        file = io.BytesIO()
        Image.fromarray(picture).save(file, "PNG")
        page.evaluate(ASK, [base64.b64encode(file.getvalue()).decode(), OPTIONS | options])
        page.locator("#eyes[open]").wait_for()
        self.marks = page.locator(".taps-mark")

    def place(self, point):
        """A point of the picture, seen whole, on the screen."""
        room = self.page.locator(".taps-room").bounding_box()
        scale = min(room["width"] / self.width, room["height"] / self.height)
        left = room["x"] + (room["width"] - self.width * scale) / 2
        top = room["y"] + (room["height"] - self.height * scale) / 2
        return left + point[0] * scale, top + point[1] * scale

    def click(self, *points):
        for point in points:
            self.page.mouse.click(*self.place(point))

    def drag(self, start, end):
        self.page.mouse.move(*self.place(start))
        self.page.mouse.down()
        self.page.mouse.move(*self.place(end), steps=4)
        self.page.mouse.up()

    def button(self, name):
        return self.page.locator("#eyes").get_by_role("button", name=name, exact=True)

    def done(self):
        self.button("Done").click()
        return self.answer()

    def answer(self):
        self.page.wait_for_function("window.answer !== 'none yet'")
        return self.page.evaluate("window.answer")

    def refusal(self):
        self.button("Done").click()
        assert self.page.locator("#eyes[open]").count() == 1
        return self.page.locator(".taps-complaint").inner_text()


@pytest.fixture
def page(studio):
    studio.open()
    return studio.page


@pytest.fixture
def phone(browser):
    """A page of 390 pixels that is touched."""
    context = browser.new_context(
        viewport={"width": 390, "height": 844}, locale="en", has_touch=True
    )
    studio = Studio(context.new_page())
    studio.open()
    yield studio.page
    context.close()
    assert studio.problems == []


def near(found, aim, within=1.5):
    return np.abs(np.array(found) - np.array(aim)).max() <= within


def test_two_clicks_show_a_face_and_what_the_model_will_see(page):
    eyes = Eyes(page, PORTRAIT)
    eyes.click(EYES[0], (EYES[1][0], EYES[1][1] - 10))
    page.keyboard.press("Shift+ArrowDown")  # arrow keys go on with what was shown last
    seen = page.locator(".taps-preview").evaluate(PREVIEW)
    found = eyes.done()
    assert near(found, [EYES], 2.5)
    assert all(round(10 * v) == pytest.approx(10 * v) for v in np.array(found).flat)
    aim = cut(PORTRAIT, square_of_eyes(*found[0]), 64)
    assert np.abs(np.reshape(seen, (64, 64, 3)) - aim.astype(int)).mean() < 2
    assert page.locator("#eyes[open]").count() == 0


def test_eyes_that_are_shown_the_other_way_round_are_swapped(page):
    eyes = Eyes(page, PORTRAIT)
    eyes.click(*reversed(EYES))
    assert near(eyes.done(), [EYES])


def test_marks_are_dragged_and_steps_undone(page):
    eyes = Eyes(page, PORTRAIT)
    eyes.click((180, 300), EYES[1])
    eyes.drag((180, 300), (250, 330))
    eyes.drag((250, 330), EYES[0])
    assert near(_places(eyes)[0], eyes.place(EYES[0]))
    eyes.button("Undo").click()
    assert near(_places(eyes)[0], eyes.place((250, 330)))
    for _ in range(2):
        page.keyboard.press("Control+z")
    # Only the first eye is shown: the other mark has come along with it.
    assert page.locator(".taps-mark.maybe").count() == 1
    assert near(_places(eyes)[0], eyes.place((180, 300)))
    eyes.click(EYES[1])
    assert near(eyes.done(), [[(180, 300), EYES[1]]])


def test_several_faces_in_one_picture(page):
    eyes = Eyes(page, GROUP)
    assert eyes.marks.count() == 0  # it is no portrait
    eyes.click(*PAIRS[0], *PAIRS[1])
    assert page.locator(".taps-preview").count() == 2
    eyes.click((174, 260))  # not on a mark: the nearest one goes there
    eyes.click((174, 293))
    eyes.click((900, 100), (960, 100))
    eyes.button("Leave out face 3").click()
    assert near(eyes.done(), [[(174, 293), PAIRS[0][1]], PAIRS[1]])


def test_marks_that_make_no_sense_are_refused(page):
    eyes = Eyes(page, GROUP)
    assert eyes.refusal() == "Show the eyes of a face first."
    eyes.click(PAIRS[0][0])
    assert eyes.refusal() == "Face 1 still lacks its right eye."
    eyes.click(PAIRS[0][1])
    eyes.drag(PAIRS[0][1], PAIRS[0][0])
    assert "at the same place" in eyes.refusal()
    eyes.button("Cancel").click()
    assert eyes.answer() is None


def test_a_small_face_is_made_larger(page):
    eyes = Eyes(page, GROUP)
    x, y = eyes.place((700, 293))
    far = (eyes.place(PAIRS[1][1])[0] - x) * 6  # of the room, once it is six times as large
    page.mouse.move(x, y)
    page.mouse.wheel(0, -np.log(6) / 0.0015)
    page.wait_for_function("!document.querySelector('#eyes [aria-label=Smaller]').disabled")
    page.mouse.click(x - far, y)
    page.mouse.click(x + far, y)
    assert near(eyes.done(), [PAIRS[1]], 0.4)


def test_by_keys_alone(page):
    eyes = Eyes(page, PORTRAIT)
    scale = (eyes.place((100, 0))[0] - eyes.place((0, 0))[0]) / 100
    focused = "document.activeElement.getAttribute('aria-label')"
    assert page.evaluate(focused) == "Face 1, left eye"
    start = (0.36 * 600, 0.465 * 600)
    for key in ("ArrowLeft", "ArrowLeft", "Shift+ArrowDown"):
        page.keyboard.press(key)
    page.keyboard.press("Tab")
    assert page.evaluate(focused) == "Face 1, right eye"
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Enter")
    aim = [(start[0] - 2 / scale, start[1] + 10 / scale), (0.64 * 600, start[1] - 1 / scale)]
    assert near(eyes.answer(), [aim], 0.2)


def test_by_keys_alone_where_no_marks_are_yet(page):
    eyes = Eyes(page, GROUP)
    page.keyboard.press("Enter")  # on "Set two marks"
    assert eyes.marks.count() == 2
    page.keyboard.press("+")
    page.keyboard.press("Shift+ArrowRight")
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    page.keyboard.press("Control+z")  # what keys did to a mark, one after the other, is one step
    page.keyboard.press("Enter")
    [[left, right]] = eyes.answer()
    assert near([left, right], [(455, 300), (545, 300)], 1)
    Eyes(page, PORTRAIT)
    page.keyboard.press("Escape")
    assert eyes.answer() is None


def test_by_fingers_on_a_phone(phone):
    eyes = Eyes(phone, PORTRAIT)
    for point in EYES:
        phone.touchscreen.tap(*eyes.place(point))
    touch = phone.context.new_cdp_session(phone)

    def fingers(kind, *places):
        points = [{"x": x, "y": y, "id": i} for i, (x, y) in enumerate(places)]
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    x, y = eyes.place(EYES[0])
    fingers("touchStart", (x + 15, y + 12))  # beside the mark: it does not jump
    fingers("touchMove", (x + 25, y + 12))
    assert phone.locator("#taps-loupe").is_visible()
    fingers("touchMove", (x + 15, y + 12))
    fingers("touchEnd")
    assert phone.locator("#taps-loupe").is_hidden()
    before = _places(eyes)
    fingers("touchStart", (150, 300), (200, 300))
    fingers("touchMove", (100, 300), (250, 300))
    fingers("touchEnd")
    after = _places(eyes)
    assert after[1][0] - after[0][0] == pytest.approx(3 * (before[1][0] - before[0][0]), rel=0.1)
    found = eyes.done()
    assert near(found, [EYES], 2.5)


def test_what_is_touched_is_as_large_as_a_finger(phone):
    Eyes(phone, GROUP).click(*PAIRS[0], *PAIRS[1])
    buttons = phone.locator("#eyes button")
    for box, name in zip(
        [one.bounding_box() for one in buttons.all()],
        buttons.evaluate_all("all => all.map((one) => one.outerHTML)"),
        strict=True,
    ):
        assert min(box["width"], box["height"]) >= 44, name
    assert phone.evaluate("document.querySelector('#eyes').scrollWidth") <= 390


def test_coordinates_are_those_of_the_whole_photograph(page):
    eyes = Eyes(page, PORTRAIT, width=1200)
    eyes.click(*EYES)
    assert near(eyes.done(), [[(2 * x, 2 * y) for x, y in EYES]], 3)


def test_it_stands_alone(modules):
    eyes = Eyes(modules, PORTRAIT)
    modules.keyboard.press("Escape")
    assert eyes.answer() is None


@pytest.mark.parametrize(("scheme", "width", "height"), [("light", 1440, 900), ("dark", 390, 844)])
def test_nothing_in_it_keeps_anyone_out(browser, scheme, width, height):
    axe = pytest.importorskip("axe_playwright_python", reason="axe comes with that package")
    rules = (Path(axe.__file__).parent / "axe.min.js").read_text(encoding="utf-8")
    context = browser.new_context(
        viewport={"width": width, "height": height}, color_scheme=scheme, locale="en"
    )
    studio = Studio(context.new_page())
    studio.open()
    eyes = Eyes(studio.page, GROUP)
    eyes.click(*PAIRS[0], PAIRS[1][0])
    eyes.refusal()
    studio.page.evaluate(rules)
    found = studio.page.evaluate("axe.run('#eyes')")["violations"]
    context.close()
    assert [(one["id"], [node["html"][:120] for node in one["nodes"]]) for one in found] == []


def _places(eyes):
    """Where the marks are on the screen."""
    boxes = [mark.bounding_box() for mark in eyes.marks.all()]
    return [(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2) for box in boxes]
