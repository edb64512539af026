"""The page as people use it: sliders, undo, records, refusals, keys."""

import json
import re
import struct

import numpy as np
import pytest
from page_stand_in import about, greys_of
from PIL import Image

from lik.app.edits import EditRecord


def test_the_page_asks_its_own_server_alone(studio):
    studio.open()
    assert all(url.startswith("http://studio.invalid/") for url in studio.requests)
    assert "secret" not in studio.page.url


def test_fast_moves_end_on_the_last_value(studio):
    studio.open()
    studio.slide("Smiling", *[i / 20 for i in range(1, 21)])
    assert studio.shows(178)
    studio.let_go("Smiling")
    assert studio.page.locator("#history li").count() == 2  # one entry for the gesture
    assert greys_of(studio.decoded[-1])[0] == pytest.approx(1)


def test_a_gesture_by_keys_ends_after_a_pause(studio):
    studio.open()
    slider = studio.page.locator("#trait-Smiling")
    slider.focus()
    for key in ("ArrowRight", "ArrowRight", "PageUp", "PageUp", "PageDown"):
        slider.press(key)
    assert slider.get_attribute("aria-valuetext") == "0.35"
    studio.page.locator("#history li").nth(1).wait_for()
    assert studio.page.locator("#history li").count() == 2


def test_fifty_undos_never_blank_the_stage(studio):
    studio.open()
    for i in range(1, 51):
        studio.slide("Smiling", (i - 20) / 20)
        studio.let_go("Smiling")
    assert studio.shows(203)
    asked = len(studio.decoded)
    greys = []
    for _ in range(50):
        studio.page.keyboard.press("Control+z")
        greys.append(studio.grey())
    assert min(greys) >= 128 - 50
    assert studio.shows(128)
    studio.page.locator("#history img").nth(50).wait_for()
    assert len(studio.decoded) - asked <= 50  # what was shown once is not asked for again
    for _ in range(50):
        studio.page.keyboard.press("Control+y")
    assert studio.shows(203)


def test_undo_after_a_new_edit_forgets_what_was_undone(studio):
    studio.open()
    for value in (0.5, 1):
        studio.slide("Smiling", value)
        studio.let_go("Smiling")
    studio.page.keyboard.press("Control+z")
    studio.slide("Young", 1)
    studio.let_go("Young")
    assert studio.page.locator("#history li").count() == 3
    assert studio.shows(128 + 25 - 50)


def test_a_comma_is_accepted_and_a_point_is_recorded(studio):
    studio.open()
    field = studio.page.get_by_label("Smile, as a number")
    field.fill("0,75")
    field.press("Enter")
    assert '.moved_by(code, {"Smiling": 0.75})' in studio.page.locator("#command").inner_text()
    assert field.input_value() == "0.75"


def test_what_is_typed_stays_while_the_page_is_drawn_again(studio):
    studio.open()
    seed = studio.page.locator("#seed")
    seed.fill("123")
    studio.slide("Smiling", 1)  # which draws the column of faces again
    studio.let_go("Smiling")
    assert studio.shows(178)
    assert seed.input_value() == "123"
    seed.fill("-5")
    seed.press("Enter")
    assert seed.input_value() == "5"  # what it was: there is no such seed


def test_space_shows_what_was_before(studio):
    studio.open()
    studio.slide("Smiling", 1)
    studio.let_go("Smiling")
    assert studio.shows(178)
    studio.page.locator("#trait-Smiling").focus()
    studio.page.keyboard.down("Space")
    assert studio.shows(128)
    studio.page.keyboard.up("Space")
    assert studio.shows(178)


def test_what_is_saved_is_a_record_of_lik(studio):
    studio.open()
    studio.slide("Young", -0.5)
    studio.let_go("Young")
    studio.slide("Smiling", 1.25)
    studio.let_go("Smiling")
    with studio.page.expect_download() as download:
        studio.page.get_by_role("button", name="Save", exact=True).click()
    assert download.value.suggested_filename == "prior-5-1-lik.png"
    (body,) = studio.edits
    (length,) = struct.unpack_from("<I", body)
    told = json.loads(body[4 : 4 + length])
    record = EditRecord.model_validate(told["record"])
    assert list(record.strengths.items()) == [("Young", "-0.5"), ("Smiling", "1.25")]
    assert told["source"] == {
        "kind": "prior", "seed": 5, "index": 0, "temperature": None, "prior": None
    }  # fmt: skip


def test_a_link_brings_the_edit_back(studio):
    studio.open()
    studio.slide("Smiling", 0.8)
    studio.let_go("Smiling")
    studio.page.get_by_role("button", name="Share").click()
    link = studio.page.locator("#link").input_value()
    studio.page.goto("about:blank")
    studio.open("&" + link.split("#")[1])
    assert studio.shows(168)


