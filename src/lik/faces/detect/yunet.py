"""YuNet through OpenCV: boxes and eyes by a detector whose model file the user has.

The file is face_detection_yunet_2023mar.onnx of OpenCV's model zoo (Wu et al., "YuNet: a tiny
millisecond-level face detector", 2023). It does not come with Lik.
"""

import os
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from lik.core.artifacts import sha256_of
from lik.core.errors import UnusableInput
from lik.core.reference import Point
from lik.faces.crop.cropping import Box, Picture
from lik.faces.detect.detection import Detection

FILE = "face_detection_yunet_2023mar.onnx"
SHA256 = "8f2383e4dd3cfbb4553ea8718107fc0423210dc964f9f4280604804ed2552fa4"
VARIABLE = "LIK_YUNET"
LONGEST = 640
"""Larger pictures are reduced to this side before YuNet looks, in pixels."""

LEAST_SCORE = 0.7


def places() -> list[Path]:
    """Where the model file is looked for, in this order."""
    named = os.environ.get(VARIABLE)
    data = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
    return ([Path(named)] if named else []) + [Path(data) / "lik" / FILE]


def find_model(given: Path | None = None) -> Path | None:
    """The model file: the given one, or the first of `places` that is there; None without any.

    Raises:
        UnusableInput: the given file, or the one that the variable names, is missing or another.
    """
    named = given or (Path(os.environ[VARIABLE]) if os.environ.get(VARIABLE) else None)
    if named and not named.is_file():
        raise UnusableInput(f"there is no model of YuNet at {named}.")
    path = named or next((place for place in places() if place.is_file()), None)
    if path and sha256_of(path) != SHA256:
        raise UnusableInput(
            f"{path} is not {FILE} of OpenCV's model zoo (its SHA-256 is another): "
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
        return {"boxes": FILE, "network": SHA256, "turned": False}

    def find(self, picture: Picture, every: bool = False) -> list[Detection]:
        height, width = picture.shape[:2]
        zoom = min(1.0, LONGEST / max(height, width))
        across, down = max(1, round(width * zoom)), max(1, round(height * zoom))
        small = cv2.resize(picture, (across, down), interpolation=cv2.INTER_AREA)
        detector = self._opened()
        detector.setInputSize((across, down))
        _, rows = detector.detect(cv2.cvtColor(small, cv2.COLOR_RGB2BGR))
        faces = [_found(row).scaled(1 / zoom) for row in ([] if rows is None else rows)]
        faces.sort(key=lambda face: -face.box.side if face.box else 0)
        return faces if every else faces[:1]

    def _opened(self) -> Any:
        if self._detector is None:
            cv2.setNumThreads(1)
            create = cv2.FaceDetectorYN.create
            self._detector = create(str(self.model), "", (320, 320), LEAST_SCORE)
        return self._detector


def _found(row: "np.ndarray[Any, Any]") -> Detection:
    """One row of YuNet: x, y, width, height, five points (the eyes first), score."""
    x, y, width, height = (float(value) for value in row[:4])
    side = max(width, height)
    points: list[Point] = [(float(row[4]), float(row[5])), (float(row[6]), float(row[7]))]
    left, right = sorted(points)
    corner = (x + width / 2 - side / 2, y + height / 2 - side / 2)
    score = float(row[14])
    return Detection(Box(*corner, side, score), (left, right), score)
