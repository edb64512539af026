"""Metrics of edits, and edits against the truth: exactly the true change has no error."""

from dataclasses import asdict

import numpy as np
import pytest
import torch
from torch import nn

from lik.core.gaussian import DiagonalGaussian
from lik.core.reference import eyes_in_crop
from lik.evaluation.counterfactuals import (
    CounterfactualReferences,
    ReferencedMetrics,
    counterfactual_error,
    factor_leakage,
    fit_reader,
    pixels_read,
)
from lik.evaluation.edit_metrics import (
    ClassifiedFaces,
    at_success,
    away,
    eyes_of,
    measure_edit,
    region_of,
    sweep,
)
from lik.faces.crop.cropping import (
    AlignedCrop,
    FaceCrop,
    FixedCrop,
    PaperCrop,
    WholeCrop,
    eyes_under,
)
from lik.faces.drawn.redrawing import counterfactuals
from lik.latent.session import Session


def classify(codes):
    """Three logits read off the code; features too; pictures of the first number in one corner."""
    images = np.zeros((len(codes), 3, 8, 8), np.float32)
    images[:, :, 0, 0] = codes[:, 0, None]
    return ClassifiedFaces(codes[:, :3].copy(), codes.copy(), images)


@pytest.fixture
def codes():
    return np.random.default_rng(0).standard_normal((400, 6)).astype(np.float32)


def test_no_change_is_none(codes):
    found = measure_edit(0, classify(codes), classify(codes), 0, np.ones(3))
    assert (found.flipped, found.leakage, found.others_flipped, found.pixels) == (0, 0, 0, 0)
    assert found.identity == pytest.approx(1)


def test_leakage_is_the_movement_of_the_others_in_their_own_std(codes):
    moved = codes + np.array([9, 1, 0, 0, 0, 0], np.float32)
    found = measure_edit(1, classify(codes), classify(moved), 0, np.array([1, 0.5, 1]))
    assert found.leakage == pytest.approx((1 / 0.5 + 0) / 2, rel=1e-5)
    assert found.flipped == pytest.approx((codes[:, 0] <= 0).mean())
    # Along the target's own direction, who it is does not change.
    along = codes + np.array([2, 0, 0, 0, 0, 0], np.float32)
    assert measure_edit(1, classify(codes), classify(along), 0, np.ones(3)).identity > 0.999


def test_what_is_painted_outside_is_told(codes):
    nowhere, corner = np.zeros((8, 8), bool), np.arange(64).reshape(8, 8) == 0
    for region, outside in ((nowhere, 1), (corner, 0), (None, np.nan)):
        found = measure_edit(1, classify(codes), classify(codes + 1), 0, np.ones(3), region)
        assert found.outside == pytest.approx(outside, nan_ok=True)


def test_methods_are_compared_at_equal_success(codes):
    signs = away(codes[:, 0])[:, None]
    step = np.array([1, 0.5, 0, 0, 0, 0], np.float32)
    moves = [(s, codes + np.float32(s) * signs * step) for s in np.linspace(0.1, 4, 40)]
    changes = sweep(classify, moves, classify(codes), 0, np.ones(3))
    assert changes[-1].flipped >= 0.95 > changes[-2].flipped
    half = at_success(changes, 0.5)
    assert half.flipped == pytest.approx(0.5)
    assert half.strength == pytest.approx(np.median(np.abs(codes[:, 0])), abs=0.05)
    assert half.leakage == pytest.approx(half.strength * 0.5 / 2, rel=1e-3)
    assert at_success(changes[:3], 0.8) is None


def test_regions_are_where_the_traits_are():
    eyes = eyes_in_crop()
    for trait, inside, outside in (
        ("Mouth_Slightly_Open", (50, 32), (20, 32)), ("Blond_Hair", (2, 2), (40, 32)),
    ):  # fmt: skip
        region = region_of(trait, 64, eyes)
        assert region[inside]
        assert not region[outside]
    assert region_of("Male", 64, eyes) is None
    assert region_of("Smiling", 64, None) is None


def test_regions_go_along_with_the_eyes():
    wide = region_of("Eyeglasses", 64, eyes_in_crop(2.0))
    rows, columns = np.nonzero(wide)
    assert (rows.min(), rows.max() + 1) == (26, 36)  # 0.3 and 0.62, half as far from the middle
    assert (columns.min(), columns.max() + 1) == (19, 45)
    # In a crop half as wide, the frame of glasses leaves the picture on both sides.
    assert region_of("Eyeglasses", 64, eyes_in_crop(0.5)).any(axis=0).all()


@pytest.mark.parametrize(
    ("rule", "eyes"),
    [
        (AlignedCrop(), eyes_in_crop()),
        (AlignedCrop(widen=1.4), eyes_in_crop(1.4)),
        (FixedCrop(widen=1.4), eyes_in_crop(1.4)),
        (FaceCrop(), eyes_in_crop()),
        (FaceCrop(factor=2 * 1.2075), eyes_in_crop(2)),
        (FixedCrop(x=3, y=3, side=64), None),
        (PaperCrop(), None),
        (WholeCrop(), None),
    ],
)
def test_the_eyes_are_where_the_rule_puts_them(rule, eyes):
    found = eyes_under(rule)
    assert (found is None) == (eyes is None)
    if eyes:
        np.testing.assert_allclose(found, eyes, atol=1e-9)


def test_a_crop_further_down_has_its_eyes_further_up():
    (_, frame), (_, lower) = (eyes_under(FaceCrop(down=down))[0] for down in (-0.0790, 0.0210))
    assert frame - lower == pytest.approx(0.1 / 1.2075)


