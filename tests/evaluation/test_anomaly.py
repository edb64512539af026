"""Scores of how unusual a picture is, and what is kept of usual ones."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import multivariate_normal

from lik.app.opened import OpenedRun
from lik.core.errors import OtherWeights, UnusableInput
from lik.evaluation.anomaly import (
    SCORES,
    UsualFaces,
    load_usual,
    save_usual,
    score,
    usual_faces,
)

MADE = {"weights_sha256": "a" * 64}


@pytest.fixture(scope="module")
def session(untrained):
    return OpenedRun(untrained, "cpu").session


@pytest.fixture(scope="module")
def usual(session, faces):
    images = np.asarray(faces.images)
    return usual_faces(session, None, images[:40], images[40:], MADE)


def test_scores_are_what_they_are_called(session, usual, faces):
    pictures = np.asarray(faces.images[40:44])
    found = score(session, None, usual, pictures)
    assert set(found) == set(SCORES) - {"features"}
    posteriors = session.posteriors(pictures)
    decoded = np.concatenate([b.numpy() for b in session.decode_batches(posteriors.means)])
    errors = (pictures / 255 - decoded.transpose(0, 2, 3, 1)) ** 2
    np.testing.assert_allclose(found["pixels"], errors.mean((1, 2, 3)), rtol=1e-4)
    np.testing.assert_allclose(found["kl"], posteriors.kl.sum(axis=1), rtol=1e-5)
    covariance = usual.factor.astype(float) @ usual.factor.T.astype(float)
    density = multivariate_normal(usual.mean.astype(float), covariance)
    constant = -2 * density.logpdf(usual.mean.astype(float))
    expected = -2 * density.logpdf(posteriors.means.astype(float)) - constant
    np.testing.assert_allclose(found["distance"], expected, rtol=1e-4)


def test_the_bound_tightens_around_what_the_decoder_itself_makes(session, usual, faces):
    """A picture that is a decoding is more probable than the same one with noise upon it."""
    picture = session.decode(session.encode(np.asarray(faces.images[:1])))
    noisy = np.clip(
        picture.astype(int) + np.random.default_rng(0).integers(-60, 60, picture.shape), 0, 255
    )
    found = score(session, None, usual, np.concatenate([picture, noisy.astype(np.uint8)]))
    assert found["likelihood"][0] < found["likelihood"][1]


def test_scores_do_not_depend_on_who_else_is_there(session, usual, faces):
    pictures = np.asarray(faces.images[:40])
    together = score(session, None, usual, pictures)
    alone = score(session, None, usual, pictures[33:34])
    for name in ("pixels", "kl", "distance"):
        np.testing.assert_allclose(together[name][33], alone[name][0], rtol=1e-4)


def test_typicality_counts_both_sides_and_the_farthest_score():
    steps = np.exp(np.linspace(0, 1, 101))
    usual = UsualFaces(np.zeros(1), np.eye(1), 1.0, {"pixels": steps, "distance": steps}, {})
    found = usual.typicality({"pixels": np.exp([0.5, 0.5 - 0.34, 0.5 + 0.68]),
                              "distance": np.exp([0.5, 0.5, 0.5 + 0.34])})  # fmt: skip
    np.testing.assert_allclose(found, [0, 1, 2], atol=1e-5)
    percent = usual.percentile("pixels", {"pixels": np.exp([-1.0, 0.5, 2.0])})
    np.testing.assert_allclose(percent, [0, 100 * 50 / 101, 100], atol=1e-6)


def test_what_is_usual_comes_back_from_its_file(usual, session, faces, tmp_path):
    path = save_usual(tmp_path / "usual.safetensors", usual)
    again = load_usual(path, MADE["weights_sha256"], 4)
    pictures = np.asarray(faces.images[:4])
    one, other = (score(session, None, known, pictures) for known in (usual, again))
    for name in one:
        np.testing.assert_array_equal(one[name], other[name])
        np.testing.assert_array_equal(usual.percentile(name, one), again.percentile(name, other))
    with pytest.raises(OtherWeights, match="other weights"):
        load_usual(path, "b" * 64, 4)


@pytest.mark.parametrize(
    "content", [b"", b"no safetensors", (8).to_bytes(8, "little") + b"{}      "]
)
def test_a_broken_file_is_said_to_be_one(content, tmp_path):
    path = tmp_path / "usual.safetensors"
    path.write_bytes(content)
    with pytest.raises(UnusableInput, match=r"usual\.safetensors"):
        load_usual(path, "a" * 64, 4)


@pytest.mark.parametrize(
    "change",
    [
        {"mean": np.zeros(3, np.float32)},
        {"mean": np.zeros((4, 1), np.float32)},
        {"factor": np.zeros((4, 4), np.float32)},
        {"factor": np.eye(3, dtype=np.float32)},
        {"variance": 0.0},
        {"scores": {}},
        {"scores": {"pixels": np.zeros(0, np.float32), "distance": np.zeros(0, np.float32)}},
        {"scores": {"pixels": np.ones(20, np.float32), "distance": np.ones(9, np.float32)}},
    ],
)
def test_what_no_codes_of_the_run_can_have_given_is_refused(usual, change, tmp_path):
    path = save_usual(tmp_path / "usual.safetensors", replace(usual, **change))
    with pytest.raises(UnusableInput, match="is broken"):
        load_usual(path, MADE["weights_sha256"], 4)


def test_too_few_faces_are_said_to_be_so(session, faces):
    images = np.asarray(faces.images)
    with pytest.raises(UnusableInput, match="7 training and 20 validation faces are too few"):
        usual_faces(session, None, images[:7], images[:20], MADE)


def test_equal_scores_have_percentiles_all_the_same():
    same = {name: np.ones(20, np.float32) for name in ("pixels", "distance")}
    usual = UsualFaces(np.zeros(1), np.eye(1), 1.0, same, {})
    found = {name: np.array([1.0, 2.0]) for name in same}
    assert usual.percentile("typicality", found).tolist() == [0, 100]
