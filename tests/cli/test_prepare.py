import json

import pytest

from lik.faces.drawn import rendering as drawn
from lik.faces.set.faceset import FaceSet
from terminal import refuse, run_lik, succeed


@pytest.fixture
def pictures(tmp_path):
    from PIL import Image

    folder = tmp_path / "pictures"
    folder.mkdir()
    for index in range(6):
        face = drawn.render(drawn.sample_factors(5, index), 64)
        Image.fromarray(face).save(folder / f"{index}.png")
    return folder


def content(folder):
    return {
        file.name: file.read_bytes()
        for file in sorted(folder.iterdir())
        if file.name != "contact-sheet.png"  # which tells its command
    }


def test_shards_come_together_on_the_command_line(pictures, tmp_path):
    common = ("--crop", "fixed", "--square", "0,0,64", "--size", 32)
    succeed("prepare", pictures, tmp_path / "whole", *common)
    for number in (1, 2):
        part = succeed(
            "prepare", pictures, tmp_path / f"{number}", *common, "--shard", f"{number}/2"
        )
        assert f"this is shard {number}/2" in part.output
    refuse("", "inspect", tmp_path / "1")
    succeed("merge", tmp_path / "1", tmp_path / "2", tmp_path / "merged")
    assert content(tmp_path / "merged") == content(tmp_path / "whole")


def test_labels_and_several_sources(pictures, tmp_path):
    (tmp_path / "labels.csv").write_text("file,Hat,age\n0.png,1,30\n1.png,0,41.5\nnobody.png,1,3\n")
    answer = succeed(
        "prepare",
        pictures,
        tmp_path / "set",
        "--crop",
        "fixed",
        "--square",
        "0,0,64",
        "--labels",
        tmp_path / "labels.csv",
    )
    assert "2 pictures have labels, 4 have none, 1 rows are for no picture" in answer.output
    faces = FaceSet.open(tmp_path / "set")
    assert faces.attribute_names == ["Hat", "age"]
    assert list(faces.attributes[1]) == [-1, 41.5]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--shard", "3/2"], "the shard '3/2' is not of the form I/N"),
        (["--crop", "fixed", "--faces", "all"], "need a crop that detects"),
        (["--crop", "face", "--widen", "1.2"], "widening goes with the crops aligned and fixed"),
        (["--crop", "face", "--yunet", "m.onnx"], "YuNet goes with the crop aligned"),
        (["--crop", "aligned", "--yunet", "m.onnx"], "no model of YuNet at m.onnx"),
        (["--ray-address", "here"], "a Ray cluster goes with the engine ray"),
        (["--crop", "fixed", "--square", "1,2"], "is not of the form X,Y,SIDE"),
        (["--square", "0,0,64"], "a square of one's own goes with the crop fixed"),
        (["--crop", "fixed", "--square", "0,0,0"], "must be at least 1 pixel"),
        (["--crop", "fixed", "--square", "0,-1,8"], "must be 0, 0 or more"),
    ],
)
def test_options_that_do_not_go_together_are_said(pictures, tmp_path, options, words):
    refuse(words, "prepare", pictures, tmp_path / "set", *options)
    assert not (tmp_path / "set").exists()


NUMBERS = ["widen", "size", "min-score", "min-detected", "min-sharpness", "min-brightness",
           "max-brightness", "max-padding", "workers"]  # fmt: skip


@pytest.mark.parametrize("option", NUMBERS)
@pytest.mark.parametrize("value", ["nan", "inf", "-inf", "-7", "1e999", "40"])
def test_numbers_out_of_range_get_one_sentence(pictures, tmp_path, option, value):
    allowed = {"-7": ["min-score"], "40": ["size", "min-score", "min-detected", "min-sharpness",
               "workers"]}  # fmt: skip
    if option in allowed.get(value, []):
        return
    options = ("prepare", pictures, tmp_path / "set", "--crop", "fixed", f"--{option}", value)
    if option not in ("size", "workers"):
        refuse("lik: prepare: ", *options)
    else:  # typer itself says what is no whole number
        assert run_lik(*options).exit_code == 2
    assert not (tmp_path / "set").exists()


def test_shards_of_different_crops_are_told_apart(pictures, tmp_path):
    for number, side in ((1, 64), (2, 48)):
        square = ("--crop", "fixed", "--square", f"0,0,{side}", "--shard", f"{number}/2")
        succeed("prepare", pictures, tmp_path / f"{number}", *square)
    refuse(
        "shards of different jobs (crop.side 64 → 48): prepare all shards",
        "merge",
        tmp_path / "1",
        tmp_path / "2",
        tmp_path / "set",
    )


def test_a_square_remembers_which_pictures_it_is_of(pictures, tmp_path):
    succeed("prepare", pictures, tmp_path / "set", "--crop", "fixed", "--square", "2,3,48")
    crop = {"kind": "fixed", "x": 2, "y": 3, "side": 48, "widen": 1.0, "pictures": [64, 64]}
    assert FaceSet.open(tmp_path / "set").crop == crop


def test_a_set_inside_its_own_source_is_refused(pictures):
    refuse("lies inside of", "prepare", pictures, pictures / "set", "--crop", "fixed")


def test_the_doctor_says_what_faces_are_found_with(monkeypatch, tmp_path):
    monkeypatch.delenv("LIK_YUNET", raising=False)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    answer = succeed("doctor", "--no-speed", "--json")
    found = json.loads(answer.output)["finding faces"]
    assert found["haarcascade_frontalface_default"] == "found"
    assert found["alignment network"].startswith("found, SHA-256")
    assert str(tmp_path) in found["YuNet"]
    monkeypatch.setenv("LIK_YUNET", str(tmp_path / "none.onnx"))
    broken = run_lik("doctor", "--no-speed", "--json")
    assert broken.exit_code == 1
    assert "broken" in json.loads(broken.output)["finding faces"]["YuNet"]
