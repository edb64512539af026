from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from lik.core.errors import UnusableInput
from lik.evaluation.fidelity import measure_fidelity
from lik.faces.crop.cropping import FixedCrop
from lik.faces.io.sources import open_source
from lik.faces.set.extraction import Plan
from lik.faces.set.faceset import FaceSet
from lik.faces.set.preparation import prepare
from lik.latent.session import Session
from lik.models.keras import _for_torch, import_keras
from lik.models.paper import SameConvTranspose


@pytest.mark.parametrize(
    ("name", "layer"),
    [
        ("conv", nn.Conv2d(2, 3, 4, stride=2, padding=1)),
        ("transposed4", nn.ConvTranspose2d(2, 3, 4, stride=2, padding=1)),
        ("transposed3", SameConvTranspose(2, 3)),
    ],
)
def test_layers_answer_as_keras_did(name, layer):
    stored = np.load(Path(__file__).with_name("keras_layers.npz"))
    kernel, bias = (torch.from_numpy(stored[f"{name}_{part}"]) for part in ("kernel", "bias"))
    for key, tensor in _for_torch(layer, kernel, bias, 64).items():
        getattr(layer, key).data.copy_(tensor)
    x = torch.from_numpy(stored[f"{name}_x"]).permute(0, 3, 1, 2)
    y = layer(x).permute(0, 2, 3, 1).detach().numpy()
    assert y.shape == stored[f"{name}_y"].shape
    np.testing.assert_allclose(y, stored[f"{name}_y"], atol=2e-5)


def test_what_is_no_keras_archive_is_said(tmp_path):
    pytest.importorskip("h5py")
    (tmp_path / "a.keras").write_bytes(b"nonsense")
    with pytest.raises(UnusableInput, match="no Keras archive"):
        import_keras([tmp_path / "a.keras"])
    with pytest.raises(UnusableInput, match="missing"):
        import_keras([tmp_path / "none.keras"])


def test_two_halves_of_one_kind_or_of_two_models_are_refused(author_weights):
    with pytest.raises(UnusableInput, match="both encoders"):
        import_keras([author_weights[0], author_weights[0]])
    second = author_weights[0].with_name("model2-decoder.keras")
    with pytest.raises(UnusableInput, match="do not belong together"):
        import_keras([author_weights[0], second])


def test_a_decoder_alone_decodes_and_says_that_it_cannot_encode(author_weights):
    second = author_weights[0].with_name("model2-decoder.keras")
    imported = import_keras([second])
    session = Session(imported.model, {"parts": imported.parts}, "second")
    assert session.generate(3).std() > 20
    with pytest.raises(UnusableInput, match="no encoder"):
        session.encode(np.zeros((1, 64, 64, 3), np.uint8))


def test_the_authors_weights_give_the_losses_measured_elsewhere(
    author_weights, real_data, tmp_path
):
    """121.2 ± 1 and 56.9 ± 0.5 on the test faces: our layers are the paper's layers."""
    source = open_source(str(real_data / "celeba-half"), 64)
    prepare(source, tmp_path / "faces", Plan(FixedCrop(), 64))
    faces = FaceSet.open(tmp_path / "faces")
    imported = import_keras(author_weights)
    session = Session(imported.model, {}, "author")
    found = measure_fidelity(session, faces.images[faces.indices("test")])
    assert len(found["loss"]) == 500
    assert found["reconstruction"].mean() == pytest.approx(121.43, abs=0.005)
    assert found["kl"].mean() == pytest.approx(56.92, abs=0.005)
    assert found["reconstruction_from_mean"].mean() == pytest.approx(99.41, abs=0.005)
