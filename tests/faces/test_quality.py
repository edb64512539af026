import itertools

import cv2
import numpy as np
import pytest

from lik.core.configuration import validated
from lik.core.errors import UnusableInput
from lik.faces.set.quality import Limits, measured


def sharpness(face):
    return measured(face)["sharpness"]


@pytest.fixture(scope="module")
def scene() -> np.ndarray:
    """512×512 pixels whose detail is equally strong in every octave, as in photographs."""
    rng = np.random.default_rng(3)
    down, right = np.fft.fftfreq(512)[:, None], np.fft.fftfreq(512)[None]
    waves = np.fft.fft2(rng.normal(size=(512, 512))) / np.maximum(np.hypot(down, right), 1 / 512)
    plane = np.fft.ifft2(waves).real
    plane = 128 + 40 * plane / plane.std()
    return np.repeat(plane.clip(0, 255).astype(np.uint8)[:, :, None], 3, axis=2)


def reduced(picture, size):
    return cv2.resize(picture, (size, size), interpolation=cv2.INTER_AREA)


def test_blur_lowers_sharpness_step_by_step(scene):
    face = reduced(scene, 64)
    sharp = [sharpness(face)] + [
        sharpness(cv2.GaussianBlur(face, (0, 0), sigma)) for sigma in (0.5, 0.8, 1.2, 2.0)
    ]
    assert all(more > less for more, less in itertools.pairwise(sharp))
    assert sharp[-1] < 0.2 * sharp[0]


def test_sharpness_does_not_depend_on_the_size_of_the_face(scene):
    values = [sharpness(reduced(scene, size)) for size in (64, 128, 256)]
    assert max(values) - min(values) < 0.25 * min(values)


def test_enlarging_contrast_brightness_and_noise_do_not_count_as_sharpness(scene):
    face = reduced(scene, 64)
    enlarged = cv2.resize(reduced(scene, 24), (64, 64), interpolation=cv2.INTER_CUBIC)
    assert sharpness(enlarged) < 0.4 * sharpness(face)
    flat = np.rint(100 + 0.5 * face).astype(np.uint8)
    assert sharpness(flat) == pytest.approx(sharpness(face), rel=0.1)
    blurred = cv2.GaussianBlur(face, (0, 0), 2.0)
    noise = np.random.default_rng(0).normal(0, 6, (64, 64, 1))
    noisy = np.clip(blurred + noise, 0, 255).astype(np.uint8)
    assert sharpness(noisy) < 0.5 * sharpness(face)


def test_plain_faces_and_tiny_ones_have_a_sharpness():
    assert sharpness(np.full((64, 64, 3), 77, np.uint8)) == 0
    for size in (8, 9, 10, 11, 63):
        noise = np.random.default_rng(size).integers(0, 256, (size, size, 3), dtype=np.uint8)
        assert 0 <= sharpness(noise) <= 3


def test_brightness_is_that_of_the_middle():
    face = np.zeros((64, 64, 3), np.uint8)
    face[16:48, 16:48] = 255
    fifth = np.full((9, 9, 3), 51, np.uint8)
    found = [measured(each)["brightness"] for each in (face, 255 - face, fifth)]
    assert found == [1, 0, pytest.approx(0.2, abs=0.005)]


@pytest.mark.parametrize(
    ("limits", "measures", "reason"),
    [
        ({"min_score": 2}, {"score": 1.9}, "detected too uncertainly"),
        ({"min_detected": 40}, {"detected": 39}, "too small"),
        ({"min_sharpness": 0.2}, {"sharpness": 0.1}, "too blurred"),
        ({"min_brightness": 0.2}, {"brightness": 0.1}, "too dark"),
        ({"max_brightness": 0.8}, {"brightness": 0.9}, "too bright"),
        ({"max_padding": 0.1}, {"padding_fraction": 0.2}, "too far over the edge of the picture"),
        ({"max_padding": 0.1}, {"padding_fraction": 0.1}, None),
        ({"min_sharpness": 0.2}, {"sharpness": 0.2}, None),
        ({"min_score": 2}, {"score": None}, None),
        ({"min_score": 2}, {"score": float("nan")}, None),
        ({"min_score": 2}, {}, None),
        ({}, {"score": -9.0, "sharpness": 0.0, "brightness": 0.0, "padding_fraction": 1.0}, None),
    ],
)
def test_limits_say_why_a_face_is_left_out(limits, measures, reason):
    assert Limits(**limits).reason(measures) == reason


def test_limits_outside_their_range_are_refused():
    with pytest.raises(UnusableInput, match="max_padding"):
        validated(Limits, {"max_padding": 1.5}, "limits")
