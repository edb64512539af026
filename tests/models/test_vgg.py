import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from lik.core.errors import UnusableInput
from lik.models.vgg import BLOCKS, MEAN, PLACES, STD, VGG19Features, load_vgg19

SOME = ("relu1_1", "relu2_1")


def scaled(images):
    return (images - torch.tensor(MEAN)[:, None, None]) / torch.tensor(STD)[:, None, None]


def reference(widths=BLOCKS, last=None):
    """The convolutions as torchvision numbers them, put together on their own."""
    layers, channels = [], 3
    for width, count in widths:
        for _ in range(count):
            layers += [nn.Conv2d(channels, width, 3, padding=1), nn.ReLU()]
            channels = width
        layers.append(nn.MaxPool2d(2))
    return nn.Sequential(*layers[:last])


def named(layers):
    """Its weights under torchvision's names, with a classifier beside them."""
    weights = {f"features.{name}": weight.detach() for name, weight in layers.state_dict().items()}
    return weights | {"classifier.0.weight": torch.zeros(2, 2)}


def test_the_numbers_of_the_layers_are_torchvisions():
    numbers = [place.number for place in PLACES.values()]
    assert numbers == [0, 2, 5, 7, 10, 12, 14, 16, 19, 21, 23, 25, 28, 30, 32, 34]
    assert tuple(PLACES)[::15] == ("relu1_1", "relu5_4")


@pytest.mark.parametrize("suffix", [".safetensors", ".pth"])
def test_maps_are_those_of_the_same_weights_put_together_otherwise(suffix, tmp_path):
    layers = reference(last=12)
    path = tmp_path / f"vgg{suffix}"
    (save_file if suffix == ".safetensors" else torch.save)(named(layers), path)
    network = load_vgg19(path)
    images = torch.rand(2, 3, 24, 24)
    expected, below = [], scaled(images)
    for number, layer in enumerate(layers):
        below = layer(below)
        if number in (1, 6, 11):
            expected.append(below)
    maps = network.features(images)
    assert [tuple(m.shape[1:]) for m in maps] == [(64, 24, 24), (128, 12, 12), (256, 6, 6)]
    for found, wanted in zip(maps, expected, strict=True):
        torch.testing.assert_close(found, wanted)


def test_a_whole_network_loads_and_gives_its_deepest_map(tmp_path):
    path = tmp_path / "vgg.safetensors"
    small = reference()
    save_file(named(small), path)
    network = load_vgg19(path, ("relu5_4", "relu1_2"))
    assert network.names == ("relu1_2", "relu5_4")
    images = torch.rand(1, 3, 32, 32)
    torch.testing.assert_close(network.features(images)[1], small[:36](scaled(images)))


def test_gradients_reach_the_images_alone():
    network = VGG19Features(SOME)
    images = torch.rand(1, 3, 8, 8, requires_grad=True)
    sum(maps.square().sum() for maps in network.features(images)).backward()
    assert images.grad.abs().sum() > 0
    assert not any(weight.requires_grad for weight in network.parameters())


def _without(name):
    weights = named(reference(BLOCKS[:2], 6))
    del weights[name]
    return weights


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (lambda: _without("features.5.bias"), "features.5.bias is missing"),
        (
            lambda: named(reference(((32, 2), (128, 1)), 6)),
            r"features.0.weight is of shape \(32, 3, 3, 3\)",
        ),
        (
            lambda: named(reference(((4, 2), (4, 2), (4, 3), (4, 3), (4, 3)))),  # VGG-16
            "another network than VGG-19 .it has features.17",
        ),
        (lambda: {"layer1.0.weight": torch.zeros(1)}, "features.0.weight is missing"),
    ],
)
def test_other_weights_are_refused(content, words, tmp_path):
    path = tmp_path / "vgg.safetensors"
    save_file(content(), path)
    with pytest.raises(UnusableInput, match=words):
        load_vgg19(path, SOME)


class Trap:
    def __reduce__(self):
        return (print, ("this must not be executed",))


@pytest.mark.parametrize("name", ["vgg.pth", "vgg.safetensors", "trap.pth", "list.pth", "gone.pth"])
def test_files_that_are_no_weights_get_one_sentence(name, tmp_path, capsys):
    path = tmp_path / name
    if name.startswith("vgg"):
        path.write_bytes(b"no weights")
    elif name == "trap.pth":
        torch.save({"features.0.weight": Trap()}, path)
    elif name == "list.pth":
        torch.save([torch.zeros(1)], path)
    with pytest.raises(UnusableInput, match=name) as refused:
        load_vgg19(path)
    assert "\n" not in str(refused.value)
    assert not capsys.readouterr().out


@pytest.mark.parametrize("layers", [("relu1_3",), ("conv1_1",), ()])
def test_layers_that_are_none_are_refused(layers):
    with pytest.raises(UnusableInput, match="VGG-19 has no layer"):
        VGG19Features(layers)
