import json
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

import lik
from lik.app.editing import edit_code
from lik.app.source_records import PriorSource, code_of
from lik.latent.directions.direction import Calibration, Direction, DirectionSet
from terminal import refuse, run_lik, succeed


def pixels(path):
    return np.asarray(Image.open(path))


def test_a_photograph_is_edited_repeated_and_given_back(run, photo, tmp_path):
    out, again, back = (tmp_path / f"{name}.png" for name in ("out", "again", "back"))
    answer = succeed(
        "edit",
        photo,
        "--run",
        run,
        "--set",
        "Smiling=0.3",
        "--set",
        "dimension:2=5",
        "--face",
        1,
        "-o",
        out,
    )
    assert "Smiling=0.3 dimension:2=5" in answer.output
    text = Image.open(out).text
    assert json.loads(text["Lik edit"])["strengths"] == {"Smiling": "0.3", "dimension:2": "5"}
    succeed("edit", photo, "--run", run, "--like", out, "-o", again)
    np.testing.assert_array_equal(pixels(again), pixels(out))
    undone = ("--set", "Smiling=-0.3", "--set", "dimension:2=-5")
    succeed("edit", photo, "--run", run, "--like", out, *undone, "-o", back)
    np.testing.assert_array_equal(pixels(back), pixels(photo))
    more = run_lik("edit", out, "--run", run, "--set", "Smiling=1", "-o", back)
    assert "edited by Lik before" in " ".join(more.output.split())


