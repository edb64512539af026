"""lik evaluate: the table, metrics.json and the page, of whole and of half runs."""

import json
import shutil
import sys
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

from lik.evaluation.measuring import Evaluator
from lik.evaluation.networks import FeatureNetwork, embed, inception
from lik.faces.set.faceset import FaceSet
from lik.models.saved import load_model, save_model
from terminal import run_lik

KEYS = {"faces", "faces_sha256", "split", "crop", "count", "seed", "spread", "spread_of", "network"}


@pytest.fixture(scope="module")
def run(faces, tmp_path_factory):
    out = tmp_path_factory.mktemp("runs") / "toy"
    settings = ("model.latent=8", "batch_size=16", "epochs=2", "--grids-every", 0)
    answer = run_lik("train", "paper-first", faces.path, out, *settings)
    assert answer.exit_code == 0, answer.output
    return out


@pytest.fixture
def copied(run, tmp_path):
    shutil.copytree(run, tmp_path / "run")
    return tmp_path / "run"


class Tiny(nn.Module):
    """A network with maps and an embedding, as those of lik train-classifier have."""

    size = 16

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.layer = nn.Conv2d(3, 8, 5, stride=4)

    def features(self, images):
        return (images, self.layer(images).relu())

    def embedding(self, images):
        return self.layer(images).flatten(1)


@pytest.fixture
def network(monkeypatch):
    """Stands in for a trained network: the loading of one is tried elsewhere."""
    loaded = SimpleNamespace(network=Tiny(), metadata={}, sha256="f00d")
    module = SimpleNamespace(load_attribute_network=lambda path: loaded)
    monkeypatch.setitem(sys.modules, "lik.models.attributes", module)


class Pretended(nn.Module):
    """Takes and gives what Inception does."""

    def __init__(self, width: int):
        super().__init__()
        self.width = width

    def forward(self, pictures: torch.Tensor, return_features: bool = False) -> torch.Tensor:
        assert pictures.dtype == torch.uint8
        flat = pictures.float().flatten(1)[:, :40] / 255
        return flat.repeat(1, 52)[:, : self.width] if return_features else flat


def script(path, width=2048):
    torch.jit.script(Pretended(width)).save(str(path))
    return path


def half_run(run, path, part):
    shutil.copytree(run, path)
    saved = load_model(path / "model.safetensors")
    metadata = saved.metadata | {"parts": [part]}
    save_model(path / "model.safetensors", saved.model, saved.settings, metadata)
    return path


def figures(path):
    metrics = json.loads((path / "metrics.json").read_text())
    return metrics, {figure["key"]: figure for figure in metrics["figures"]}


def test_every_number_carries_what_it_depends_on(copied, faces, network):
    answer = run_lik("evaluate", copied, "--split", "train", "--features", "runs/judge",
                     "--importance", 5)  # fmt: skip
    assert answer.exit_code == 0, answer.output
    metrics, found = figures(copied)
    for figure in metrics["figures"] + metrics["floor"]:
        assert figure.keys() >= KEYS
        assert figure["faces_sha256"] == faces.hash
        assert figure["split"] == "train"
        assert (figure["spread"] is None) == (figure["spread_of"] == "")
        assert ("(judge)" in figure["label"]) == (figure["network"] is not None)
        assert "FID" not in figure["label"]
    assert found["samples_frechet_judge"]["network"] == {"name": "judge", "sha256": "f00d"}
    assert found["feature_distance_judge"]["value"] > 0
    assert found["nll_5"]["value"] <= found["negative_elbo"]["value"]
    assert {"mig", "sap", "factor_vae", "dci_disentanglement"} <= found.keys()
    assert found["loss"]["value"] == metrics["loss"]
    floor = {figure["key"]: figure["value"] for figure in metrics["floor"]}
    assert floor["samples_frechet_judge"] == floor["reconstructions_frechet_judge"]
    assert floor["samples_frechet_judge"] < found["samples_frechet_judge"]["value"]


def test_the_same_command_gives_the_same_figures(copied, network):
    told = []
    for _ in range(2):
        answer = run_lik("evaluate", copied, "--split", "all", "--features", "judge", "--json",
                         "--importance", 3, "--seed", 4, "--out", copied / "a.html")  # fmt: skip
        assert answer.exit_code == 0, answer.output
        told.append((copied / "metrics.json").read_text())
    assert told[0] == told[1]
    assert not json.loads(told[0])["floor"]  # all faces: none are left to compare with


