import math
import pickle

import cv2
import numpy as np
import pytest

from lik.core.errors import UnusableInput
from lik.faces.crop.cropping import Box, square_of_eyes
from lik.faces.detect.eyes import CUT, EyeNetwork
from lik.faces.detect.finding import CascadeFinder, finder_for
from lik.faces.drawn import rendering as drawn
from lik.faces.io.files import Folder

LEFT, RIGHT = np.array([45.5, 59.5]) / 128, np.array([84.5, 59.5]) / 128


@pytest.fixture(scope="module")
def network():
    return EyeNetwork()


def drawn_face(index, degrees=0.0):
    """A drawn face of 128 pixels, grey, turned about its middle."""
    face = drawn.render(drawn.sample_factors(3, index), 2 * CUT)
    turn = cv2.getRotationMatrix2D((CUT - 0.5, CUT - 0.5), -degrees, 1)
    grey = cv2.cvtColor(face, cv2.COLOR_RGB2GRAY)
    return cv2.warpAffine(grey, turn, (2 * CUT, 2 * CUT), borderMode=cv2.BORDER_REFLECT)


def drawn_cut(index):
    return cv2.resize(drawn_face(index), (CUT, CUT), interpolation=cv2.INTER_AREA)


def test_the_shipped_network_is_small_and_finds_the_eyes_of_drawn_faces(network):
    assert len(network._bytes()) < 2**20
    found = [network.find(drawn_cut(index)) for index in range(24)]
    distance = RIGHT[0] - LEFT[0]
    errors = [
        (math.dist(eyes.left, LEFT) + math.dist(eyes.right, RIGHT)) / 2 / distance for eyes in found
    ]
    assert np.median(errors) < 0.15
    assert np.median([eyes.confidence for eyes in found]) > 0.5


def test_a_turned_face_is_found_turned(network):
    finder = CascadeFinder(network)
    box = Box(11.9, 19.4, 106, 1)  # whose face square is the whole picture

    def leaning(index, degrees=0.0):
        found = finder.verify(drawn_face(index, degrees), box)
        return angle(found) if found else math.nan

    errors = [
        leaning(index, degrees) - leaning(index) - degrees
        for index in range(16)
        for degrees in (-15, 15)
    ]
    assert np.median(np.abs(errors)) < 2


def test_what_is_no_face_is_not_taken_for_one(network):
    random = np.random.default_rng(0)
    plain = np.full((CUT, CUT), 128, np.uint8)
    noise = random.integers(0, 256, (CUT, CUT), dtype=np.uint8)
    for cut in (plain, noise, np.rot90(drawn_cut(0), 2)):
        assert network.find(cut).confidence < 0.5


def test_it_goes_to_other_processes(network):
    cut = drawn_cut(0)
    again = pickle.loads(pickle.dumps(network))
    assert again.find(cut) == network.find(cut)
    assert again.sha256 == network.sha256
    assert len(network.sha256) == 64


def test_a_missing_or_broken_file_is_said(tmp_path, capfd):
    with pytest.raises(UnusableInput, match=r"none\.onnx cannot be read"):
        EyeNetwork(tmp_path / "none.onnx").find(drawn_cut(0))
    broken = tmp_path / "broken.onnx"
    for data in (b"", b"no network", EyeNetwork()._bytes()[:5000]):
        broken.write_bytes(data)
        with pytest.raises(UnusableInput, match=r"broken\.onnx is no ONNX file"):
            EyeNetwork(broken).find(drawn_cut(0))
    empty = b"\x08\x08\x42\x02\x10\x0b\x3a\x03\x12\x01a"  # a model, whose graph has nothing
    broken.write_bytes(empty)
    with pytest.raises(UnusableInput, match=r"broken\.onnx is no alignment network"):
        EyeNetwork(broken).find(drawn_cut(0))
    broken.write_bytes(bytes(2**24 + 1))
    with pytest.raises(UnusableInput, match="larger than 16 MiB"):
        EyeNetwork(broken).find(drawn_cut(0))
    assert capfd.readouterr().err == ""


def test_other_shapes_are_refused(network):
    with pytest.raises(ValueError, match=r"uint8 \(64, 64\)"):
        network.find(np.zeros((32, 32), np.uint8))


def test_photographs_that_are_turned_are_found_turned(real_data):
    """As in use: found by the cascade, judged and looked at up to three times."""
    finder = finder_for("aligned")
    folder = Folder(real_data / "photos")
    errors = []
    for number, name in enumerate(folder.names()[:40]):
        picture = folder.open(name).decode()
        degrees = (-18, -9, 9, 18)[number % 4]
        height, width = picture.shape[:2]
        turn = cv2.getRotationMatrix2D((width / 2, height / 2), -degrees, 1)
        turned = cv2.warpAffine(picture, turn, (width, height), borderMode=cv2.BORDER_REFLECT)
        upright, leaning = finder.find(picture), finder.find(turned)
        if upright and leaning:
            errors.append(angle(leaning[0]) - angle(upright[0]) - degrees)
    assert len(errors) >= 38
    assert np.median(np.abs(errors)) < 1
    assert np.percentile(np.abs(errors), 95) < 4


def angle(found):
    return square_of_eyes(*found.eyes).angle