def test_a_folder_of_photographs_goes_to_a_folder(run, photo, tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    for name in ("a.png", "b.png", ".hidden.png"):
        Image.open(photo).save(folder / name)
    Image.new("RGB", (400, 400)).save(folder / "none.png")
    answer = succeed("edit", folder, "--run", run, "--set", "Smiling=1", "-o", tmp_path / "out")
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["a.png", "b.png"]
    assert "1 picture was passed over" in answer.output


def test_equal_names_in_two_folders_do_not_overwrite_each_other(run, photo, tmp_path):
    for day in ("day1", "day2"):
        (tmp_path / day).mkdir()
        Image.open(photo).save(tmp_path / day / "DSC_0001.png")
    given = [tmp_path / day / "DSC_0001.png" for day in ("day1", "day2")]
    succeed("edit", *given, "--run", run, "--set", "dimension:1=3", "-o", tmp_path / "out")
    assert len(list((tmp_path / "out").rglob("*.png"))) == 2


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["{photo}", "--set", "Smilling=1"], "Did you mean 'Smiling'?"),
        (["{photo}", "--set", "Smiling"], "NAME=NUMBER"),
        (["{photo}", "--set", "Smiling=1", "--face", "3"], "2 faces were found"),
        (["{photo}", "--set", "Smiling=1", "--mode", "sharp"], "no mode 'sharp'"),
        (["{photo}", "--set", "Smiling=1", "-o", "a.jpg"], "does not end in .png"),
        (["{photo}.no", "--set", "Smiling=1"], "no picture at"),
        (["{photo}", "--like", "{photo}"], "does not say that Lik has edited it"),
        (["{photo}", "--to", "Smiling=0.9"], "--classifier"),
        (["{photo}", "--set", "Smiling=1", "--method", "guided"], "--classifier"),
        (["--set", "Smiling=1"], "name one"),
        (["{photo}"], "--set, --to or --like"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_sentence(run, photo, options, words):
    answer = run_lik("edit", "--run", run, *(option.format(photo=photo) for option in options))
    assert answer.exit_code == 2, answer.output
    assert words in answer.stderr.splitlines()[-1]


def test_traits_are_listed_with_what_they_reach_the_weak_ones_last(run, tmp_path):
    refuse("not calibrated", "edit", "--traits", "--run", run)
    strong = Calibration(
        length=3, without=0.1, having=0.8, reached=0.9, plain=0.9, along={"Male": -0.2}
    )
    weak = Calibration(length=9, without=0.0, having=0.4, reached=0.3, plain=0.3)
    vectors = {name: Direction(name, np.ones(8, np.float32), "one") for name in ("Hat", "Smiling")}
    DirectionSet("told", vectors, {"Hat": weak, "Smiling": strong}, {}).save(run)
    lines = succeed("edit", "--traits", "--run", run, "--method", "told").output.splitlines()
    first, last = (next(n for n, line in enumerate(lines) if name in line) for name in vectors)
    assert first > last
    assert "0 → 30 %" in lines[first]
    assert lines[first].count("30 %") == 2
    assert "10 → 90 %" in lines[last]
    assert "Male -20" in lines[last]


def test_how_well_a_distilled_guide_reads_codes_is_said(run, monkeypatch):
    explained = {"Smiling": 0.96, "Wearing_Hat": 0.8}
    found = Calibration(length=0.8, without=0.1, having=0.9, reached=0.85, plain=0.4)
    away = found.model_copy(update={"length": 1.5})
    statistics = SimpleNamespace(calibrations={"Smiling": found}, away={"Smiling": away})
    monkeypatch.setattr("lik.cli.fit_directions.distil_guide", lambda *_: (statistics, explained))
    told = succeed("fit-directions", run, "--method", "guided", "--distil").output
    assert "guide.safetensors" in told
    assert "explains 88 % of how networks differ" in " ".join(told.split())
    assert "Wearing_Hat, which it reads worst, 80 %" in " ".join(told.split())
    assert "Smiling 0.80 0.10 0.90 0.85 not reached" in " ".join(told.replace("│", " ").split())
    assert "strength -1 of" in told
    assert "Smiling 1.50 0.10 0.90 0.85 not reached" in " ".join(told.split())
    assert "do not see it" in " ".join(told.split())
    refuse("goes with --method guided", "fit-directions", run, "--distil")


def test_a_drawn_face_is_edited_again_as_its_png_says(run, photo, tmp_path):
    opened, source = lik.load(run), PriorSource(seed=3, index=2)
    done = edit_code(opened, code_of(opened, source), source, lik.Edit({"dimension:1": 3}))
    first, again, more = (tmp_path / f"{name}.png" for name in ("first", "again", "more"))
    done.save(first)
    succeed("edit", "--run", run, "--like", first, "-o", again)
    assert again.read_bytes() == first.read_bytes()
    succeed("edit", "--run", run, "--like", first, "--set", "dimension:1=-3", "-o", more)
    undone = opened.decode(code_of(opened, source)[None])[0]
    np.testing.assert_array_equal(pixels(more), undone)
    refuse("name another file", "edit", "--run", run, "--like", first, "-o", first)
    succeed("edit", photo, "--run", run, "--like", first, "-o", again)
    assert json.loads(Image.open(again).text["Lik source"])["kind"] == "photograph"


def test_a_face_lies_where_its_eyes_are_shown_and_again_where_the_png_says(run, tmp_path):
    photo, first, again = (tmp_path / f"{name}.png" for name in ("photo", "first", "again"))
    noise = np.random.default_rng(0).integers(0, 256, (90, 120, 3)).astype(np.uint8)
    Image.fromarray(noise).save(photo)
    change = ("--run", run, "--set", "dimension:1=3", "-o", first)
    succeed("edit", photo, *change, "--eyes", "30,40,60,42", "--eyes", "80.5,60,100,60")
    told = json.loads(Image.open(first).text["Lik source"])
    assert told["eyes"] == [[30, 40, 60, 42], [80.5, 60, 100, 60]]
    succeed("edit", photo, "--run", run, "--like", first, "-o", again)
    assert again.read_bytes() == first.read_bytes()
    for wrong in ("30,40,60", "30,40,60,a", "30,40,30,40", "30,40,600,42"):
        refuse(wrong, "edit", photo, *change, "--eyes", wrong)
