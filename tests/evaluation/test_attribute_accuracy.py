import numpy as np
import pytest

from lik.core.errors import UnusableInput
from lik.evaluation.accuracy import attribute_accuracy

NAN = np.nan
LABELS = np.array([[1, 0, NAN], [0, 0, NAN], [0, 0, NAN], [0, NAN, NAN]])


def test_counted_by_hand():
    logits = np.array([[2.0, -1, 5], [1, -1, 5], [-1, 3, 5], [-1, 9, 5]])
    found = attribute_accuracy(logits, LABELS)
    assert found.faces == 4
    assert found.known.tolist() == [4, 3, 0]
    np.testing.assert_allclose(found.share, [0.25, 0, NAN])
    np.testing.assert_allclose(found.accuracy, [0.75, 2 / 3, NAN])
    np.testing.assert_allclose(found.majority, [0.75, 1, NAN])
    np.testing.assert_allclose(found.balanced, [(1 + 2 / 3) / 2, NAN, NAN])
    assert found.mean == pytest.approx((0.75 + 2 / 3) / 2)
    assert found.mean_balanced == pytest.approx((1 + 2 / 3) / 2)
    of_faces = [1, 0.5, 0.5, 1]
    assert found.error == pytest.approx(np.std(of_faces, ddof=1) / 2)


def test_answers_that_are_right_and_answers_that_do_not_look():
    labels = (np.random.default_rng(0).random((200, 5)) < 0.2).astype(float)
    right = attribute_accuracy(labels - 0.5, labels)
    assert right.mean == right.mean_balanced == 1
    never = attribute_accuracy(np.full(labels.shape, -1.0), labels)
    np.testing.assert_allclose(never.accuracy, never.majority)
    np.testing.assert_allclose(never.balanced, 0.5)


def test_the_majority_may_be_that_of_other_faces():
    usual = np.array([True, False, False])
    found = attribute_accuracy(np.zeros(LABELS.shape), LABELS, usual)
    np.testing.assert_allclose(found.majority, [0.25, 1, NAN])


@pytest.mark.parametrize(
    ("logits", "labels"),
    [(np.zeros((2, 3)), np.zeros((2, 2))), (np.zeros((2, 2)), np.full((2, 2), NAN))],
)
def test_what_cannot_be_measured_is_said(logits, labels):
    with pytest.raises(UnusableInput):
        attribute_accuracy(logits, labels)
