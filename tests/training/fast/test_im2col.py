"""Convolutions as matrix products compute what PyTorch's own operators do."""

import pytest
import torch
from torch.nn import functional as F  # noqa: N812

from lik.core.randomness import torch_stream
from lik.models.paper import GaussianHeads, SameConvTranspose
from lik.training.batches import Batch, Noise
from lik.training.building import build_step
from lik.training.fast import im2col, quicken
from lik.training.recipe import load_recipe

LAYERS = {
    "4x4": lambda: torch.nn.Conv2d(5, 7, 4, 2, 1),
    "1x1": lambda: torch.nn.Conv2d(5, 7, 1),
    "transposed 4x4": lambda: torch.nn.ConvTranspose2d(5, 7, 4, 2, 1),
    "transposed 3x3": lambda: SameConvTranspose(5, 7),
}


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
    assert_alike(outcome(im2col.halve, large, weight), usual)


@pytest.mark.parametrize("padding", [0, 1])
def test_doubling(maps, padding):
    small, _, weight = maps

    def usual(x, w):
        return F.conv_transpose2d(x, w, None, 2, padding)[:, :, :6, :8]

    quick = outcome(lambda x, w: im2col.double(x, w, padding), small, weight)
    assert_alike(quick, outcome(usual, small, weight))


def test_putting_windows_together_is_the_adjoint_of_taking_them(maps):
    _, large, _ = maps
    for padding in (0, 1):
        columns = im2col.im2col(large, padding)
        other = torch.randn_like(columns)
        together = im2col.col2im(other, (2, 3, 4), padding)
        assert float((columns * other).sum()) == pytest.approx(float((large * together).sum()))


@pytest.mark.parametrize("make", LAYERS.values(), ids=LAYERS)
def test_layers_are_the_same_in_either_form(make, monkeypatch):
    torch.manual_seed(0)
    layer, features = make().double(), torch.randn(2, 5, 6, 8, dtype=torch.float64)
    usual = outcome(layer, features)
    quicken(layer)
    assert type(layer).__name__.startswith("Quick")
    asked = []
    monkeypatch.setattr(im2col, "suits", lambda features: asked.append(1) or True)
    assert_alike(outcome(layer, features), usual)
    assert_alike(outcome(layer.eval(), features), usual)
    assert len(asked) == 1


def test_layers_of_other_shapes_stay_as_they_are():
    model = torch.nn.Sequential(
        torch.nn.Conv2d(3, 4, 3), torch.nn.Conv2d(4, 4, 4, 2, 1, groups=2),
        torch.nn.ConvTranspose2d(4, 3, 4, 2, 1, output_padding=1),
    )  # fmt: skip
    before = [type(layer) for layer in model]
    quicken(model)
    assert [type(layer) for layer in model] == before


def test_both_heads_are_one_product_in_training():
    torch.manual_seed(0)
    heads, features = GaussianHeads(24, 5), torch.randn(3, 6, 2, 2)
    apart = heads(features)
    quicken(heads)
    together = heads(features)
    torch.testing.assert_close(together.mean, apart.mean)
    torch.testing.assert_close(together.log_variance, apart.log_variance)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.gpu
@pytest.mark.parametrize("name", ["paper-first", "paper-second"])
def test_on_a_gpu_compiled_models_have_the_loss_and_gradient_of_plain_ones(name):
    """In bfloat16, where both round, the products are no further from float32 than cuDNN is."""
    device, notices = torch.device("cuda"), []
    torch.manual_seed(0)
    images = torch.rand(16, 3, 64, 64, device=device).contiguous(memory_format=torch.channels_last)

    def found(*settings):
        recipe = load_recipe(name, ["batch_size=16", *settings], 64)
        objective = recipe.state(16, device)
        step, _ = build_step(recipe, device, 16, objective, notify=notices.append)
        noise = Noise(torch_stream(0, "test", device=device), 16)
        loss = step.loss(Batch(images, 16, 16), noise)["loss"].mean()
        gradients = torch.autograd.grad(loss, list(step.model.parameters()))
        return loss.item(), torch.cat([g.flatten().float() for g in gradients])

    exact = found("device.precision=float32", "device.compile=false")
    plain = found("device.precision=bfloat16", "device.compile=false")
    quick = found("device.precision=bfloat16", "device.compile=true")
    assert notices == []
    assert quick[0] == pytest.approx(exact[0], rel=1e-2)
    error, usual = ((g - exact[1]).norm() / exact[1].norm() for _, g in (quick, plain))
    assert error < 1.2 * usual + 1e-3
