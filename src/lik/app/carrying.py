"""Edits carried onto pictures of faces: what decodings before and after one do to the picture.

Pictures are uint8 (N, S, S, 3), codes float32 (N, D).
"""

import numpy as np

from lik.app.opened import OpenedRun
from lik.core.pixels import Pictures
from lik.faces.crop.cropping import Square
from lik.faces.motion import Decodings, carry
from lik.latent.session import Codes, base_decoded, decoded


def decodings_of(run: OpenedRun, codes: Codes, moved: Codes) -> list[Decodings]:
    """What the run makes of N codes and of those that an edit leads to, face by face."""
    both = np.concatenate([codes, moved])
    sides = decoded(run.session, both).reshape(2, len(codes), run.size, run.size, 3)
    base = base_decoded(run.session, both)
    if base is None:
        return [Decodings(before, after) for before, after in zip(*sides, strict=True)]
    four = (*sides, *base.reshape(sides.shape))
    return [Decodings(b, a, (base_b, base_a)) for b, a, base_b, base_a in zip(*four, strict=True)]


def carried(run: OpenedRun, crops: Pictures, codes: Codes, moved: Codes) -> Pictures:
    """Crops of faces, with the change from their codes to others carried onto each."""
    square = Square(0, 0, run.size)
    return np.stack(
        [
            carry(crop, square, np.asarray(crop / 255, np.float32), decodings, run.widen)
            for crop, decodings in zip(crops, decodings_of(run, codes, moved), strict=True)
        ]
    )
