"""The quick forms of transposed convolutions compute what PyTorch's own operator does."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from lik.models.paper import SameConvTranspose
from lik.training.fast.convolutions import FEW_CHANNELS, QUICK, quicken, sub_pixel

SIZES = [(1, 1), (1, 6), (5, 3), (8, 8)]
LAYERS: dict[str, Callable[[], nn.ConvTranspose2d]] = {
    "4x4 to a picture": lambda: quick(nn.ConvTranspose2d(5, 3, 4, 2, 1)),
    "4x4 to many channels": lambda: quick(nn.ConvTranspose2d(5, FEW_CHANNELS + 1, 4, 2, 1)),
    "3x3": lambda: quick(SameConvTranspose(5, 3)),
}


def quick(layer: nn.ConvTranspose2d) -> nn.ConvTranspose2d:
    plain = type(layer)
    quicken(layer)
    assert type(layer) is not plain
    return layer


def plainly(layer: nn.ConvTranspose2d, features: Tensor) -> Tensor:
    doubled: Tensor = nn.ConvTranspose2d.forward(layer, features)
    return doubled[:, :, : 2 * features.shape[2], : 2 * features.shape[3]]


def outcome(run: Callable[[Tensor], Tensor], layer: nn.Module, features: Tensor) -> list[Tensor]:
    """The output, and the gradients of a weighted sum of it."""
    features = features.clone().requires_grad_()
    output = run(features)
    weights = torch.randn(output.shape, generator=torch.Generator().manual_seed(2))
    (output * weights.to(output.dtype)).sum().backward()
    assert features.grad is not None
    gradients = [parameter.grad for parameter in layer.parameters()]
    layer.zero_grad()
    return [output.detach(), features.grad, *(g for g in gradients if g is not None)]


@pytest.mark.parametrize("memory", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("make", LAYERS.values(), ids=LAYERS)
def test_outputs_and_gradients_are_those_of_the_usual_operator(
    make: Callable[[], nn.ConvTranspose2d],
    size: tuple[int, int],
    training: bool,
    memory: torch.memory_format,
) -> None:
    torch.manual_seed(0)
    layer = make().train(training)
    features = torch.randn(2, 5, *size).contiguous(memory_format=memory)
    quick = outcome(layer, layer, features)
    usual = outcome(lambda x: plainly(layer, x), layer, features)
    assert len(quick) == len(usual) == 4
    for ours, theirs in zip(quick, usual, strict=True):
        assert ours.shape == theirs.shape
        torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-5)


def test_the_gradients_of_the_sub_pixel_form_are_its_own() -> None:
    torch.manual_seed(0)
    features = torch.randn(2, 3, 2, 3, dtype=torch.float64, requires_grad=True)
    weight = torch.randn(3, 2, 4, 4, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(sub_pixel, (features, weight))
    assert torch.autograd.gradgradcheck(sub_pixel, (features, weight))


@pytest.mark.parametrize("make", LAYERS.values(), ids=LAYERS)
def test_weights_are_stored_as_those_of_the_usual_operator(
    make: Callable[[], nn.ConvTranspose2d],
) -> None:
    layer = make()
    usual = nn.ConvTranspose2d(5, layer.out_channels, layer.kernel_size)
    shapes = {name: tensor.shape for name, tensor in layer.state_dict().items()}
    assert shapes == {name: tensor.shape for name, tensor in usual.state_dict().items()}


@pytest.mark.parametrize("make", LAYERS.values(), ids=LAYERS)
def test_in_bfloat16_they_round_no_more_than_the_usual_operator(
    make: Callable[[], nn.ConvTranspose2d],
) -> None:
    torch.manual_seed(0)
    layer, features = make(), torch.randn(2, 5, 6, 6)
    exact = outcome(lambda x: plainly(layer, x), layer, features)
    with torch.autocast("cpu", torch.bfloat16):
        quick = outcome(layer, layer, features)
        usual = outcome(lambda x: plainly(layer, x), layer, features)
    assert quick[0].dtype == torch.bfloat16
    assert all(gradient.dtype == torch.float32 for gradient in quick[1:])
    for ours, theirs, true in zip(quick, usual, exact, strict=True):
        assert (ours - true).norm() < 1.5 * (theirs - true).norm() + 1e-3 * true.norm()


def test_layers_of_other_shapes_stay_what_they_are() -> None:
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
