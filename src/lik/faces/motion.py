"""A change of a face carried onto its photograph as motion, and as the colour that motion leaves.

A mouth that smiles moves. Adding the difference of two decodings fades one mouth out and another
one in; here dense optical flow between the decodings moves the photograph's own pixels instead,
and only what motion does not explain is painted.

Crops and decodings are (S, S, 3), float32 in 0…1; flows (S, S, 2) in pixels of the crop, x first:
a flow says where the colour of a pixel comes from. Masks are (S, S) in 0…1.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from lik.faces.compositing import (
    LUMINANCE,
    Image,
    Mask,
    enlarged,
    face_of,
    feathered,
    is_grey,
    trust_of,
    window_of,
)
from lik.faces.crop.cropping import Picture, Square
from lik.faces.tinting import Around, Tint, around_of, tint_of, tinted

Flow = NDArray[np.float32]

UNITS = 64
"""Lengths here are in units of which a crop has so many, whatever its size in pixels."""

FINER, LARGE = 4, 256
"""Decodings are enlarged so often before flow is looked for, to that side at the most: its patches
are 8 pixels wide."""

NO_FOLD = 0.2
"""Least determinant of the motion's Jacobian, below which a flow is shortened."""

COARSE = 2.0
"""Std of the Gaussian that tells coarse parts from details, in units."""

GATE = 0.04
"""Change of a blurred pixel, of 1, at which sharp details may change altogether."""

LONGEST_REGISTRATION = 2.0
"""Units, at the most, by which decodings are pulled onto the face."""


@dataclass(frozen=True)
class Decodings:
    """A face before and after an edit, (S, S, 3), and what the base decoder alone makes of both.

    ``base`` is None where the decoder has no refiner.
    """

    before: Image
    after: Image
    base: tuple[Image, Image] | None = None


@dataclass(frozen=True)
class Ground:
    """What is the same for every edit of a face.

    Attributes:
        crop: the face. flow: the registration of its decoding. before: that decoding, pulled onto
            the crop. known: where the face is, as far as the decoder has understood it. grey:
            whether the crop has no colours.
    """

    crop: Image
    flow: Flow
    before: Image
    known: Mask
    grey: bool

    @property
    def mask(self) -> Mask:
        """Where a change may show: what is known, and not at the border of the crop."""
        return feathered(len(self.crop)) * self.known


@dataclass(frozen=True)
class Change:
    """What an edit does to a face in its photograph.

    Attributes:
        flow: (S, S, 2). colour: (S, S, 3), which is added to what has moved. tint: (3, 4), what
            becomes of the colours around.
    """

    flow: Flow
    colour: Image
    tint: Tint


def ground_of(crop: Image, before: Image, widen: float = 1.0) -> Ground:
    """Register a decoding onto the crop (S, S, 3) that it decodes, and see where it may change.

    ``widen``: by how much the crop is wider than the reference frame.
    """
    flow = registration(crop, before)
    pulled = warped(before, flow)
    known = face_of(crop, widen) * trust_of(crop, pulled)
    return Ground(crop, flow, pulled, known, is_grey(crop))


def change_of(decodings: Decodings, ground: Ground) -> Change:
    """Two decodings → what moves, the colour that this leaves, and the tint of what lies around."""
    after = decodings.after
    if decodings.base is not None:
        after = gated(decodings.before, after, *decodings.base)
    after = warped(after, ground.flow)
    mask = ground.mask[:, :, None]
    flow = unfolded(motion(ground.before, after) * mask)
    left = after - warped(ground.before, flow)
    if ground.grey:
        left = np.repeat((left @ LUMINANCE)[:, :, None], 3, axis=2)
    return Change(flow, left * mask, tint_of(left, ground.crop, ground.known))


def carry(
    picture: Picture,
    square: Square,
    crop: Image,
    decodings: Decodings,
    widen: float = 1.0,
    around: Around | None = None,
) -> Picture:
    """The photograph with the change between two decodings on the face in ``square``.

    Pixels that a square of twice the side does not cover are those of ``picture``; so are all
    where the two decodings are equal. A grey face stays grey.

    Args:
        crop: the face as the encoder saw it. widen: by how much it is wider than the frame.
        around: what is around it (`around_of`), where ``picture`` has changed since.
    """
    if around is None:
        around = around_of(picture, square, crop, widen)
    change = change_of(decodings, ground_of(crop, decodings.before, widen))
    return changed(picture, square, around, change)


def changed(picture: Picture, square: Square, around: Around, change: Change) -> Picture:
    """The photograph with a change on the face in ``square``, and tinted around it."""
    picture = tinted(picture, square, around, change.tint)
    return painted(picture, square, change.flow, change.colour)


