import cv2
import numpy as np
import pytest

from lik.faces.compositing import enlarged, guided, is_grey
from lik.faces.crop.cropping import Square, cut
from lik.faces.drawn import rendering as drawn
from lik.faces.motion import Decodings, carry, ground_of

SIZE = 64
SQUARES = [
    Square(60, 40, 128),
    Square(70.3, 30.6, 90.2, 25),
    Square(-30, -20, 130, -10),
    Square(20, 30, 40),
]


def photograph(square: Square) -> np.ndarray:
    """A drawn face in a larger picture, where the square is."""
    face = drawn.render(drawn.sample_factors(3, 1), 128)
    random = np.random.default_rng(0)
    picture = random.integers(60, 200, (200, 260, 3), dtype=np.uint8)
    matrix = cv2.getAffineTransform(
        np.array([(0, 0), (128, 0), (128, 128)], np.float32), square.corners()[:3]
    )
    cv2.warpAffine(face, matrix, (260, 200), dst=picture, borderMode=cv2.BORDER_TRANSPARENT)
    return picture


def crop_of(picture: np.ndarray, square: Square) -> np.ndarray:
    return np.asarray(cut(picture, square, SIZE) / 255, np.float32)


def transfer(picture, square, crop, before, after):
    return carry(picture, square, crop, Decodings(before, after))


@pytest.mark.parametrize("square", SQUARES)
def test_a_change_stays_near_its_square_and_none_changes_no_byte(square):
    picture = photograph(square)
    crop = crop_of(picture, square)
    before = cv2.GaussianBlur(crop, (0, 0), 1)
    np.testing.assert_array_equal(transfer(picture, square, crop, before, before), picture)
    changed = transfer(picture, square, crop, before, before + 0.3)
    moved = np.abs(changed.astype(int) - picture).max(axis=2)
    inside = np.zeros(picture.shape[:2], np.uint8)
    cv2.fillConvexPoly(inside, np.rint(square.widened(2).corners()).astype(np.int32), 1)
    outside = moved[inside == 0]
    assert not len(outside) or outside.max() == 0
    x, y = square.point((0.5, 0.5))
    assert moved[int(y), int(x)] > 25


def test_a_change_lands_where_it_was_in_the_crop():
    square = Square(70.3, 30.6, 90.2, 25)
    picture = np.full((200, 260, 3), 128, np.uint8)
    before = np.full((SIZE, SIZE, 3), 0.5, np.float32)
    after = before.copy()
    after[38:42, 24:28] += 0.4
    changed = transfer(picture, square, before, before, after)
    again = cut(changed, square, SIZE).astype(int)[:, :, 0] - 128
    centre = np.argwhere(again > again.max() / 2).mean(axis=0)
    np.testing.assert_allclose(centre, (39.5, 25.5), atol=0.3)


def test_a_grey_face_stays_grey():
    square = SQUARES[0]
    picture = np.repeat(photograph(square)[:, :, :1], 3, axis=2)
    crop = crop_of(picture, square)
    assert is_grey(crop)
    assert not is_grey(crop_of(photograph(square), square))
    after = crop + np.array([0.5, 0, -0.2], np.float32)
    changed = transfer(picture, square, crop, crop, after)
    assert np.ptp(changed, axis=2).max() == 0
    assert (changed != picture).any()


def test_what_the_decoder_has_not_seen_is_left_alone():
    crop = crop_of(photograph(SQUARES[0]), SQUARES[0])
    before = crop.copy()
    before[20:44, 36:60] = 1 - before[20:44, 36:60]
    seen, unseen = (ground_of(crop, crop).mask, ground_of(crop, before).mask)
    assert unseen[32, 44] < 0.2 * seen[32, 44]
    assert unseen[32, 16] == pytest.approx(seen[32, 16], abs=0.05)


def test_a_wider_crop_has_a_smaller_head():
    crop = np.full((SIZE, SIZE, 3), 0.5, np.float32)
    assert ground_of(crop, crop, widen=1.5).mask.sum() < 0.8 * ground_of(crop, crop).mask.sum()


def test_the_edge_of_a_guided_mask_goes_to_the_edge_of_the_guide():
    guide = np.zeros((SIZE, SIZE, 3), np.float32)
    guide[:, 30:] = (0.8, 0.5, 0.3)
    mask = np.zeros((SIZE, SIZE), np.float32)
    mask[:, 32:] = 1
    fitted = guided(mask, guide, 6, 0.002)
    assert not mask[32, 30]
    assert fitted[32, 30] - fitted[32, 29] > 0.4
    assert fitted[32, 20] < 0.05
    assert fitted[32, 40] > 0.95


def test_enlarging_is_the_opposite_of_cutting():
    smooth = cv2.GaussianBlur(np.random.default_rng(1).random((SIZE, SIZE), np.float32), (0, 0), 6)
    square = Square(10, 20, 256)
    seen = enlarged(smooth, square, (0, 0), (300, 300))
    assert np.abs(seen[:12]).max() == 0
    again = cv2.resize(seen[20:276, 10:266], (SIZE, SIZE), interpolation=cv2.INTER_AREA)
    np.testing.assert_allclose(again[2:-2, 2:-2], smooth[2:-2, 2:-2], atol=2e-3)
