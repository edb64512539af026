"""Finding boxes of faces in a picture, with OpenCV's frontal face cascade (Viola & Jones 2001).

Searches come in stages, quick ones first; who calls decides when a stage has found enough.
"""

from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from lik.core.errors import UnusableInput
from lik.faces.crop.cropping import Box, Square

Grey = NDArray[np.uint8]

CASCADE = "haarcascade_frontalface_default"


@dataclass(frozen=True)
class Search:
    """One pass of the cascade over a picture that is first brought to ``longest`` pixels.

    ``scale`` is the step between sizes of the window, ``smallest`` the least face in shares of the
    shorter side, ``neighbours`` the windows that must agree. ``angle``: the picture is turned, so
    that faces which lean by so many degrees stand upright.
    """

    longest: int
    scale: float
    smallest: float
    neighbours: int
    angle: float = 0.0


PLAIN_STAGES = (
    Search(longest=218, scale=1.1, smallest=0.36, neighbours=4),
    Search(longest=218, scale=1.03, smallest=0.4, neighbours=4),
    Search(longest=640, scale=1.05, smallest=0.06, neighbours=5),
)
"""A quick pass for faces that fill the picture, a thorough one for what it missed, and one for
small faces in large pictures. Several windows must agree, since nothing verifies them."""

VERIFIED_STAGES = (
    Search(longest=164, scale=1.25, smallest=0.45, neighbours=2),
    Search(longest=218, scale=1.05, smallest=0.4, neighbours=1),
    Search(longest=640, scale=1.05, smallest=0.06, neighbours=3),
)
"""The same where the alignment network verifies every box: when little was found, even a single
window is worth a look."""

TURNED_STAGES = tuple(
    Search(longest=164, scale=1.15, smallest=0.4, neighbours=1, angle=angle)
    for angle in (-20.0, 20.0, -40.0, 40.0)
)
"""For faces that lean, when nothing was found upright."""

EVERY_FACE = (
    Search(longest=640, scale=1.05, smallest=0.06, neighbours=5),
    Search(longest=1280, scale=1.1, smallest=0.03, neighbours=6),
)
"""For pictures of several people."""

MOST_ENLARGED = 2.5
"""A search that would have to enlarge the picture more than this finds noise, and is left out."""

WINDOW = 24
"""The cascade's own window, in pixels."""


def boxes_of(grey: Grey, search: Search) -> list[Box]:
    """What one search sees in a grey picture (H, W), in its pixels, the largest first."""
    height, width = grey.shape
    zoom = search.longest / max(height, width)
    if zoom > MOST_ENLARGED or min(height, width) * zoom < WINDOW:
        return []
    filter_ = cv2.INTER_AREA if zoom < 1 else cv2.INTER_LINEAR
    scaled = cv2.resize(grey, None, fx=zoom, fy=zoom, interpolation=filter_)
    smallest = max(WINDOW, round(search.smallest * min(scaled.shape)))
    if search.angle:
        turn = cv2.getRotationMatrix2D((scaled.shape[1] / 2, scaled.shape[0] / 2), search.angle, 1)
        scaled = cv2.warpAffine(scaled, turn, scaled.shape[::-1], borderMode=cv2.BORDER_REPLICATE)
    rectangles, _, scores = _cascade().detectMultiScale3(
        scaled, search.scale, search.neighbours, minSize=(smallest,) * 2, outputRejectLevels=True
    )
    middle = (width / 2, height / 2)
    boxes = [
        _turned_back(Box(x / zoom, y / zoom, side / zoom, float(score)), search.angle, middle)
        for (x, y, side, _), score in zip(rectangles, np.ravel(scores), strict=True)
    ]
    return sorted(boxes, key=lambda box: (-box.side, -box.score, box.x, box.y))


def shared_area(first: Box, second: Box) -> float:
    """The area that two upright boxes share, as a share of the smaller one, 0…1."""
    across = min(first.x + first.side, second.x + second.side) - max(first.x, second.x)
    down = min(first.y + first.side, second.y + second.side) - max(first.y, second.y)
    return max(across, 0.0) * max(down, 0.0) / min(first.side, second.side) ** 2


def _turned_back(box: Box, angle: float, middle: tuple[float, float]) -> Box:
    """A box of the picture turned about its middle, as it lies in the picture itself."""
    if not angle:
        return box
    x, y = Square(0, 0, 1, angle).point((box.x - middle[0], box.y - middle[1]))
    return Box(x + middle[0], y + middle[1], box.side, box.score, angle)


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
