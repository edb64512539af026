"""Linear probes and the distance of faces in the maps of a network."""

import numpy as np
import pytest
import torch

from lik.core.errors import UnusableInput
from lik.evaluation.feature_distance import feature_distance
from lik.evaluation.fidelity import scale_exponents
from lik.evaluation.probes import linear_probes


def coded(count, seed):
    """Codes (N, 4) whose first dimension tells 'told', and nothing tells 'secret'."""
    stream = np.random.default_rng(seed)
    codes = stream.normal(size=(count, 4)).astype(np.float32)
    told, secret = np.sign(codes[:, 0] + 0.5), np.sign(stream.normal(size=count) + 0.5)
    return codes, np.column_stack([told, secret, np.ones(count)])


def test_a_probe_reads_what_the_code_tells_and_nothing_else():
    train, labels = coded(600, 0)
    codes, truths = coded(400, 1)
    told, secret = linear_probes(train, labels, codes, truths, ["told", "secret", "all"])
    assert told.accuracy > 0.97
    assert told.majority == pytest.approx((truths[:, 0] > 0).mean())
    assert secret.accuracy <= secret.majority + 0.03
    assert secret.balanced == pytest.approx(0.5, abs=0.06)
    assert told.hits.mean() == told.accuracy


def test_unknown_labels_are_neither_learned_nor_asked():
    train, labels = coded(600, 0)
    codes, truths = coded(400, 1)
    labels[:200, 0], truths[:100, 0] = np.nan, np.nan
    told, _ = linear_probes(train, labels, codes, truths, ["told", "secret", "all"])
    assert told.images == 300
    assert np.isnan(told.hits[:100]).all()
    assert told.accuracy > 0.97


def test_without_training_faces_there_is_nothing_to_learn():
    codes, truths = coded(10, 1)
    with pytest.raises(UnusableInput, match="train split"):
        linear_probes(codes[:0], truths[:0], codes, truths, ["a", "b", "c"])


class Maps:
    """The image, and its halves in size: maps of two depths."""

    def features(self, images):
        return images, torch.nn.functional.avg_pool2d(images, 2)


def test_distances_of_faces():
    one, other = torch.rand(5, 3, 8, 8), torch.rand(5, 3, 8, 8)
    torch.testing.assert_close(feature_distance(one, one, Maps()), torch.zeros(5).double())
    there, back = (feature_distance(*pair, Maps()) for pair in ((one, other), (other, one)))
    torch.testing.assert_close(there, back)
    assert there.shape == (5,)
    assert (there > 0).all()
    near = feature_distance(one, one + 0.01 * other, Maps())
    assert (near < there / 10).all()
    # vectors of length 1 that stand at right angles are at a squared distance of 2
    red, green = torch.zeros(2, 1, 3, 8, 8).unbind()
    red[:, 0], green[:, 1] = 1, 1
    torch.testing.assert_close(feature_distance(red, green, Maps()), torch.tensor([2.0]).double())


def test_scales_that_a_picture_has_room_for():
    assert [len(scale_exponents(size)) for size in (16, 64, 176)] == [1, 3, 5]
    assert sum(scale_exponents(64)) == pytest.approx(1)
