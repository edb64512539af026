import numpy as np
import pytest

from lik.evaluation.changes import Judged, at_success, away, measure_change, sweep
from lik.evaluation.regions import region_of

CROP = {"kind": "fixed", "x": None, "y": None, "side": None}


def judge(codes):
    """Three logits read off the code; features too; pictures of the first number in one corner."""
    images = np.zeros((len(codes), 3, 8, 8), np.float32)
    images[:, :, 0, 0] = codes[:, 0, None]
    return Judged(codes[:, :3].copy(), codes.copy(), images)


@pytest.fixture
def codes():
    random = np.random.default_rng(0)
    return (random.standard_normal((400, 6)) + 0.0).astype(np.float32)


def test_no_change_is_none(codes):
    found = measure_change(0, judge(codes), judge(codes), 0, np.ones(3))
    assert (found.flipped, found.leakage, found.others_flipped, found.pixels) == (0, 0, 0, 0)
    assert found.identity == pytest.approx(1)


def test_leakage_is_the_movement_of_the_others_in_their_own_spread(codes):
    moved = codes + np.array([9, 1, 0, 0, 0, 0], np.float32)
    found = measure_change(1, judge(codes), judge(moved), 0, np.array([1, 0.5, 1]))
    assert found.leakage == pytest.approx((1 / 0.5 + 0) / 2, rel=1e-5)
    assert found.flipped == pytest.approx((codes[:, 0] <= 0).mean())
    # Along the target's own direction, who it is does not change.
    along = codes + np.array([2, 0, 0, 0, 0, 0], np.float32)
    assert measure_change(1, judge(codes), judge(along), 0, np.ones(3)).identity > 0.999


def test_what_is_painted_outside_is_told(codes):
    region = np.zeros((8, 8), bool)
    before = judge(codes)
    after = judge(codes + 1)
    assert measure_change(1, before, after, 0, np.ones(3), region).outside == pytest.approx(1)
    region[0, 0] = True
    assert measure_change(1, before, after, 0, np.ones(3), region).outside == 0
    assert np.isnan(measure_change(1, before, after, 0, np.ones(3)).outside)


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


def test_regions_are_of_aligned_faces_only():
    mouth = region_of("Mouth_Slightly_Open", 64, CROP)
    hair = region_of("Blond_Hair", 64, CROP)
    assert mouth[50, 32]
    assert not mouth[20, 32]
    assert hair[2, 2]
    assert not hair[40, 32]
    assert region_of("Male", 64, CROP) is None
    assert region_of("Smiling", 64, {"kind": "face"}) is None
    assert region_of("Smiling", 64, CROP | {"x": 3}) is None
