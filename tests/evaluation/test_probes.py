"""Linear probes, on codes that tell one thing and not another."""

import numpy as np
import pytest

from lik.core.errors import UnusableInput
from lik.evaluation.representation import linear_probes


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
