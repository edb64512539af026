import cv2
import numpy as np
import pytest

from lik.faces.crop.cropping import Square
from lik.faces.motion import (
    Decodings,
    carry,
    gated,
    motion,
    registration,
    unfolded,
    warped,
)

SIDE = 64


def face(mouth=44.0, eyes=26.0, seed=0):
    """A soft face whose mouth is so far down, (64, 64, 3) in 0…1."""
    y, x = np.mgrid[0:SIDE, 0:SIDE].astype(np.float32)
    picture = np.full((SIDE, SIDE, 3), 0.7, np.float32)
    spots = [(22, eyes, 3, 0.5), (42, eyes, 3, 0.5), (26, mouth, 4, 0.4), (38, mouth, 4, 0.4)]
    for at_x, at_y, width, depth in spots:
        spot = np.exp(-((x - at_x) ** 2 + (y - at_y) ** 2) / (2 * width**2))
        picture -= depth * spot[:, :, None]
    noise = np.random.default_rng(seed).normal(0, 0.002, picture.shape)
    return np.clip(picture + noise, 0, 1).astype(np.float32)


@pytest.fixture
def photograph():
    pixels = np.random.default_rng(1).integers(0, 256, (300, 260, 3), np.uint8)
    return cv2.GaussianBlur(pixels, (0, 0), 1.5)


def test_equal_decodings_give_the_photograph_back(photograph):
    before = face()
    square = Square(40, 60, 150, 12)
    same = carry(photograph, square, before, Decodings(before, before.copy()))
    assert np.array_equal(same, photograph)


def test_nothing_is_touched_outside_of_a_square_twice_as_wide(photograph):
    changed = carry(photograph, Square(90, 110, 80, 0), face(), Decodings(face(), face(mouth=48)))
    moved = np.argwhere((changed != photograph).any(axis=2))
    assert len(moved)
    assert (moved.min(axis=0) >= [70, 50]).all()
    assert (moved.max(axis=0) < [230, 210]).all()


def test_motion_finds_where_the_mouth_came_from():
    flow = motion(face(mouth=44), face(mouth=47))
    assert flow[47, 26, 1] == pytest.approx(-3, abs=0.7)
    assert abs(flow[26, 22]).max() < 0.5


def test_what_moves_is_moved_and_not_painted_twice(photograph):
    """A mark on the photographed mouth goes with the mouth."""
    before, after = face(mouth=44), face(mouth=47)
    crop, square = before, Square(0, 0, 256, 0)
    large = cv2.resize((before * 255).astype(np.uint8), (256, 256), interpolation=cv2.INTER_CUBIC)
    large[44 * 4 : 44 * 4 + 4, 104:108] = (255, 0, 0)
    done = carry(large, square, crop, Decodings(before, after)).astype(int)
    redness = done[:, :, 0] - done[:, :, 1]
    y = np.unravel_index(redness.argmax(), redness.shape)[0]
    assert y / 4 == pytest.approx(47.3, abs=1.2)


def test_decodings_are_pulled_onto_the_face():
    crop, before = face(mouth=45.5, eyes=27), face(mouth=44, eyes=26)
    pulled = warped(before, registration(crop, before))
    assert np.abs(pulled - crop).mean() < 0.7 * np.abs(before - crop).mean()


def test_a_flow_that_folds_is_shortened():
    flow = np.zeros((SIDE, SIDE, 2), np.float32)
    flow[:, 32:, 0] = -6
    short = unfolded(flow)
    assert np.abs(short).max() < 1
    gentle = np.full((SIDE, SIDE, 2), 1.5, np.float32)
    assert np.array_equal(unfolded(gentle), gentle)


def test_details_change_only_where_the_base_does():
    base = face()
    base_after = face(mouth=48)
    rng = np.random.default_rng(3)
    before = base + rng.normal(0, 0.05, base.shape).astype(np.float32)
    after = base_after + rng.normal(0, 0.05, base.shape).astype(np.float32)
    shown = gated(before, after, base, base_after)
    assert np.abs(shown - before)[:16].max() < 0.01
    assert (
        np.abs(shown - after)[46:50, 24:40].mean()
        < 0.5 * np.abs(before - after)[46:50, 24:40].mean()
    )
