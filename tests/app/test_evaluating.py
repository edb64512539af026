"""Evaluations of whole and of half runs, and the losses of each face."""

import json
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

from lik.app import evaluating
from lik.app.evaluating import EvaluationRequest, evaluate, losses, page_of, write_page
from lik.app.opened import OpenedRun
from lik.core.errors import UnusableInput
from lik.core.pixels import to_float
from lik.core.randomness import standard_normal
from lik.evaluation import measures
from lik.evaluation.networks import embed, inception
from lik.evaluation.report import Metric
from lik.models.catalogue import build
from lik.models.paper import PaperFirstSettings
from lik.models.saved import save_model
from lik.objectives.elbo import Elbo, ElboSettings

KEYS = {"faces", "faces_sha256", "split", "crop", "count", "seed", "spread", "spread_of", "network"}


@pytest.fixture
def make_run(tmp_path):
    def make(name="run", **metadata):
        torch.manual_seed(0)
        settings = PaperFirstSettings(size=16, latent=8)
        file = tmp_path / name / "model.safetensors"
        save_model(file, build(settings), settings, metadata)
        return OpenedRun(file.parent, "cpu")

    return make


@pytest.fixture
def asked(faces):
    return EvaluationRequest(faces=faces.path, split="train")


class Tiny(nn.Module):
    """A network with maps and an embedding, as attribute classifiers have."""

    size = 16

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.layer = nn.Conv2d(3, 8, 5, stride=4)

    def features(self, images):
        return (images, self.layer(images).relu())

    def embedding(self, images):
        return self.layer(images).flatten(1)


@pytest.fixture(autouse=True)
def network(monkeypatch):
    """Stands in for a trained network: the loading of one is tried elsewhere."""
    loaded = SimpleNamespace(network=Tiny(), metadata={}, sha256="f00d")
    monkeypatch.setattr("lik.evaluation.networks.load_attribute_classifier", lambda path: loaded)


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


def kept(run):
    metrics = json.loads((run.path / "metrics.json").read_text())
    return metrics, {metric["key"]: metric for metric in metrics["metrics"]}


def test_every_number_carries_what_it_depends_on(make_run, asked, faces):
    run = make_run()
    evaluate([run], replace(asked, features="runs/judge", importance=5))
    metrics, found = kept(run)
    for metric in metrics["metrics"] + metrics["baseline"]:
        assert metric.keys() >= KEYS
        assert metric["faces_sha256"] == faces.hash
        assert metric["split"] == "train"
        assert (metric["spread"] is None) == (metric["spread_of"] == "")
        assert ("(judge)" in metric["label"]) == (metric["network"] is not None)
        assert "FID" not in metric["label"]
    assert found["samples_frechet_judge"]["network"] == {"name": "judge", "sha256": "f00d"}
    assert found["feature_distance_judge"]["value"] > 0
    assert found["nll_5"]["value"] <= found["negative_elbo"]["value"]
    assert {"mig", "sap", "factor_vae", "dci_disentanglement"} <= found.keys()
    assert found["loss"]["value"] == metrics["loss"]
    baseline = {metric["key"]: metric["value"] for metric in metrics["baseline"]}
    assert baseline["samples_frechet_judge"] == baseline["reconstructions_frechet_judge"]
    assert baseline["samples_frechet_judge"] < found["samples_frechet_judge"]["value"]


def test_the_same_request_gives_the_same_numbers(make_run, asked):
    run, told = make_run(), []
    for _ in range(2):
        asked = replace(asked, split="all", features="judge", importance=3, seed=4)
        evaluate([run], asked)
        told.append((run.path / "metrics.json").read_text())
    assert told[0] == told[1]
    assert not json.loads(told[0])["baseline"]  # all faces: none are left to compare with


def test_several_runs_stand_side_by_side(make_run, asked, tmp_path):
    runs = [make_run("one"), make_run("deep/one"), make_run("other", crop={"kind": "fixed"})]
    evaluated = evaluate(runs, asked)
    assert [one.run for one in evaluated.evaluations] == [str(runs[0].path), str(runs[1].path),
                                                          "other"]  # fmt: skip
    assert all(len(row.cells) == 3 for row in evaluated.rows)
    assert any("other learned faces of another crop" in n for n in evaluated.evaluations[2].notes)
    assert page_of(runs) == tmp_path / "evaluation.html"
    write_page(page_of(runs), runs, evaluated)
    page = page_of(runs).read_text()
    assert page.count("<img") == 2
    assert 'src="data:image/jpeg;base64,' in page
    assert "model.safetensors" not in page
    with pytest.raises(UnusableInput, match="given twice"):
        evaluate([runs[0], runs[0]], asked)


def test_what_is_measured_is_kept_at_once(make_run, asked, monkeypatch):
    """A kill while the second run is measured costs that one alone."""
    runs, whole = [make_run("first"), make_run("second")], evaluating.measure

    def killed(given):
        if given.name == "second":
            raise KeyboardInterrupt
        return whole(given)

    monkeypatch.setattr(evaluating, "measure", killed)
    with pytest.raises(KeyboardInterrupt):
        evaluate(runs, asked)
    assert kept(runs[0])[0]["run"] == "first"
    assert not (runs[1].path / "metrics.json").exists()


