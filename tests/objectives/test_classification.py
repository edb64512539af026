import math

import pytest
import torch

from lik.objectives.augmentation import NUMBERS, augment
from lik.objectives.classification import (
    ClassificationSettings,
    classification,
    cross_entropy,
    over_known,
)

NAN = math.nan


def gradient_of_unknowns(labels):
    logits = torch.randn(labels.shape, requires_grad=True)
    over_known(cross_entropy(logits, labels), labels).sum().backward()
    return logits.grad[labels.isnan()]


def test_an_answer_of_no_opinion_costs_one_bit():
    labels = torch.tensor([[1.0, 0.0, NAN], [1.0, 1.0, 1.0]])
    terms = classification(
        ClassificationSettings(), lambda images: torch.zeros(2, 3), torch.rand(2, 3, 8, 8), labels
    )
    torch.testing.assert_close(terms["loss"], torch.full((2,), math.log(2)))
    torch.testing.assert_close(terms["accuracy"], torch.tensor([0.5, 0.0]))


def test_unknown_labels_count_for_nothing():
    labels = torch.tensor([[1.0, NAN], [NAN, NAN]])
    for wild in (0.0, 1e4, -1e4):
        logits = torch.tensor([[1.0, wild], [wild, wild]])
        loss = over_known(cross_entropy(logits, labels), labels)
        torch.testing.assert_close(loss, torch.tensor([math.log1p(math.exp(-1)), 0.0]))
    assert not gradient_of_unknowns(labels).any()


def test_smoothed_labels_are_best_met_by_a_doubt():
    labels = torch.ones(1, 1)
    best = torch.logit(torch.tensor([[0.95]]))
    losses = [float(cross_entropy(best + off, labels, 0.1)) for off in (-0.5, 0, 0.5)]
    assert min(losses) == losses[1]


def test_no_noise_disturbs_nothing():
    images = torch.rand(3, 3, 16, 16)
    found = augment(images, torch.zeros(3, NUMBERS), ClassificationSettings())
    torch.testing.assert_close(found, images, atol=1e-5, rtol=0)


@pytest.mark.parametrize("number", range(NUMBERS))
def test_every_number_disturbs_and_no_further_than_twice_its_measure(number):
    images = torch.rand(1, 3, 16, 16)
    noise = torch.zeros(2, NUMBERS)
    noise[:, number] = torch.tensor([2.0, 50.0])
    found = augment(images.expand(2, -1, -1, -1), noise, ClassificationSettings())
    assert not torch.allclose(found[:1], images, atol=1e-3)
    torch.testing.assert_close(found[0], found[1])
    assert 0 <= found.min() <= found.max() <= 1


def test_a_shift_moves_by_its_share_of_the_side():
    images = torch.zeros(1, 3, 16, 16)
    images[:, :, 8, 8] = 1
    noise = torch.zeros(1, NUMBERS)
    noise[:, 2] = 1
    found = augment(images, noise, ClassificationSettings(shift=2 / 16))
    assert found[0, 0, 8, 6] == pytest.approx(1, abs=1e-4)
