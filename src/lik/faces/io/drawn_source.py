"""Drawn faces as a source of pictures: ``drawn:N`` or ``drawn:N:SEED``."""

import re
from dataclasses import dataclass

import numpy as np

from lik.core.errors import UnusableInput
from lik.faces.drawn import rendering as drawn
from lik.faces.io.pictures import NotAPicture, Picture
from lik.faces.io.source import Source


@dataclass(frozen=True)
class DrawnFace:
    """A face that is drawn when its pixels are asked for, always in its full size."""

    factors: drawn.Factors
    size: int

    @property
    def width(self) -> int:
        return self.size

    @property
    def height(self) -> int:
        return self.size

    def decode(self, least: int | None = None) -> Picture:
        return drawn.render(self.factors, self.size)


@dataclass(frozen=True)
class Drawing:
    """Draws the face that a name such as ``drawn-0-000017`` asks for."""

    count: int
    seed: int
    size: int

    def names(self) -> list[str]:
        return [f"drawn-{self.seed}-{index:06d}" for index in range(self.count)]

    def stamp(self, name: str) -> str:
        return ""  # the name says it all

    def open(self, name: str) -> DrawnFace:
        match = re.fullmatch(r"drawn-(\d+)-(\d+)", name)
        if not match:
            raise NotAPicture("is not the name of a drawn face")
        return DrawnFace(drawn.sample_factors(int(match[1]), int(match[2])), self.size)


def drawn_source(text: str, size: int) -> Source:
    """The source that ``drawn:N[:SEED]`` names, with attributes and true factors.

    Raises:
        UnusableInput: the text is not of that form.
    """
    match = re.fullmatch(r"drawn:(\d+)(?::(\d+))?", text)
    if not match or int(match[1]) == 0:
        raise UnusableInput(f"'{text}' is not of the form drawn:N or drawn:N:SEED, as drawn:6000.")
    count, seed = int(match[1]), int(match[2] or 0)
    drawing = Drawing(count, seed, size)
    factors = [drawn.sample_factors(seed, index) for index in range(count)]
    labels = [drawn.attributes(face) for face in factors]
    values = [drawn.factor_values(face) for face in factors]
    attribute_names, factor_names = list(labels[0]), list(values[0])
    return Source(
        f"drawn faces, seed {seed}",
        drawing,
        drawing.names(),
        [None] * count,
        attribute_names,
        np.array([[row[name] for name in attribute_names] for row in labels], np.float64),
        factor_names,
        np.array([[row[name] for name in factor_names] for row in values], np.float64),
        aligned=True,
    )
