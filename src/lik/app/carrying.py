"""Edits carried onto pictures of faces: what decodings before and after one do to the picture.

Pictures are uint8 (N, S, S, 3), codes float32 (N, D).
"""

from collections.abc import Iterator
from functools import cached_property

import numpy as np

from lik.app.opened import OpenedRun
from lik.core.pixels import Pictures
from lik.faces.compositing import Image
from lik.faces.crop.cropping import Square
from lik.faces.motion import Change, Decodings, change_of, changed, ground_of
from lik.faces.tinting import Around, around_of
from lik.latent.session import Codes, DecodedTwice, decoded_twice


def decodings_of(run: OpenedRun, codes: Codes, moved: Codes) -> list[Decodings]:
    """What the run makes of N codes and of those that an edit leads to, face by face."""
    return _beside(run, decoded_twice(run.session, codes), moved)


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
        self._square = Square(0, 0, run.size)

    def changes(self, moved: Codes) -> Iterator[tuple[Image, Change]]:
        """Of each face the decoding of ``moved`` (N, D), and what changes on the way to it."""
        sides = _beside(self._run, self._before, moved)
        for decodings, ground in zip(sides, self._grounds, strict=True):
            yield decodings.after, change_of(decodings, ground)

    def carried(self, moved: Codes) -> Pictures:
        """The crops with the change from their codes to ``moved`` (N, D)."""
        each = zip(self._crops, self._around, self.changes(moved), strict=True)
        return np.stack(
            [changed(crop, self._square, around, one) for crop, around, (_, one) in each]
        )

    @cached_property
    def _around(self) -> list[Around]:
        each = zip(self._crops, self._grounds, strict=True)
        return [around_of(crop, self._square, one.crop, self._run.widen) for crop, one in each]


def _beside(run: OpenedRun, before: DecodedTwice, moved: Codes) -> list[Decodings]:
    """Decodings of codes, and those of where an edit leads."""
    after = decoded_twice(run.session, moved)
    if before[1] is None or after[1] is None:
        return [Decodings(*pair) for pair in zip(before[0], after[0], strict=True)]
    bases = zip(before[1], after[1], strict=True)
    return [Decodings(*both) for both in zip(before[0], after[0], bases, strict=True)]
