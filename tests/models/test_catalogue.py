import pytest
import torch
from pydantic import create_model
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from lik.core.configuration import Settings, validated
from lik.core.errors import UnusableInput
from lik.models.catalogue import CATALOGUE, ModelSettings, RefinedSettings, build
from lik.models.interface import count_parameters
from lik.models.paper import PaperFirstSettings, PaperSecondSettings
from lik.models.residual import ResidualVAESettings
from lik.models.saved import load_model, save_model

SETTINGS = [
    PaperFirstSettings(),
    PaperSecondSettings(),
    PaperSecondSettings(upsampling="nearest"),
    PaperFirstSettings(size=24, latent=5),
    PaperSecondSettings(size=32, latent=3),
    ResidualVAESettings(size=32, latent=6),
    RefinedSettings(size=32, base=PaperFirstSettings(size=32, latent=5)),
]


@pytest.mark.parametrize(
    ("settings", "totals", "fixed"),
    [
        (PaperFirstSettings(), (558_944, 487_491), (0, 0)),
        (PaperSecondSettings(), (1_511_464, 802_755), (960, 448)),
        (PaperSecondSettings(upsampling="nearest"), (1_511_464, 802_755), (960, 448)),
    ],
)
def test_parameters_are_the_papers(settings, totals, fixed):
    model = build(settings)
    counts = [count_parameters(half) for half in (model.encoder, model.decoder)]
    assert tuple(count.total for count in counts) == totals
    assert tuple(count.fixed for count in counts) == fixed


def test_every_model_of_the_catalogue_is_tried_here():
    assert {settings.name for settings in SETTINGS} == set(CATALOGUE)


@pytest.mark.parametrize("settings", SETTINGS, ids=str)
class TestEveryModel:
    def test_shapes_and_range_and_all_weights_are_trained(self, settings):
        model = build(settings)
        images = torch.rand(4, 3, settings.size, settings.size)
        output = model(images, torch.randn(4, model.latent))
        assert output.posterior.mean.shape == (4, model.latent)
        assert output.posterior.log_variance.shape == (4, model.latent)
        assert output.reconstruction.shape == images.shape
        assert 0 <= output.reconstruction.min() <= output.reconstruction.max() <= 1
        loss = output.reconstruction.square().sum() + output.posterior.kl_to_standard().sum()
        loss.backward()
        idle = [name for name, p in model.named_parameters() if p.grad is None]
        assert not idle

    def test_saved_and_loaded_is_the_same(self, settings, tmp_path):
        model = build(settings).eval()
        save_model(tmp_path / "m.safetensors", model, settings, {"crop": {"kind": "fixed"}})
        saved = load_model(tmp_path / "m.safetensors")
        codes = torch.randn(2, model.latent)
        assert torch.equal(saved.model.decode(codes), model.decode(codes))
        assert saved.settings == settings
        assert saved.metadata == {"crop": {"kind": "fixed"}}


@pytest.mark.parametrize(
    "settings", [PaperFirstSettings(size=60), PaperSecondSettings(size=40)], ids=str
)
def test_sizes_that_the_strides_do_not_allow_are_refused(settings):
    with pytest.raises(UnusableInput, match="multiple of"):
        build(settings)


def test_initialisation_is_keras():
    model = build(PaperFirstSettings())
    weight, bias = model.decoder[0].weight, model.decoder[0].bias
    limit = (6 / (128 + 2048)) ** 0.5
    assert weight.detach().abs().max() <= limit
    assert float(weight.detach().std()) == pytest.approx(limit / 3**0.5, rel=0.02)
    assert not bias.any()


@pytest.mark.parametrize("content", [b"", b"nonsense", None])
def test_broken_and_missing_weights_are_said(content, tmp_path):
    path = tmp_path / "m.safetensors"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UnusableInput, match=r"m\.safetensors"):
        load_model(path)


@pytest.mark.parametrize(
    "changed",
    [{"version": None}, {"version": "two"}, {"model": "{"}, {"model": None}, {"model": "[]"},
     {"metadata": "5"}],
    ids=str,
)  # fmt: skip
def test_metadata_that_is_not_a_models_is_said(changed, tmp_path):
    path = tmp_path / "m.safetensors"
    settings = PaperFirstSettings(size=16, latent=2)
    save_model(path, build(settings), settings, {})
    with safe_open(path, "pt") as file:
        metadata = {k: v for k, v in (file.metadata() | changed).items() if v is not None}
    save_file(load_file(path), path, metadata)
    with pytest.raises(UnusableInput, match=r"m\.safetensors"):
        load_model(path)


@pytest.mark.parametrize("settings", [PaperFirstSettings, PaperSecondSettings])
def test_a_code_longer_than_any_is_refused(settings):
    with pytest.raises(ValueError, match="less than or equal"):
        settings(latent=9_000_000_000)


def test_an_unknown_key_within_a_refined_model_is_named():
    wrapped = create_model("Wrapped", __base__=Settings, model=(ModelSettings, ...))
    with pytest.raises(UnusableInput, match=r"unknown key 'model\.refinerr'.*'model\.refiner'"):
        validated(wrapped, {"model": {"name": "refined", "refinerr": {}}}, "it")
