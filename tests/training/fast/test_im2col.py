"""Convolutions as matrix products compute what PyTorch's own operators do."""

import copy

import pytest
import torch
from torch import nn
from torch.func import functional_call
from torch.nn import functional as F  # noqa: N812

from lik.core.randomness import torch_stream
from lik.models.paper import GaussianHeads, SameConvTranspose
from lik.training.batches import Batch, Noise
from lik.training.fast import Acceleration, InPrecision, convolutions, quick_loss, quicken
from lik.training.recipe import load_recipe


def outcome(run, *tensors):
    """The result, and the gradients of a weighted sum of it."""
    tensors = [tensor.clone().requires_grad_() for tensor in tensors]
    result = run(*tensors)
    weights = torch.randn(result.shape, generator=torch.Generator().manual_seed(2))
    return [result, *torch.autograd.grad(result, tensors, weights.to(result.dtype))]


def assert_alike(one, other):
    for ours, theirs in zip(one, other, strict=True):
        assert ours.shape == theirs.shape
        torch.testing.assert_close(ours, theirs, rtol=1e-10, atol=1e-10)


@pytest.fixture(params=[torch.contiguous_format, torch.channels_last], ids=str)
def maps(request):
    """Small (2, 5, 3, 4), large (2, 7, 6, 8) and weights (5, 7, 4, 4), in float64."""
    torch.manual_seed(0)
    shapes = [(2, 5, 3, 4), (2, 7, 6, 8), (5, 7, 4, 4)]
    drawn = (torch.randn(shape, dtype=torch.float64) for shape in shapes)
    return [tensor.contiguous(memory_format=request.param) for tensor in drawn]


def test_halving(maps):
    _, large, weight = maps
    usual = outcome(lambda x, w: F.conv2d(x, w, None, 2, 1), large, weight)
    assert_alike(outcome(convolutions.halve, large, weight), usual)


@pytest.mark.parametrize("padding", [0, 1])
def test_doubling(maps, padding):
    small, _, weight = maps

    def usual(x, w):
        return F.conv_transpose2d(x, w, None, 2, padding)[:, :, :6, :8]

    quick = outcome(lambda x, w: convolutions.double(x, w, padding), small, weight)
    assert_alike(quick, outcome(usual, small, weight))


def test_putting_windows_together_is_the_adjoint_of_taking_them(maps):
    _, large, _ = maps
    for padding in (0, 1):
        columns = convolutions.im2col(large, padding)
        other = torch.randn_like(columns)
        together = convolutions.col2im(other, (2, 3, 4), padding)
        assert float((columns * other).sum()) == pytest.approx(float((large * together).sum()))


def outcome_of_layer(layer, features):
    """The result, and the gradients of a weighted sum of it for features and weights."""
    names, weights = zip(*layer.named_parameters(), strict=True)

    def run(features, *weights):
        return functional_call(layer, dict(zip(names, weights, strict=True)), features)

    return outcome(run, features, *(weight.detach() for weight in weights))


@pytest.mark.parametrize(
    "make", [lambda: nn.Conv2d(5, 7, 4, 2, 1), lambda: nn.Conv2d(5, 7, 1),
             lambda: nn.ConvTranspose2d(5, 7, 4, 2, 1), lambda: SameConvTranspose(5, 7)],
)  # fmt: skip
def test_layers_are_the_same_in_either_form(make, monkeypatch):
    torch.manual_seed(0)
    plain, features = make().double(), torch.randn(2, 5, 6, 8, dtype=torch.float64)
    layer, usual = copy.deepcopy(plain), outcome_of_layer(plain, features)
    quicken(layer)
    assert_alike(outcome_of_layer(layer, features), usual)
    asked = []
    monkeypatch.setattr(convolutions, "suits", lambda features: asked.append(1) or True)
    assert_alike(outcome_of_layer(layer, features), usual)
    assert asked
    assert_alike(outcome_of_layer(layer.eval(), features), usual)
    assert len(asked) == 1


def test_both_heads_are_one_product_in_training():
    torch.manual_seed(0)
    plain, features = GaussianHeads(24, 5), torch.randn(3, 6, 2, 2)
    heads = copy.deepcopy(plain)
    quicken(heads)
    assert type(heads) is not type(plain)
    together, apart = heads.train()(features), heads.eval()(features)
    torch.testing.assert_close(together.mean, apart.mean)
    torch.testing.assert_close(together.log_variance, apart.log_variance)
    assert torch.equal(apart.mean, plain(features).mean)
    for part in ("mean", "log_variance"):
        quick, usual = (
            outcome_of_layer(_Part(layer, part), features) for layer in (heads.train(), plain)
        )
        for one, other in zip(quick, usual, strict=True):
            torch.testing.assert_close(one, other)


class _Part(nn.Module):
    """One of the two things that heads give, and nothing of the other."""

    def __init__(self, heads, part):
        super().__init__()
        self.heads, self.part = heads, part

    def forward(self, features):
        posterior = self.heads(features)
        return getattr(posterior, self.part) + 0 * (posterior.mean + posterior.log_variance)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.gpu
@pytest.mark.parametrize("name", ["paper-first", "paper-second"])
def test_on_a_gpu_compiled_models_have_the_loss_and_gradient_of_plain_ones(name):
    """In bfloat16, where both round, the products are no further from float32 than cuDNN is."""
    device, remarks = torch.device("cuda"), []
    torch.manual_seed(0)
    recipe = load_recipe(name, ["batch_size=16"], 64)
    model = recipe.build().to(device).to(memory_format=torch.channels_last)
    images = torch.rand(16, 3, 64, 64, device=device).contiguous(memory_format=torch.channels_last)

    def found(how):
        noise, objective = (
            Noise(torch_stream(0, "test", device=device), 16),
            recipe.state(1, device),
        )
        loss = recipe.loss(InPrecision(model, how.precision), objective)
        width = recipe.noise_width(model)
        loss = quick_loss(loss, how, model, objective, width, 16, remarks.append)
        loss = loss(Batch(images, 16, 16), noise)["loss"].mean()
        gradients = torch.autograd.grad(loss, list(model.parameters()))
        return loss.item(), torch.cat([g.flatten().float() for g in gradients])

    exact = found(Acceleration())
    plain = found(Acceleration(torch.bfloat16))
    quicken(model)
    quick = found(Acceleration(torch.bfloat16, compiled=True))
    assert remarks == []
    assert quick[0] == pytest.approx(exact[0], rel=1e-2)
    error, usual = ((g - exact[1]).norm() / exact[1].norm() for _, g in (quick, plain))
    assert error < 1.2 * usual + 1e-3
