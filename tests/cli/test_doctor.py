"""lik doctor: what is there, and how fast it is."""

import json

import pytest

from lik.app import machine
from lik.cli import doctor
from terminal import run_lik, succeed


@pytest.fixture
def few(monkeypatch):
    """A trial of a moment: small pictures, and nothing to be compiled."""
    monkeypatch.setattr(machine, "SIZE", 16)
    monkeypatch.setattr(machine, "FEW", 64)
    monkeypatch.setattr(machine, "PAPER_FACES", 1000)
    monkeypatch.setattr(doctor, "SECONDS", 0.2)


def test_the_speed_of_training_is_measured(few):
    answer = succeed("doctor", "--json", "--device", "cpu")
    speed = json.loads(answer.stdout)["speed"]
    assert speed["images_per_second"] > 0
    assert speed["how"].startswith("CPU")
    expected = speed["warm_up_seconds"] + 15 * 1000 / speed["images_per_second"]
    assert speed["paper_training"]["seconds"] == pytest.approx(expected, abs=1)


def test_people_are_told_too_and_may_do_without(few):
    told = run_lik("doctor", "--device", "cpu").stdout
    assert "images/s in training" in told
    assert "15 epochs of 1,000 faces" in told
    without = run_lik("doctor", "--no-speed").stdout
    assert "images/s" not in without
    for what in ("torch", "processor", "GPU", "C++ compiler", "haarcascade", "YuNet"):
        assert what in without


def test_training_that_fails_is_a_finding(few, monkeypatch):
    def broken(*arguments):
        raise RuntimeError("no kernel image\nmore lines")

    monkeypatch.setattr(machine, "train", broken)
    answer = run_lik("doctor", "--json")
    assert answer.exit_code == 1
    failure = json.loads(answer.stdout)["speed"]["failure"]
    assert failure == "broken: training failed (RuntimeError: no kernel image)"


@pytest.mark.parametrize(
    ("seconds", "words"), [(9.6, "10 seconds"), (1500, "25 minutes"), (7200, "2.0 hours")]
)
def test_times_have_units_that_suit_them(seconds, words):
    assert doctor._duration(seconds) == words
