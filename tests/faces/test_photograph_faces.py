import numpy as np
import pytest
from PIL import Image

from lik.core.errors import UnusableInput
from lik.faces.crop.cropping import Box, Square, cut
from lik.faces.detect.detection import Detection
from lik.faces.drawn import rendering as drawn
from lik.faces.photograph import open_photograph

ALIGNED = {"kind": "aligned"}


class Known:
    """A finder that knows where the eyes are, in shares of the width."""

    @property
    def description(self):
        return {}

    def __init__(self, *eyes):
        self.eyes = eyes

    def find(self, picture, every=False):
        width = picture.shape[1]
        faces = [
            Detection(Box(x0 * width, y0 * width, 1, 1.0),
                  ((x0 * width, y0 * width), (x1 * width, y1 * width)), 1.0)
            for x0, y0, x1, y1 in self.eyes
        ]  # fmt: skip
        return faces if every else faces[:1]


TWO = Known((0.2, 0.4, 0.3, 0.42), (0.7, 0.3, 0.76, 0.3))


@pytest.fixture
def pixels():
    return np.asarray(
        Image.fromarray(drawn.render(drawn.sample_factors(5, 5), 128)).resize((300, 240))
    )


def test_all_faces_come_with_their_squares(tmp_path, pixels):
    Image.fromarray(pixels).save(tmp_path / "a.png")
    photograph = open_photograph(tmp_path / "a.png", ALIGNED, 32, TWO)
    np.testing.assert_array_equal(photograph.pixels, pixels)
    assert len(photograph.faces) == 2
    assert not photograph.a_crop
    for face in photograph.faces:
        np.testing.assert_array_equal(face.pixels, cut(pixels, face.square, 32))
    assert photograph.faces[0].square.angle == pytest.approx(11.3, abs=0.1)


def test_a_picture_of_the_runs_size_is_a_crop(tmp_path, pixels):
    Image.fromarray(pixels[:64, :64]).save(tmp_path / "a.png")
    photograph = open_photograph(tmp_path / "a.png", ALIGNED, 64)
    assert photograph.a_crop
    assert [face.square for face in photograph.faces] == [Square(0, 0, 64)]


def test_no_face_is_said(tmp_path, pixels):
    Image.fromarray(pixels).save(tmp_path / "a.png")
    with pytest.raises(UnusableInput, match="no face was found in it"):
        open_photograph(tmp_path / "a.png", ALIGNED, 32, Known())


def test_a_turned_photograph_is_upright(tmp_path, pixels):
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(np.rot90(pixels)).save(tmp_path / "a.png", exif=exif)
    photograph = open_photograph(tmp_path / "a.png", ALIGNED, 32, TWO)
    np.testing.assert_array_equal(photograph.pixels, pixels)


@pytest.mark.parametrize("kind", ["RGBA", "P", "L", "I;16", "CMYK"])
def test_other_kinds_of_pixels_are_taken(tmp_path, pixels, kind):
    if kind == "I;16":
        deep = np.asarray(pixels[:, :, 0], np.uint16) * 257
        Image.fromarray(deep).save(tmp_path / "a.png")
    else:
        name = "a.tif" if kind == "CMYK" else "a.png"
        Image.fromarray(pixels).convert(kind).save(tmp_path / name)
    file = next(tmp_path.iterdir())
    photograph = open_photograph(file, ALIGNED, 32, TWO)
    assert photograph.pixels.shape == pixels.shape
    assert photograph.pixels.dtype == np.uint8


def test_a_face_at_the_border_is_cut_all_the_same(tmp_path, pixels):
    Image.fromarray(pixels).save(tmp_path / "a.png")
    photograph = open_photograph(tmp_path / "a.png", ALIGNED, 32, Known((0.02, 0.1, 0.14, 0.1)))
    assert photograph.faces[0].square.x < 0
    assert photograph.faces[0].pixels.shape == (32, 32, 3)
