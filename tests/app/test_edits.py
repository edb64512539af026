"""Edits as words, as sums, and as records in pictures; and the names that edited files get."""

import json
from decimal import Decimal
from pathlib import Path

import pytest
from PIL import Image, PngImagePlugin

from lik.app.edit_targets import distinct_names, targets_of
from lik.app.edits import RECORD, Edit
from lik.core.errors import UnusableInput


def test_strengths_add_up_as_decimals_do():
    once = Edit.parse(["Smiling=0.1", "Young=-1"])
    assert once.exact == {"Smiling": Decimal("0.1"), "Young": -1}
    assert str(once) == "Smiling=0.1 Young=-1"
    more = once + Edit({"Smiling": 0.2}) + Edit.parse(["Smiling=-0.3", "Young=1"])
    assert more.exact == {}
    assert Edit.parse(["Smiling=1", "Smiling=1"]).exact == {"Smiling": 2}


def test_a_name_may_hold_an_equals_sign():
    assert Edit.parse(["hair=blond=0.5"]).exact == {"hair=blond": Decimal("0.5")}


def test_what_the_second_edit_says_goes_before_the_first():
    both = Edit({}, {"a": 0.5}, "joint", 1, "decode") + Edit({}, {"b": 0.9}, "guided")
    assert (both.method, both.face, both.mode) == ("guided", 1, "decode")
    assert both.targets == {"a": 0.5, "b": 0.9}


@pytest.mark.parametrize("word", ["Smiling", "Smiling=", "=1", "Smiling=much", "Smiling=inf", ""])
def test_words_of_another_form_are_refused(word):
    with pytest.raises(UnusableInput, match="says no edit"):
        Edit.parse([word])


@pytest.mark.parametrize("word", ["smile=2", "smile=0", "smile", "smile=x"])
def test_probabilities_of_another_form_are_refused(word):
    with pytest.raises(UnusableInput):
        Edit.parse([], [word])


def test_a_mode_that_there_is_not_is_refused():
    with pytest.raises(UnusableInput, match="no mode 'sharp'"):
        Edit({"Smiling": 1}, mode="sharp")


def saying(path, record):
    text = PngImagePlugin.PngInfo()
    text.add_itxt(RECORD, json.dumps(record) if not isinstance(record, str) else record)
    Image.new("RGB", (4, 4)).save(path, pnginfo=text)
    return path


RECORDED = {
    "version": 1, "strengths": {"Smiling": "0.3"}, "method": "joint", "face": 2,
    "mode": "transfer", "run": "toy", "model_sha256": "m",
}  # fmt: skip


def test_an_edit_is_read_from_the_picture_that_it_made(tmp_path):
    edit = Edit.read(saying(tmp_path / "a.png", RECORDED))
    assert (edit.exact, edit.face, edit.method) == ({"Smiling": Decimal("0.3")}, 2, "joint")
    assert edit.record.model_sha256 == "m"
    assert not (edit + Edit({"Smiling": "-0.3"})).exact


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"version": 9}, "version 9"),
        ({"version": "1"}, "format version as a number"),
        ({"face": 0}, "face"),
        ({"mode": "sharp"}, "mode"),
        ({"strengths": [1]}, "strengths"),
        ({"strengths": {"Smiling": "much"}}, "must be a number"),
        ({"strengths": {"Smiling": "1e30"}}, "below 1000"),
        ({"targets": {"Smiling": 2}}, "targets"),
        ({"guidance": {"steps": "many"}}, "guidance"),
        ({"shell": "rm"}, "unknown key 'shell'"),
    ],
)
def test_records_that_are_not_what_they_should_be_are_refused(tmp_path, change, words):
    with pytest.raises(UnusableInput, match=words):
        Edit.read(saying(tmp_path / "a.png", RECORDED | change))


def test_a_picture_without_a_record_is_refused(tmp_path):
    for record in ("null", "[1]", "{"):
        with pytest.raises(UnusableInput, match="does not say that Lik has edited it"):
            Edit.read(saying(tmp_path / "a.png", record))
    with pytest.raises(UnusableInput, match="no picture at"):
        Edit.read(tmp_path / "none.png")


def test_no_two_photographs_go_to_the_same_file():
    """Equal names in two folders, or beside each other with other endings, overwrote each other."""
    one, two = Path("day1/DSC_0001.JPG"), Path("day2/DSC_0001.JPG")
    names = distinct_names([one, two])
    assert [str(name) for name in names] == ["day1/DSC_0001.JPG.png", "day2/DSC_0001.JPG.png"]
    beside = distinct_names([Path(name) for name in ("a.jpg", "a.png", "a.jpg.png")])
    assert len({str(name).casefold() for name in beside}) == 3
    cased = distinct_names([Path("A.jpg"), Path("a.jpg")])
    assert len({str(name).casefold() for name in cased}) == 2
    assert distinct_names([Path("x/a.jpg")]) == [Path("a.png")]


@pytest.mark.parametrize("stem", ["n" * 250, "ж" * 120])
def test_long_names_fit_into_a_file_name(stem):
    (name,) = distinct_names([Path(f"{stem}.png")])
    assert len(name.name.encode()) < 230
    others = distinct_names([Path(f"{stem}1.png"), Path(f"{stem}2.png")])
    assert others[0] != others[1]


def test_what_cannot_be_written_is_refused(tmp_path):
    photo = tmp_path / "a.png"
    Image.new("RGB", (4, 4)).save(photo)
    for given, out, words in (
        ([], None, "no photograph to edit"),
        ([photo], str(photo), "is a photograph that is edited"),
        ([photo], str(tmp_path), "is a photograph that is edited"),
        ([photo], "a.jpg", "does not end in .png"),
        ([photo, tmp_path / "b.png"], "c.png", "name a folder"),
    ):
        with pytest.raises(UnusableInput, match=words):
            targets_of([str(path) for path in given], out, tmp_path / "edited")


def test_the_same_photograph_given_twice_is_edited_once(tmp_path):
    assert len(targets_of(["a.jpg", "a.jpg"], None, tmp_path)) == 1