def test_a_link_that_is_no_record_says_so(studio):
    for fragment in ("&r=bm90aGluZw", "&r=eyJ2ZXJzaW9uIjoxLCJzdHJlbmd0aHMiOnsiYSI6MX19"):
        studio.open(fragment)
        studio.page.get_by_text("cannot be read").first.wait_for()
        studio.page.goto("about:blank")


def test_a_refused_photograph_says_why_in_one_sentence(studio, tmp_path):
    file = tmp_path / "wall.png"
    file.write_bytes(b"\x89PNG no")
    studio.open()
    studio.page.locator("#file").set_input_files(file)
    studio.page.locator(".refusal").wait_for()
    assert studio.grey() >= 120  # the face that was there stays


def test_the_language_changes_words_and_not_records(studio):
    studio.open()
    studio.slide("Smiling", 1)
    studio.let_go("Smiling")
    studio.page.locator(".language").select_option("sr-cyrl")
    studio.page.get_by_text("Осмех", exact=True).wait_for()
    assert '"Smiling"' in studio.page.locator("#command").inner_text()
    assert studio.page.get_by_label("Осмех, као број").input_value() == "1,00"


def test_everything_has_a_name(studio):
    studio.open()
    nameless = studio.page.evaluate(
        """() => [...document.querySelectorAll("button, input, select, a[href], summary")]
          .filter((e) => !e.closest("[aria-hidden=true], dialog:not([open])"))
          .filter((e) => !(e.ariaLabel || e.labels?.length || e.textContent.trim() ||
            e.querySelector("img[alt]:not([alt=''])")))
          .map((e) => e.outerHTML)"""
    )
    assert nameless == []


HINT = {"reached": 0.72, "person": None, "along": {}}
GUIDED = {"name": "guided", "unit": "a trait", "guided": True, "measured": {"Smiling": HINT}}
LEFT, RIGHT = (0.25, 0.5), (0.75, 0.5)


@pytest.fixture
def photograph(tmp_path):
    path = tmp_path / "two.png"
    Image.fromarray(np.full((200, 400, 3), 100, np.uint8)).save(path)
    return path


def test_a_photograph_changes_where_its_faces_are(studio, photograph):
    studio.faces = [(50, 50, 100, 0), (250, 50, 100, 12)]
    studio.open()
    studio.page.locator("#file").set_input_files(photograph)
    assert studio.shows(100, *LEFT)
    studio.slide("Smiling", 1)
    studio.let_go("Smiling")
    assert studio.shows(150, *LEFT)
    assert studio.grey(*RIGHT) == 150
    assert studio.grey(0.5, 0.5) == 100
    studio.page.get_by_role("button", name="Face 2").first.click()
    assert studio.shows(100, *LEFT)
    assert studio.grey(*RIGHT) == 150
    command = studio.page.locator("#command").inner_text()
    assert command == "lik edit two.png --set Smiling=1 --face 2 --run '…/small'"


def test_a_face_settles_when_no_slider_is_held(studio, photograph):
    studio.faces, studio.changed = [(50, 50, 100, 0)], {"invert": 20}
    studio.open()
    studio.page.locator("#file").set_input_files(photograph)
    assert studio.shows(100, *LEFT)
    studio.slide("Smiling", 1)
    studio.fit(0.5)
    studio.page.wait_for_timeout(200)
    studio.slide("Smiling", 1.2)
    assert studio.shows(160, *LEFT)
    assert set(studio.began) == {0}  # the slider is held: the face stays as it is under the hand
    studio.let_go("Smiling")
    studio.page.locator(".progress-room label").wait_for(state="detached")
    assert studio.shows(160, *LEFT)
    studio.page.wait_for_timeout(200)
    assert studio.began[-1] == 0.5


def test_a_photograph_without_a_face_is_opened_by_the_eyes_that_are_shown(studio, photograph):
    studio.open()
    studio.page.locator("#file").set_input_files(photograph)
    studio.page.get_by_role("button", name="Show the eyes in it").click()
    studio.faces = [(100, 50, 100, 0)]
    room = studio.page.locator("#eyes .taps-room")
    box = room.bounding_box()
    for share in (0.4, 0.6):
        studio.page.mouse.click(box["x"] + share * box["width"], box["y"] + box["height"] / 2)
    studio.page.get_by_role("button", name="Done").click()
    assert studio.shows(100, *LEFT)
    (left_x, left_y, right_x, right_y) = json.loads(studio.shown)[0]
    assert 0 < left_x < right_x < 400
    assert left_y == pytest.approx(right_y, abs=0.2)
    studio.slide("Smiling", 1)
    studio.let_go("Smiling")
    assert f"--eyes {left_x:g},{left_y:g}" in studio.page.locator("#command").inner_text()
    with studio.page.expect_download():
        studio.page.keyboard.press("Control+s")
    (length,) = struct.unpack_from("<I", studio.edits[0])
    told = json.loads(studio.edits[0][4 : 4 + length])
    assert told["source"]["eyes"] == json.loads(studio.shown)


