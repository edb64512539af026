"""Probes and scores of disentanglement, on codes that tell a thing and codes that do not."""

import numpy as np
import pytest

from lik.core.errors import UnusableInput
from lik.evaluation.representation import (
    dci,
    factor_vae_score,
    is_of_classes,
    linear_probes,
    mutual_information_gap,
    separated_attribute_predictability,
)

COUNT = 2000


def factors(seed=0, count=COUNT):
    """Three quantities, a flag, and four classes."""
    stream = np.random.default_rng(seed)
    return np.column_stack(
        [stream.uniform(-1, 1, (count, 3)), stream.random(count) < 0.5,
         stream.integers(0, 4, count)]
    ).astype(float)  # fmt: skip


def ideal(truth):
    """Each factor in a dimension of its own, in another order and scale, and one of noise."""
    noise = np.random.default_rng(7).normal(size=len(truth))
    one_each = np.column_stack([3 * truth[:, 2], -2 * truth[:, 0], truth[:, 3], 5 * truth[:, 1]])
    return np.column_stack([one_each, truth[:, 4], noise])


def entangled(truth):
    """The same, turned, so that every dimension has something of every factor."""
    code = ideal(truth) / ideal(truth).std(axis=0)
    turn, _ = np.linalg.qr(np.random.default_rng(5).normal(size=(6, 6)))
    return code @ turn


def silent(truth):
    return np.random.default_rng(11).normal(size=(len(truth), 6))


SCORES = {
    "MIG": mutual_information_gap,
    "SAP": separated_attribute_predictability,
    "FactorVAE": factor_vae_score,
    "disentanglement": lambda c, f: dci(c, f, c, f).disentanglement,
    "completeness": lambda c, f: dci(c, f, c, f).completeness,
}


@pytest.mark.parametrize(
    ("name", "high", "turned", "low"),
    [
        ("MIG", 0.85, 0.25, 0.02),
        ("SAP", 0.85, 0.35, 0.02),
        ("FactorVAE", 0.99, 0.9, 0.45),
        ("disentanglement", 0.9, 0.4, 1.0),
        ("completeness", 0.9, 0.4, 1.0),
    ],
)
def test_known_answers(name, high, turned, low):
    score, truth = SCORES[name], factors()
    assert score(ideal(truth), truth) >= high
    assert score(entangled(truth), truth) <= turned
    assert score(silent(truth), truth) <= low


def test_what_a_code_tells_is_tried_on_other_faces():
    truth, other = factors(0), factors(1)
    code, unseen = entangled(truth), entangled(other)
    assert dci(code, truth, unseen, other).informativeness > 0.8
    assert dci(silent(truth), truth, silent(other), other).informativeness < 0.05


def test_neither_scale_nor_order_of_dimensions_matter_nor_factors_that_do_not_vary():
    truth = factors()
    code = entangled(truth)
    other = code[:, ::-1] * [1, 10, 3, -2, 0.5, 7]
    still = np.column_stack([truth, np.ones(COUNT)])
    for name, score in SCORES.items():
        found = score(code, truth)
        assert score(code, still) == pytest.approx(found), name
        if name != "FactorVAE":  # whose threshold of a collapsed dimension has a scale
            assert score(other, truth) == pytest.approx(found, abs=1e-6), name


def test_collapsed_dimensions_have_no_vote():
    truth = factors()
    code = np.column_stack([ideal(truth), 1e-3 * silent(truth)])
    assert factor_vae_score(code, truth) > 0.99
    assert factor_vae_score(0.001 * ideal(truth), truth) == 0


def test_kinds_of_factors():
    found = [is_of_classes(np.array(f)) for f in ([0.0, 1, 1], [0.0, 0.5, 1.0], range(40))]
    assert found == [True, False, False]


def test_too_little_is_refused():
    truth = factors()
    for codes, known in ((ideal(truth)[:5], truth[:5]), (ideal(truth)[:, :1], truth)):
        with pytest.raises(UnusableInput, match="at least 10 faces"):
            mutual_information_gap(codes, known)


def coded(count, seed):
    """Codes (N, 4) whose first dimension tells 'told', and nothing tells 'secret'."""
    stream = np.random.default_rng(seed)
    codes = stream.normal(size=(count, 4)).astype(np.float32)
    told, secret = np.sign(codes[:, 0] + 0.5), np.sign(stream.normal(size=count) + 0.5)
    return codes, np.column_stack([told, secret, np.ones(count)])


NAMES = ["told", "secret", "all"]


def test_a_probe_reads_what_the_code_tells_and_nothing_else():
    codes, truths = coded(400, 1)
    told, secret = linear_probes(*coded(600, 0), codes, truths, NAMES)
    assert told.accuracy > 0.97
    assert told.majority == pytest.approx((truths[:, 0] > 0).mean())
    assert secret.accuracy <= secret.majority + 0.03
    assert secret.balanced == pytest.approx(0.5, abs=0.06)
    assert told.hits.mean() == told.accuracy


def test_unknown_labels_are_neither_learned_nor_asked():
    train, labels = coded(600, 0)
    codes, truths = coded(400, 1)
    labels[:200, 0], truths[:100, 0] = np.nan, np.nan
    told, _ = linear_probes(train, labels, codes, truths, NAMES)
    assert told.images == 300
    assert np.isnan(told.hits[:100]).all()
    assert told.accuracy > 0.97


def test_without_training_faces_there_is_nothing_to_learn():
    codes, truths = coded(10, 1)
    with pytest.raises(UnusableInput, match="train split"):
        linear_probes(codes[:0], truths[:0], codes, truths, NAMES)
