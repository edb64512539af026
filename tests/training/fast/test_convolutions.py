"""The quick forms of layers compute what PyTorch's own operators do."""

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
from lik.training.fast.convolutions import FEW_CHANNELS, QUICK, sub_pixel
from lik.training.recipe import load_recipe

SIZES = [(1, 1), (1, 6), (5, 3), (8, 8)]
DOUBLING = {
    "4x4 to a picture": lambda: nn.ConvTranspose2d(5, 3, 4, 2, 1),
    "4x4 to many channels": lambda: nn.ConvTranspose2d(5, FEW_CHANNELS + 1, 4, 2, 1),
    "3x3": lambda: SameConvTranspose(5, 3),
}
LAYERS = DOUBLING | {
    "halving": lambda: nn.Conv2d(5, 7, 4, 2, 1),
    "1x1": lambda: nn.Conv2d(5, 7, 1),
}
EACH_DOUBLING = pytest.mark.parametrize("make", DOUBLING.values(), ids=DOUBLING)
EACH_MEMORY = pytest.mark.parametrize("memory", [torch.contiguous_format, torch.channels_last])


def quick(plain):
    """The quick form of a layer, with the same weights."""
    layer = copy.deepcopy(plain)
    quicken(layer)
    assert type(layer) is not type(plain)
    return layer


def outcome(run, *tensors):
    """The result, and the gradients of a weighted sum of it."""
    tensors = [tensor.detach().clone().requires_grad_() for tensor in tensors]
    result = run(*tensors)
    weights = torch.randn(result.shape, generator=torch.Generator().manual_seed(2))
    return [result, *torch.autograd.grad(result, tensors, weights.to(result.dtype))]


def outcome_of(layer, features):
    """The same, for features and weights of a layer."""
    names, weights = zip(*layer.named_parameters(), strict=True)

    def run(features, *weights):
        return functional_call(layer, dict(zip(names, weights, strict=True)), features)

    return outcome(run, features, *weights)


def usual_doubling(layer, features):
    """The same, by PyTorch's operator."""
    height, width = (2 * side for side in features.shape[2:])

    def run(features, weight, bias):
        doubled = F.conv_transpose2d(features, weight, bias, layer.stride, layer.padding)
        return doubled[:, :, :height, :width]

    return outcome(run, features, layer.weight, layer.bias)


def assert_alike(one, other, tolerance=1e-10):
    for ours, theirs in zip(one, other, strict=True):
        assert ours.shape == theirs.shape
        torch.testing.assert_close(ours, theirs, rtol=tolerance, atol=tolerance)


@EACH_MEMORY
@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("size", SIZES, ids=str)
@EACH_DOUBLING
def test_outputs_and_gradients_are_those_of_the_usual_operator(make, size, training, memory):
    torch.manual_seed(0)
    layer = quick(make()).train(training)
    features = torch.randn(2, 5, *size).contiguous(memory_format=memory)
    assert_alike(outcome_of(layer, features), usual_doubling(layer, features), 1e-5)


