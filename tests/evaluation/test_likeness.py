"""Distortions, the search for equal errors, and what measures say of them."""

import json
import math

import numpy as np
import pytest
from PIL import Image

from lik.app import equal_error
from lik.app.equal_error import EqualErrorRequest
from lik.core.errors import UnusableInput
from lik.evaluation.distortions import (
    DISTORTIONS,
    distorted_to,
    mean_squared_error,
    measure_likeness,
    reachable_error,
)
from lik.faces.drawn.rendering import render, sample_factors
from lik.faces.photograph import read_picture
from lik.objectives.similarity import scale_exponents
from terminal import run_lik

BY_NAME = {distortion.name: distortion for distortion in DISTORTIONS}
EACH = pytest.mark.parametrize("distortion", DISTORTIONS, ids=lambda d: d.name)


@pytest.fixture(scope="module")
def picture():
    return render(sample_factors(0, 0), 64).astype(np.float64)


@EACH
def test_strength_0_changes_nothing_and_the_original_is_left_alone(distortion, picture):
    before = picture.copy()
    np.testing.assert_allclose(distortion.apply(picture, 0.0, 0), picture, atol=1e-8)
    distortion.apply(picture, distortion.most / 4, 0)
    np.testing.assert_array_equal(picture, before)


@EACH
def test_the_error_asked_for_is_reached(distortion, picture):
    for mse in (5.0, 120.0):
        found = distorted_to(distortion, picture, mse, seed=3)
        assert found.mse == pytest.approx(mse, rel=0.01)
        again = distortion.apply(picture, found.strength, 3)
        assert mean_squared_error(again, picture) == found.mse
        assert again.min() >= 0
        assert again.max() <= 255


@pytest.mark.parametrize("name", ["salt and pepper", "Gaussian noise"])
def test_the_seed_decides_the_noise(name, picture):
    apply, strength = BY_NAME[name].apply, BY_NAME[name].most / 20
    np.testing.assert_array_equal(apply(picture, strength, 1), apply(picture, strength, 1))
    assert (apply(picture, strength, 1) != apply(picture, strength, 2)).any()


def test_more_salt_spoils_the_same_pixels_and_more(picture):
    few, many = (BY_NAME["salt and pepper"].apply(picture, share, 0) for share in (0.1, 0.2))
    spoilt = [(other != picture).any(axis=2) for other in (few, many)]
    assert not (spoilt[0] & ~spoilt[1]).any()
    assert spoilt[1].mean() == pytest.approx(0.2, abs=0.002)


def test_shift_moves_to_the_right_and_rotation_turns_clockwise():
    dot = np.zeros((41, 41, 3))
    dot[10, 20] = 255
    for name, strength, place in (("shift", 100 / 41 * 2, (10, 22)), ("rotation", 90, (20, 30))):
        moved = BY_NAME[name].apply(dot, strength, 0)
        assert np.unravel_index(moved[..., 0].argmax(), (41, 41)) == place


def test_an_impossible_error_is_refused_in_a_sentence_or_jpeg_says_how_far_it_came(picture):
    reach = r"no blur gives .* 30000: it reaches \d+ at most"
    for mse in (30_000, 0.0, -1.0, math.nan, math.inf):
        with pytest.raises(UnusableInput, match=reach if mse == 30_000 else "above 0"):
            distorted_to(BY_NAME["blur"], picture, mse)
    found = distorted_to(BY_NAME["JPEG"], picture, 30_000)
    assert found.strength == 100
    assert 100 < found.mse < 30_000


def test_an_error_that_all_reach_is_found():
    faint = 128 + 4 * np.random.default_rng(0).standard_normal((48, 48, 3))
    mse = reachable_error(faint)
    assert 0 < mse < 16
    for distortion in DISTORTIONS:
        assert distorted_to(distortion, faint, mse).mse == pytest.approx(mse, rel=0.01)
    with pytest.raises(UnusableInput, match="one colour"):
        reachable_error(np.full((48, 48, 3), 90.0))


def test_at_equal_error_ssim_holds_contrast_for_more_alike_than_noise(picture):
    found = {
        name: measure_likeness(picture, distorted_to(BY_NAME[name], picture, 300).picture)
        for name in ("contrast", "mean shift", "blur", "Gaussian noise")
    }
    assert found["contrast"].psnr == pytest.approx(found["Gaussian noise"].psnr, abs=0.05)
    for name in ("contrast", "mean shift"):
        assert found[name].ssim > found["Gaussian noise"].ssim + 0.1
        assert found[name].ms_ssim > found["blur"].ms_ssim