def test_a_new_measure_is_one_entry(make_run, asked, monkeypatch):
    def brightness(given):
        value = given.reconstructions.mean() / 255
        yield Metric("brightness", "mean brightness", "likeness", value, given.count)

    monkeypatch.setattr(measures, "MEASURES", (*measures.MEASURES, measures.Measure(brightness)))
    evaluated = evaluate([make_run()], asked)
    assert evaluated.evaluations[0].metric("brightness").text == "0.50"
    assert "mean brightness" in [row.heading for row in evaluated.rows]


@pytest.mark.parametrize(
    ("part", "there", "lacking"),
    [("encoder", "probe_accuracy", "loss"), ("decoder", "samples_frechet_judge", "kl")],
)
def test_half_a_run_is_measured_as_far_as_it_goes(make_run, asked, part, there, lacking):
    run = make_run(parts=[part])
    evaluated = evaluate([run], replace(asked, features="judge"))
    _, found = kept(run)
    assert there in found
    assert lacking not in found
    other = {"encoder": "decoder", "decoder": "encoder"}[part]
    assert f"run has no {other}: measured is what needs none." in evaluated.evaluations[0].notes
    write_page(page_of([run]), [run], evaluated)
    assert page_of([run]).is_file()


def test_inception_alone_gives_fid(make_run, asked, tmp_path):
    run = make_run()
    evaluate([run], replace(asked, inception=script(tmp_path / "inception.pt")))
    _, found = kept(run)
    assert found["samples_frechet_Inception"]["label"] == "FID of samples (Inception)"
    assert len(found["samples_frechet_Inception"]["network"]["sha256"]) == 64


def test_what_is_no_inception_is_refused(make_run, asked, tmp_path):
    (tmp_path / "a.pt").write_bytes(b"nonsense")
    for file, word in (
        (tmp_path / "a.pt", "TorchScript"),
        (tmp_path / "none.pt", "TorchScript"),
        (script(tmp_path / "b.pt", 100), "2048"),
    ):
        with pytest.raises(UnusableInput, match=word) as refused:
            evaluate([make_run()], replace(asked, inception=file))
        assert "\n" not in str(refused.value)


def test_a_network_for_faces_of_another_size_is_refused(make_run, asked, monkeypatch):
    monkeypatch.setattr(Tiny, "size", 64)
    with pytest.raises(UnusableInput, match="takes faces of 64 pixels"):
        evaluate([make_run()], replace(asked, features="judge"))


def test_too_few_faces_are_told_and_not_compared(make_run, asked, faces):
    run = make_run()
    evaluated = evaluate([run], replace(asked, split="test", features="judge"))
    few = len(faces.indices("test")) < 12
    assert ("samples_frechet_judge" in kept(run)[1]) != few
    assert any("are not compared" in note for note in evaluated.evaluations[0].notes) == few


def test_pictures_are_embedded_as_they_are(tmp_path):
    network = inception(script(tmp_path / "a.pt"))
    pictures = np.random.default_rng(0).integers(0, 256, (3, 16, 16, 3), dtype=np.uint8)
    first = embed(network, pictures)[:, 0]
    np.testing.assert_allclose(first, pictures[:, 0, 0, 0] / 255, atol=1e-6)


OBJECTIVES = {
    "published": ({}, {}),
    "β": ({"reconstruction": "half_sse", "beta": 3}, {}),
    "σ": ({"reconstruction": "gaussian"}, {"sigma": 0.1}),
    "warm-up": ({"warmup": {"steps": 10}, "beta": 2}, {"beta": 2.0}),
    "GECO": ({"geco": {"error": 0.01}}, {"multiplier": 7.0}),
}


@pytest.mark.parametrize("name", OBJECTIVES)
def test_each_face_has_its_loss_as_it_was_trained(name, make_run, faces):
    """The terms are those of the objective, at the weights it had arrived at."""
    settings, state = OBJECTIVES[name]
    objective = ElboSettings.model_validate(settings)
    run = make_run(objective=objective.model_dump(mode="json"), objective_state=state)
    pictures = np.asarray(faces.images[:10])
    found = losses(run, pictures, seed=3)
    assert all(values.shape == (10,) for values in found.values())
    elbo = Elbo(objective).eval()
    elbo.restore(state)
    assert {name: elbo.metrics()[name] for name in state} == pytest.approx(state)
    noise = torch.from_numpy(standard_normal((10, 8), 3, "posterior"))
    with torch.no_grad():
        terms = elbo(run.session.model, to_float(pictures), noise)
    for key, values in terms.items():
        np.testing.assert_allclose(found[key], values, rtol=1e-6)
    alone = losses(run, pictures[4:5], seed=3)
    assert alone["kl"] == pytest.approx(found["kl"][4:5], rel=1e-4)
