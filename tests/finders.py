"""Finders of faces for tests, and the photograph that one of them suits."""

import numpy as np
from PIL import Image

from lik.faces.crop.cropping import Box
from lik.faces.detect.finding import Detection
from lik.faces.drawn import rendering as drawn


class Told:
    """Finds faces where it is told, in shares of the picture's width."""

    description = {"boxes": "told"}  # noqa: RUF012

    def __init__(self, *faces):
        self.faces = faces

    def find(self, picture, every=False):
        found = [face.scaled(picture.shape[1]) for face in self.faces]
        return found if every else found[:1]


class TwoFaces:
    """Finds two faces in every picture that is not black."""

    description = {}  # noqa: RUF012

    def find(self, picture, every=False):
        if not picture.any():
            return []
        faces = [
            Detection(Box(60, 60, 80, 1.0), ((80.0, 90.0), (115.0, 92.0)), 1.0),
            Detection(Box(200, 60, 50, 1.0), ((215.0, 80.0), (235.0, 80.0)), 1.0),
        ]
        return faces if every else faces[:1]


def save_photograph(path):
    """Two drawn faces where `TwoFaces` finds them."""
    picture = np.full((480, 480, 3), 120, np.uint8)
    picture[30:158, 30:158] = drawn.render(drawn.sample_factors(2, 2), 128)
    picture[40:104, 190:254] = drawn.render(drawn.sample_factors(2, 3), 64)
    Image.fromarray(picture).save(path)
    return path
