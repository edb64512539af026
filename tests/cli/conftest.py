import numpy as np
import pytest
from PIL import Image

from lik.faces import photograph
from lik.faces.crop.cropping import Box
from lik.faces.detect.detection import Detection
from lik.faces.drawn import rendering as drawn


class TwoFaces:
    """A finder that gives two faces of every picture that is not black."""

    @property
    def description(self):
        return {}

    def find(self, picture, every=False):
        if not picture.any():
            return []
        faces = [
            Detection(Box(60, 60, 80, 1.0), ((80.0, 90.0), (115.0, 92.0)), 1.0),
            Detection(Box(200, 60, 50, 1.0), ((215.0, 80.0), (235.0, 80.0)), 1.0),
        ]
        return faces if every else faces[:1]


@pytest.fixture
def photo(tmp_path, monkeypatch):
    monkeypatch.setattr(photograph, "_finder", lambda kind: TwoFaces())
    monkeypatch.setattr(
        photograph, "_rule_for", lambda *_: photograph.AlignedCrop()
    )  # the toy's own rule takes whole pictures
    picture = np.full((480, 480, 3), 120, np.uint8)
    picture[30:158, 30:158] = drawn.render(drawn.sample_factors(2, 2), 128)
    picture[40:104, 190:254] = drawn.render(drawn.sample_factors(2, 3), 64)
    path = tmp_path / "photo.png"
    Image.fromarray(picture).save(path)
    return path
