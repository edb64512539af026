"""A trained run, and a photograph with two faces."""

import pytest

from finders import TwoFaces, save_photograph
from lik.faces import photograph
from terminal import succeed


@pytest.fixture(scope="session")
def run(faces, tmp_path_factory):
    path = tmp_path_factory.mktemp("runs") / "toy"
    succeed("train", "paper-first", faces.path, path, "epochs=2", "model.latent=8", "batch_size=16")
    succeed("fit-directions", path)  # or the first test that needs them is told that they are
    return path


@pytest.fixture
def photo(tmp_path, monkeypatch):
    monkeypatch.setattr(photograph, "_finder", lambda kind: TwoFaces())
    monkeypatch.setattr(
        photograph, "_rule_for", lambda *_: photograph.AlignedCrop()
    )  # the toy's own rule takes whole pictures
    return save_photograph(tmp_path / "photo.png")
