import math
import pickle

import cv2
import numpy as np
import pytest

from lik.core.errors import UnusableInput
from lik.faces import drawn
from lik.faces.eyes import CUT, EyeNetwork
from lik.faces.sources import open_source

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
    middle = np.array([CUT, CUT])
    errors = [
        look(network, drawn_face(index, degrees), middle, 2 * CUT)
        - look(network, drawn_face(index), middle, 2 * CUT)
        - degrees
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
        with pytest.raises(UnusableInput, match=r"broken\.onnx is no alignment network"):
            EyeNetwork(broken).find(drawn_cut(0))
    assert capfd.readouterr().err == ""


def test_other_shapes_are_refused(network):
    with pytest.raises(ValueError, match=r"uint8 \(64, 64\)"):
        network.find(np.zeros((32, 32), np.uint8))


def test_photographs_that_are_turned_are_found_turned(network, real_data):
    """As in use: detected, cut, looked at three times."""
    from lik.faces.cropping import FaceCrop, square_of
    from lik.faces.detection import detect

    photos = open_source(str(real_data / "photos"), 64)
    names = photos.container.names()[:40]
    errors = []
    for number, name in enumerate(names):
        picture = photos.container.picture(name)
        box = detect(picture)
        if box is None:
            continue
        grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
        height, width = grey.shape
        square = square_of(FaceCrop(), width, height, box)
        centre = np.array([square.x + square.side / 2, square.y + square.side / 2])
        degrees = (-18, -9, 9, 18)[number % 4]
        plain = look(network, grey, centre, square.side)
        middle = np.array([width / 2, height / 2])
        turn = cv2.getRotationMatrix2D((width / 2 - 0.5, height / 2 - 0.5), -degrees, 1)
        turned = cv2.warpAffine(grey, turn, (width, height), borderMode=cv2.BORDER_REFLECT)
        moved = turn[:, :2] @ (centre - middle) + middle
        errors.append(look(network, turned, moved, square.side) - plain - degrees)
    assert len(errors) > 30
    assert np.median(np.abs(errors)) < 1
    assert np.percentile(np.abs(errors), 95) < 4


def look(network, grey, centre, side):
    """The angle of the eyes after three looks, in degrees."""
    matrix, offset = side * np.eye(2), centre - side / 2
    for _ in range(3):
        steps = np.hstack([matrix / CUT, (offset + matrix @ [0.5 / CUT, 0.5 / CUT] - 0.5)[:, None]])
        smooth = cv2.GaussianBlur(grey, (0, 0), max(0.3, 0.35 * side / CUT))
        cut = cv2.warpAffine(
            smooth, steps, (CUT, CUT), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_REFLECT,
        )  # fmt: skip
        eyes = network.find(cut)
        left, right = (matrix @ np.array(point) + offset for point in (eyes.left, eyes.right))
        scale = np.linalg.norm(right - left) / (RIGHT[0] - LEFT[0])
        turn = math.atan2(*(right - left)[::-1])
        matrix = scale * np.array(
            [[math.cos(turn), -math.sin(turn)], [math.sin(turn), math.cos(turn)]]
        )
        offset = (left + right) / 2 - matrix @ (LEFT + RIGHT) / 2
    return math.degrees(turn)
