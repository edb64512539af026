"""The tabs for mixing and for the map, as people use them: with a pointer, and by keys alone."""

import json
import re
import struct

import numpy as np
import pytest
from page_stand_in import LATENT, TOKEN
from PIL import Image

from lik.app.source_records import mixed, read_source
from lik.latent.interpolation import square_between

MIX = """async ([corners, x, y, way]) => {
  const mixing = await import("/static/mixing.js");
  const ends = corners.map((corner) => new Float32Array(corner));
  mixing.path.value = way;
  return [...mixing.codeAt({ x, y }, ends)];
}"""


def mix_tab(studio):
    studio.open()
    studio.page.get_by_role("link", name="Mix").click()
    studio.page.locator(".film-strip img").nth(8).wait_for()


def shows(studio, selector, grey):
    """Wait until the middle of a canvas has a grey."""
    for _ in range(200):
        found = studio.page.locator(selector).evaluate(
            "(c) => c.getContext('2d').getImageData(c.width / 2, c.height / 2, 1, 1).data[0]"
        )
        if abs(found - grey) <= 1:
            return True
        studio.page.wait_for_timeout(25)
    return False


def source_of(body):
    (length,) = struct.unpack_from("<I", body)
    return json.loads(body[4 : 4 + length])["source"]


@pytest.mark.parametrize("way", ["straight", "spherical"])
def test_codes_are_mixed_as_lik_mixes_them(modules, way):
    corners = np.random.default_rng(1).normal(size=(4, 64)).astype(np.float32)
    found = modules.evaluate(MIX, [corners.tolist(), 0.25, 0.75, way])
    shares = [0.1875, 0.0625, 0.5625, 0.1875]
    np.testing.assert_allclose(np.float32(found), mixed(corners, shares, way), rtol=1e-6, atol=1e-6)
    if way == "straight":
        assert np.float32(found).tobytes() == mixed(corners, shares, way).tobytes()
    else:
        square = square_between(corners, 5, way)
        np.testing.assert_allclose(found, square[3, 1], rtol=1e-5, atol=1e-6)


def test_a_mixture_is_moved_by_keys_and_numbers_and_saved_with_its_source(studio):
    mix_tab(studio)
    page = studio.page
    page.locator("#point").focus()
    page.keyboard.press("End")
    page.keyboard.press("PageDown")
    assert page.get_by_label("Across, in %").input_value() == "100"
    assert page.get_by_label("Down, in %").input_value() == "60"
    page.get_by_label("Across, in %").fill("25")
    assert studio.page.locator("#point").get_attribute("aria-valuetext") == "25 % across, 60 % down"
    with page.expect_download() as download:
        page.keyboard.press("Control+s")
    assert download.value.suggested_filename == "mix-lik.png"
    source = read_source(source_of(studio.edits[0]))
    assert [end.index for end in source.ends] == [0, 1, 2, 3]
    assert source.shares == ("0.3", "0.1", "0.45", "0.15")


def test_a_pointer_moves_the_point_and_the_newest_place_is_shown(studio):
    studio.open()
    page = studio.page
    studio.slide("Smiling", 1)
    studio.let_go("Smiling")
    page.get_by_role("link", name="Mix").click()
    page.get_by_role("button", name="Put the face of Edit into corner 1").click()
    assert shows(studio, "#mixture", 128 + 50 * (1 + 0.01 + 0.02 + 0.03) / 4)
    box = page.locator(".pad").bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"] + 3, box["y"] + 3, steps=20)
    page.mouse.up()
    assert shows(studio, "#mixture", 178)
    page.get_by_role("button", name="Go on in Edit").click()
    assert studio.shows(178)
    page.get_by_role("button", name="Save", exact=True).click()
    page.locator(".banner", has_text="Saved.").wait_for()
    first = source_of(studio.edits[0])["ends"][0]
    assert (first["kind"], first["strengths"]) == ("edited", {"Smiling": "1"})
    read_source(source_of(studio.edits[0]))