def test_the_gradients_of_the_sub_pixel_form_are_its_own():
    torch.manual_seed(0)
    features = torch.randn(2, 3, 2, 3, dtype=torch.float64, requires_grad=True)
    weight = torch.randn(3, 2, 4, 4, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(sub_pixel, (features, weight))
    assert torch.autograd.gradgradcheck(sub_pixel, (features, weight))


@EACH_DOUBLING
def test_weights_are_stored_as_those_of_the_usual_operator(make):
    layer = quick(make())
    usual = nn.ConvTranspose2d(5, layer.out_channels, layer.kernel_size)
    shapes = {name: tensor.shape for name, tensor in layer.state_dict().items()}
    assert shapes == {name: tensor.shape for name, tensor in usual.state_dict().items()}


@EACH_DOUBLING
def test_in_bfloat16_they_round_no_more_than_the_usual_operator(make):
    torch.manual_seed(0)
    layer, features = quick(make()), torch.randn(2, 5, 6, 6)
    exact = usual_doubling(layer, features)
    with torch.autocast("cpu", torch.bfloat16):
        ours, usual = outcome_of(layer, features), usual_doubling(layer, features)
    assert ours[0].dtype == torch.bfloat16
    assert all(gradient.dtype == torch.float32 for gradient in ours[1:])
    for found, theirs, true in zip(ours, usual, exact, strict=True):
        assert (found - true).norm() < 1.5 * (theirs - true).norm() + 1e-3 * true.norm()


def test_layers_of_other_shapes_stay_what_they_are():
    others = nn.Sequential(
        nn.Conv2d(4, 4, 4, 2, 0), nn.Conv2d(4, 4, 3, padding=1), nn.Conv2d(4, 4, 4, 2, 1, groups=2),
        nn.Conv2d(4, 4, 4, 2, 1, padding_mode="reflect"), nn.Conv2d(4, 4, 1, stride=2),
        nn.ConvTranspose2d(4, 4, 4, 2, 1, output_padding=1), nn.ConvTranspose2d(4, 4, 3, 2),
        nn.Conv2d(4, 4, 4, 2, padding="valid"), nn.Linear(4, 4),
    )  # fmt: skip
    kinds = [type(layer) for layer in others]
    quicken(others)
    assert [type(layer) for layer in others] == kinds
    again = nn.Sequential(nn.Conv2d(4, 4, 1), nn.ConvTranspose2d(4, 4, 4, 2, 1))
    for _ in range(2):
        quicken(again)
        assert {type(layer) for layer in again} <= {form for _, _, form in QUICK}


@EACH_MEMORY
def test_products_of_patches_are_convolutions(memory):
    torch.manual_seed(0)
    shapes = [(2, 5, 3, 4), (2, 7, 6, 8), (5, 7, 4, 4)]
    drawn = (torch.randn(shape, dtype=torch.float64) for shape in shapes)
    small, large, weight = (tensor.contiguous(memory_format=memory) for tensor in drawn)
    usual = outcome(lambda x, w: F.conv2d(x, w, None, 2, 1), large, weight)
    assert_alike(outcome(convolutions.halve, large, weight), usual)
    for padding in (0, 1):

        def doubled(x, w, padding=padding):
            return F.conv_transpose2d(x, w, None, 2, padding)[:, :, :6, :8]

        found = outcome(lambda x, w, p=padding: convolutions.double(x, w, p), small, weight)
        assert_alike(found, outcome(doubled, small, weight))
        # Putting windows together is the adjoint of taking them.
        columns = convolutions.im2col(large, padding)
        other = torch.randn_like(columns)
        together = convolutions.col2im(other, (2, 3, 4), padding)
        assert float((columns * other).sum()) == pytest.approx(float((large * together).sum()))


@pytest.mark.parametrize("make", LAYERS.values(), ids=LAYERS)
def test_layers_are_the_same_in_either_form(make, monkeypatch):
    torch.manual_seed(0)
    plain, features = make().double(), torch.randn(2, 5, 6, 8, dtype=torch.float64)
    layer, usual = quick(plain), outcome_of(plain, features)
    assert_alike(outcome_of(layer, features), usual)
    asked = []
    monkeypatch.setattr(convolutions, "suits", lambda features: asked.append(1) or True)
    assert_alike(outcome_of(layer, features), usual)
    assert asked
    assert_alike(outcome_of(layer.eval(), features), usual)
    assert len(asked) == 1


def test_both_heads_are_one_product_in_training():
    torch.manual_seed(0)
    plain, features = GaussianHeads(24, 5), torch.randn(3, 6, 2, 2)
    heads = quick(plain)
    together, apart = heads.train()(features), heads.eval()(features)
    torch.testing.assert_close(together.mean, apart.mean)
    torch.testing.assert_close(together.log_variance, apart.log_variance)
    assert torch.equal(apart.mean, plain(features).mean)
    for part in ("mean", "log_variance"):
        found, usual = (
            outcome_of(_Part(layer, part), features) for layer in (heads.train(), plain)
        )
        for one, other in zip(found, usual, strict=True):
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
        noise = Noise(torch_stream(0, "test", device=device), 16)
        objective = recipe.state(1, device)
        loss = recipe.loss(InPrecision(model, how.precision), objective)
        width = recipe.noise_width(model)
        loss = quick_loss(loss, how, model, objective, width, 16, remarks.append)
        loss = loss(Batch(images, 16, 16), noise)["loss"].mean()
        gradients = torch.autograd.grad(loss, list(model.parameters()))
        return loss.item(), torch.cat([g.flatten().float() for g in gradients])

    exact = found(Acceleration())
    plain = found(Acceleration(torch.bfloat16))
    quicken(model)
    compiled = found(Acceleration(torch.bfloat16, compiled=True))
    assert remarks == []
    assert compiled[0] == pytest.approx(exact[0], rel=1e-2)
    error, usual = ((g - exact[1]).norm() / exact[1].norm() for _, g in (compiled, plain))
    assert error < 1.2 * usual + 1e-3
