import re

import pytest
import torch

from lik.alignment.model import Aligner, AlignerSettings
from lik.core.artifacts import sha256_of
from lik.core.errors import UnusableInput
from lik.models.catalogue import build
from lik.models.classifier import (
    PlainSettings,
    ResidualSettings,
    build_classifier,
    load_attribute_classifier,
)
from lik.models.code_network import CodeNetworkSettings
from lik.models.paper import PaperFirstSettings
from lik.models.saved import KINDS, load_model, save_model

NAMES = ("Male", "Smiling", "Young")
SETTINGS = [
    PlainSettings(size=32, attributes=NAMES, widths=(4, 8, 12)),
    ResidualSettings(size=16, attributes=NAMES, widths=(4, 8), blocks=2),
    ResidualSettings(attributes=NAMES),
    PlainSettings(attributes=NAMES),
]


@pytest.mark.parametrize("settings", SETTINGS, ids=str)
class TestEveryNetwork:
    def test_maps_run_from_shallow_to_deep(self, settings):
        network = build_classifier(settings).eval()
        images = torch.rand(2, 3, settings.size, settings.size)
        maps = network.features(images)
        sides = [settings.size // 2**number for number in range(len(settings.widths))]
        assert [m.shape for m in maps] == [
            (2, width, side, side) for width, side in zip(settings.widths, sides, strict=True)
        ]
        assert torch.equal(network.embedding(images), maps[-1].mean((2, 3)))
        assert network.logits(images).shape == (2, 3)
        assert torch.equal(network(images), network.logits(images))
        assert (network.size, network.attributes) == (settings.size, NAMES)

    def test_all_weights_are_trained(self, settings):
        network = build_classifier(settings)
        network(torch.rand(4, 3, settings.size, settings.size)).square().sum().backward()
        assert not [name for name, weight in network.named_parameters() if weight.grad is None]

    def test_saved_and_loaded_is_the_same(self, settings, tmp_path):
        network = build_classifier(settings).eval()
        file = tmp_path / "model.safetensors"
        save_model(file, network, settings, {"hash": "abc"})
        images = torch.rand(2, 3, settings.size, settings.size)
        for path in (file, tmp_path):
            loaded = load_attribute_classifier(path)
            assert torch.equal(loaded.network.logits(images), network.logits(images))
            assert loaded.metadata == {"hash": "abc"}
            assert loaded.sha256 == sha256_of(file)
            assert not loaded.network.training

    def test_gradients_reach_the_images_and_not_the_weights(self, settings, tmp_path):
        save_model(tmp_path / "model.safetensors", build_classifier(settings), settings, {})
        network = load_attribute_classifier(tmp_path).network
        images = torch.rand(1, 3, settings.size, settings.size, requires_grad=True)
        network.features(images)[-1].square().sum().backward()
        assert images.grad.abs().sum() > 0
        assert all(weight.grad is None for weight in network.parameters())


@pytest.mark.parametrize("settings", SETTINGS[:2], ids=str)
def test_kinds_are_told_apart(settings, tmp_path):
    network, vae = tmp_path / "network.safetensors", tmp_path / "vae.safetensors"
    save_model(network, build_classifier(settings), settings, {})
    of_vae = PaperFirstSettings(size=16, latent=2)
    save_model(vae, build(of_vae), of_vae, {})
    words = f"an attribute classifier ({settings.name}), and a variational autoencoder is needed"
    with pytest.raises(UnusableInput, match=re.escape(words)):
        load_model(network)
    with pytest.raises(UnusableInput, match=r"a variational autoencoder \(paper-first\)"):
        load_attribute_classifier(vae)


def test_an_alignment_network_is_neither(tmp_path):
    file = tmp_path / "model.safetensors"
    settings = AlignerSettings()
    save_model(file, Aligner(settings), settings, {})
    for load in (load_model, load_attribute_classifier):
        with pytest.raises(UnusableInput, match="an alignment network"):
            load(file)


def test_every_kind_is_known_by_its_name():
    others = (AlignerSettings(), CodeNetworkSettings(latent=1, attributes=("a",)))
    assert {settings.name for settings in (*SETTINGS, *others)} == set(KINDS)


def test_a_name_of_no_model_is_said(tmp_path):
    file = tmp_path / "model.safetensors"
    settings = SETTINGS[0]
    other = settings.model_copy(update={"name": "attributes-other"})
    save_model(file, build_classifier(settings), other, {})
    with pytest.raises(UnusableInput, match="attributes-other"):
        load_attribute_classifier(file)


@pytest.mark.parametrize("missing", ["nothing", "folder"])
def test_nothing_there_is_said(missing, tmp_path):
    (tmp_path / "folder").mkdir()
    with pytest.raises(UnusableInput, match=missing):
        load_attribute_classifier(tmp_path / missing)


def test_a_size_that_cannot_be_halved_so_often_is_refused():
    with pytest.raises(UnusableInput, match="multiple of 16"):
        build_classifier(PlainSettings(size=40, attributes=NAMES))


@pytest.mark.parametrize("attributes", [(), ("Male", "Male")])
def test_attributes_are_named_once_each(attributes):
    with pytest.raises(ValueError, match="attributes"):
        PlainSettings(attributes=attributes)
