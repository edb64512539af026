import json

import pytest

from lik.faces.drawn import rendering as drawn
from lik.faces.set.faceset import FaceSet
from terminal import run_lik


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
    whole = run_lik("prepare", pictures, tmp_path / "whole", *common)
    assert whole.exit_code == 0, whole.output
    for number in (1, 2):
        part = run_lik(
            "prepare", pictures, tmp_path / f"{number}", *common, "--shard", f"{number}/2"
        )
        assert part.exit_code == 0, part.output
        assert f"this is shard {number}/2" in part.output
    opened = run_lik("inspect", tmp_path / "1")
    assert opened.exit_code == 2
    merged = run_lik("merge", tmp_path / "1", tmp_path / "2", tmp_path / "merged")
    assert merged.exit_code == 0, merged.output
    assert content(tmp_path / "merged") == content(tmp_path / "whole")


def test_labels_and_several_sources(pictures, tmp_path):
    (tmp_path / "labels.csv").write_text("file,Hat,age\n0.png,1,30\n1.png,0,41.5\nnobody.png,1,3\n")
    answer = run_lik("prepare", pictures, tmp_path / "set", "--crop", "fixed", "--square", "0,0,64",
                     "--labels", tmp_path / "labels.csv")  # fmt: skip
    assert answer.exit_code == 0, answer.output
    assert "2 pictures have labels, 4 have none, 1 rows are for no picture" in answer.output
    faces = FaceSet.open(tmp_path / "set")
    assert faces.attribute_names == ["Hat", "age"]
    assert list(faces.attributes[1]) == [-1, 41.5]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--shard", "3/2"], "--shard 3/2 is not of the form I/N"),
        (["--crop", "fixed", "--faces", "all"], "need a crop that detects"),
        (["--crop", "face", "--widen", "1.2"], "--widen goes with --crop aligned or fixed"),
        (["--crop", "face", "--yunet", "m.onnx"], "--yunet goes with --crop aligned"),
        (["--crop", "aligned", "--yunet", "m.onnx"], "no model of YuNet at m.onnx"),
        (["--ray-address", "here"], "--ray-address goes with --engine ray"),
        (["--crop", "fixed", "--square", "1,2"], "is not of the form X,Y,SIDE"),
    ],
)
def test_options_that_do_not_go_together_are_said(pictures, tmp_path, options, words):
    answer = run_lik("prepare", pictures, tmp_path / "set", *options)
    assert answer.exit_code == 2
    assert words in answer.output
    assert not (tmp_path / "set").exists()


def test_a_set_inside_its_own_source_is_refused(pictures):
    answer = run_lik("prepare", pictures, pictures / "set", "--crop", "fixed")
    assert answer.exit_code == 2
    assert "lies inside of" in answer.output


def test_the_doctor_says_what_faces_are_found_with(monkeypatch, tmp_path):
    monkeypatch.delenv("LIK_YUNET", raising=False)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    answer = run_lik("doctor", "--no-speed", "--json")
    assert answer.exit_code == 0, answer.output
    found = json.loads(answer.output)["finding faces"]
    assert found["haarcascade_frontalface_default"] == "found"
    assert found["alignment network"].startswith("found, SHA-256")
    assert str(tmp_path) in found["YuNet"]
    monkeypatch.setenv("LIK_YUNET", str(tmp_path / "none.onnx"))
    broken = run_lik("doctor", "--no-speed", "--json")
    assert broken.exit_code == 1
    assert "broken" in json.loads(broken.output)["finding faces"]["YuNet"]
