import cv2
import numpy as np
import pytest
from numpy.testing import assert_array_equal

from lik.core.reference import LEFT_EYE, RIGHT_EYE, eyes_in_crop
from lik.faces.crop.cropping import (
    AlignedCrop,
    Box,
    FaceCrop,
    FixedCrop,
    PaperCrop,
    Square,
    cut,
    square_of,
    square_of_eyes,
)


def noise(width=178, height=218, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def spot(picture, point, radius):
    """Paint a disc whose middle is a point of continuous coordinates."""
    fine = [round((value - 0.5) * 16) for value in point]
    cv2.circle(picture, fine, round(radius * 16), (255, 255, 255), -1, cv2.LINE_AA, 4)


def middle_of_brightness(face):
    """Where the light of a face is, in shares of its side."""
    light = face[:, :, 0].astype(float)
    down, right = (np.indices(light.shape) + 0.5) / len(light)
    return (light * right).sum() / light.sum(), (light * down).sum() / light.sum()


CLOSE = FaceCrop(factor=1.5, right=0, down=0.1)


class TestSquares:
    @pytest.mark.parametrize(
        ("rule", "size", "box", "square"),
        [
            (FixedCrop(), (178, 218), None, Square(24, 52, 128)),
            (FixedCrop(), (89, 109), None, Square(12, 26, 64)),
            (FixedCrop(widen=1.375), (178, 218), None, Square(0, 28, 176)),  # its middle stays
            (PaperCrop(), (178, 218), Box(69, 104, 40, 1), Square(25, 60, 128)),
            (CLOSE, (300, 300), Box(100, 100, 40, 1), Square(90, 94, 60)),
            (CLOSE, (3000, 200), Box(100, 100, 40, 1), Square(90, 94, 60)),  # whatever its size
        ],
    )
    def test_each_rule_has_its_square(self, rule, size, box, square):
        assert square_of(rule, *size, box) == square

    def test_a_widened_frame_has_its_eyes_nearer_to_each_other(self):
        for share in (1.0, 1.5):
            left, right = eyes_in_crop(share)
            assert left[1] == right[1]
            assert (right[0] - left[0]) * share == pytest.approx(RIGHT_EYE[0] - LEFT_EYE[0])

    def test_a_leaning_box_gives_a_leaning_first_guess_around_the_same_face(self):
        upright = square_of(AlignedCrop(), 300, 300, Box(100, 100, 80, 1))
        middle = Box(100, 100, 80, 1).square.point((0.5, 0.5))
        corner = Square(*middle, 1, 30).point((-40, -40))
        leaning = square_of(AlignedCrop(), 300, 300, Box(*corner, 80, 1, angle=30))
        assert leaning.side == pytest.approx(upright.side)
        assert leaning.angle == 30
        assert leaning.point((0.5, 0.55)) == pytest.approx(upright.point((0.5, 0.55)), abs=10)

    @pytest.mark.parametrize("square", [Square(0, 0, 10), Square(10, 3, 4, 45)])
    def test_squares_inside_need_no_padding(self, square):
        assert square.inside(20, 20)
        assert square.padding_fraction(20, 20) == 0

    @pytest.mark.parametrize(
        ("square", "width", "height", "share"),
        [
            (Square(-5, 0, 10), 10, 10, 0.5),
            (Square(5, 5, 10), 10, 10, 0.75),
            (Square(30, 30, 10), 10, 10, 1.0),
            (Square(10, 0, 10 * 2**0.5, 45), 10, 100, 0.5),  # half of a standing diamond
        ],
    )
    def test_the_share_outside_is_the_share_of_the_area(self, square, width, height, share):
        assert not square.inside(width, height)
        assert square.padding_fraction(width, height) == pytest.approx(share, abs=1e-4)


class TestAlignment:
    @pytest.mark.parametrize("widen", [1.0, 1.4])
    @pytest.mark.parametrize("angle", [0, 17, -40])
    def test_two_eyes_come_to_lie_where_the_crop_has_them(self, widen, angle):
        turn = np.radians(angle)
        left = (70.0, 90.0)
        right = (left[0] + 55 * np.cos(turn), left[1] + 55 * np.sin(turn))
        square = square_of_eyes(left, right, widen)
        in_crop = eyes_in_crop(widen)
        assert square.angle == pytest.approx(angle)
        assert square.point(in_crop[0]) == pytest.approx(left)
        assert square.point(in_crop[1]) == pytest.approx(right)

    def test_celebas_eyes_give_the_papers_frame(self):
        square = square_of_eyes((69.5, 111.5), (108.5, 111.5))
        assert (square.x, square.y, square.side) == pytest.approx((24, 52, 128))

    @pytest.mark.parametrize("side", [30, 64, 100, 700, 2000])
    @pytest.mark.parametrize("angle", [0, 25])
    def test_what_is_cut_lies_where_the_geometry_says(self, side, angle):
        picture = np.zeros((3200, 3200, 3), np.uint8)
        square = Square(900.3, 700.6, side, angle)
        spot(picture, square.point((0.3, 0.6)), 0.05 * side)
        assert middle_of_brightness(cut(picture, square, 64)) == pytest.approx((0.3, 0.6), abs=4e-3)


class TestCutting:
    def test_a_square_of_the_wanted_size_is_not_rescaled(self):
        picture = noise()
        face = cut(picture, Square(12, 26, 64), 64)
        assert_array_equal(face, picture[26:90, 12:76])

    def test_scaling_averages(self):
        picture = np.zeros((4, 4, 3), np.uint8)
        picture[:, ::2] = 200
        assert (cut(picture, Square(0, 0, 4), 2) == 100).all()

    def test_a_turn_of_nothing_is_the_plain_cut(self):
        picture = noise()
        nearly = Square(24, 52, 64 + 1e-9)
        assert_array_equal(cut(picture, nearly, 64), cut(picture, Square(24, 52, 64), 64))

    def test_the_outside_is_the_picture_reflected(self):
        picture = noise(64, 64)
        face = cut(picture, Square(-8, 0, 64), 64)
        assert_array_equal(face[:, 8:], picture[:, :56])
        assert_array_equal(face[:, :8], picture[:, 7::-1])

    def test_a_turned_cut_of_fine_stripes_is_grey_and_not_their_echo(self):
        picture = np.zeros((800, 800, 3), np.uint8)
        picture[:, ::2] = 255
        face = cut(picture, Square(300, 100, 400, 30), 32).astype(float)
        assert abs(face.mean() - 127.5) < 3
        assert face.std() < 6
