"""Finding the faces of a picture, and their eyes: what the crop rules work from.

A finder takes a picture and gives its faces, the largest first. Coordinates are those of the
picture it was given (see `lik.faces.crop.cropping`). Boxes come from OpenCV's frontal face cascade
(Viola & Jones 2001), or from YuNet, whose model file the user has.
"""

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from threading import Lock
from typing import Any, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from lik.core.artifacts import sha256_of
from lik.core.errors import UnusableInput
from lik.core.onnx_file import require_sound
from lik.core.reference import Point
from lik.faces.crop.cropping import (
    AlignedCrop,
    Box,
    Picture,
    Square,
    cut,
    resized,
    square_of,
    square_of_eyes,
)
from lik.faces.detect.eyes import CUT, SURE, EyeNetwork, quiet

Grey = NDArray[np.uint8]


@dataclass(frozen=True)
class Detection:
    """A face in a picture; what nobody had to look for is None."""

    box: Box | None  # where a detector saw it
    eyes: tuple[Point, Point] | None  # the one with the smaller x in an upright face first
    score: float | None  # how sure the finder is

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


CASCADE = "haarcascade_frontalface_default"


@dataclass(frozen=True)
class Search:
    """One pass of the cascade over a picture."""

    longest: int  # the picture is first brought to so many pixels
    scale: float  # step between sizes of the window
    smallest: float  # the least face, in shares of the shorter side
    neighbours: int  # windows that must agree
    angle: float = 0.0  # the picture is turned, so that faces that lean so far stand upright


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

_LOOKING = Lock()
"""The cascade keeps what it works on: it is for one thread at a time."""

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
    with _LOOKING:
        rectangles, _, scores = _cascade().detectMultiScale3(
            scaled, search.scale, search.neighbours, minSize=(smallest,) * 2,
            outputRejectLevels=True,
        )  # fmt: skip
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


ROUNDS = 3
"""Looks at a face, each at the cut that the look before it made better."""

CONVERGED = 0.03
"""Looks end when an eye would move by less than this share of the crop's side."""


class CascadeFinder:
    """OpenCV's cascade, whose boxes the alignment network verifies where it is given."""

    def __init__(self, network: EyeNetwork | None, turned: bool = False) -> None:
        self.network = network
        self.turned = turned

    @property
    def description(self) -> dict[str, Any]:
        network = self.network.sha256 if self.network else None
        return {"boxes": CASCADE, "network": network, "turned": self.turned}

    def find(self, picture: Picture, every: bool = False) -> list[Detection]:
        grey = np.asarray(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), np.uint8)
        if every:
            return self._every(grey)
        boxes = (box for search in self._stages() for box in boxes_of(grey, search))
        first = next(filter(None, (self.verify(grey, box) for box in boxes)), None)
        return [first] if first else []

    def _stages(self) -> Sequence[Search]:
        if self.network is None:
            return PLAIN_STAGES
        return VERIFIED_STAGES + (TURNED_STAGES if self.turned else ())

    def _every(self, grey: Grey) -> list[Detection]:
        searches = (*self._stages()[:2], *EVERY_FACE)
        boxes = [box for search in searches for box in boxes_of(grey, search)]
        faces: dict[Box, Detection] = {}
        for box in sorted(boxes, key=lambda box: -box.side):
            apart = all(shared_area(box, other) <= 0.4 for other in faces)
            if apart and (found := self.verify(grey, box)):
                faces[box] = found
        return list(faces.values())

    def verify(self, grey: Grey, box: Box) -> Detection | None:
        """Look whether a box of a grey picture (H, W) holds a face, and where its eyes are."""
        if self.network is None:
            return Detection(box, None, box.score)
        square = first = square_of(AlignedCrop(), grey.shape[1], grey.shape[0], box)
        for _ in range(ROUNDS):
            seen = self.network.find(cut(grey, square, CUT))
            left, right = square.point(seen.left), square.point(seen.right)
            before, square = square, square_of_eyes(left, right)
            if not _plausible(square, first):
                return None
            moved = np.linalg.norm(before.corners() - square.corners(), axis=1).max()
            if float(moved) / square.side < CONVERGED:
                break
        if seen.confidence < SURE:
            return None
        return Detection(box, (left, right), seen.confidence)