def motion(
    before: Image, after: Image, scale: int = 1, alpha: float = 40, blur: float = 1.5
) -> Flow:
    """Where each pixel of ``after`` was in ``before``, (S, S, 2), by DIS (arXiv:1603.03590).

    Args:
        scale: of the finest flow, 0 the finest of all. alpha: weight of smoothness.
        blur: std of a Gaussian that smooths the flow, in units.
    """
    finder = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    finder.setFinestScale(scale)
    finder.setVariationalRefinementAlpha(alpha)
    side, large = len(before), min(FINER * len(before), LARGE)
    start = np.zeros((large, large, 2), np.float32)
    flow = finder.calc(_prepared(after, large), _prepared(before, large), start)
    flow = cv2.GaussianBlur(flow, (0, 0), blur * large / UNITS) * (side / large)
    return np.asarray(cv2.resize(flow, (side, side), interpolation=cv2.INTER_AREA), np.float32)


def registration(crop: Image, before: Image) -> Flow:
    """The flow that pulls a decoding onto the crop that it decodes, at most two units long."""
    flow = motion(before, crop, scale=2, alpha=60, blur=2.5)
    length = np.hypot(flow[:, :, 0], flow[:, :, 1])[:, :, None]
    longest = LONGEST_REGISTRATION * len(crop) / UNITS
    shortened = flow * np.minimum(1, longest / np.maximum(length, 1e-6))
    return np.asarray(shortened, np.float32)


def warped(image: Image | Picture, flow: Flow) -> Image:
    """An image (S, S, 3) whose pixels come from where the flow says; cubic.

    So is a part of a photograph, uint8 (H, W, 3), by a flow (H, W, 2) in its own pixels.
    """
    height, width = flow.shape[:2]
    x = np.arange(width, dtype=np.float32)[None, :] + flow[:, :, 0]
    y = np.arange(height, dtype=np.float32)[:, None] + flow[:, :, 1]
    found = cv2.remap(image, x, y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT_101)
    return np.asarray(found, np.float32)


def unfolded(flow: Flow) -> Flow:
    """The flow, shortened as a whole until it folds nowhere."""
    shares = np.linspace(1, 0, 21, dtype=np.float32)
    return next(flow * share for share in shares if _least_determinant(flow * share) >= NO_FOLD)


def gated(before: Image, after: Image, base_before: Image, base_after: Image) -> Image:
    """``after``, with sharp details changed only where the base decoding changes.

    The two sides of a refiner invent different details also where nothing changes; there the
    details of ``before`` are kept.
    """
    change, sharp = base_after - base_before, after - before
    std = COARSE * len(before) / UNITS
    coarse = cv2.GaussianBlur(change, (0, 0), std)
    gate = np.clip(np.abs(coarse).mean(axis=2) / GATE, 0, 1)[:, :, None] ** 2
    detail = sharp - cv2.GaussianBlur(sharp, (0, 0), std) + coarse
    return np.asarray(before + gate * detail + (1 - gate) * change, np.float32)


def painted(picture: Picture, square: Square, flow: Flow, colour: Image) -> Picture:
    """The photograph, its pixels moved by a flow of the square and ``colour`` (S, S, 3) added."""
    result = picture.copy()
    window = window_of(square, picture)
    if window is None:
        return result
    (x0, y0), (width, height) = window
    part = result[y0 : y0 + height, x0 : x0 + width]
    # Turned and scaled from pixels of the crop to those of the photograph.
    (ax, ay), (bx, by) = square.point((0, 0)), square.point((1, 0))
    cosine, sine = (bx - ax) / len(flow), (by - ay) / len(flow)
    turned = np.stack(
        [
            cosine * flow[:, :, 0] - sine * flow[:, :, 1],
            sine * flow[:, :, 0] + cosine * flow[:, :, 1],
        ],
        axis=2,
    )
    moved = warped(part, enlarged(np.asarray(turned, np.float32), square, *window))
    added = enlarged(colour * 255, square, *window)
    part[:] = np.clip(np.rint(moved + added), 0, 255).astype(np.uint8)
    return result


def _least_determinant(flow: Flow) -> float:
    """The least determinant of the Jacobian of p → p + flow(p)."""
    along_x = np.diff(flow, axis=1)[:-1]
    along_y = np.diff(flow, axis=0)[:, :-1]
    turned = along_y[:, :, 0] * along_x[:, :, 1]
    return float(((1 + along_x[:, :, 0]) * (1 + along_y[:, :, 1]) - turned).min())


def _prepared(image: Image, side: int) -> NDArray[np.uint8]:
    """An image enlarged to a side, in grey, and with even contrast, as flow is found best."""
    large = cv2.resize(image, (side, side), interpolation=cv2.INTER_CUBIC)
    grey = np.clip(np.rint((large @ LUMINANCE) * 255), 0, 255).astype(np.uint8)
    return np.asarray(cv2.createCLAHE(2.0, (4, 4)).apply(grey), np.uint8)