def test_a_photograph_stays_when_another_run_is_opened(studio, photograph):
    studio.faces = [(100, 50, 100, 0)]
    studio.others = {"other": {"traits": about()["traits"][:1]}}
    studio.open()
    studio.page.locator("#file").set_input_files(photograph)
    assert studio.shows(100, *LEFT)
    for trait in ("Smiling", "Young"):  # the other run has no directions of the second
        studio.slide(trait, 1)
        studio.let_go(trait)
    studio.page.locator("header .run select").select_option("other")
    told = re.compile("lik edit.*other")  # before it, a new face of that run is shown
    studio.page.locator("#command", has_text=told).wait_for()
    command = studio.page.locator("#command").inner_text()
    assert command == "lik edit two.png --set Smiling=1 --run '…/other'"


def test_a_photograph_is_saved_from_its_own_bytes(studio, photograph):
    studio.faces, studio.changed = [(50, 50, 100, 0)], {"invert": 20}
    studio.open()
    studio.page.locator("#file").set_input_files(photograph)
    assert studio.shows(100, *LEFT)
    studio.fit(0)
    studio.slide("Smiling", 1)
    studio.let_go("Smiling")
    with studio.page.expect_download():
        studio.page.keyboard.press("Control+s")
    (body,) = studio.edits
    (length,) = struct.unpack_from("<I", body)
    record = EditRecord.model_validate(json.loads(body[4 : 4 + length]))
    assert (record.inverted, record.mode) == (20, "transfer")
    assert body[4 + length :] == photograph.read_bytes()


def test_a_guided_trajectory_is_computed_once_and_slid_along(studio):
    studio.changed = {"methods": [*about()["methods"], GUIDED]}
    studio.open()
    told = "At 1, it is seen in {} % of the faces that lacked it."
    assert told.format(90) in studio.page.content()
    studio.page.get_by_label("Guided").check()
    assert told.format(72) in studio.page.content()
    assert told.format(90) not in studio.page.content()
    for value in (1, 0.5, 1.5, 0.25):
        studio.slide("Smiling", value)
        studio.let_go("Smiling")
        assert studio.shows(128 + 50 * value)
    assert studio.trajectories == 1
    studio.slide("Smiling", -1)
    studio.let_go("Smiling")
    assert studio.shows(78)
    assert studio.trajectories == 2


def test_a_lost_server_is_found_again(studio):
    studio.open()
    studio.socket.close()
    studio.page.get_by_text("connection to Lik is lost").wait_for()
    studio.slide("Smiling", 1)
    studio.let_go("Smiling")
    assert studio.shows(178)
    studio.page.get_by_text("connection to Lik is lost").wait_for(state="detached")


def test_serbian_in_latin_script_is_spelt_as_in_cyrillic(modules):
    told = {"a": "Љубав, њега, џеп, ЂАК", "b": "{count} лица · Lik"}
    spelt = modules.evaluate("async told => (await import('/static/i18n.js')).inLatin(told)", told)
    assert spelt == {"a": "Ljubav, njega, džep, ĐAK", "b": "{count} lica · Lik"}


def test_too_many_open_pages_are_no_lost_connection(studio):
    studio.open()
    studio.socket.close(code=1013)
    studio.page.get_by_text("Too many pages of the studio are open").wait_for()


def test_an_edit_goes_to_more_photographs(studio, photograph):
    studio.open()
    studio.slide("Smiling", 1)
    studio.let_go("Smiling")
    studio.page.get_by_role("button", name="Apply to more").click()
    other = photograph.with_name("other.png")
    other.write_bytes(photograph.read_bytes())
    studio.page.locator("#batch input[type=file]").set_input_files([photograph, other])
    studio.page.get_by_role("button", name="Apply and save").click()
    studio.page.get_by_text("2 of 2 saved.").wait_for()
    assert len(studio.edits) == 2


@pytest.mark.parametrize("size", [(1440, 900), (390, 844)])
def test_nothing_is_wider_than_the_window(studio, size):
    studio.page.set_viewport_size({"width": size[0], "height": size[1]})
    studio.open()
    width, stage = studio.page.evaluate(
        "() => [document.documentElement.scrollWidth,"
        " document.querySelector('#stage').offsetHeight]"
    )
    assert width <= size[0]
    assert size[0] > 900 or stage <= 0.48 * size[1]
