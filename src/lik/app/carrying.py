"""Edits carried onto pictures of faces: what decodings before and after one do to the picture.

Pictures are uint8 (N, S, S, 3), codes float32 (N, D).
"""

import numpy as np

from lik.app.opened import OpenedRun
from lik.core.pixels import Pictures
from lik.faces.crop.cropping import Square
from lik.faces.motion import Decodings, carry, registration
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
        self._images = np.asarray(crops / 255, np.float32)
        self._before = decoded_twice(run.session, codes)
        pairs = zip(self._images, self._before[0], strict=True)
        self._onto = [registration(crop, before) for crop, before in pairs]

    def carried(self, moved: Codes) -> Pictures:
        """The crops with the change from their codes to ``moved`` (N, D)."""
        square, sides = Square(0, 0, self._run.size), _beside(self._run, self._before, moved)
        each = zip(self._crops, self._images, sides, self._onto, strict=True)
        return np.stack(
            [carry(crop, square, image, d, self._run.widen, onto) for crop, image, d, onto in each]
        )


def _beside(run: OpenedRun, before: DecodedTwice, moved: Codes) -> list[Decodings]:
    """Decodings of codes, and those of where an edit leads."""
    after = decoded_twice(run.session, moved)
    if before[1] is None or after[1] is None:
        return [Decodings(*pair) for pair in zip(before[0], after[0], strict=True)]
    bases = zip(before[1], after[1], strict=True)
    return [Decodings(*both) for both in zip(before[0], after[0], bases, strict=True)]
