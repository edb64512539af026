"""The tabs that watch trainings and compare runs, and the mode for a class."""

import io
import json

import pytest
from page_stand_in import about
from PIL import Image

NAMELESS = """() => [...document.querySelectorAll("button, input, select, a[href], summary")]
  .filter((e) => e.checkVisibility() && !e.closest("dialog:not([open])"))
  .filter((e) => !(e.ariaLabel || e.labels?.length || e.textContent.trim()))
  .map((e) => e.outerHTML)"""


def show(studio, name):
    studio.page.locator("#header nav a").get_by_text(name, exact=True).click()


def trained(epochs):
    """A training of so many epochs, as the server lists it and as it streams it."""
    training = {
        "name": "first", "state": "running", "model": "residual", "size": 64, "latent": 6,
        "faces": "drawn", "scale": "SSE + KL", "epochs_done": epochs, "epochs": 30, "loss": 5.0,
        "validated": True, "best": {"epoch": 2, "loss": 4.5}, "active": 0.01, "grids": [1, 2, 3],
    }  # fmt: skip
    records = [
        {"epoch": epoch, "step": epoch, "train": {"loss": 10.0 / epoch, "kl": 1.0},
         "validation": {"loss": None if epoch == 2 else 12.0 / epoch, "kl": 1.0},
         "images_per_second": 100.0, "details": {}} for epoch in range(1, epochs + 1)
    ]  # fmt: skip
    lines = {"records": records, "anew": False, "dimensions": [0.5, 0.001, 0.2, 0, 0, 0]}
    return [{"id": "first", **training}], (
        f"event: journal\ndata: {json.dumps(lines)}\n\n"
        f"event: state\ndata: {json.dumps({'training': training})}\n\n"
    )


def test_a_training_is_shown_as_curves_samples_bars_and_numbers(studio):
    studio.trainings, studio.told = trained(4)
    studio.open()
    show(studio, "Training")
    page = studio.page
    page.get_by_text("Epoch 4 of 30").wait_for()
    assert page.locator(".curves .chart").count() == 2
    assert page.locator(".curves path").first.get_attribute("d").count("L") == 3
    assert page.locator(".curves path").nth(1).get_attribute("d").count("M") == 2  # one is unknown
    assert page.locator(".bar.on").count() == 2
    slider = page.get_by_label("Epoch of the samples")
    assert slider.get_attribute("aria-valuetext") == "epoch 3"
    page.locator(".grid-room img").wait_for()
    with page.expect_request("**/samples/2"):
        slider.press("ArrowLeft")
    page.get_by_text("The numbers").click()
    cells = page.locator("tbody tr").nth(2).locator("td")
    assert cells.nth(2).inner_text() == "–"
    assert page.evaluate(NAMELESS) == []


def test_what_is_not_there_is_said_how_to_have(studio):
    studio.open()
    show(studio, "Training")
    studio.page.get_by_text("lik train residual FACES runs/first").wait_for()
    show(studio, "Compare")
    studio.page.get_by_text("There is but one run").wait_for()


def test_runs_are_compared_under_one_edit(studio):
    studio.others = {"other": {"size": 16, "traits": about()["traits"][:2]}}
    studio.open()
    studio.slide("Smiling", 0.5)
    studio.let_go("Smiling")
    show(studio, "Compare")
    page = studio.page
    page.get_by_text("All of them know 2 of 3 traits.").wait_for()
    slider = page.locator("#compared-Smiling")
    assert slider.input_value() == "0.5"  # the edit that was open goes on
    for _ in range(2):
        slider.press("PageUp")
    greys = """() => [...document.querySelectorAll(".panel canvas")]
      .map((c) => c.getContext("2d").getImageData(256, 256, 1, 1).data[0])"""
    for _ in range(100):
        if page.evaluate(greys) == [178, 178]:
            break
        page.wait_for_timeout(25)
    assert page.evaluate(greys) == [178, 178]
    page.get_by_text("Not known to all").click()
    assert page.locator("#compared-Eyeglasses").is_disabled()
    assert page.get_by_text("Not known to: other").is_visible()
    assert page.evaluate(NAMELESS) == []
    with page.expect_download() as saved:
        page.get_by_role("button", name="Save as a sheet").click()
    with Image.open(io.BytesIO(saved.value.path().read_bytes())) as sheet:
        sheet.load()
        assert sheet.width == 24 + 2 * (512 + 24)
        assert "generative model" in sheet.text["Description"]


def test_a_class_sees_what_has_a_star(studio):
    studio.open()
    page = studio.page
    page.get_by_label("Show Young to a class").click()
    page.keyboard.press("p")
    assert page.locator("#traits .trait").count() == 1
    assert not page.locator("#header").is_visible()
    page.locator("#trait-Young").press("PageUp")
    assert studio.shows(128 - 12)
    page.keyboard.press("Escape")
    assert page.locator("#traits .trait").count() > 1
    page.reload()
    page.locator("#history img").first.wait_for()
    assert page.get_by_label("Show Young to a class").get_attribute("aria-pressed") == "true"


@pytest.mark.parametrize("tab", ["Training", "Compare"])
def test_the_tabs_are_not_wider_than_a_phone(studio, tab):
    studio.page.set_viewport_size({"width": 390, "height": 844})
    studio.trainings, studio.told = trained(4)
    studio.others = {"a": {}, "b": {}, "c": {}}
    studio.open()
    show(studio, tab)
    studio.page.locator(".chart, .panel").first.wait_for()
    assert studio.page.evaluate("document.documentElement.scrollWidth") <= 390
