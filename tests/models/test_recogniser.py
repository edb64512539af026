"""Distances between people: none to oneself, and only by networks that were taught people."""

import math

import numpy as np
import pytest
import torch

from lik.core.errors import UnusableInput
from lik.models.classifier import PlainSettings, build_classifier
from lik.models.recogniser import Recogniser
from lik.models.saved import save_model

WIDTHS = (4, 8)


def saved(path, **metadata):
    torch.manual_seed(0)
    settings = PlainSettings(size=16, attributes=("a",), widths=WIDTHS)
    save_model(path, build_classifier(settings).eval(), settings, metadata)
    return path


def test_a_person_is_nobody_else_and_mirrors_do_not_matter(tmp_path):
    neck = {"neck_mean": [0.1] * 8, "neck_var": [0.5] * 8, "same_person": 0.4}
    recogniser = Recogniser.load(saved(tmp_path / "net.safetensors", **neck))
    pictures = np.random.default_rng(0).integers(0, 256, (6, 16, 16, 3), dtype=np.uint8)
    assert recogniser.same == 0.4
    np.testing.assert_allclose(recogniser.distances(pictures, pictures), 0, atol=1e-6)
    np.testing.assert_allclose(recogniser.distances(pictures, pictures[:, :, ::-1]), 0, atol=1e-5)
    assert (recogniser.distances(pictures[:3], pictures[3:]) > 1e-4).all()
    np.testing.assert_allclose((recogniser.embed(pictures) ** 2).sum(axis=1), 1, rtol=1e-5)


def test_a_network_that_knows_no_people_is_refused(tmp_path):
    with pytest.raises(UnusableInput, match="not taught to tell people apart"):
        Recogniser.load(saved(tmp_path / "net.safetensors"))
    for same in (math.nan, 0.0):
        neck = {"neck_mean": [0.1] * 8, "neck_var": [0.5] * 8, "same_person": same}
        with pytest.raises(UnusableInput, match="how far apart"):
            Recogniser.load(saved(tmp_path / "net.safetensors", **neck))
