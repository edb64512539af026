import cv2
import numpy as np
import pytest

from lik.core.errors import UnusableInput
from lik.faces.crop.cropping import Box, Square, cut, square_of_eyes
from lik.faces.detect.eyes import Eyes
from lik.faces.detect.finding import (
    CascadeFinder,
    Detection,
    Search,
    YuNetFinder,
    boxes_of,
    find_yunet,
    finder_for,
    shared_area,
)


class Network:
    """Sees the two brightest spots of a cut as eyes, and is as sure as it is told to be."""

    sha256 = "none"

    def __init__(self, confidence=1.0):
        self.confidence = confidence
        self.looks = 0

    def find(self, grey):
        self.looks += 1
        assert grey.shape == (64, 64)
        points = []
        light = cv2.GaussianBlur(grey, (0, 0), 1.5).astype(float)
        for _ in range(2):
            down, right = np.unravel_index(light.argmax(), light.shape)
            points.append(((right + 0.5) / 64, (down + 0.5) / 64))
            cv2.circle(light, (int(right), int(down)), 8, 0, -1)
        left, right = sorted(points)
        return Eyes(left, right, self.confidence)


EYES = (60.0, 70.0), (98.0, 82.0)


def face_like():
    """A dark picture with two lights for eyes, and the box that a detector might give."""
    picture = np.full((160, 160, 3), 40, np.uint8)
    for x, y in EYES:
        cv2.circle(picture, (round(x), round(y)), 4, (255, 255, 255), -1, cv2.LINE_AA)
    return picture, Box(30, 36, 100, 7.0)


@pytest.fixture
def seen(monkeypatch):
    """The boxes that every search sees."""
    boxes = []
    monkeypatch.setattr("lik.faces.detect.finding.boxes_of", lambda grey, search: boxes)
    return boxes


class TestLooking:
    def test_looks_are_repeated_until_the_eyes_settle(self, seen):
        picture, box = face_like()
        seen.append(box)
        network = Network()
        (found,) = CascadeFinder(network).find(picture)
        np.testing.assert_allclose(found.eyes, EYES, atol=1)
        assert 2 <= network.looks <= 3
        assert (found.box, found.score) == (box, 1.0)

    def test_what_the_network_calls_no_face_is_none(self, seen):
        picture, box = face_like()
        seen.append(box)
        assert CascadeFinder(Network(confidence=0.1)).find(picture) == []
        assert CascadeFinder(None).find(picture) == [Detection(box, None, 7.0)]

    def test_a_false_box_does_not_hide_the_face_that_a_later_search_finds(self, monkeypatch):
        picture, box = face_like()
        false = Box(0, 0, 150, 9.0)
        stages = []

        def boxes(grey, search):
            stages.append(search)
            return [false] if len(stages) == 1 else [box]

        def verify(finder, grey, asked):
            return Detection(asked, None, 1.0) if asked == box else None

        monkeypatch.setattr("lik.faces.detect.finding.boxes_of", boxes)
        monkeypatch.setattr(CascadeFinder, "verify", verify)
        assert [found.box for found in CascadeFinder(None).find(picture)] == [box]
        assert len(stages) == 2

    def test_of_every_face_each_is_given_once_the_largest_first(self, seen):
        picture, _ = face_like()
        near, far = Box(10, 10, 60, 1.0), Box(110, 100, 30, 1.0)
        seen += [far, Box(12, 11, 58, 1.0), near]
        found = CascadeFinder(None).find(picture, every=True)
        assert [face.box for face in found] == [near, far]

    def test_faces_are_scaled_with_the_picture(self):
        found = Detection(Box(1, 2, 3, 0.5, 10), ((1, 2), (3, 4)), 0.5).scaled(2)
        assert found == Detection(Box(2, 4, 6, 0.5, 10), ((2, 4), (6, 8)), 0.5)

    def test_the_network_goes_with_the_rules_that_need_it(self):
        assert finder_for("paper").description["network"] is None
        assert finder_for("face").description["network"]
        assert finder_for("aligned").description["turned"]


