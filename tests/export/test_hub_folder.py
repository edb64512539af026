"""The folder for the hub: whole, without paths and people, and with a card that is true."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lik.app.evaluating import EvaluationRequest, evaluate
from lik.app.exporting import ExportedRun
from lik.app.hub_folder import copy_run, export_hub, without_places
from lik.app.pretrained import PLACE
from lik.app.run import Run
from lik.app.sampling import PriorRequest, fit_prior
from lik.core.artifacts import read_json, sha256_of, write_json
from lik.core.errors import FailedOnTheWay, UnusableInput
from lik.core.run_folder import RunFolder
from lik.export.manifest import verify
from lik.latent.directions.direction import Direction, DirectionSet
from lik.models.saved import metadata_of_file, with_metadata
from terminal import refuse

HOME = "/home/somebody/private"


def no_networks(run, out, weights):
    """In place of the ONNX files, which take seconds: they are tested where they are made."""
    (Path(out) / "decoder.onnx").write_bytes(b"onnx")
    return ExportedRun({"decoder": Path(out) / "decoder.onnx"}, {}, None)


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setattr("lik.app.hub_folder.export_networks", no_networks)


@pytest.fixture
def run(untrained, tmp_path):
    """A run with all that may lie beside one, and paths in it."""
    place = tmp_path / "toy"
    shutil.copytree(untrained, place)
    folder = RunFolder(place)
    _, metadata = metadata_of_file(folder.model)
    metadata["objective"] = {"features": {"network": f"{HOME}/net"}}
    folder.model.write_bytes(with_metadata(folder.model, metadata))
    told = read_json(folder.environment) | {"platform": "Linux-secret-host", "torch": "2.6"}
    write_json(folder.environment, told)
    folder.recipe.write_text(f"objective:\n  features:\n    network: {HOME}/net\n")
    folder.journal.write_text('{"epoch": 1}\n')
    (place / "figures").mkdir()
    (place / "figures" / "reconstructions.png").write_bytes(b"people")
    (place / "state").mkdir()
    (place / "state" / "last.pt").write_bytes(b"\x80\x02")
    return Run(place, "cpu")


def export(run, out, **more):
    told = []
    return export_hub(run, out, notify=told.append, **more).path, told


def test_what_goes_in_and_what_does_not(quick, run, tmp_path):
    fit_prior(run, PriorRequest("gaussian", name="faces"))
    made = {"method": "means", "faces": f"{HOME}/faces", "encoder_sha256": run.encoder_sha256}
    vector = np.ones(4, np.float32)
    DirectionSet("kept", {"x": Direction("x", vector, "strength")}, {}, made).save(run.path)
    other = made | {"encoder_sha256": "0" * 64}
    DirectionSet("old", {"x": Direction("x", vector, "strength")}, {}, other).save(run.path)
    out, told = export(run, tmp_path / "out")
    names = {file.relative_to(out).as_posix() for file in out.rglob("*") if file.is_file()}
    assert names == {
        "README.md", "LICENSE.md", "lik.json", "model.safetensors", "environment.json",
        "recipe.yaml", "samples.png", "decoder.onnx", "priors/faces.safetensors",
        "directions/kept.json", "directions/kept.safetensors",
    }  # fmt: skip
    everything = b"".join((out / name).read_bytes() for name in names)
    for secret in (HOME, "secret-host", str(tmp_path), str(run.path)):
        assert secret.encode() not in everything
    assert [said for said in told if "its hash is another" in said]
    verify(out, "it")
    again = Run(out, "cpu")
    codes = np.random.default_rng(0).standard_normal((3, 4)).astype(np.float32)
    np.testing.assert_array_equal(again.decode(codes), run.decode(codes))
    assert again.directions("kept").made["faces"] == "faces"
    text = Image.open(out / "samples.png").text
    assert text["Lik run"] == "toy"
    assert "Lik command" not in text


def test_weights_without_paths_stay_the_same_bytes(quick, untrained, tmp_path):
    out, told = export(Run(untrained, "cpu"), tmp_path / "out")
    assert sha256_of(out / "model.safetensors") == sha256_of(untrained / "model.safetensors")
    assert told == []


def test_nothing_is_overwritten_and_nothing_is_left_half(quick, untrained, tmp_path, monkeypatch):
    run = Run(untrained, "cpu")
    (tmp_path / "out").mkdir()
    with pytest.raises(UnusableInput, match="exists already, and nothing is overwritten"):
        export_hub(run, tmp_path / "out")

    def full(*arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("lik.app.hub_folder.write_manifest", full)
    with pytest.raises(FailedOnTheWay, match="could not be written: no space left"):
        export_hub(run, tmp_path / "whole")
    assert [file.name for file in tmp_path.iterdir()] == ["out"]


def test_unknown_terms_must_be_given(quick, untrained, tmp_path):
    shutil.copytree(untrained, tmp_path / "toy")
    told = read_json(tmp_path / "toy" / "environment.json")
    told["faces"]["path"] = f"{HOME}/holiday"
    write_json(tmp_path / "toy" / "environment.json", told)
    refuse("(--licence TEXT)", "export", "hub", tmp_path / "toy", tmp_path / "out")
    out, _ = export(Run(tmp_path / "toy", "cpu"), tmp_path / "out", licence="CC BY 4.0 <b>")
    card = (out / "README.md").read_text()
    assert "license_name: cc-by-4-0-b" in card
    assert "CC BY 4.0 &lt;b>" in card
    assert "where its pictures are from is unknown here" in card
    assert "The terms of the pictures that it was trained on are not known to Lik." in card
    assert "CC BY 4.0" in (out / "LICENSE.md").read_text()


def test_a_run_of_drawn_faces_has_no_terms_of_data(quick, untrained, tmp_path):
    card = (export(Run(untrained, "cpu"), tmp_path / "out")[0] / "README.md").read_text()
    assert "Lik drew the faces itself" in card
    assert "license_name: none-named" in card
    assert "may resemble" not in card
    assert "hf://OWNER/NAME" in card
    assert "Unknown: nobody has measured it" in card


def test_celeba_stays_non_commercial_whatever_is_given(quick, untrained, faces, tmp_path):
    shutil.copytree(faces.path, tmp_path / "celeba")
    told = read_json(tmp_path / "celeba" / "faceset.json") | {"source": "CelebA + folder me"}
    write_json(tmp_path / "celeba" / "faceset.json", told)
    shutil.copytree(untrained, tmp_path / "toy")
    environment = read_json(tmp_path / "toy" / "environment.json")
    environment["faces"]["path"] = str(tmp_path / "celeba")
    write_json(tmp_path / "toy" / "environment.json", environment)
    run = Run(tmp_path / "toy", "cpu")
    with pytest.raises(UnusableInput, match="nobody knows under what terms"):
        export_hub(run, tmp_path / "out")
    card = (export(run, tmp_path / "out", licence="MIT")[0] / "README.md").read_text()
    assert "license_name: non-commercial-research-only" in card
    assert "weights trained on it fall under the same terms" in card
    assert "datasets:\n- celeba\n" in card


def test_the_table_of_an_evaluation_is_shown_where_it_is_of_these_weights(quick, run, tmp_path):
    evaluate([run], EvaluationRequest())
    card = (export(run, tmp_path / "out")[0] / "README.md").read_text()
    assert "| Measure | This run | of |" in card
    assert "| loss, nats per image ↓ | " in card or "| loss" in card
    told = read_json(run.folder.metrics) | {"model_sha256": "0" * 64}
    write_json(run.folder.metrics, told)
    card = (export(run, tmp_path / "other")[0] / "README.md").read_text()
    assert "The weights have changed since they were measured." in card
    assert "| Measure |" not in card
    run.folder.metrics.write_text(json.dumps({"metrics": 3}))
    assert "Unknown" in (export(run, tmp_path / "third")[0] / "README.md").read_text()


def test_a_card_beside_the_run_is_carried_over_inert(quick, untrained, tmp_path):
    shutil.copytree(untrained, tmp_path / "<b>toy")
    (tmp_path / "<b>toy" / "card.md").write_text(
        "# mine\n\n- **Terms**: as you like <script>x</script>.\n- **Whom it fails**: me\n"
        "- **Trained on** ![a](https://evil.example/a.png)\n"
    )
    card = (export(Run(tmp_path / "<b>toy", "cpu"), tmp_path / "out")[0] / "README.md").read_text()
    assert "# &lt;b&gt;toy" in card
    assert "As you like &lt;script>x&lt;/script>." in card
    assert "- **Whom it fails**: me" in card
    assert "![a]" not in card


@pytest.mark.skipif(not (PLACE / "faces").is_dir(), reason="no run ships")
def test_the_run_that_ships_keeps_its_facts_and_its_bytes(quick, tmp_path):
    out, _ = export(Run("faces", "cpu"), tmp_path / "out")
    card = (out / "README.md").read_text()
    for said in ("7,840 faces of CelebA", "Both sets are for non-commercial research only",
                 "**Whom it fails**", "the darkest quarter of skin", "datasets:\n- celeba\n- lfw",
                 "license_name: non-commercial-research-only"):  # fmt: skip
        assert said in card
    for file in ("model.safetensors", "features.safetensors", "priors/faces.safetensors",
                 "anomaly.safetensors", "compression.safetensors"):  # fmt: skip
        assert sha256_of(out / file) == sha256_of(PLACE / "faces" / file)
    again = Run(out, "cpu")
    assert again.network is not None


def test_a_copy_of_half_a_run_is_no_run_of_a_whole_one(untrained, tmp_path):
    (tmp_path / "copy").mkdir()
    copy_run(Run(untrained / "model.safetensors", "cpu"), tmp_path / "copy")
    assert {file.name for file in (tmp_path / "copy").iterdir()} == {
        "model.safetensors", "environment.json"
    }  # fmt: skip


def test_of_paths_the_last_name_is_left():
    told = {"a": f"{HOME}/net", "b": ["C:\\x\\y", 1], "attribute_names": ["and/or"], "c": "word"}
    left = {"a": "net", "b": ["y", 1], "attribute_names": ["and/or"], "c": "word"}
    assert without_places(told) == left
