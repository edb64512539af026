"""Distances and overlaps of sets: known answers, and the numbers of torchmetrics."""

import numpy as np
import pytest
import torch
from torch import nn
from torchmetrics.image.fid import FrechetInceptionDistance
from torchmetrics.image.kid import KernelInceptionDistance

from lik.core.errors import UnusableInput
from lik.evaluation.networks import FeatureNetwork
from lik.evaluation.sets import (
    RealFaces,
    frechet_distance,
    kernel_distance,
    maximum_mean_discrepancy,
    metrics_of_set,
    precision_recall,
)


def drawn(count, width=16, seed=0, shift=0.0, scale=1.0):
    stream = np.random.default_rng(seed)
    mixing = np.random.default_rng(99).normal(size=(width, width)) / width**0.5
    return (shift + scale * stream.normal(size=(count, width)) @ mixing).astype(np.float32)


class Same(nn.Module):
    """Features that are given as they are."""

    num_features = 16

    def forward(self, features):
        return features


def told(metric, first, second):
    metric.update(torch.from_numpy(first), real=True)
    metric.update(torch.from_numpy(second), real=False)
    return metric.compute()


class TestFrechet:
    def test_a_set_is_at_no_distance_from_itself(self):
        assert frechet_distance(drawn(300), drawn(300)) == pytest.approx(0, abs=1e-9)
        few = drawn(8)  # fewer faces than features: the covariance has no inverse
        assert frechet_distance(few, few) == pytest.approx(0, abs=1e-6)

    def test_disjoint_halves_come_nearer_with_their_number(self):
        counts = (50, 200, 1000, 5000)
        distances = [frechet_distance(drawn(n, seed=1), drawn(n, seed=2)) for n in counts]
        assert distances == sorted(distances, reverse=True)
        assert distances[-1] < 0.05 < distances[0]
        assert distances[-1] < frechet_distance(drawn(5000), drawn(5000, shift=0.5)) / 50

    def test_a_shift_is_squared_and_summed(self):
        features = drawn(500)
        assert frechet_distance(features, features + 0.5) == pytest.approx(16 * 0.25, rel=1e-5)
        spread = np.trace(np.cov(features, rowvar=False))  # σ → 2σ: (2 − 1)² tr Σ
        doubled = features.mean(0) + 2 * (features - features.mean(0))
        assert frechet_distance(features, doubled) == pytest.approx(spread, rel=1e-4)

    def test_it_is_the_number_of_torchmetrics(self):
        first, second = drawn(300), drawn(200, seed=5, shift=0.2, scale=1.3)
        theirs = told(FrechetInceptionDistance(feature=Same()), first, second)
        assert frechet_distance(first, second) == pytest.approx(float(theirs), rel=1e-4)
        assert frechet_distance(second, first) == pytest.approx(float(theirs), rel=1e-4)

    @pytest.mark.parametrize("wrong", [drawn(1), drawn(10, width=7), np.full((9, 16), np.nan)])
    def test_what_has_no_distance_is_refused(self, wrong):
        with pytest.raises(UnusableInput):
            frechet_distance(drawn(20), wrong)


class TestKernel:
    def test_it_is_the_number_of_torchmetrics(self):
        first, second = drawn(200), drawn(200, seed=5, shift=0.4)
        metric = KernelInceptionDistance(feature=Same(), subsets=3, subset_size=200)
        mean, _ = told(metric, first, second)  # each subset is the whole set
        ours = kernel_distance(first, second, subsets=3, members=200)
        assert ours.mean == pytest.approx(float(mean), rel=1e-4)
        assert ours.std == pytest.approx(0, abs=1e-9)

    def test_it_is_unbiased(self):
        pairs = [maximum_mean_discrepancy(drawn(50, seed=2 * i), drawn(50, seed=2 * i + 1))
                 for i in range(1, 61)]  # fmt: skip
        assert min(pairs) < 0 < max(pairs)
        assert abs(np.mean(pairs)) < 3 * np.std(pairs) / 60**0.5

    def test_a_seed_gives_the_same_subsets(self):
        one, same, other = (
            kernel_distance(drawn(300), drawn(300, seed=3), seed) for seed in (4, 4, 5)
        )
        assert one == same != other

    def test_more_members_than_faces_are_refused(self):
        with pytest.raises(UnusableInput, match="cannot be drawn from 20"):
            kernel_distance(drawn(20), drawn(40), members=21)


class TestPrecisionRecall:
    def test_a_set_lies_in_itself(self):
        same = precision_recall(drawn(200), drawn(200))
        assert (same.precision, same.recall, same.coverage) == (1, 1, 1)
        assert same.density == pytest.approx(1.2)  # each ball of the 5th neighbour holds 6 members

    def test_what_lies_far_off_does_not_lie_in_it(self):
        far = precision_recall(drawn(200), drawn(200, seed=1, shift=100))
        assert (far.precision, far.recall, far.density, far.coverage) == (0, 0, 0, 0)

    def test_one_face_again_and_again_is_precise_and_covers_nothing(self):
        real = drawn(200)
        one = real[:1] + 1e-3 * drawn(200, seed=1)
        found = precision_recall(real, one)
        assert found.precision == 1
        assert found.recall < 0.02
        assert found.coverage < 0.2

    def test_noise_beside_the_faces_costs_precision_and_no_recall(self):
        real = drawn(300, width=4)
        found = precision_recall(
            real, np.concatenate([real[:150] + 1e-4, drawn(150, 4, shift=1e3)])
        )
        assert found.precision == pytest.approx(0.5)
        assert found.recall > 0.9

    def test_blocks_change_nothing(self, monkeypatch):
        sets = drawn(90), drawn(70, seed=1)
        whole = precision_recall(*sets)
        monkeypatch.setattr("lik.evaluation.sets.BLOCK", 13)
        assert precision_recall(*sets) == whole

    def test_too_few_are_refused(self):
        with pytest.raises(UnusableInput, match="more than 5 faces"):
            precision_recall(drawn(5), drawn(50))


class TestMetrics:
    real = RealFaces(FeatureNetwork("net", "abc", lambda images: images), drawn(200))

    def metrics(self, *sets, real=real):
        return {f.key: f for f in metrics_of_set(real, "samples", sets, 0, 4)}

    def test_every_number_names_its_network_and_its_spread(self):
        for metric in self.metrics(drawn(200, seed=1)).values():
            assert "(net)" in metric.label
            assert "FID" not in metric.label
            assert metric.network.sha256 == "abc"
            assert metric.spread is not None
            assert metric.spread_of
            assert metric.count == 200

    def test_only_inception_gives_fid(self):
        inception = FeatureNetwork("Inception", "abc", lambda images: images, is_inception=True)
        real = RealFaces(inception, drawn(200))
        labels = [metric.label for metric in self.metrics(drawn(200, seed=1), real=real).values()]
        assert labels[:2] == ["FID of samples (Inception)", "KID of samples (Inception)"]

    def test_halves_of_one_set_tell_what_other_draws_would(self):
        """Means of both spreads over many trials agree within a factor of 1.6."""
        halves = [metrics_of_set(self.real, "samples", [drawn(200, seed=s)], s, 8)[2].spread
                  for s in range(8)]  # fmt: skip
        draws = metrics_of_set(
            self.real, "samples", [drawn(200, seed=s) for s in range(20)], 0, 20
        )[2].spread
        assert draws / 1.6 < np.mean(halves) < draws * 2.5
