import cv2
import numpy as np
import pytest
import torch

from lik.alignment.model import Aligner, AlignerSettings, Sight
from lik.core.errors import UnusableInput
from lik.faces.detect.eyes import EyeNetwork

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxscript")

from lik.export.onnx import export_onnx  # noqa: E402


@pytest.fixture
def aligner():
    """An aligner whose batch norm has seen something."""
    torch.manual_seed(1)
    model = Aligner(AlignerSettings())
    for _ in range(5):
        model(torch.rand(32, 1, 64, 64) * 255)
    return model.eval()


def test_opencv_gives_what_torch_gives(aligner, tmp_path):
    path = tmp_path / "aligner.onnx"
    export_onnx(aligner, [torch.zeros(1, 1, 64, 64)], path, ["cut"], ["eyes"], {"terms": "none"})
    random = np.random.default_rng(0)
    network = EyeNetwork(path)
    for contrast in (255, 20, 1):
        cut = (random.random((64, 64)) * contrast).astype(np.uint8)
        with torch.no_grad():
            there: Sight = aligner.look(torch.from_numpy(cut).float()[None, None])
        here = network.find(cut)
        np.testing.assert_allclose(here.left, there.left[0], atol=1e-4)
        np.testing.assert_allclose(here.right, there.right[0], atol=1e-4)
        assert here.confidence == pytest.approx(torch.sigmoid(there.face)[0].item(), abs=1e-4)
    assert cv2.dnn.readNetFromONNX(str(path)).getLayerNames()


def test_the_file_says_its_terms_and_not_where_it_was_made(aligner, tmp_path):
    path = tmp_path / "aligner.onnx"
    export_onnx(
        aligner, [torch.zeros(1, 1, 64, 64)], path, ["cut"], ["eyes"], {"terms": "research"}
    )
    model = onnx.load(path)
    assert {p.key: p.value for p in model.metadata_props} == {"terms": "research"}
    assert b".py" not in path.read_bytes()
    assert path.stat().st_size < 2**20


def test_missing_packages_are_said(aligner, tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "onnxscript", None)
    with pytest.raises(UnusableInput, match=r"onnxscript.*lik-vae\[onnx\]"):
        export_onnx(
            aligner, [torch.zeros(1, 1, 64, 64)], tmp_path / "a.onnx", ["cut"], ["eyes"], {}
        )
    assert not list(tmp_path.iterdir())
