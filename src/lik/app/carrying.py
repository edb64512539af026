"""Edits carried onto pictures of faces: what decodings before and after one do to the picture.

Pictures are uint8 (N, S, S, 3), codes float32 (N, D).
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from lik.app.opened import OpenedRun
from lik.core.pixels import Pictures
from lik.faces.compositing import Image
from lik.faces.crop.cropping import Square
from lik.faces.motion import Decodings, Flow, change_of, ground_of, painted
from lik.latent.session import Codes, DecodedTwice, decoded_twice


def decodings_of(run: OpenedRun, codes: Codes, moved: Codes) -> list[Decodings]:
    """What the run makes of N codes and of those that an edit leads to, face by face."""
    return _beside(run, decoded_twice(run.session, codes), moved)


@dataclass(frozen=True)
class FaceChange:
    """What an edit does to a face: where the colour of a pixel comes from, and what is added.

    Attributes:
        after: the decoding after the edit (S, S, 3) in 0…1.
        flow: (S, S, 2) in pixels of the crop, x first. colour: (S, S, 3) in shares of a pixel.
    """

    after: Image
    flow: Flow
    colour: Image


class Carrier:
    """Crops of faces and their codes, onto which one edit after another is carried.

    What does not change from edit to edit is made once.
    """

    def __init__(self, run: OpenedRun, crops: Pictures, codes: Codes) -> None:
        self._run, self._crops = run, crops
        self._before = decoded_twice(run.session, codes)
        images = np.asarray(crops / 255, np.float32)
        pairs = zip(images, self._before[0], strict=True)
        self._grounds = [ground_of(crop, before, run.widen) for crop, before in pairs]

    def changes(self, moved: Codes) -> Iterator[FaceChange]:
        """What changes of each face on the way from its code to that of ``moved`` (N, D)."""
        sides = _beside(self._run, self._before, moved)
        for decodings, ground in zip(sides, self._grounds, strict=True):
            yield FaceChange(decodings.after, *change_of(decodings, ground))

    def carried(self, moved: Codes) -> Pictures:
        """The crops with the change from their codes to ``moved`` (N, D)."""
        square = Square(0, 0, self._run.size)
        each = zip(self._crops, self.changes(moved), strict=True)
        return np.stack([painted(crop, square, one.flow, one.colour) for crop, one in each])


def _beside(run: OpenedRun, before: DecodedTwice, moved: Codes) -> list[Decodings]:
    """Decodings of codes, and those of where an edit leads."""
    after = decoded_twice(run.session, moved)
    if before[1] is None or after[1] is None:
        return [Decodings(*pair) for pair in zip(before[0], after[0], strict=True)]
    bases = zip(before[1], after[1], strict=True)
    return [Decodings(*both) for both in zip(before[0], after[0], bases, strict=True)]
