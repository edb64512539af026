"""The quick forms of transposed convolutions compute what PyTorch's own operator does."""

import copy

import pytest
import torch
from torch import nn

from lik.models.paper import SameConvTranspose
from lik.training.fast import quicken
from lik.training.fast.convolutions import FEW_CHANNELS, double

LAYERS = {
    "4x4 to a picture": lambda: nn.ConvTranspose2d(5, 3, 4, 2, 1),
    "4x4 to many channels": lambda: nn.ConvTranspose2d(5, FEW_CHANNELS + 1, 4, 2, 1),
    "3x3": lambda: SameConvTranspose(5, 3),
}


def pair(make):
    """A plain layer, and a quick one with the same weights."""
    torch.manual_seed(0)
    plain = make()
    quick = copy.deepcopy(plain)
    quicken(quick)
    return plain, quick


def outcome(layer, features):
    """The output, and the gradients of a weighted sum of it."""
    features = features.clone().requires_grad_()
    output = layer(features)
    weights = torch.randn(output.shape, generator=torch.Generator().manual_seed(2))
    (output * weights.to(output.dtype)).sum().backward()
    gradients = [parameter.grad for parameter in layer.parameters()]
    layer.zero_grad()
    return [output.detach(), features.grad, *gradients]


@pytest.mark.parametrize("memory", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("size", [(1, 1), (1, 6), (5, 3), (8, 8)], ids=str)
@pytest.mark.parametrize("make", LAYERS.values(), ids=LAYERS)
def test_outputs_and_gradients_are_those_of_the_usual_operator(make, size, training, memory):
    plain, quick = pair(make)
    assert type(quick) is not type(plain)
    features = torch.randn(2, 5, *size).contiguous(memory_format=memory)
    ours, theirs = outcome(quick.train(training), features), outcome(plain, features)
    assert len(ours) == len(theirs) == 4
    for one, other in zip(ours, theirs, strict=True):
        assert one.shape == other.shape
        torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-5)
    assert quick.state_dict().keys() == plain.state_dict().keys()


def test_the_gradients_of_the_sub_pixel_form_are_its_own():
    torch.manual_seed(0)
    features = torch.randn(2, 3, 2, 3, dtype=torch.float64, requires_grad=True)
    weight = torch.randn(3, 2, 4, 4, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(double, (features, weight))
    assert torch.autograd.gradgradcheck(double, (features, weight))


@pytest.mark.parametrize("make", LAYERS.values(), ids=LAYERS)
def test_in_bfloat16_they_round_no_more_than_the_usual_operator(make):
    (plain, quick), features = pair(make), torch.randn(2, 5, 6, 6)
    exact = outcome(plain, features)
    with torch.autocast("cpu", torch.bfloat16):
        ours, usual = outcome(quick, features), outcome(plain, features)
    assert ours[0].dtype == torch.bfloat16
    assert all(gradient.dtype == torch.float32 for gradient in ours[1:])
    for one, other, true in zip(ours, usual, exact, strict=True):
        assert (one - true).norm() < 1.5 * (other - true).norm() + 1e-3 * true.norm()
