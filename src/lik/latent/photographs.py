"""Photographs kept with the codes of their faces, so that a change can be made, and taken back.

Every change is made on the original: what has been added to a code so far is one vector, and
where it is zero the photograph is itself, to the byte.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lik.faces.compositing import transfer
from lik.faces.detect.detection import Finder
from lik.faces.photograph import Photograph, open_photograph
from lik.latent.session import Codes, Session


@dataclass(frozen=True)
class KeptPhotograph:
    """A photograph, the codes (F, D) of its F faces, and their decodings (F, S, S, 3) in 0…1."""

    photograph: Photograph
    codes: Codes
    decodings: NDArray[np.float32]


def keep(session: Session, path: Path, finder: Finder | None = None) -> KeptPhotograph:
    """Open a photograph and encode its faces, as the run's crop rule cuts them.

    Raises:
        UnusableInput: the file is missing, no picture, or without a face.
    """
    photograph = open_photograph(path, session.metadata.get("crop") or {}, session.size, finder)
    codes = session.encode(np.stack([face.pixels for face in photograph.faces]))
    return KeptPhotograph(photograph, codes, decoded(session, codes))


def decoded(session: Session, codes: Codes) -> NDArray[np.float32]:
    """Codes (N, D) → images float32 (N, S, S, 3) in 0…1, before they are rounded to bytes."""
    batches = [images.cpu().numpy() for images in session.decode_batches(codes)]
    return np.concatenate(batches).transpose(0, 2, 3, 1)


def changed(
    session: Session, kept: KeptPhotograph, shift: Codes, faces: Sequence[int]
) -> NDArray[np.uint8]:
    """The photograph (H, W, 3) with ``shift`` added to the codes of ``faces``.

    It is (D,), the same for all, or (F, D) for the F faces that are changed.

    Only the difference that the shift makes is painted (`lik.faces.compositing`).
    """
    pixels = kept.photograph.pixels
    if not np.any(shift) or not len(faces):
        return pixels.copy()
    moved = decoded(session, kept.codes[list(faces)] + np.asarray(shift, np.float32))
    for face, after in zip(faces, moved, strict=True):
        seen = kept.photograph.faces[face]
        crop = np.asarray(seen.pixels / 255, np.float32)
        before, widen = kept.decodings[face], kept.photograph.widen
        pixels = transfer(pixels, seen.square, crop, before, after, widen)
    return pixels
