"""Drawn faces: the same for the same numbers, smooth in their factors, true to their labels."""

from dataclasses import fields, replace
from itertools import pairwise

import cv2
import numpy as np
import pytest

from lik.faces.drawn.rendering import (
    FACTOR_NAMES,
    Factors,
    attributes,
    factor_values,
    render,
    sample_factors,
)

NAMES = """
5_o_Clock_Shadow Arched_Eyebrows Attractive Bags_Under_Eyes Bald Bangs Big_Lips Big_Nose
Black_Hair Blond_Hair Blurry Brown_Hair Bushy_Eyebrows Chubby Double_Chin Eyeglasses Goatee
Gray_Hair Heavy_Makeup High_Cheekbones Male Mouth_Slightly_Open Mustache Narrow_Eyes No_Beard
Oval_Face Pale_Skin Pointy_Nose Receding_Hairline Rosy_Cheeks Sideburns Smiling Straight_Hair
Wavy_Hair Wearing_Earrings Wearing_Hat Wearing_Lipstick Wearing_Necklace Wearing_Necktie Young
"""
CELEBA = NAMES.split()
SIGNED = (
    "hair_part", "gaze_x", "gaze_y", "brow_raise", "smile", "yaw", "light", "scale", "shift",
)  # fmt: skip
CONTINUOUS = [
    field.name for field in fields(Factors) if type(getattr(Factors(), field.name)) is float
]
DISCRETE = {"hair_colour": range(5), "beard": range(4)}
SAMPLE = [sample_factors(0, index) for index in range(500)]


def picture(size: int = 64, **changes: object) -> np.ndarray:
    return render(replace(Factors(), **changes), size).astype(np.float64)


def difference(first: np.ndarray, second: np.ndarray) -> float:
    return float(np.abs(first.astype(float) - second.astype(float)).mean())


@pytest.mark.parametrize("size", [32, 64, 100, 128])
def test_picture_has_size_type_and_contrast(size):
    drawn = render(sample_factors(3, 1), size)
    assert drawn.shape == (size, size, 3)
    assert drawn.dtype == np.uint8
    assert drawn.flags.c_contiguous
    assert drawn.std() > 20


def test_seed_and_index_give_the_same_bytes_whatever_else_is_drawn():
    alone = [render(sample_factors(7, index), 64) for index in range(20)][::-1]
    among = [render(sample_factors(7, index), 64) for index in reversed(range(25))]
    np.testing.assert_array_equal(alone, among[5:])
    assert sample_factors(0, 1) != sample_factors(1, 0)
    assert len({sample_factors(0, index) for index in range(50)}) == 50


def test_sizes_show_the_same_face():
    for factors in SAMPLE[:15]:
        small, large = render(factors, 64), render(factors, 128)
        halved = cv2.resize(large, (64, 64), interpolation=cv2.INTER_AREA)
        other = render(sample_factors(99, 0), 64)
        assert difference(small, halved) < 2.5
        assert difference(small, other) > 10


def test_edges_are_smooth():
    skull = picture(bald=True, background_light=0.0, skin=0.0)[6:20, 10:55, 0]
    wall, skin = skull[0, 0], skull[10, 22]
    share = (skull - wall) / (skin - wall)
    # Along the skull there are many pixels that are part wall and part skin.
    assert ((share > 0.2) & (share < 0.8)).sum() > 15
    assert len(np.unique(picture()[:, :, 0])) > 100


@pytest.mark.parametrize("name", CONTINUOUS)
def test_small_change_of_a_factor_is_a_small_change_of_the_picture(name):
    low = -1.0 if name in SIGNED else 0.0
    base = {"hair_length": 0.7, "mouth_open": 0.5, "hat": name == "hat_colour"}
    values = np.linspace(low, 1, 21)
    steps = [picture(**(base | {name: value})) for value in values]
    moves = [difference(a, b) for a, b in pairwise(steps)]
    whole = difference(steps[0], steps[-1])
    assert whole > 0.02, "the factor is seen"
    assert max(moves) < max(0.35 * sum(moves), 0.15), "no step holds most of the change"
    near = picture(**(base | {name: values[10] + 0.002}))
    assert difference(steps[10], near) < 0.5


@pytest.mark.parametrize(
    ("name", "seen", "untouched"),
    [
        ("smile", np.s_[40:54, 20:46], np.s_[:20]),
        ("mouth_open", np.s_[42:56, 22:44], np.s_[:30]),
        ("eyes_open", np.s_[25:35, 15:50], np.s_[40:]),
        ("gaze_x", np.s_[26:34, 16:49], np.s_[40:]),
        ("brow_raise", np.s_[18:27, 14:51], np.s_[30:]),
        ("nose", np.s_[26:46, 24:42], np.s_[:20]),
        ("hairline", np.s_[5:25, 12:54], np.s_[35:]),
    ],
)
def test_factor_changes_its_own_region_only(name, seen, untouched):
    change = np.abs(picture(**{name: 0.9}) - picture(**{name: 0.1})).mean(axis=2)
    assert change[seen].mean() > 1
    assert change[untouched].max() <= 1


@pytest.mark.parametrize(
    ("name", "region"),
    [
        ("glasses", np.s_[22:38, 13:52]),
        ("hat", np.s_[0:18, 10:55]),
        ("bald", np.s_[2:22, 10:55]),
        ("fringe", np.s_[14:24, 16:49]),
        ("lipstick", np.s_[46:50, 28:37]),
        ("moustache", np.s_[41:48, 24:41]),
    ],
)
def test_flags_are_seen_where_they_belong(name, region):
    change = np.abs(picture(**{name: True}) - picture(**{name: False})).mean(axis=2)
    assert change[region].mean() > 8


