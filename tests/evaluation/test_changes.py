import numpy as np
import pytest

from lik.core.reference import eyes_in_crop
from lik.evaluation.edit_metrics import (
    ClassifiedFaces,
    at_success,
    away,
    eyes_of,
    measure_edit,
    region_of,
    sweep,
)
from lik.faces.crop.cropping import (
    AlignedCrop,
    FaceCrop,
    FixedCrop,
    PaperCrop,
    WholeCrop,
    eyes_under,
)


def judge(codes):
    """Three logits read off the code; features too; pictures of the first number in one corner."""
    images = np.zeros((len(codes), 3, 8, 8), np.float32)
    images[:, :, 0, 0] = codes[:, 0, None]
    return ClassifiedFaces(codes[:, :3].copy(), codes.copy(), images)


@pytest.fixture
def codes():
    random = np.random.default_rng(0)
    return (random.standard_normal((400, 6)) + 0.0).astype(np.float32)


def test_no_change_is_none(codes):
    found = measure_edit(0, judge(codes), judge(codes), 0, np.ones(3))
    assert (found.flipped, found.leakage, found.others_flipped, found.pixels) == (0, 0, 0, 0)
    assert found.identity == pytest.approx(1)


def test_leakage_is_the_movement_of_the_others_in_their_own_std(codes):
    moved = codes + np.array([9, 1, 0, 0, 0, 0], np.float32)
    found = measure_edit(1, judge(codes), judge(moved), 0, np.array([1, 0.5, 1]))
    assert found.leakage == pytest.approx((1 / 0.5 + 0) / 2, rel=1e-5)
    assert found.flipped == pytest.approx((codes[:, 0] <= 0).mean())
    # Along the target's own direction, who it is does not change.
    along = codes + np.array([2, 0, 0, 0, 0, 0], np.float32)
    assert measure_edit(1, judge(codes), judge(along), 0, np.ones(3)).identity > 0.999


def test_what_is_painted_outside_is_told(codes):
    region = np.zeros((8, 8), bool)
    before = judge(codes)
    after = judge(codes + 1)
    assert measure_edit(1, before, after, 0, np.ones(3), region).outside == pytest.approx(1)
    region[0, 0] = True
    assert measure_edit(1, before, after, 0, np.ones(3), region).outside == 0
    assert np.isnan(measure_edit(1, before, after, 0, np.ones(3)).outside)


def test_methods_are_compared_at_equal_success(codes):
    signs = away(codes[:, 0])[:, None]
    step = np.array([1, 0.5, 0, 0, 0, 0], np.float32)
    moves = [(s, codes + np.float32(s) * signs * step) for s in np.linspace(0.1, 4, 40)]
    changes = sweep(judge, moves, judge(codes), 0, np.ones(3))
    assert changes[-1].flipped >= 0.95 > changes[-2].flipped
    half = at_success(changes, 0.5)
    assert half.flipped == pytest.approx(0.5)
    assert half.strength == pytest.approx(np.median(np.abs(codes[:, 0])), abs=0.05)
    assert half.leakage == pytest.approx(half.strength * 0.5 / 2, rel=1e-3)
    assert at_success(changes[:3], 0.8) is None


def test_regions_are_where_the_traits_are():
    eyes = eyes_in_crop()
    mouth = region_of("Mouth_Slightly_Open", 64, eyes)
    hair = region_of("Blond_Hair", 64, eyes)
    assert mouth[50, 32]
    assert not mouth[20, 32]
    assert hair[2, 2]
    assert not hair[40, 32]
    assert region_of("Male", 64, eyes) is None
    assert region_of("Smiling", 64, None) is None


def test_regions_go_along_with_the_eyes():
    wide = region_of("Eyeglasses", 64, eyes_in_crop(2.0))
    rows, columns = np.nonzero(wide)
    assert (rows.min(), rows.max() + 1) == (26, 36)  # 0.3 and 0.62, half as far from the middle
    assert (columns.min(), columns.max() + 1) == (19, 45)
    # In a crop half as wide, the frame of glasses leaves the picture on both sides.
    assert region_of("Eyeglasses", 64, eyes_in_crop(0.5)).any(axis=0).all()


@pytest.mark.parametrize(
    ("rule", "eyes"),
    [
        (AlignedCrop(), eyes_in_crop()),
        (AlignedCrop(widen=1.4), eyes_in_crop(1.4)),
        (FixedCrop(widen=1.4), eyes_in_crop(1.4)),
        (FaceCrop(), eyes_in_crop()),
        (FaceCrop(factor=2 * 1.2075), eyes_in_crop(2)),
        (FixedCrop(x=3, y=3, side=64), None),
        (PaperCrop(), None),
        (WholeCrop(), None),
    ],
)
def test_the_eyes_are_where_the_rule_puts_them(rule, eyes):
    found = eyes_under(rule)
    assert (found is None) == (eyes is None)
    if eyes:
        np.testing.assert_allclose(found, eyes, atol=1e-9)


def test_a_crop_further_down_has_its_eyes_further_up():
    (_, frame), (_, lower) = (eyes_under(FaceCrop(down=down))[0] for down in (-0.0790, 0.0210))
    assert frame - lower == pytest.approx(0.1 / 1.2075)


def test_drawn_faces_are_drawn_into_the_frame(faces):
    assert faces.crop["kind"] == "whole"
    assert eyes_of(faces) == eyes_in_crop()