def test_equal_pictures_are_alike(picture):
    same = measure_likeness(picture, picture, lambda images: (images, images.square()))
    assert (same.mse, same.psnr, same.feature_distance) == (0, math.inf, 0)
    assert (same.ssim, same.ms_ssim) == pytest.approx((1, 1), abs=1e-6)


def test_feature_distance_compares_what_responds_and_not_how_strongly(picture):
    dark = picture / 2
    assert measure_likeness(picture, dark, lambda images: (images,)).feature_distance < 1e-6
    turned = measure_likeness(picture, picture[..., ::-1].copy(), lambda images: (images,))
    assert turned.feature_distance > 0.01


def test_scales_fit_the_picture():
    assert len(scale_exponents(64, 64)) == 3
    assert len(scale_exponents(256, 180)) == 5
    assert sum(scale_exponents(64, 64)) == pytest.approx(1)
    for side in (11, 21, 22, 43, 44, 87, 88, 98, 99, 175, 176):  # torchmetrics takes them all
        noise = np.random.default_rng(side).uniform(0, 255, (side, side, 3))
        assert measure_likeness(noise, noise).ms_ssim == pytest.approx(1, abs=1e-5)
    with pytest.raises(UnusableInput, match="too small"):
        scale_exponents(64, 10)


def test_a_whole_photograph_is_scaled_down_and_never_up(tmp_path):
    Image.fromarray(np.zeros((30, 60, 3), np.uint8)).save(tmp_path / "a.png")
    assert read_picture(tmp_path / "a.png", 20).shape == (10, 20, 3)
    assert read_picture(tmp_path / "a.png", 100).shape == (30, 60, 3)
    (tmp_path / "b.png").write_text("no picture")
    for name in ("b.png", "c.png"):
        with pytest.raises(UnusableInput, match=name):
            read_picture(tmp_path / name, 100)


def test_the_command_draws_and_tells(tmp_path):
    out = tmp_path / "out.png"
    answer = run_lik("likeness", "--side", 48, "--mse", 200, "-o", out, "--json")
    assert answer.exit_code == 0, answer.output
    told = json.loads(answer.stdout)
    assert told["distortions"][0]["name"] in ("mean shift", "contrast")
    assert all(d["reached"] and d["mse"] == pytest.approx(200, rel=0.01)
               for d in told["distortions"])  # fmt: skip
    similarities = [d["ssim"] for d in told["distortions"]]
    assert similarities == sorted(similarities, reverse=True)
    assert Image.open(out).width > 3 * 256


def test_the_command_takes_a_photograph_and_refuses_what_cannot_be(tmp_path):
    photograph, out = tmp_path / "photograph.png", tmp_path / "b.png"
    Image.fromarray(render(sample_factors(1, 1), 64)[:40]).save(photograph)
    assert run_lik("likeness", photograph, "-o", tmp_path / "a.png").exit_code == 0
    for refused in (photograph, "--mse", 60_000), (tmp_path / "none.png",), ("--face",):
        assert run_lik("likeness", *refused, "-o", out).exit_code == 2
    assert not out.exists()


def test_features_are_taken_in_any_size():
    """A network is fed the picture as it is, so that nothing is smoothed away before."""
    seen = []

    def features(images):
        seen.append(tuple(images.shape))
        return (images,)

    measure_likeness(np.zeros((20, 30, 3)), np.ones((20, 30, 3)), features)
    assert seen == [(1, 3, 20, 30)] * 2


def test_networks_are_given_sides_that_they_can_halve(tmp_path, monkeypatch):
    monkeypatch.setattr(equal_error, "open_features", lambda *_: lambda images: (images,))
    photograph = tmp_path / "photograph.png"
    request = EqualErrorRequest(photograph, features="net")
    Image.fromarray(render(sample_factors(1, 1), 72)[:50]).save(photograph)
    equal = equal_error.distort_equally(request)
    assert equal.picture.shape == (32, 64, 3)
    assert all(measured.feature_distance > 0 for _, measured in equal.found)
    Image.fromarray(np.zeros((20, 72, 3), np.uint8)).save(photograph)
    with pytest.raises(UnusableInput, match="must have 32"):
        equal_error.distort_equally(request)
