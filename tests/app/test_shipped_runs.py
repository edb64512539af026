"""What ships is whole: small enough, with a card, and ready for edits and new faces."""

import numpy as np
import pytest

import lik
from lik.app.directions import open_editor
from lik.app.pretrained import DEFAULT, PLACE, shipped

MOST = 12_000_000
"""Bytes of all runs that ship."""


def test_all_together_are_small():
    assert sum(file.stat().st_size for file in PLACE.rglob("*") if file.is_file()) <= MOST


@pytest.mark.parametrize("name", shipped())
def test_a_run_draws_encodes_and_edits_without_data(name):
    run = lik.load(name)
    assert "non-commercial" in (PLACE / name / "card.md").read_text()
    faces = run.sample(3, seed=1, prior="faces")
    assert faces.pictures.shape == (3, run.size, run.size, 3)
    codes = run.encode(faces.pictures, invert=2)
    smiling = open_editor(run).moved(codes, "Smiling", [0.0, 1.0])
    assert np.array_equal(smiling[:, 0], codes)
    assert not np.array_equal(run.decode(smiling[:, 1]), run.decode(codes))


@pytest.mark.parametrize("name", shipped())
def test_a_run_guides_by_codes_without_data_or_networks(name):
    run = lik.load(name)
    editor = open_editor(run, "guided")
    assert editor.reader
    codes = run.sample(2, seed=1, prior="faces").codes
    moved = editor.moved(codes, "Smiling", [0.0, 1.0])
    assert np.array_equal(moved[:, 0], codes)
    assert (editor.logits(moved[:, 1], "Smiling") > editor.logits(codes, "Smiling") + 0.5).all()


def test_the_usual_run_is_among_them():
    assert not shipped() or DEFAULT in shipped()
