"""A run that was never trained, which is as good to draw from as any."""

import shutil

import numpy as np
import pytest
import torch

from finders import TwoFaces, save_photograph
from lik.app.editing import open_face
from lik.app.run import Run
from lik.latent.session import logits_of
from lik.models.classifier import PlainSettings, build_classifier
from lik.models.saved import save_model


@pytest.fixture
def run(untrained, tmp_path):
    shutil.copytree(untrained, tmp_path / "toy")
    return Run(tmp_path / "toy", "cpu")


@pytest.fixture
def photo(run, tmp_path):
    """A photograph with two drawn faces, opened."""
    run.metadata["crop"] = {"kind": "aligned"}
    return open_face(run, save_photograph(tmp_path / "photo.png"), finder=TwoFaces())


@pytest.fixture(scope="session")
def classifier(faces, untrained, tmp_path_factory):
    """A classifier that gives each attribute to half of the faces that the run draws."""
    torch.manual_seed(0)
    settings = PlainSettings(size=16, attributes=tuple(faces.attribute_names), widths=(4, 8))
    network = build_classifier(settings).eval()
    session = Run(untrained, "cpu").session
    logits = logits_of(session, network, session.draw(400, 1))
    with torch.no_grad():
        network.head.bias -= torch.from_numpy(np.median(logits, axis=0))
    path = tmp_path_factory.mktemp("classifiers") / "plain.safetensors"
    save_model(path, network, settings, {})
    return path
