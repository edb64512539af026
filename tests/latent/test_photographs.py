from decimal import Decimal

import numpy as np
import pytest
import torch
from lik.latent.amounts import added, parse, shift, written
from lik.latent.photographs import changed, keep
from PIL import Image

from lik.core.errors import UnusableInput
from lik.faces.crop.cropping import Box
from lik.faces.detect.detection import Detection
from lik.faces.drawn import rendering as drawn
from lik.latent.directions import dimension
from lik.latent.session import Session
from lik.models.catalogue import build
from lik.models.paper import PaperFirstSettings


class Eyes:
    """A finder that gives two faces, wherever they are."""

    @property
    def description(self):
        return {}

    def find(self, picture, every=False):
        return [
            Detection(Box(60, 60, 80, 1.0), ((80.0, 90.0), (115.0, 92.0)), 1.0),
            Detection(Box(200, 60, 50, 1.0), ((215.0, 80.0), (235.0, 80.0)), 1.0),
        ]


@pytest.fixture(scope="module")
def session():
    torch.manual_seed(0)
    model = build(PaperFirstSettings(size=16, latent=6))
    return Session(model, {"crop": {"kind": "aligned"}}, "toy")


@pytest.fixture
def kept(session, tmp_path):
    picture = np.full((480, 480, 3), 120, np.uint8)
    picture[30:158, 30:158] = drawn.render(drawn.sample_factors(2, 2), 128)
    picture[40:104, 190:254] = drawn.render(drawn.sample_factors(2, 3), 64)
    Image.fromarray(picture).save(tmp_path / "a.png")
    return keep(session, tmp_path / "a.png", Eyes())


def test_nothing_added_returns_the_photograph_to_the_byte(session, kept):
    nothing = np.zeros(6, np.float32)
    result = changed(session, kept, nothing, [0, 1])
    np.testing.assert_array_equal(result, kept.photograph.pixels)
    assert result is not kept.photograph.pixels


def test_a_change_and_its_opposite_on_the_kept_code_are_nothing(session, kept):
    vector = 9 * np.ones(6, np.float32)
    there = changed(session, kept, vector, [0])
    assert (there != kept.photograph.pixels).any()
    back = changed(session, kept, vector - vector, [0])
    np.testing.assert_array_equal(back, kept.photograph.pixels)


def test_only_the_chosen_face_changes(session, kept):
    vector = 20 * np.ones(6, np.float32)
    whole = kept.photograph.pixels
    first, second, both = (changed(session, kept, vector, which) for which in ([0], [1], [0, 1]))
    np.testing.assert_array_equal(first[:, 190:], whole[:, 190:])
    np.testing.assert_array_equal(second[:, :170], whole[:, :170])
    np.testing.assert_array_equal(both[:, :170], first[:, :170])
    np.testing.assert_array_equal(both[:, 190:], second[:, 190:])
    np.testing.assert_array_equal(both[300:], whole[300:])


def test_amounts_add_up_as_decimals_do():
    once = parse(["Smiling=0.1", "Young=-1"])
    assert once == {"Smiling": Decimal("0.1"), "Young": -1}
    assert written(once) == "Smiling=0.1 Young=-1"
    more = added(added(once, parse(["Smiling=0.2"])), parse(["Smiling=-0.3", "Young=1"]))
    assert more == {}
    assert parse(["Smiling=1", "Smiling=1"]) == {"Smiling": 2}


@pytest.mark.parametrize("word", ["Smiling", "Smiling=", "=1", "Smiling=much", "Smiling=inf", ""])
def test_words_of_another_form_are_refused(word):
    with pytest.raises(UnusableInput, match="NAME=NUMBER"):
        parse([word])


def test_a_shift_is_the_sum_and_asks_for_every_name():
    asked = []

    def direction_of(name):
        asked.append(name)
        return dimension(int(name), 3)

    np.testing.assert_allclose(
        shift(parse(["1=2", "2=-0.5", "0=0"]), direction_of, 3), (0, 2, -0.5)
    )
    assert asked == ["1", "2", "0"]