def test_drawn_faces_are_drawn_into_the_frame(faces):
    assert faces.crop["kind"] == "whole"
    assert eyes_of(faces) == eyes_in_crop()


class Pixels(nn.Module):
    """A code that is the picture itself, so that every true change can be made exactly."""

    size, latent = 16, 3 * 16 * 16
    noise_width = latent

    def encode(self, images):
        flat = images.flatten(1)
        return DiagonalGaussian(flat, torch.zeros_like(flat))

    def decode(self, codes):
        return codes.view(-1, 3, 16, 16)


@pytest.fixture(scope="module")
def truth(faces):
    """All 64 faces before a classifier that sees glasses in the labels: codes, the true ones,
    how to classify codes, what is true of the faces, and the true change of glasses."""
    session = Session(Pixels(), {}, "pixels")
    codes = session.encode(faces.images)
    target = faces.attribute_names.index("Eyeglasses")
    weights = np.linalg.lstsq(
        np.c_[codes, np.ones(64)], faces.attributes[:, target : target + 2], rcond=None
    )[0]

    def classify(codes):
        images = torch.cat(list(session.decode_batches(codes))).numpy()
        logits = np.c_[codes, np.ones(len(codes))] @ weights
        return ClassifiedFaces(logits, codes[:, ::16].copy(), images)

    made = CounterfactualReferences(session, faces, faces.indices(), classify, classify(codes))
    signs = away(classify(codes).logits[:, 0])
    drawn = counterfactuals(faces, faces.indices(), "Eyeglasses", signs)
    true = made.of("Eyeglasses", 0, signs, codes, np.ones(2))
    return codes, session.encode(drawn.pictures), classify, made, true


def swept(truth, strengths, beside=None):
    """Metrics on the way to the true codes, the first of no edit at all."""
    codes, exactly, classify, _, _ = truth
    moves = [(s, codes + np.float32(s) * (exactly - codes)) for s in strengths]
    return sweep(classify, moves, classify(codes), 0, np.ones(2), enough=2, beside=beside)


def test_the_true_change_has_no_error_and_no_change_has_1(truth):
    true = truth[-1]
    assert len(true.places) == 64
    found = swept(truth, [0.5, 1.0], true.beside)
    errors = [metrics.counterfactual_error for metrics in found]
    np.testing.assert_allclose(errors, [1, 0.25, 0], atol=1e-6)
    assert found[0].factor_leakage == 0
    assert found[2].factor_leakage == pytest.approx(true.change.factor_leakage, rel=1e-5)
    assert true.change.counterfactual_error == 0


def test_a_change_besides_the_true_one_counts_for_both(truth):
    made, true = truth[-2:]
    beside = true.after.copy()
    beside[:, :, :5] += 0.3  # a lighter wall
    assert counterfactual_error(true.before, true.after, true.after) == 0
    assert counterfactual_error(true.before, beside, true.after) > 0
    assert counterfactual_error(true.before, true.before, true.after) == 1
    more = factor_leakage(made.reader, true.before, beside, "Eyeglasses")
    assert more > true.change.factor_leakage


def test_figures_beside_the_truth_are_interpolated_as_the_others(truth):
    none, little, much = swept(truth, (0.25, 2.0), truth[-1].beside)
    assert little.flipped < 0.5 < much.flipped
    found = at_success([none, little, much], 0.5)
    part = (0.5 - little.flipped) / (much.flipped - little.flipped)
    for name in ("counterfactual_error", "factor_leakage", "leakage"):
        values = [getattr(metrics, name) for metrics in (little, much)]
        assert getattr(found, name) == pytest.approx(values @ np.array([1 - part, part]))
    assert isinstance(found, ReferencedMetrics)


def test_without_the_truth_or_a_counterfactual_there_is_no_figure(truth):
    codes, _, classify, made, _ = truth
    none = made.of("Young", 0, np.ones(64), codes, np.ones(2))
    assert none.change is None
    (plain,) = swept(truth, [])
    assert not {"counterfactual_error", "factor_leakage"} & asdict(plain).keys()
    beside = none.beside(plain, classify(codes))
    assert beside.counterfactual_error is None
    assert beside.factor_leakage is None


def test_factors_are_read_in_their_own_spread():
    stream = np.random.default_rng(0)
    factors = np.column_stack([
        stream.uniform(0, 5, 900), stream.random(900) < 0.3, stream.integers(0, 3, 900),
        stream.normal(size=900), np.ones(900),
    ])  # fmt: skip
    kinds = factors[:, 2, None] == np.arange(3)
    features = np.column_stack([2 * factors[:, 0], factors[:, 1], kinds, stream.normal(size=900)])
    reader = fit_reader(features, factors, ["size", "flag", "kind", "unseen", "same"])
    assert reader.names == ("size", "flag", "kind", "kind", "kind")
    assert set(reader.factors) == {"size", "flag", "kind"}
    assert (reader.r2 > 0.98).all()
    read = reader.read(features)
    assert np.abs(read.mean(axis=0)).max() < 0.05
    np.testing.assert_allclose(read.std(axis=0), 1, atol=0.05)
    moved = features.copy()
    moved[:, 0] += 2 * factors[:, 0].std()
    np.testing.assert_allclose((reader.read(moved) - read)[:, 0], 1, atol=0.05)
    assert list(reader.of_others(["kind"])) == [True, True, False, False, False]


def test_pixels_are_averaged_before_they_are_read():
    images = np.zeros((2, 3, 64, 64), np.float32)
    images[1] = 0.5
    for given, side in ((images, 32), (images[:, :, :16, :16], 16)):
        expected = np.repeat([[0], [0.5]], 3 * side * side, axis=1)
        np.testing.assert_allclose(pixels_read(given), expected)