def test_several_runs_stand_side_by_side(copied, run, tmp_path):
    out = tmp_path / "page.html"
    answer = run_lik("evaluate", copied, run, "--split", "train", "--out", out)
    assert answer.exit_code == 0, answer.output
    head = next(line for line in answer.output.splitlines() if line.startswith("figure"))
    assert head.split() == ["figure", "run", "toy"]
    losses = next(line for line in answer.output.splitlines() if line.startswith("loss"))
    assert losses.count("±") == 2
    assert (run / "metrics.json").is_file()
    page = out.read_text()
    assert page.count("<img") == 2
    assert 'src="data:image/jpeg;base64,' in page
    assert "Reconstructions" in page
    assert "model.safetensors" not in page
    told = json.loads(run_lik("evaluate", copied, run, "--json", "--out", out).stdout)
    assert [metrics["run"] for metrics in told] == ["run", "toy"]
    twice = run_lik("evaluate", run, run)
    assert twice.exit_code == 2
    assert "given twice" in twice.output


def test_what_is_measured_is_kept_at_once(copied, run, tmp_path, monkeypatch):
    """A kill while the second run is measured costs that one alone."""
    second = shutil.copytree(run, tmp_path / "second")
    for path in (copied, second):
        (path / "metrics.json").unlink(missing_ok=True)
    whole = Evaluator.evaluate

    def killed(self, floor):
        if self.session.name == "second":
            raise KeyboardInterrupt
        return whole(self, floor)

    monkeypatch.setattr(Evaluator, "evaluate", killed)
    answer = run_lik("evaluate", copied, second, "--split", "train")
    assert answer.exit_code == 130
    assert json.loads((copied / "metrics.json").read_text())["run"] == "run"
    assert not (second / "metrics.json").exists()


def test_figures_are_told_even_where_they_cannot_be_kept(copied, run, tmp_path):
    second = shutil.copytree(run, tmp_path / "second")
    (copied / "metrics.json").unlink(missing_ok=True)
    (copied / "metrics.json").mkdir()  # no file can take its place
    answer = run_lik("evaluate", copied, second, "--split", "train")
    assert answer.exit_code == 1, answer.output
    assert "could not be written" in answer.output
    assert any(line.startswith("loss") for line in answer.output.splitlines())
    assert (second / "metrics.json").is_file()


@pytest.mark.parametrize(
    ("part", "there", "lacking"),
    [("encoder", "probe_accuracy", "loss"), ("decoder", "samples_frechet_judge", "kl")],
)
def test_half_a_run_is_measured_as_far_as_it_goes(run, tmp_path, network, part, there, lacking):
    half = half_run(run, tmp_path / part, part)
    answer = run_lik("evaluate", half, "--split", "train", "--features", "judge")
    assert answer.exit_code == 0, answer.output
    _, found = figures(half)
    assert there in found
    assert lacking not in found
    other = {"encoder": "decoder", "decoder": "encoder"}[part]
    assert f"{part} has no {other}" in answer.output
    assert (half / "figures" / "evaluation.html").is_file()


def test_inception_alone_gives_fid(copied, tmp_path):
    file = script(tmp_path / "inception.pt")
    answer = run_lik("evaluate", copied, "--split", "train", "--inception", file)
    assert answer.exit_code == 0, answer.output
    _, found = figures(copied)
    assert found["samples_frechet_Inception"]["label"] == "FID of samples (Inception)"
    assert len(found["samples_frechet_Inception"]["network"]["sha256"]) == 64


def test_what_is_no_inception_is_refused(copied, tmp_path):
    (tmp_path / "a.pt").write_bytes(b"nonsense")
    for file, word in (
        (tmp_path / "a.pt", "TorchScript"),
        (tmp_path / "none.pt", "TorchScript"),
        (script(tmp_path / "b.pt", 100), "2048"),
    ):
        answer = run_lik("evaluate", copied, "--inception", file)
        assert answer.exit_code == 2, answer.output
        assert word in answer.output
        assert answer.output.count("\n") == 1


def test_a_network_for_faces_of_another_size_is_refused(copied, network, monkeypatch):
    monkeypatch.setattr(Tiny, "size", 64)
    answer = run_lik("evaluate", copied, "--features", "judge")
    assert answer.exit_code == 2
    assert "takes faces of 64 pixels" in answer.output


def test_too_few_faces_are_told_and_not_compared(copied, network, faces):
    answer = run_lik("evaluate", copied, "--split", "test", "--features", "judge")
    assert answer.exit_code == 0, answer.output
    _, found = figures(copied)
    assert ("samples_frechet_judge" in found) == (len(faces.indices("test")) >= 12)
    assert ("are not compared" in answer.output) == (len(faces.indices("test")) < 12)


def test_pictures_are_embedded_as_they_are(tmp_path):
    network = inception(script(tmp_path / "a.pt"))
    pictures = np.random.default_rng(0).integers(0, 256, (3, 16, 16, 3), dtype=np.uint8)
    first = embed(network, pictures)[:, 0]
    np.testing.assert_allclose(first, pictures[:, 0, 0, 0] / 255, atol=1e-6)
    assert isinstance(network, FeatureNetwork)


def test_the_face_set_is_left_as_it_was(copied, faces):
    run_lik("evaluate", copied)
    FaceSet.open(faces.path).verify()