def _plausible(square: Square, first: Square) -> bool:
    """Whether the eyes ask for a crop that still has to do with the detection."""
    turn = math.remainder(square.angle - first.angle, 360)
    x, y = square.point((0.5, 0.5))
    middle_x, middle_y = first.point((0.5, 0.5))
    away = math.hypot(x - middle_x, y - middle_y) / first.side
    return 0.5 < square.side / first.side < 2 and abs(turn) < 50 and away < 0.4


YUNET = "face_detection_yunet_2023mar.onnx"
"""A file of OpenCV's model zoo (Wu et al., "YuNet: a tiny millisecond-level face detector", 2023).
It does not come with Lik."""

YUNET_SHA256 = "8f2383e4dd3cfbb4553ea8718107fc0423210dc964f9f4280604804ed2552fa4"
YUNET_VARIABLE = "LIK_YUNET"
LONGEST = 640
"""Larger pictures are reduced to this side before YuNet looks, in pixels."""

LEAST_SCORE = 0.7


def yunet_places() -> list[Path]:
    """Where the model file is looked for, in this order."""
    named = os.environ.get(YUNET_VARIABLE)
    data = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
    return ([Path(named)] if named else []) + [Path(data) / "lik" / YUNET]


def find_yunet(given: Path | None = None) -> Path | None:
    """The model file: the given one, or the first of `yunet_places` that is there, or None.

    Raises:
        UnusableInput: the given file, or the one that the variable names, is missing or another.
    """
    named = given or (Path(os.environ[YUNET_VARIABLE]) if os.environ.get(YUNET_VARIABLE) else None)
    if named and not named.is_file():
        raise UnusableInput(f"there is no model of YuNet at {named}.")
    path = named or next((place for place in yunet_places() if place.is_file()), None)
    if path and sha256_of(path) != YUNET_SHA256:
        raise UnusableInput(
            f"{path} is not {YUNET} of OpenCV's model zoo (its SHA-256 is another): "
            "get that file, or leave it out to use the cascade."
        )
    return path


class YuNetFinder:
    """A finder that asks YuNet for boxes and eyes."""

    def __init__(self, model: Path) -> None:
        self.model = model
        self._detector: Any = None

    def __getstate__(self) -> dict[str, Any]:
        return {"model": self.model, "_detector": None}

    @property
    def description(self) -> dict[str, Any]:
        return {"boxes": YUNET, "network": YUNET_SHA256, "turned": False}

    def find(self, picture: Picture, every: bool = False) -> list[Detection]:
        zoom = min(1.0, LONGEST / max(picture.shape[:2]))
        small = resized(picture, zoom)
        detector = self._opened()
        detector.setInputSize(small.shape[1::-1])
        _, rows = detector.detect(cv2.cvtColor(small, cv2.COLOR_RGB2BGR))
        faces = [_found(row).scaled(1 / zoom) for row in ([] if rows is None else rows)]
        faces.sort(key=lambda face: -face.box.side if face.box else 0)
        return faces if every else faces[:1]

    def _opened(self) -> Any:
        if self._detector is None:
            cv2.setNumThreads(1)
            create = cv2.FaceDetectorYN.create
            require_sound(self.model)
            try:
                with quiet():
                    self._detector = create(str(self.model), "", (320, 320), LEAST_SCORE)
            except cv2.error:
                raise UnusableInput(
                    f"{self.model} is no model of YuNet, or OpenCV {cv2.__version__} cannot read "
                    "it: leave it out to use the cascade."
                ) from None
        return self._detector


def _found(row: NDArray[np.float32]) -> Detection:
    """One row of YuNet: x, y, width, height, five points (the eyes first), score."""
    x, y, width, height = (float(value) for value in row[:4])
    side = max(width, height)
    points: list[Point] = [(float(row[4]), float(row[5])), (float(row[6]), float(row[7]))]
    left, right = sorted(points)
    corner = (x + width / 2 - side / 2, y + height / 2 - side / 2)
    score = float(row[14])
    return Detection(Box(*corner, side, score), (left, right), score)


def finder_for(kind: str, yunet: Path | None = None, network: Path | None = None) -> Finder:
    """The finder that suits a crop rule of this kind.

    ``aligned`` asks YuNet where its model file is at hand (``yunet``, where the user names one),
    and the cascade with the alignment ``network``, by default Lik's own, where not; ``face`` the
    latter without turned passes; ``paper`` the cascade alone, as the paper did.
    """
    if kind == "paper":
        return CascadeFinder(None)
    if kind == "aligned":
        model = None if network else find_yunet(yunet)
        if model:
            return YuNetFinder(model)
    return CascadeFinder(EyeNetwork(network), turned=kind == "aligned")
