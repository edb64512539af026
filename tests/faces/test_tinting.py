"""Hair around a crop takes the colour that an edit gives it within; what is not hair does not."""

import cv2
import numpy as np
import pytest

from lik.faces.crop.cropping import Square, cut
from lik.faces.motion import Decodings, carry
from lik.faces.tinting import Around, around_of, tint_of, tinted

SIZE = 64
SQUARE = Square(100, 120, 160)
HAIR, SKIN, WALL = (60, 40, 30), (220, 170, 140), (120, 140, 160)
ABOVE, BESIDE, OUTSIDE = (180, 106), (60, 200), (180, 20)
"""Hair above the crop, the wall beside it, and the wall above the hair, as x and y."""


def portrait(wall=WALL):
    """A head whose hair goes on above the crop, (360, 360, 3)."""
    picture = np.full((360, 360, 3), wall, np.uint8)
    cv2.ellipse(picture, (180, 170), (80, 90), 0, 0, 360, HAIR, -1)
    cv2.ellipse(picture, (180, 210), (52, 64), 0, 0, 360, SKIN, -1)
    return cv2.GaussianBlur(picture, (0, 0), 1)


def crop_of(picture):
    return np.asarray(cut(picture, SQUARE, SIZE) / 255, np.float32)


def change_of_hair(picture, left=0, top=0):
    """What changes of a part of a photograph by an edit that makes dark colours within lighter."""
    picture = picture[top : 360 - top, left : 360 - left]
    square = Square(SQUARE.x - left, SQUARE.y - top, SQUARE.side)
    crop = np.asarray(cut(picture, square, SIZE) / 255, np.float32)
    lighter = crop + 0.3 * (crop.mean(axis=2, keepdims=True) < 0.35)
    sides = Decodings(crop, np.asarray(lighter, np.float32))
    change = np.zeros((360, 360, 3), int)
    part = change[top : 360 - top, left : 360 - left]
    part[:] = carry(picture, square, crop, sides).astype(int) - picture
    return change


TIGHT = [(0, 0), (50, 30), (80, 55)]
"""How much of the photograph is missing on each side, and above and below."""


@pytest.mark.parametrize(("left", "top"), TIGHT)
def test_hair_beyond_the_crop_changes_with_that_within(left, top):
    change = change_of_hair(portrait(), left, top)
    (x, y) = ABOVE
    assert not SQUARE.y <= y < SQUARE.y + SQUARE.side
    assert change[y, x].min() > 50
    for x, y in (BESIDE, OUTSIDE):
        assert np.abs(change[y, x]).max() <= 5


@pytest.mark.parametrize(("left", "top"), TIGHT)
def test_a_wall_like_the_hair_is_a_wall(left, top):
    """What lies around the head tells hair from a background of its colour."""
    change = change_of_hair(portrait(wall=HAIR), left, top)
    for x, y in (BESIDE, OUTSIDE):
        assert np.abs(change[y, x]).max() <= 5


def test_a_matte_is_of_the_head_and_nothing_at_its_border():
    picture = portrait()
    matte = around_of(picture, SQUARE, crop_of(picture)).matte
    assert matte.shape == (2 * SIZE, 2 * SIZE)
    assert matte.min() >= 0
    assert matte.max() <= 1
    (x, y) = ABOVE
    assert (
        matte[(y - 40) * 64 // 160, (x - 20) * 64 // 160] > 0.8
    )  # the wide square begins at 20, 40
    assert max(matte[0].max(), matte[-1].max(), matte[:, 0].max(), matte[:, -1].max()) == 0
    assert matte[SIZE, SIZE] < 0.05  # the face itself is painted


@pytest.mark.parametrize("square", [Square(-90, -70, 260), Square(0, 0, 360), Square(300, 10, 200)])
def test_a_face_at_the_border_of_its_photograph(square):
    picture = portrait()
    crop = np.asarray(cut(picture, square, SIZE) / 255, np.float32)
    around = around_of(picture, square, crop)
    assert np.isfinite(around.matte).all()
    none = np.zeros((3, 4), np.float32)
    np.testing.assert_array_equal(tinted(picture, square, around, none), picture)


def test_a_tint_is_the_affine_map_that_a_change_is():
    random = np.random.default_rng(0)
    crop = random.random((SIZE, SIZE, 3)).astype(np.float32)
    aim = np.array([[0.5, 0, -0.2, 0.1], [0, -0.3, 0, 0], [0.1, 0.1, 0.1, -0.2]])
    change = np.float32(crop @ aim[:, :3].T + aim[:, 3])
    everywhere = np.ones((SIZE, SIZE), np.float32)
    np.testing.assert_allclose(tint_of(change, crop, everywhere), aim, atol=0.03)
    assert not tint_of(change, crop, np.zeros_like(everywhere)).any()  # nothing is known


def test_a_tint_is_added_by_the_matte():
    picture = np.full((200, 200, 3), 100, np.uint8)
    picture[100, 90] = 104
    image = np.full((2 * SIZE, 2 * SIZE, 3), 100 / 255, np.float32)
    around = Around(image, np.full((2 * SIZE, 2 * SIZE), 0.5, np.float32))
    tint = np.float32([[0.2, 0, 0, 0], [0, 0, 0, 0.1], [0, 0, 0, -1]])
    done = tinted(picture, Square(60, 60, 80, 10), around, tint)
    assert done[100, 100].tolist() == [110, 113, 0]
    assert done[100, 90].tolist() == [114, 117, 0]  # detail stays
    assert done[2, 2].tolist() == [100, 100, 100]
