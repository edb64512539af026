"""Morphs: what lies between faces, sharp at the ends that are photographs.

Frames are float32 (H, H, 3) in 0…1, all in the frame of the crop.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from lik.latent.interpolation import Path, between_four, way
from lik.latent.photographs import decoded
from lik.latent.session import Codes, Session

Frames = NDArray[np.float32]


@dataclass(frozen=True)
class End:
    """A face that a morph begins or ends with.

    Attributes:
        code: its code (D,).
        pixels: the real face uint8 (H, H, 3), in the frame of the crop; None where there is none.
        name: what it is called.
    """

    code: Codes
    pixels: NDArray[np.uint8] | None
    name: str


def morph(
    session: Session,
    first: End,
    second: End,
    shares: Sequence[float],
    side: int,
    path: Path = "straight",
) -> Frames:
    """Frames (K, H, H, 3) at each share of the way between two faces.

    A frame is the decoding of its code, and of either end the share that is left of what its
    decoding lacks of the real face: the frames at 0 and 1 are the real faces, those between have
    as much of their detail as of themselves.

    Args:
        side: H, in pixels.
    """
    images = [enlarged(image, side) for image in _ends(session, [first, second])]
    codes = way(first.code, second.code, shares, path)
    frames = np.stack([enlarged(image, side) for image in decoded(session, codes)])
    weights = np.asarray(shares, np.float32)[:, None, None, None]
    return np.asarray(
        frames + (1 - weights) * _lacking(first, images[0]) + weights * _lacking(second, images[1]),
        np.float32,
    )


def square_of_morphs(
    session: Session, corners: Sequence[End], steps: int, side: int, path: Path = "straight"
) -> Frames:
    """Frames (K, K, H, H, 3) between four faces, given in the order of reading."""
    codes = between_four(np.stack([end.code for end in corners]), steps, path)
    images = decoded(session, codes.reshape(-1, session.latent))
    frames = np.stack([enlarged(image, side) for image in images])
    frames = frames.reshape(steps, steps, side, side, 3)
    shares = np.linspace(0, 1, steps, dtype=np.float32)
    along = np.stack([1 - shares, shares])
    for number, (end, image) in enumerate(zip(corners, _ends(session, corners), strict=True)):
        weight = np.outer(along[number // 2], along[number % 2])
        frames += weight[:, :, None, None, None] * _lacking(end, enlarged(image, side))
    return frames


def to_bytes(frames: Frames) -> NDArray[np.uint8]:
    """Frames as pictures uint8 of the same shape."""
    return np.clip(np.rint(frames * 255), 0, 255).astype(np.uint8)


def enlarged(image: NDArray[np.float32], side: int) -> NDArray[np.float32]:
    """An image (S, S, 3) at another size, cubic."""
    if len(image) == side:
        return image
    filter_ = cv2.INTER_CUBIC if side > len(image) else cv2.INTER_AREA
    return np.asarray(cv2.resize(image, (side, side), interpolation=filter_), np.float32)


def _ends(session: Session, ends: Sequence[End]) -> Frames:
    return decoded(session, np.stack([end.code for end in ends]))


def _lacking(end: End, image: NDArray[np.float32]) -> NDArray[np.float32]:
    """What a decoding (H, H, 3) lacks of the real face of an end."""
    if end.pixels is None:
        return np.zeros_like(image)
    real = np.asarray(end.pixels / 255, np.float32)
    return enlarged(real, len(image)) - image
