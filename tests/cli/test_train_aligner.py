import re
import shutil

import numpy as np
import pytest

from lik.faces.detect.eyes import EyeNetwork
from terminal import refuse, succeed

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxscript")

EYES = "0.35546875,0.46484375,0.66015625,0.46484375"


@pytest.fixture(scope="module")
def trained(faces, tmp_path_factory):
    path = tmp_path_factory.mktemp("aligner") / "run"
    answer = succeed("train-aligner", faces.path, path, "epochs=2", "batch_size=16", "--eyes", EYES)
    return path, answer.output


def test_it_ends_with_a_network_that_opencv_runs(trained, drawn_pictures):
    path, output = trained
    for name in ("recipe.yaml", "model.safetensors", "journal.jsonl", "figures/training.png"):
        assert (path / name).is_file(), name
    network = EyeNetwork(path / "aligner.onnx")
    eyes = network.find(np.zeros((64, 64), np.uint8))
    assert 0 <= eyes.confidence <= 1
    metadata = {p.key: p.value for p in onnx.load(path / "aligner.onnx").metadata_props}
    assert "non-commercial" in metadata["terms"]
    assert "drawn" in metadata["source"]
    assert re.search(r"mean eye error [\d.]+ %, [\d.]+ %, [\d.]+ % of the eye distance", output)


def test_the_same_command_finds_it_finished_and_says_the_same(trained, faces, tmp_path):
    path, output = trained
    before = (path / "aligner.onnx").read_bytes()
    again = succeed("train-aligner", faces.path, path, "epochs=2", "batch_size=16", "--eyes", EYES)
    assert "finished already" in again.output
    measured = [line for line in output.splitlines() if "%" in line]
    assert measured == [line for line in again.output.splitlines() if "%" in line]
    assert (path / "aligner.onnx").read_bytes() == before


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "(whole) does not say where the eyes are"),
        (["--eyes", "0.3,0.4"], "X,Y,X,Y"),
        (["--eyes", "0.3,0.4,left,0.4"], "valid number"),
        (["--eyes", "0.7,0.4,0.3,0.4"], "the left one first"),
        (["epoch=3", "--eyes", EYES], "Did you mean 'epochs'?"),
    ],
)
def test_wrong_use_gets_one_sentence(arguments, words, faces, tmp_path):
    refuse(words, "train-aligner", faces.path, tmp_path / "run", *arguments)
    assert not (tmp_path / "run").exists()


def test_a_run_of_another_kind_is_refused(faces, tmp_path):
    run = tmp_path / "vae"
    succeed("train", "paper-first", faces.path, run, "epochs=1", "model.latent=4")
    refuse("", "train-aligner", faces.path, run, "--eyes", EYES)
    shutil.rmtree(run)


def test_a_network_is_no_model_to_reconstruct_with(trained):
    refuse("", "generate", trained[0])
