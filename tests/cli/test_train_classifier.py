import json
from dataclasses import replace

import numpy as np
import pytest

from lik.faces.set.faceset import FaceSet
from lik.models.classifier import load_attribute_classifier
from terminal import refuse, run_lik, succeed

QUICK = ("epochs=2", "batch_size=16", "model.widths=[4,8]")


@pytest.fixture(scope="module")
def trained(faces, tmp_path_factory):
    path = tmp_path_factory.mktemp("classifier") / "run"
    answer = succeed("train-classifier", faces.path, path, *QUICK)
    return path, answer.output


def given(monkeypatch, faces, **changed):
    """Let the command find other labels in the set."""
    other = replace(faces, **changed)
    monkeypatch.setattr(FaceSet, "open", classmethod(lambda cls, path: other))


def test_it_ends_with_a_network_and_what_it_can_do(trained, faces):
    path, output = trained
    network = load_attribute_classifier(path).network
    metrics = json.loads((path / "metrics.json").read_text())
    assert metrics["faces_sha256"] == faces.hash
    held_out = [len(faces.indices(split)) for split in ("test", "validation")]
    counts = {name: split["faces"] for name, split in metrics["splits"].items()}
    assert counts == {"test": held_out[0], "validation": held_out[1], "both": sum(held_out)}
    both = metrics["splits"]["both"]
    assert set(both["attributes"]) == set(network.attributes)
    each = [one["accuracy"] for one in both["attributes"].values()]
    assert both["accuracy"] == pytest.approx(np.mean(each), abs=1e-4)
    assert "test and validation" in output
    assert "balanced" in output
    for name in ("recipe.yaml", "journal.jsonl", "figures/training.png"):
        assert (path / name).is_file(), name


def test_the_same_command_finds_it_finished_and_says_the_same(trained, faces):
    path, output = trained
    before = [(path / name).read_bytes() for name in ("model.safetensors", "metrics.json")]
    again = run_lik("train-classifier", faces.path, path, *QUICK)
    assert "finished already" in again.output
    assert again.output.splitlines()[-20:-1] == output.splitlines()[-20:-1]
    assert before == [(path / name).read_bytes() for name in ("model.safetensors", "metrics.json")]


def test_attributes_in_which_all_are_alike_are_left_out_and_told(faces, tmp_path, monkeypatch):
    attributes = faces.attributes.copy()
    attributes[:, faces.attribute_names.index("Eyeglasses")] = -1
    given(monkeypatch, faces, attributes=attributes)
    monkeypatch.setattr(FaceSet, "verify", lambda self: None)
    answer = succeed("train-classifier", faces.path, tmp_path / "run", "epochs=1", *QUICK[1:])
    assert "Left out" in answer.output
    assert "Eyeglasses" not in load_attribute_classifier(tmp_path / "run").network.attributes
    refuse(
        "'Eyeglasses' cannot be learned",
        "train-classifier",
        faces.path,
        tmp_path / "other",
        "model.attributes=[Eyeglasses]",
    )


def test_real_valued_attributes_are_cut_at_0_and_told(faces, tmp_path, monkeypatch):
    attributes = faces.attributes.copy()
    column = faces.attribute_names.index("Smiling")
    attributes[:, column] = np.linspace(-1, 1, len(faces))
    given(monkeypatch, faces, attributes=attributes)
    answer = succeed(
        "train-classifier",
        faces.path,
        tmp_path / "run",
        "epochs=1",
        *QUICK[1:],
        "model.attributes=[Smiling]",
    )
    assert "real numbers" in answer.output
    share = json.loads((tmp_path / "run" / "metrics.json").read_text())
    held_out = np.concatenate([faces.indices("test"), faces.indices("validation")])
    expected = (attributes[held_out, column] > 0).mean()
    found = share["splits"]["both"]["attributes"]["Smiling"]["share"]
    assert found == pytest.approx(expected, abs=1e-4)


def test_faces_of_which_nothing_is_known_take_no_part(faces, tmp_path, monkeypatch):
    attributes = faces.attributes.copy()
    attributes[5:40] = np.nan
    given(monkeypatch, faces, attributes=attributes)
    answer = succeed("train-classifier", faces.path, tmp_path / "run", "epochs=1", *QUICK[1:])
    known = set(faces.indices("train")) - set(range(5, 40))
    assert f"{-(-len(known) // 16)} steps" in answer.output


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"attribute_names": [], "attributes": np.zeros((64, 0))}, "has no attributes"),
        ({"attribute_names": ["Old"], "attributes": np.ones((64, 1))}, "nothing to learn"),
        ({"attribute_names": ["Old"], "attributes": np.full((64, 1), np.nan)}, "nothing to learn"),
    ],
)
def test_sets_without_labels_to_learn_get_one_sentence(
    changed, words, faces, tmp_path, monkeypatch
):
    given(monkeypatch, faces, **changed)
    refuse(words, "train-classifier", faces.path, tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("model.attributes=[Smilling]", "Did you mean 'Smiling'?"),
        ("model.name=attributes-deep", "attributes-plain"),
        ("model.size=32", "holds faces of 16 pixels"),
        ("model.widths=[4,4,4,4,4,4]", "multiple of 32"),
        ("epoch=3", "Did you mean 'epochs'?"),
    ],
)
def test_wrong_settings_get_one_sentence(setting, words, faces, tmp_path):
    refuse(words, "train-classifier", faces.path, tmp_path / "run", setting)
    assert not (tmp_path / "run").exists()


def test_it_is_no_model_to_generate_with(trained):
    refuse("an attribute classifier", "generate", trained[0])
