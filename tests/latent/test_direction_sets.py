import json

import numpy as np
import pytest

from lik.core.errors import UnusableInput
from lik.latent.directions.direction import (
    Calibration,
    Direction,
    DirectionSet,
    calibrated,
    saved_sets,
)

CALIBRATION = Calibration(length=3.0, without=0.1, having=0.9, reached=0.9)


@pytest.fixture
def kept(tmp_path):
    direction = Direction("Smiling", np.array([0, 4, 3], np.float32), "unit normal")
    fitted = DirectionSet(
        "svm", {"Smiling": calibrated(direction, CALIBRATION)}, {"Smiling": CALIBRATION},
        {"method": "svm", "model_sha256": "abc"},
    )  # fmt: skip
    fitted.save(tmp_path)
    return tmp_path


def test_a_set_comes_back_as_it_was(kept):
    back = DirectionSet.load(kept, "svm", "abc")
    direction = back.direction("Smiling")
    np.testing.assert_allclose(direction.vector, [0, 2.4, 1.8], rtol=1e-6)
    assert direction.unit == "strength"
    assert back.calibrations["Smiling"] == CALIBRATION
    assert back.made["method"] == "svm"
    assert saved_sets(kept) == ["svm"]


def test_names_that_are_wrong_are_answered_with_near_ones(kept):
    with pytest.raises(UnusableInput, match="'Smiling'"):
        DirectionSet.load(kept, "svm").direction("Smilling")
    with pytest.raises(UnusableInput, match="'svm'"):
        DirectionSet.load(kept, "svn")
    with pytest.raises(UnusableInput, match="cannot name"):
        DirectionSet.load(kept, "../svm")


def test_other_weights_and_changed_files_are_refused(kept):
    with pytest.raises(UnusableInput, match="other weights"):
        DirectionSet.load(kept, "svm", "def")
    tensors = kept / "directions" / "svm.safetensors"
    content = tensors.read_bytes()
    tensors.write_bytes(content[:-1] + b"x")
    with pytest.raises(UnusableInput, match="fit again"):
        DirectionSet.load(kept, "svm")
    tensors.write_bytes(content)
    file = kept / "directions" / "svm.json"
    stored = json.loads(file.read_text())
    file.write_text(json.dumps(stored | {"version": 9}))
    with pytest.raises(UnusableInput, match="version 9"):
        DirectionSet.load(kept, "svm")
