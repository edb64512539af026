"""Finding the faces of a picture, and their eyes: what the crop rules work from.

A finder takes a picture and gives its faces, the largest first. Coordinates are those of the
picture it was given (see `lik.faces.crop.cropping`).
"""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from lik.faces.crop.cropping import (
    AlignedCrop,
    Box,
    Picture,
    Square,
    cut,
    square_of,
    square_of_eyes,
)
from lik.faces.detect.cascade import (
    CASCADE,
    EVERY_FACE,
    PLAIN_STAGES,
    TURNED_STAGES,
    VERIFIED_STAGES,
    Grey,
    Search,
    boxes_of,
    shared_area,
)
from lik.faces.detect.detection import Detection, Finder
from lik.faces.detect.eyes import CUT, SURE, EyeNetwork
from lik.faces.detect.yunet import YuNetFinder, find_model

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
        for search in self._stages():
            for box in boxes_of(grey, search):
                found = self.verify(grey, box)
                if found:
                    return [found]
        return []

    def _stages(self) -> Sequence[Search]:
        if self.network is None:
            return PLAIN_STAGES
        return VERIFIED_STAGES + (TURNED_STAGES if self.turned else ())

    def _every(self, grey: Grey) -> list[Detection]:
        boxes = [
            box for search in (*self._stages()[:2], *EVERY_FACE) for box in boxes_of(grey, search)
        ]
        faces: list[tuple[Box, Detection]] = []
        for box in sorted(boxes, key=lambda box: -box.side):
            if any(shared_area(box, other) > 0.4 for other, _ in faces):
                continue
            found = self.verify(grey, box)
            if found:
                faces.append((box, found))
        return [found for _, found in faces]

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
            if _moved(before, square) < CONVERGED:
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


def _moved(before: Square, after: Square) -> float:
    """How far the farthest corner went, in sides."""
    distances = np.linalg.norm(before.corners() - after.corners(), axis=1)
    return float(distances.max()) / after.side


def finder_for(kind: str, yunet: Path | None = None, network: Path | None = None) -> Finder:
    """The finder that suits a crop rule of this kind.

    ``aligned`` asks YuNet where its model file is at hand, and the cascade with the alignment
    network where not; ``face`` the same without turned passes; ``paper`` the cascade alone, as
    the paper did.

    Args:
        yunet: YuNet's model file, where the user names one.
        network: an alignment network other than the one that comes with Lik.
    """
    if kind == "paper":
        return CascadeFinder(None)
    if kind == "aligned":
        model = None if network else find_model(yunet)
        if model:
            return YuNetFinder(model)
    return CascadeFinder(EyeNetwork(network), turned=kind == "aligned")