def test_a_link_brings_the_mixture_back(studio):
    mix_tab(studio)
    page = studio.page
    page.locator("#faces .tile").nth(9).click()
    page.get_by_label("Spherical").check()
    page.locator(".film-strip button").nth(2).click()
    page.get_by_role("button", name="Share").click()
    link = page.locator("#link").input_value()
    page.goto("about:blank")
    page.goto(link.replace("#", f"#t={TOKEN}&"))
    page.locator(".film-strip img").nth(8).wait_for()
    assert page.get_by_label("Across, in %").input_value() == "25"
    assert page.get_by_label("Down, in %").input_value() == "0"
    assert page.get_by_label("Spherical").is_checked()
    page.locator(".corners [title='New face 10 of seed 5']").wait_for()


def test_a_photograph_that_is_dropped_while_mixing_goes_to_a_corner(studio, tmp_path):
    Image.new("RGB", (400, 200), (100, 100, 100)).save(tmp_path / "a.png")
    studio.faces = [(50, 50, 100, 0), (250, 50, 100, 0)]
    mix_tab(studio)
    studio.page.locator("#file").set_input_files(tmp_path / "a.png")
    studio.page.get_by_role("button", name="Corner 1: a.png, Face 1").wait_for()
    studio.page.get_by_role("button", name="Face 2", exact=True).click()
    studio.page.get_by_role("button", name="Corner 2: a.png, Face 2").wait_for()
    studio.page.keyboard.press("Control+s")
    studio.page.locator(".banner", has_text="Saved.").wait_for()
    ends = read_source(source_of(studio.edits[0])).ends
    assert [end.kind for end in ends] == ["photograph", "photograph", "prior", "prior"]
    assert [end.face for end in ends[:2]] == [1, 2]


def test_a_point_of_the_map_is_looked_at_and_edited(studio):
    studio.open()
    page = studio.page
    page.get_by_role("link", name="Map").click()
    page.get_by_label("Colour").select_option("Smiling")
    page.locator(".legend").wait_for()
    assert studio.mapped == [
        ("map", {"kind": "prior", "seed": 1, "count": 600, "method": "pca"}),
        ("attributes", {"kind": "prior", "seed": 1, "count": 600}),
    ]
    page.locator("#plane").focus()
    page.keyboard.press("ArrowRight")
    page.locator(".near button").nth(7).wait_for()
    words = page.locator("#looked").get_attribute("aria-label")
    page.locator(".near button").first.click()
    near = page.locator("#looked").get_attribute("aria-label")
    assert near != words
    number = int(re.match(r"New face (\d+) of seed \d+ · Smile \d+ %", near).group(1))
    with page.expect_download():
        page.keyboard.press("Control+s")
    assert source_of(studio.edits[0])["index"] == number - 1
    page.locator("#plane").focus()
    page.keyboard.press("Enter")
    page.locator("#history li").nth(1).wait_for()
    assert studio.shows(128 + (number - 1) * 0.5)


def test_the_map_zooms_and_a_click_edits(studio):
    studio.open()
    page = studio.page
    page.get_by_role("link", name="Map").click()
    page.locator(".map-says", has_text="50.0 %").wait_for()
    box = page.locator("#plane").bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.wheel(0, -400)
    page.locator(".near button").nth(7).wait_for()
    page.get_by_label("Show faces").uncheck()
    page.get_by_label("Layout").select_option("tsne")
    page.wait_for_timeout(100)
    assert studio.mapped[-1][1]["method"] == "tsne"
    page.mouse.move(box["x"] + box["width"] / 2 + 2, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.up()
    page.locator("#history li").nth(1).wait_for()
    assert page.locator("body").get_attribute("data-tab") == "edit"
    assert len(studio.decoded[0][0]) == LATENT


@pytest.mark.parametrize("size", [(1440, 900), (390, 844)])
@pytest.mark.parametrize("name", ["Mix", "Map"])
def test_neither_tab_is_wider_than_the_window(studio, size, name):
    studio.page.set_viewport_size({"width": size[0], "height": size[1]})
    studio.open()
    studio.page.get_by_role("link", name=name).click()
    studio.page.wait_for_timeout(200)
    assert studio.page.evaluate("document.documentElement.scrollWidth") <= size[0]
