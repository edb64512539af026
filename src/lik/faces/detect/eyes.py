"""Where the eyes are in a cut around a face: the alignment network, run by OpenCV alone.

Cuts are uint8 (64, 64), grey; points are (x, y) in shares of the cut's side, counted from its
upper left corner, so that pixel i covers i/64…(i+1)/64.
"""

import hashlib
import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from threading import Lock
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from lik.core.errors import UnusableInput
from lik.core.onnx_file import read_onnx

CUT = 64
"""Side of the cuts that the network takes, in pixels."""

SHIPPED = "aligner.onnx"

MOST_BYTES = 2**24
"""Of a file: sixteen times what the network takes."""

SURE = 0.98
"""The confidence from which the shipped network means a face, at its last look at a detection.

Of the detections in CelebA 0.3 % lie between 0.9 and this: nearly all of them half faces, or cut
askew. Of the cascade's false detections 99 in 100 lie below."""


_LOOKING = Lock()
"""A network of OpenCV keeps its input: it is for one thread at a time."""


@dataclass(frozen=True)
class Eyes:
    """The eye at the left and the eye at the right of the cut; 0…1 that the cut shows a face."""

    left: tuple[float, float]
    right: tuple[float, float]
    confidence: float


class EyeNetwork:
    """The network of an ONNX file made by ``lik train-aligner``; by default the one shipped.

    It can be sent to another process; each loads it once, at the first look.
    """

    def __init__(self, path: Path | None = None) -> None:
        self.path = path
        self._net: Any = None

    def __getstate__(self) -> dict[str, object]:
        return {"path": self.path, "_net": None}

    def find(self, grey: NDArray[np.uint8]) -> Eyes:
        """The eyes in a cut (64, 64).

        Raises:
            UnusableInput: the file is missing, broken, or holds another network.
        """
        if grey.shape != (CUT, CUT) or grey.dtype != np.uint8:
            raise ValueError(f"a cut is uint8 ({CUT}, {CUT}), not {grey.dtype} {grey.shape}")
        with _LOOKING:
            if self._net is None:
                self._net = self._loaded()
            self._net.setInput(np.ascontiguousarray(grey, np.float32)[None, None])
            left_x, left_y, right_x, right_y, logit = self._net.forward()[0].tolist()
        confidence = 1 / (1 + math.exp(-min(max(logit, -40.0), 40.0)))
        return Eyes((left_x, left_y), (right_x, right_y), confidence)

    @property
    def sha256(self) -> str:
        """The hash of the file, to be kept with what it was used for."""
        return hashlib.sha256(self._bytes()).hexdigest()

    def _bytes(self) -> bytes:
        if self.path is not None:
            return read_onnx(self.path, MOST_BYTES).content
        file = resources.files("lik.faces.detect") / SHIPPED
        try:
            return file.read_bytes()
        except OSError as error:
            raise UnusableInput(
                f"the alignment network {file} cannot be read ({error.strerror}): install lik-vae "
                "again."
            ) from error

    def _loaded(self) -> Any:
        data = np.frombuffer(self._bytes(), np.uint8)
        cv2.setNumThreads(1)  # there is a process for each core already
        try:
            with quiet():
                net = cv2.dnn.readNetFromONNX(data)
                net.setInput(np.zeros((1, 1, CUT, CUT), np.float32))
                fits = net.forward().shape == (1, 5)
        except cv2.error:
            fits = False
        if not fits:
            raise UnusableInput(
                f"{self.path or SHIPPED} is no alignment network, or a broken one: "
                "lik train-aligner makes one."
            )
        return net


@contextmanager
def quiet() -> Iterator[None]:
    """OpenCV's own complaints would stand beside ours."""
    logging: Any = getattr(cv2.utils, "logging", cv2)  # it has moved since OpenCV 4.10
    before = logging.getLogLevel()
    logging.setLogLevel(0)
    try:
        yield
    finally:
        logging.setLogLevel(before)
