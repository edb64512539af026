"""Scores of disentanglement, on an ideal code, an entangled one, and one that says nothing."""

import numpy as np
import pytest

from lik.core.errors import UnusableInput
from lik.evaluation.representation import (
    dci,
    factor_vae_score,
    is_of_classes,
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


def test_scale_and_order_of_dimensions_do_not_matter():
    truth = factors()
    code = entangled(truth)
    other = code[:, ::-1] * [1, 10, 3, -2, 0.5, 7]
    for name, score in SCORES.items():
        if name != "FactorVAE":  # whose threshold of a collapsed dimension has a scale
            assert score(code, truth) == pytest.approx(score(other, truth), abs=1e-6), name


def test_collapsed_dimensions_have_no_vote():
    truth = factors()
    code = np.column_stack([ideal(truth), 1e-3 * silent(truth)])
    assert factor_vae_score(code, truth) > 0.99
    assert factor_vae_score(0.001 * ideal(truth), truth) == 0


def test_factors_that_do_not_vary_are_left_out():
    truth = factors()
    still = np.column_stack([truth, np.ones(COUNT)])
    for name, score in SCORES.items():
        assert score(ideal(truth), still) == pytest.approx(score(ideal(truth), truth)), name


def test_kinds_of_factors():
    assert is_of_classes(np.array([0.0, 1.0, 1.0]))
    assert not is_of_classes(np.array([0.0, 0.5, 1.0]))
    assert not is_of_classes(np.arange(40.0))


def test_too_little_is_refused():
    truth = factors()
    for codes, known in ((ideal(truth)[:5], truth[:5]), (ideal(truth)[:, :1], truth)):
        with pytest.raises(UnusableInput, match="at least 10 faces"):
            mutual_information_gap(codes, known)
