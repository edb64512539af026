import cv2
import numpy as np
import pytest
from numpy.testing import assert_array_equal
from PIL import Image

from finders import Told
from lik.core.errors import UnusableInput
from lik.faces.crop.cropping import Box, FixedCrop, Square, cut
from lik.faces.detect.finding import Detection
from lik.faces.drawn import rendering as drawn
from lik.faces.photograph import FoundBy, crop_picture, is_framed, open_photograph

ALIGNED, FIXED = {"kind": "aligned"}, {"kind": "fixed"}


def known(*eyes):
    """A finder that knows where the eyes are, in shares of the width."""
    faces = [(Box(x0, y0, 0.01, 1.0), ((x0, y0), (x1, y1)), 1.0) for x0, y0, x1, y1 in eyes]
    return Told(*(Detection(*face) for face in faces))


TWO = known((0.2, 0.4, 0.3, 0.42), (0.7, 0.3, 0.76, 0.3))


@pytest.fixture
def pixels():
    return np.asarray(
        Image.fromarray(drawn.render(drawn.sample_factors(5, 5), 128)).resize((300, 240))
    )


@pytest.fixture
def file(tmp_path, pixels):
    Image.fromarray(pixels).save(tmp_path / "a.png")
    return tmp_path / "a.png"


def test_all_faces_come_with_their_squares(file, pixels):
    photograph = open_photograph(file, ALIGNED, 32, TWO)
    assert_array_equal(photograph.pixels, pixels)
    assert len(photograph.faces) == 2
    assert (photograph.found_by, photograph.notice) == (FoundBy.detection, "")
    for face in photograph.faces:
        assert_array_equal(face.pixels, cut(pixels, face.square, 32))
    assert photograph.faces[0].square.angle == pytest.approx(11.3, abs=0.1)


def test_a_picture_of_the_runs_size_is_taken_as_it_is(tmp_path, pixels):
    Image.fromarray(pixels[:64, :64]).save(tmp_path / "a.png")
    photograph = open_photograph(tmp_path / "a.png", ALIGNED, 64)
    assert photograph.a_crop
    assert "taken as a face as it is" in photograph.notice
    assert [face.square for face in photograph.faces] == [Square(0, 0, 64)]
    assert_array_equal(crop_picture(tmp_path / "a.png", {"kind": "face"}, 64), pixels[:64, :64])


def test_no_face_and_no_file_are_said(tmp_path, file):
    with pytest.raises(UnusableInput, match="no face was found in it"):
        open_photograph(file, ALIGNED, 32, known())
    with pytest.raises(UnusableInput, match="no picture at"):
        crop_picture(tmp_path / "b.png", {}, 64)


def test_a_turned_photograph_is_upright(tmp_path, pixels):
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(np.rot90(pixels)).save(tmp_path / "a.png", exif=exif)
    photograph = open_photograph(tmp_path / "a.png", ALIGNED, 32, TWO)
    assert_array_equal(photograph.pixels, pixels)


@pytest.mark.parametrize("kind", ["RGBA", "P", "L", "I;16", "CMYK"])
def test_other_kinds_of_pixels_are_taken(tmp_path, pixels, kind):
    deep = Image.fromarray(np.asarray(pixels[:, :, 0], np.uint16) * 257)
    image = deep if kind == "I;16" else Image.fromarray(pixels).convert(kind)
    file = tmp_path / ("a.tif" if kind == "CMYK" else "a.png")
    image.save(file)
    photograph = open_photograph(file, ALIGNED, 32, TWO)
    assert photograph.pixels.shape == pixels.shape
    assert photograph.pixels.dtype == np.uint8


def test_a_face_at_the_border_is_cut_all_the_same(file):
    photograph = open_photograph(file, ALIGNED, 32, known((0.02, 0.1, 0.14, 0.1)))
    assert photograph.faces[0].square.x < 0
    assert photograph.faces[0].pixels.shape == (32, 32, 3)


def test_a_square_of_ones_own_is_cut_from_pictures_of_its_size_alone(file, pixels):
    rule = FixedCrop(x=20, y=10, side=200, pictures=(300, 240)).model_dump(mode="json")
    photograph = open_photograph(file, rule, 32)  # without a face that could be found
    assert photograph.found_by is FoundBy.frame
    assert "without detection" in photograph.notice
    assert photograph.faces[0].square == Square(20, 10, 200)
    Image.fromarray(pixels[:200]).save(file)
    photograph = open_photograph(file, rule, 32, TWO)
    assert photograph.found_by is FoundBy.detection
    assert "were detected" in photograph.notice
    assert len(photograph.faces) == 2


class TestRealPictures:
    @pytest.fixture
    def aligned(self, real_data):
        """The first pictures of CelebA."""
        from lik.faces.io.sources import open_source

        source = open_source(str(real_data / "celeba-half"), 64)
        return [source.container.open(name).decode() for name in source.names[:40]]

    def test_aligned_pictures_are_cut_by_the_frame(self, aligned, tmp_path):
        assert sum(is_framed(picture, FixedCrop()) for picture in aligned) >= 39
        Image.fromarray(aligned[0]).save(tmp_path / "a.png")
        photograph = open_photograph(tmp_path / "a.png", FIXED, 64)
        assert photograph.found_by is FoundBy.frame
        assert_array_equal(photograph.faces[0].pixels, aligned[0][26:90, 12:76])

    def test_a_face_in_a_corner_is_detected_though_the_picture_has_celebas_form(
        self, aligned, tmp_path
    ):
        """A canvas of 900×1100 with the face at the lower left."""
        canvas = np.full((1100, 900, 3), 90, np.uint8)
        canvas[600:1036, 20:376] = cv2.resize(aligned[0], (356, 436))
        Image.fromarray(canvas).save(tmp_path / "a.png")
        for rule, side in ((FIXED, 256), ({"kind": "paper"}, 240)):
            photograph = open_photograph(tmp_path / "a.png", rule, 64)
            assert photograph.found_by is FoundBy.detection
            (face,) = photograph.faces
            middle = face.square.point((0.5, 0.5))
            assert middle == pytest.approx((20 + 176, 600 + 232), abs=30)
            assert face.square.side == pytest.approx(side, rel=0.15)

    def test_most_photographs_have_a_face_and_are_detected(self, real_data):
        files = sorted((real_data / "photos").glob("*.jpg"))[:30]
        found = []
        for file in files:
            try:
                found.append(open_photograph(file, FIXED, 64, every=False))
            except UnusableInput:
                continue
        assert len(found) >= 0.9 * len(files)
        assert {photograph.found_by for photograph in found} == {FoundBy.detection}
