from unittest.mock import MagicMock

import cv2
import numpy as np
import pytest
import torch
from PIL import Image

from lik.core.errors import UnusableInput
from lik.faces.drawn import rendering as drawn
from lik.figures.films import save_gif, save_mp4
from lik.latent.interpolation import (
    PATHS,
    End,
    morph,
    path_between,
    square_between,
    square_of_morphs,
    to_bytes,
)
from lik.latent.session import Session
from lik.models.catalogue import build
from lik.models.paper import PaperFirstSettings


@pytest.fixture(scope="module")
def session():
    torch.manual_seed(0)
    return Session(build(PaperFirstSettings(size=16, latent=6)), {}, "toy")


@pytest.fixture(scope="module")
def ends(session):
    """Four real faces of 32 pixels."""
    ends = []
    for number in range(4):
        crop, sharp = (drawn.render(drawn.sample_factors(4, number), side) for side in (16, 32))
        ends.append(End(session.encode(crop[None])[0], sharp, str(number)))
    return ends


@pytest.mark.parametrize("path", PATHS)
def test_paths_begin_and_end_at_their_ends(path):
    a, b = np.random.default_rng(0).standard_normal((2, 9)).astype(np.float32)
    codes = path_between(a, b, [0, 0.3, 1], path)
    np.testing.assert_array_equal(codes[0], a)
    np.testing.assert_array_equal(codes[2], b)
    np.testing.assert_allclose(path_between(b, a, [0.7], path)[0], codes[1], atol=1e-6)


def test_the_spherical_path_keeps_the_length_and_the_pace():
    a, b = np.eye(5, dtype=np.float32)[:2] * 3
    codes = path_between(a, b, list(np.linspace(0, 1, 7)), "spherical")
    np.testing.assert_allclose(np.linalg.norm(codes, axis=1), 3, rtol=1e-6)
    np.testing.assert_allclose(np.ptp(np.linalg.norm(np.diff(codes, axis=0), axis=1)), 0, atol=1e-6)
    assert np.linalg.norm(path_between(a, b, [0.5])[0]) == pytest.approx(3 / 2**0.5)


@pytest.mark.parametrize("second", [(2, 0), (-1, 0), (0, 0)])
def test_ends_without_a_turn_between_them_have_a_straight_path(second):
    a, b = np.array([1, 0], np.float32), np.array(second, np.float32)
    np.testing.assert_allclose(
        path_between(a, b, [0.25], "spherical"), path_between(a, b, [0.25]), atol=1e-6
    )


@pytest.mark.parametrize("path", PATHS)
def test_a_square_has_its_corners_and_sides(path):
    corners = np.random.default_rng(1).standard_normal((4, 6)).astype(np.float32)
    square = square_between(corners, 5, path)
    np.testing.assert_array_equal(square[[0, 0, -1, -1], [0, -1, 0, -1]], corners)
    side = path_between(corners[0], corners[1], list(np.linspace(0, 1, 5)), path)
    np.testing.assert_allclose(square[0], side, atol=1e-6)


@pytest.mark.parametrize("path", PATHS)
def test_a_morph_shows_the_real_faces_at_its_ends(session, ends, path):
    frames = to_bytes(morph(session, ends[:2], [0, 0.5, 1], 32, path))
    np.testing.assert_array_equal(frames[0], ends[0].pixels)
    np.testing.assert_array_equal(frames[2], ends[1].pixels)
    assert (frames[1] != frames[0]).any()


def test_a_morph_of_codes_alone_is_what_is_decoded(session, ends):
    bare = [End(end.code, None, "") for end in ends]
    frames = to_bytes(morph(session, bare[:2], [0, 0.5], 16))
    codes = np.stack([bare[0].code, (bare[0].code + bare[1].code) / 2])
    np.testing.assert_allclose(frames.astype(int), session.decode(codes), atol=1)


def test_a_square_of_morphs_has_the_real_faces_in_its_corners(session, ends):
    frames = to_bytes(square_of_morphs(session, ends, 3, 32))
    for number, end in enumerate(ends):
        np.testing.assert_array_equal(frames[2 * (number // 2), 2 * (number % 2)], end.pixels)
    side = to_bytes(morph(session, ends[:2], [0.5], 32))[0]
    np.testing.assert_allclose(frames[0, 1].astype(int), side, atol=1)


def test_films_hold_every_frame(tmp_path):
    frames = [np.full((32, 32, 3), 10 * number, np.uint8) for number in range(6)]
    save_gif(tmp_path / "a.gif", frames, 10)
    with Image.open(tmp_path / "a.gif") as film:
        assert film.n_frames == 6
        assert b"generative model" in film.info["comment"]
    save_mp4(tmp_path / "a.mp4", frames, 10)
    film = cv2.VideoCapture(str(tmp_path / "a.mp4"))
    assert film.get(cv2.CAP_PROP_FRAME_COUNT) == 6
    read, frame = film.read()
    assert read
    assert frame.shape == (32, 32, 3)


def test_a_missing_codec_is_said(tmp_path, monkeypatch):
    closed = MagicMock()
    closed.return_value.isOpened.return_value = False
    monkeypatch.setattr(cv2, "VideoWriter", closed)
    with pytest.raises(UnusableInput, match="no codec for MP4"):
        save_mp4(tmp_path / "a.mp4", [np.zeros((16, 16, 3), np.uint8)], 5)
    assert not list(tmp_path.iterdir())
