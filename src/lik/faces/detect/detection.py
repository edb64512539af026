"""A face in a picture, and what finds faces."""

from dataclasses import dataclass
from typing import Any, Protocol

from lik.core.reference import Point
from lik.faces.crop.cropping import Box, Picture


@dataclass(frozen=True)
class Detection:
    """A face in a picture.

    Attributes:
        box: where a detector saw it; None where the eyes were known beforehand.
        eyes: the two eyes, the one with the smaller x in an upright face first; None where nobody
            looked for them.
        score: how sure the finder is; None where it did not have to look.
    """

    box: Box | None
    eyes: tuple[Point, Point] | None
    score: float | None

    def scaled(self, factor: float) -> "Detection":
        """The same face in a picture that is ``factor`` times as large."""
        eyes = self.eyes and tuple((x * factor, y * factor) for x, y in self.eyes)
        return Detection(self.box and self.box.scaled(factor), eyes, self.score)  # type: ignore[arg-type]


class Finder(Protocol):
    """What finds faces; it can be sent to another process."""

    @property
    def description(self) -> dict[str, Any]:
        """What decides its answers, as plain values: part of the job that made a face set."""

    def find(self, picture: Picture, every: bool = False) -> list[Detection]:
        """The faces of an RGB picture (H, W, 3), largest first; at most one unless ``every``."""
