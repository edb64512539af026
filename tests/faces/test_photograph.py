from contextlib import suppress

import numpy as np
import pytest
from PIL import Image

from lik.core.errors import UnusableInput
from lik.faces.photograph import crop_picture


def test_a_picture_of_the_runs_size_is_taken_as_it_is(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    np.testing.assert_array_equal(crop_picture(tmp_path / "a.png", {"kind": "face"}, 64), pixels)


def test_a_picture_without_a_face_and_a_missing_one_are_said(tmp_path):
    Image.fromarray(np.full((200, 200, 3), 128, np.uint8)).save(tmp_path / "a.png")
    with pytest.raises(UnusableInput, match="no face was found"):
        crop_picture(tmp_path / "a.png", {}, 64)
    with pytest.raises(UnusableInput, match="no picture at"):
        crop_picture(tmp_path / "b.png", {}, 64)


def test_most_photographs_have_a_face(real_data):
    files = sorted((real_data / "photos").glob("*.jpg"))[:60]
    found = 0
    for file in files:
        with suppress(UnusableInput):
            found += crop_picture(file, {"kind": "fixed"}, 64).shape == (64, 64, 3)
    assert found >= 0.9 * len(files)
