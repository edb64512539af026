"""Between faces: paths of codes, and morphs that are sharp where they end in photographs.

Codes are (D,), shares K numbers in 0…1; frames float32 (H, H, 3) in 0…1, in the frame of the crop.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import cv2
import numpy as np
from numpy.typing import NDArray

from lik.latent.session import Codes, Session, decoded

PathKind = Literal["straight", "spherical"]
PATHS: tuple[str, ...] = get_args(PathKind)

Frames = NDArray[np.float32]


def path_between(
    first: Codes, second: Codes, shares: Sequence[float], kind: PathKind = "straight"
) -> Codes:
    """Interpolate between two codes: those (K, D) at each share of the path.

    ``straight`` mixes them; ``spherical`` (Shoemake's slerp; White, arXiv:1609.04468) turns one
    into the other, so that codes of the prior keep about their length, which the straight path
    shortens. Codes that point the same way, opposite ways or nowhere have no turn of their own:
    between them both paths are straight. At 0 and 1 both give the ends themselves.
    """
    t = np.asarray(shares, np.float64)[:, None]
    a, b = first.astype(np.float64), second.astype(np.float64)
    weights = 1 - t, t
    lengths = float(np.linalg.norm(a) * np.linalg.norm(b))
    cosine = float(a @ b) / lengths if lengths else 1.0
    if kind == "spherical" and abs(cosine) <= 1 - 1e-9:
        angle = float(np.arccos(cosine))
        weights = np.sin((1 - t) * angle) / np.sin(angle), np.sin(t * angle) / np.sin(angle)
    codes = np.asarray(weights[0] * a + weights[1] * b, np.float32)
    codes[t[:, 0] == 0], codes[t[:, 0] == 1] = first, second
    return codes


def square_between(corners: Codes, steps: int, kind: PathKind = "straight") -> Codes:
    """Interpolate between four codes (4, D), in the order of reading: a square (K, K, D)."""
    shares = np.linspace(0, 1, steps).tolist()
    left = path_between(corners[0], corners[2], shares, kind)
    right = path_between(corners[1], corners[3], shares, kind)
    return np.stack([path_between(a, b, shares, kind) for a, b in zip(left, right, strict=True)])


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
    ends: Sequence[End],
    shares: Sequence[float],
    side: int,
    kind: PathKind = "straight",
) -> Frames:
    """Morph between two faces: frames (K, H, H, 3) at each share of the path.

    A frame is the decoding of its code, and of either end the share that is left of its residual,
    the real face less its decoding: the frames at 0 and 1 are the real faces, those between have
    as much of their detail as of themselves.

    Args:
        side: H, in pixels.
    """
    first, second = ends
    frames = _decoded(session, path_between(first.code, second.code, shares, kind), side)
    weights = np.asarray(shares, np.float32)[:, None, None, None]
    residuals = _residuals(session, ends, side)
    return np.asarray(frames + (1 - weights) * residuals[0] + weights * residuals[1], np.float32)


def square_of_morphs(
    session: Session, corners: Sequence[End], steps: int, side: int, kind: PathKind = "straight"
) -> Frames:
    """Morph between four faces, given in the order of reading: frames (K, K, H, H, 3)."""
    codes = square_between(np.stack([end.code for end in corners]), steps, kind)
    frames = _decoded(session, codes.reshape(-1, session.latent), side)
    frames = frames.reshape(steps, steps, side, side, 3)
    shares = np.linspace(0, 1, steps, dtype=np.float32)
    along = np.stack([1 - shares, shares])
    for number, residual in enumerate(_residuals(session, corners, side)):
        weight = np.outer(along[number // 2], along[number % 2])
        frames += weight[:, :, None, None, None] * residual
    return frames


def to_bytes(frames: Frames) -> NDArray[np.uint8]:
    """Round frames to pictures uint8 of the same shape."""
    return np.clip(np.rint(frames * 255), 0, 255).astype(np.uint8)


def _decoded(session: Session, codes: Codes, side: int) -> Frames:
    """Codes (K, D) → their decodings (K, H, H, 3)."""
    return np.stack([_resized(image, side) for image in decoded(session, codes)])


def _residuals(session: Session, ends: Sequence[End], side: int) -> list[Frames]:
    """The real face of each end less its decoding, (H, H, 3); nothing where there is none."""
    decodings = _decoded(session, np.stack([end.code for end in ends]), side)
    return [
        np.zeros_like(decoding)
        if end.pixels is None
        else _resized(np.asarray(end.pixels / 255, np.float32), side) - decoding
        for end, decoding in zip(ends, decodings, strict=True)
    ]


def _resized(image: NDArray[np.float32], side: int) -> NDArray[np.float32]:
    """An image (S, S, 3) at another size, cubic."""
    if len(image) == side:
        return image
    filter_ = cv2.INTER_CUBIC if side > len(image) else cv2.INTER_AREA
    return np.asarray(cv2.resize(image, (side, side), interpolation=filter_), np.float32)