@pytest.mark.parametrize("size", [64, 128])
def test_eyes_lie_where_celeba_has_them(size):
    unit = size / 64
    face = picture(size, skin=0.0, eyes_open=1.0, eye_colour=1.0)
    # What a change of the iris colour changes is the iris.
    other = picture(size, skin=0.0, eyes_open=1.0, eye_colour=0.0)
    weight = np.abs(face - other).sum(axis=2)
    y, x = np.mgrid[:size, :size] + 0.5
    for eye_x, near in ((22.75, x < 32.5 * unit), (42.25, x > 32.5 * unit)):
        share = weight * near / (weight * near).sum()
        assert (share * x).sum() / unit == pytest.approx(eye_x, abs=0.5)
        assert (share * y).sum() / unit == pytest.approx(29.75, abs=0.8)
    # And in the middle of the iris is the dark of the pupil.
    for eye_x in (22.75, 42.25):
        row, column = int(29.75 * unit), int(eye_x * unit)
        assert face[row - 1 : row + 2, column - 1 : column + 2].mean(axis=2).min() < 50


def test_turn_moves_the_mouth_more_than_the_eyes():
    def middle(factor: str, yaw: float) -> float:
        """Where a factor shows, from left to right."""
        change = np.abs(picture(yaw=yaw, **{factor: 1}) - picture(yaw=yaw, **{factor: 0}))
        return float(np.average(np.arange(64) + 0.5, weights=change.sum(axis=(0, 2))))

    eyes = middle("eye_colour", 1.0) - middle("eye_colour", 0.0)
    lips = middle("lipstick", 1.0) - middle("lipstick", 0.0)
    assert abs(eyes) < 1
    assert lips > eyes + 1


def test_light_comes_from_its_side():
    lit = picture(light=-1.0) - picture(light=1.0)
    assert lit[34:44, 15:25].mean() > 10
    assert lit[34:44, 40:50].mean() < -10


def test_attributes_are_those_of_celeba_and_signs():
    for factors in SAMPLE[:100]:
        labels = attributes(factors)
        assert set(labels) <= set(CELEBA)
        assert set(labels.values()) <= {-1, 1}
        assert all(type(value) is int for value in labels.values())
        assert list(labels) == list(attributes(SAMPLE[0]))


def test_attributes_are_as_frequent_as_on_people():
    labels = [attributes(factors) for factors in SAMPLE]
    rate = {name: np.mean([row[name] == 1 for row in labels]) for name in labels[0]}
    expected = {
        "Smiling": (0.42, 0.58), "Eyeglasses": (0.14, 0.26), "Wearing_Hat": (0.06, 0.15),
        "Bald": (0.04, 0.12), "No_Beard": (0.68, 0.82), "Wearing_Lipstick": (0.19, 0.31),
        "Bangs": (0.20, 0.34), "Black_Hair": (0.15, 0.33), "Brown_Hair": (0.17, 0.36),
        "Blond_Hair": (0.12, 0.28), "Gray_Hair": (0.04, 0.16), "Mustache": (0.08, 0.19),
        "Mouth_Slightly_Open": (0.35, 0.6),
    }  # fmt: skip
    for name, (low, high) in expected.items():
        assert low <= rate[name] <= high, (name, rate[name])
    assert all(0.01 < value < 0.99 for value in rate.values()), rate


def test_hidden_hair_has_no_colour():
    colours = ("Black_Hair", "Brown_Hair", "Blond_Hair", "Gray_Hair", "Bangs", "Wavy_Hair")
    for index in range(5):
        bald = attributes(Factors(bald=True, hair_colour=index, fringe=True))
        assert all(bald[name] == -1 for name in colours)
        covered = attributes(Factors(hat=True, hair_length=0.0, hair_colour=index, fringe=True))
        assert all(covered[name] == -1 for name in colours)
    assert attributes(Factors(hat=True, bald=True))["Bald"] == -1
    assert attributes(Factors(hair_colour=0))["Black_Hair"] == 1


def test_unseen_fringe_changes_nothing():
    for hidden in ({"hat": True}, {"bald": True}):
        fringed, plain = (picture(fringe=fringe, **hidden) for fringe in (True, False))
        np.testing.assert_array_equal(fringed, plain)


def test_factor_values_are_the_factors():
    assert tuple(field.name for field in fields(Factors)) == FACTOR_NAMES
    values = factor_values(Factors(beard=2, hat=True, smile=-0.25))
    assert tuple(values) == FACTOR_NAMES
    assert all(type(value) is float for value in values.values())
    assert (values["beard"], values["hat"], values["smile"]) == (2.0, 1.0, -0.25)


def test_sampled_factors_keep_their_ranges():
    for factors in SAMPLE:
        for name, value in factor_values(factors).items():
            if name in DISCRETE:
                assert value in DISCRETE[name]
            else:
                assert (-1 if name in SIGNED else 0) <= value <= 1


def test_factors_are_sampled_independently():
    rows = np.array([list(factor_values(factors).values()) for factors in SAMPLE])
    related = np.corrcoef(rows, rowvar=False) - np.eye(len(FACTOR_NAMES))
    assert np.abs(related).max() < 0.2
