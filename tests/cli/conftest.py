import pytest

from finders import TwoFaces, save_photograph
from lik.faces import photograph


@pytest.fixture
def photo(tmp_path, monkeypatch):
    monkeypatch.setattr(photograph, "_finder", lambda kind: TwoFaces())
    monkeypatch.setattr(
        photograph, "_rule_for", lambda *_: photograph.AlignedCrop()
    )  # the toy's own rule takes whole pictures
    return save_photograph(tmp_path / "photo.png")
