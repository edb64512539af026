import pytest
import torch
from safetensors.torch import save_file

from lik.core.errors import UnusableInput
from lik.models.classifier import PlainSettings, build_classifier
from lik.models.saved import load_model, save_model
from lik.models.vgg import PLACES
from lik.training import journal
from lik.training.feature_networks import network_hash, open_features, remark_on_teacher
from lik.training.recipe import load_recipe
from trainings import CPU, drawn_data, train


@pytest.fixture(scope="module")
def network(tmp_path_factory):
    """A run with an attribute network of three maps, its weights as they were drawn."""
    torch.manual_seed(0)
    settings = PlainSettings(size=16, attributes=("Male",), widths=(4, 8, 8))
    folder = tmp_path_factory.mktemp("network")
    save_model(folder / "model.safetensors", build_classifier(settings), settings, {})
    return folder


def test_a_run_its_file_and_a_file_of_vgg_are_all_opened(network, tmp_path):
    images = torch.rand(2, 3, 16, 16)
    by_run, by_file = (
        open_features(str(path), (0, 2), 16, CPU)(images)
        for path in (network, network / "model.safetensors")
    )
    assert [maps.shape[1] for maps in by_run] == [4, 8, 8]
    assert all(torch.equal(one, other) for one, other in zip(by_run, by_file, strict=True))
    weights = {}
    for place in list(PLACES.values())[:5]:
        name = f"features.{place.number}"
        weights[f"{name}.weight"] = torch.randn(place.channels_out, place.channels_in, 3, 3)
        weights[f"{name}.bias"] = torch.zeros(place.channels_out)
    save_file(weights, tmp_path / "vgg.safetensors")
    torch.save(weights, tmp_path / "vgg.pth")
    for name in ("vgg.safetensors", "vgg.pth"):
        maps = open_features(str(tmp_path / name), None, 16, CPU)(images)
        assert [m.shape[1] for m in maps] == [64, 128, 256]


@pytest.mark.parametrize(
    ("path", "layers", "words"),
    [("gone", None, "no trained weights at gone"), (None, (0, 3), "there is no layer 3")],
)
def test_what_is_not_there_is_said(path, layers, words, network):
    with pytest.raises(UnusableInput, match=words):
        open_features(path or str(network), layers, 16, CPU)


def test_a_model_learns_through_it_and_its_weights_say_so(network, tmp_path, faces):
    settings = (f"objective.features.network={network}", "objective.features.layers=[0,1]",
                "epochs=4", "optimizer.learning_rate=5e-3")  # fmt: skip
    train(tmp_path / "run", drawn_data(faces), *settings, recipe="perceptual")
    records = journal.read(tmp_path / "run" / "journal.jsonl")
    assert records[-1].validation["features"] < records[0].validation["features"]
    metadata = load_model(tmp_path / "run" / "model.safetensors").metadata
    assert metadata["features_sha256"] == network_hash(str(network))
    judged = ("run", metadata, "the network")
    remark = remark_on_teacher(*judged, network_hash(str(network)))
    assert remark == "run was trained with the network: it is judged by its own teacher."
    assert remark_on_teacher(*judged, "0" * 64) is None
    assert remark_on_teacher("run", {}, "the network", network_hash(str(network))) is None
    assert load_recipe("paper-first", [], 16).provenance() == {}