class TestSearching:
    def test_a_leaning_box_lies_over_the_face_that_leans(self, monkeypatch):
        """What a cascade sees in the turned picture is carried back into the picture itself."""
        picture = np.zeros((200, 300), np.uint8)
        place = Square(160, 60, 50, 20)
        cv2.fillConvexPoly(picture, np.round(place.corners()).astype(np.int32), 255)

        class Cascade:
            def detectMultiScale3(self, scaled, *settings, **others):  # noqa: N802
                y, x = np.nonzero(scaled > 128)
                rectangle = [x.min(), y.min(), np.ptp(x) + 1, np.ptp(y) + 1]
                return [rectangle], None, [1.0]

        monkeypatch.setattr("lik.faces.detect.finding._cascade", Cascade)
        search = Search(longest=300, scale=1.1, smallest=0.1, neighbours=1, angle=20)
        (box,) = boxes_of(picture, search)
        assert box.angle == 20
        np.testing.assert_allclose(box.square.corners(), place.corners(), atol=2.5)

    def test_the_shared_area_is_a_share_of_the_smaller_box(self):
        assert shared_area(Box(0, 0, 10, 1), Box(2, 2, 4, 1)) == 1
        assert shared_area(Box(0, 0, 10, 1), Box(5, 0, 10, 1)) == 0.5
        assert shared_area(Box(0, 0, 10, 1), Box(20, 0, 10, 1)) == 0


class TestYuNet:
    def test_a_missing_and_a_wrong_model_are_said(self, tmp_path, monkeypatch):
        with pytest.raises(UnusableInput, match="no model of YuNet"):
            find_yunet(tmp_path / "none.onnx")
        wrong = tmp_path / "wrong.onnx"
        wrong.write_bytes(b"something else")
        with pytest.raises(UnusableInput, match="SHA-256"):
            find_yunet(wrong)
        monkeypatch.setenv("LIK_YUNET", str(wrong))
        with pytest.raises(UnusableInput, match="SHA-256"):
            finder_for("aligned")

    def test_what_opencv_cannot_read_is_said_in_one_sentence(self, tmp_path, capfd):
        other = tmp_path / "other.onnx"
        picture = np.zeros((64, 64, 3), np.uint8)
        other.write_bytes(b"no network")
        with pytest.raises(UnusableInput, match=r"other\.onnx is no ONNX file"):
            YuNetFinder(other).find(picture)
        empty = b"\x08\x08\x42\x02\x10\x0b\x3a\x03\x12\x01a"  # a model, whose graph has nothing
        other.write_bytes(empty)
        with pytest.raises(UnusableInput, match=r"other\.onnx is no model of YuNet"):
            YuNetFinder(other).find(picture)
        assert capfd.readouterr().err == ""

    def test_its_rows_become_faces_of_the_read_picture(self, tmp_path):
        """A stand-in for OpenCV's detector, which answers in pixels of the reduced picture."""

        class Detector:
            def setInputSize(self, size):  # noqa: N802
                self.size = size

            def detect(self, picture):
                assert picture.shape[1::-1] == self.size == (640, 320)
                small = [10, 10, 20, 20, 24, 15, 16, 15, 0, 0, 0, 0, 0, 0, 0.8]
                large = [100, 50, 80, 100, 120, 90, 160, 92, 0, 0, 0, 0, 0, 0, 0.9]
                return 1, np.array([small, large], np.float32)

        finder = YuNetFinder(tmp_path / "model.onnx")
        finder._detector = Detector()
        picture = np.zeros((640, 1280, 3), np.uint8)
        large, small = finder.find(picture, every=True)
        assert finder.find(picture) == [large]
        assert large.eyes == ((240, 180), (320, 184))
        assert large.box is not None
        assert large.box.square == Square(180, 100, 200)
        assert large.score == pytest.approx(0.9)
        assert small.eyes == ((32, 30), (48, 30))  # in the order of the picture, not of the person


def test_an_aligned_cut_of_a_leaning_face_stands_upright():
    picture, _ = face_like()
    face = cut(picture, square_of_eyes(*EYES), 64)[:, :, 0]
    rows = np.nonzero(face > 150)[0]
    assert np.ptp(rows) < 8
    assert abs(rows.mean() + 0.5 - 29.75) < 1
