"""Runs that ship: found by name, used where none is named, and never written into."""

import shutil
from pathlib import Path

import pytest

import lik
from finders import save_photograph
from lik.app import pretrained
from lik.core.errors import UnusableInput
from terminal import refuse, run_lik


@pytest.fixture
def place(monkeypatch, tmp_path):
    """A folder for runs that ship, empty at first."""
    monkeypatch.setattr(pretrained, "PLACE", tmp_path / "pretrained")
    return tmp_path / "pretrained"


def test_a_run_that_ships_is_opened_by_name_or_as_the_usual_one(place, untrained):
    shutil.copytree(untrained, place / "faces")
    assert pretrained.shipped() == ["faces"]
    assert lik.load().sha256 == lik.load("faces").sha256 == lik.load(untrained).sha256
    assert lik.load().figures == Path("figures")


def test_a_path_goes_before_a_name(place, untrained, tmp_path, monkeypatch):
    shutil.copytree(untrained, place / "faces")
    shutil.copytree(untrained, tmp_path / "here" / "faces")
    monkeypatch.chdir(tmp_path / "here")
    assert lik.load("faces").path == Path("faces")
    (tmp_path / "sets" / "faces").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "sets")
    assert lik.load("faces").path == place / "faces"


def test_what_is_neither_is_said(place, untrained):
    with pytest.raises(UnusableInput, match="no run ships"):
        lik.load()
    shutil.copytree(untrained, place / "faces")
    with pytest.raises(UnusableInput, match="Did you mean 'faces'"):
        lik.load("facess")


def test_the_terminal_says_how_a_run_is_named(place, untrained, tmp_path):
    photo = save_photograph(tmp_path / "photo.png")
    refuse("--run RUN", "edit", photo, "--set", "Smiling=1")
    shutil.copytree(untrained, place / "faces")
    words = "is a run: name photographs, and the run. (--run RUN)"
    refuse(words, "edit", untrained, "--set", "Smiling=1")


def test_a_run_may_be_left_out_before_pictures(place, untrained, tmp_path, faces):
    shutil.copytree(untrained, place / "faces")
    photo = str(save_photograph(tmp_path / "photo.png"))
    given = pretrained.run_and_rest
    assert given(None, None) == (None, [])
    assert given(str(untrained), [photo]) == (str(untrained), [photo])
    assert given("faces", [photo]) == ("faces", [photo])
    for other in (photo, str(tmp_path), str(faces.path), "seed:3", "gone.jpg"):
        assert given(other, ["seed:4"]) == (None, [other, "seed:4"])
    for run in ("runs/gone", str(tmp_path / "gone" / "model.safetensors")):
        assert given(run, [photo]) == (run, [photo])
    out = tmp_path / "morph.png"
    assert str(out) in run_lik("morph", "seed:1", "seed:2", "--out", out).output
