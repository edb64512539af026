"""Changes against the truth: exactly the true change has no error, none at all has all of it."""

import math
from dataclasses import asdict

import numpy as np
import pytest
import torch
from torch import nn

from lik.evaluation.counterfactuals import (
    CounterfactualReferences,
    ReferencedMetrics,
    counterfactual_error,
    factor_leakage,
    fit_reader,
    pixels_read,
)
from lik.evaluation.edit_metrics import ClassifiedFaces, at_success, away, sweep
from lik.faces.drawn.redrawing import counterfactuals
from lik.latent.session import Session


class Pixels(nn.Module):
    """A code that is the picture itself, so that every true change can be made exactly."""

    size, latent = 16, 3 * 16 * 16
    noise_width = latent

    def encode(self, images):
        from lik.core.gaussian import DiagonalGaussian

        flat = images.flatten(1)
        return DiagonalGaussian(flat, torch.zeros_like(flat))

    def decode(self, codes):
        return codes.view(-1, 3, 16, 16)


@pytest.fixture(scope="module")
def truth(faces):
    """The truth of all 64 faces, before a judge that sees glasses in the labels themselves."""
    session = Session(Pixels(), {}, "pixels")
    codes = session.encode(faces.images)
    target = faces.attribute_names.index("Eyeglasses")
    weights = np.linalg.lstsq(
        np.c_[codes, np.ones(64)], faces.attributes[:, target : target + 2], rcond=None
    )[0]

    def judge(codes):
        images = torch.cat(list(session.decode_batches(codes))).numpy()
        return ClassifiedFaces(
            np.c_[codes, np.ones(len(codes))] @ weights, codes[:, ::16].copy(), images
        )

    made = CounterfactualReferences(session, faces, faces.indices(), judge, judge(codes))
    return made, judge, codes


def true_change(truth):
    made, judge, codes = truth
    before = judge(codes)
    return made.of("Eyeglasses", 0, away(before.logits[:, 0]), codes, np.ones(2))


def test_the_true_change_has_no_error_and_no_change_has_1(truth, faces):
    made, judge, codes = truth
    true, before = true_change(truth), judge(codes)
    assert len(true.places) == 64
    drawn = counterfactuals(faces, faces.indices(), "Eyeglasses", away(before.logits[:, 0]))
    exactly = made.session.encode(drawn.pictures)
    half = codes + 0.5 * (exactly - codes)
    changes = sweep(
        judge, [(0.5, half), (1.0, exactly)], before, 0, np.ones(2), enough=2, beside=true.beside
    )
    found = [change.counterfactual_error for change in changes]
    np.testing.assert_allclose(found, [1, 0.25, 0], atol=1e-6)
    assert changes[0].factor_leakage == 0
    assert changes[2].factor_leakage == pytest.approx(true.change.factor_leakage, rel=1e-5)
    assert true.change.counterfactual_error == 0


def test_a_change_besides_the_true_one_counts_for_both(truth, faces):
    made, true = truth[0], true_change(truth)
    beside = true.after.copy()
    beside[:, :, :5] += 0.3  # a lighter wall
    assert counterfactual_error(true.before, true.after, true.after) == 0
    assert counterfactual_error(true.before, beside, true.after) > 0
    assert counterfactual_error(true.before, true.before, true.after) == 1
    more = factor_leakage(made.reader, true.before, beside, "Eyeglasses")
    assert more > true.change.factor_leakage


def test_figures_beside_the_truth_are_interpolated_as_the_others(truth, faces):
    made, judge, codes = truth
    true, before = true_change(truth), judge(codes)
    drawn = counterfactuals(faces, faces.indices(), "Eyeglasses", away(before.logits[:, 0]))
    way = made.session.encode(drawn.pictures) - codes
    moves = [(s, codes + np.float32(s) * way) for s in (0.25, 2.0)]
    none, little, much = sweep(
        judge, moves, before, 0, np.ones(2), enough=2, beside=true.beside
    )  # fmt: skip
    assert little.flipped < 0.5 < much.flipped
    found = at_success([none, little, much], 0.5)
    part = (0.5 - little.flipped) / (much.flipped - little.flipped)
    for name in ("counterfactual_error", "factor_leakage", "leakage"):
        values = [getattr(change, name) for change in (little, much)]
        assert getattr(found, name) == pytest.approx(values @ np.array([1 - part, part]))
    assert isinstance(found, ReferencedMetrics)


def test_where_no_face_has_a_counterfactual_there_is_no_figure(truth):
    made, judge, codes = truth
    true = made.of("Young", 0, np.ones(64), codes, np.ones(2))
    assert true.change is None
    (plain,) = sweep(judge, [], judge(codes), 0, np.ones(2))
    beside = true.beside(plain, judge(codes))
    assert beside.counterfactual_error is None
    assert beside.factor_leakage is None


def test_plain_changes_have_no_such_figures(truth):
    _, judge, codes = truth
    (only,) = sweep(judge, [], judge(codes), 0, np.ones(2))
    assert "counterfactual_error" not in asdict(only)
    assert "factor_leakage" not in asdict(only)


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
    assert pixels_read(images).shape == (2, 3 * 32 * 32)
    assert pixels_read(images)[1] == pytest.approx(0.5)
    assert pixels_read(images[:, :, :16, :16]).shape == (2, 3 * 16 * 16)
    assert not math.isnan(pixels_read(images).sum())
