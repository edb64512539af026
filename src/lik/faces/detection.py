"""Finding the face in a picture, with OpenCV's frontal face cascade (Viola & Jones 2001)."""

from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np

from lik.core.errors import UnusableInput
from lik.faces.cropping import Box
from lik.faces.pictures import Picture

CASCADE = "haarcascade_frontalface_default"


@dataclass(frozen=True)
class Search:
    """One pass of the cascade: the picture is first brought to ``longest`` pixels.

    ``scale`` is the step between sizes of the window, ``smallest`` the least face in shares of the
    shorter side, ``neighbours`` the windows that must agree.
    """

    longest: int
    scale: float
    smallest: float
    neighbours: int


SEARCHES = (
    Search(longest=218, scale=1.1, smallest=0.36, neighbours=4),
    Search(longest=218, scale=1.03, smallest=0.4, neighbours=4),
    Search(longest=640, scale=1.05, smallest=0.06, neighbours=5),
)
"""A quick pass for faces that fill the picture, a thorough one for what it missed, and one for
small faces in large pictures."""

MOST_ENLARGED = 2.5
"""A search that would have to enlarge the picture more than this finds noise, and is left out."""


def detect(picture: Picture) -> Box | None:
    """The largest face of an RGB picture (H, W, 3), in its pixels; None where there is none."""
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
    for search in SEARCHES:
        boxes = _search(grey, search)
        if boxes:
            return max(boxes, key=lambda box: (box.side, box.score))
    return None


def _search(grey: np.ndarray, search: Search) -> list[Box]:
    height, width = grey.shape
    zoom = search.longest / max(height, width)
    if zoom > MOST_ENLARGED or min(height, width) * zoom < 24:  # the cascade's own window
        return []
    filter_ = cv2.INTER_AREA if zoom < 1 else cv2.INTER_LINEAR
    scaled = cv2.resize(grey, None, fx=zoom, fy=zoom, interpolation=filter_)
    smallest = max(24, round(search.smallest * min(scaled.shape)))
    rectangles, _, scores = _cascade().detectMultiScale3(
        scaled, scaleFactor=search.scale, minNeighbors=search.neighbours,
        minSize=(smallest, smallest), outputRejectLevels=True,
    )  # fmt: skip
    return [
        Box(x / zoom, y / zoom, side / zoom, float(score))
        for (x, y, side, _), score in zip(rectangles, np.ravel(scores), strict=True)
    ]


@cache
def _cascade() -> cv2.CascadeClassifier:
    cv2.setNumThreads(1)  # there is a process for each core already
    path = f"{cv2.data.haarcascades}{CASCADE}.xml"  # type: ignore[attr-defined]
    cascade = cv2.CascadeClassifier(path)
    if cascade.empty():
        raise UnusableInput(
            f"OpenCV's face cascade is not at {path}: pip install 'opencv-python-headless<5'."
        )
    return cascade
