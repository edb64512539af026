"""Where on a face a trait lies: masks for what a change paints outside of its place.

Boxes are shares of the side: left, top, right, bottom, in the reference frame, where the eyes lie
at (0.36, 0.46) and (0.66, 0.46) and the mouth at a height of about 0.78. In other crops they go
along with the eyes.
"""

import numpy as np
from numpy.typing import NDArray

from lik.core.reference import Point, eyes_in_crop
from lik.faces.crop.cropping import WholeCrop, crop_rule, eyes_under
from lik.faces.drawn.factors import FACTOR_NAMES
from lik.faces.set.faceset import FaceSet

Eyes = tuple[Point, Point]

Box = tuple[float, float, float, float]

MOUTH: Box = (0.2, 0.62, 0.8, 0.95)
EYES: Box = (0.1, 0.3, 0.9, 0.62)
FOREHEAD: Box = (0.1, 0.0, 0.9, 0.45)
CHIN: Box = (0.1, 0.55, 0.9, 1.0)
FACE: Box = (0.22, 0.3, 0.78, 0.95)
"""The skin between the hair: traits of the hair lie outside of it."""

REGIONS = {
    "Smiling": CHIN, "Mouth_Slightly_Open": MOUTH, "Mustache": MOUTH, "Goatee": CHIN,
    "No_Beard": CHIN, "5_o_Clock_Shadow": CHIN, "Big_Lips": MOUTH, "Wearing_Lipstick": MOUTH,
    "Double_Chin": CHIN, "Eyeglasses": EYES, "Arched_Eyebrows": EYES, "Bags_Under_Eyes": EYES,
    "Bushy_Eyebrows": EYES, "Narrow_Eyes": EYES, "Bangs": FOREHEAD,
}  # fmt: skip
HAIR = ("Black_Hair", "Blond_Hair", "Brown_Hair", "Gray_Hair", "Straight_Hair", "Wavy_Hair")


def eyes_of(faces: FaceSet) -> Eyes | None:
    """Where the eyes of a face set lie, as shares of the side; None where its crop does not say.

    Drawn faces are taken whole, and drawn into the reference frame.
    """
    rule = crop_rule(faces.crop, str(faces.path))
    if isinstance(rule, WholeCrop) and tuple(faces.factor_names) == FACTOR_NAMES:
        return eyes_in_crop()
    return eyes_under(rule)


def region_of(attribute: str, size: int, eyes: Eyes | None) -> NDArray[np.bool_] | None:
    """The mask (S, S) of a trait's place on faces whose eyes lie at ``eyes``.

    None for traits of the whole face, and where nobody knows where the eyes are.
    """
    if eyes is None:
        return None
    if attribute in HAIR:
        return ~_mask(FACE, size, eyes)
    return _mask(REGIONS[attribute], size, eyes) if attribute in REGIONS else None


def _mask(box: Box, size: int, eyes: Eyes) -> NDArray[np.bool_]:
    (left_x, left_y), (right_x, _) = eyes_in_crop()
    scale = (eyes[1][0] - eyes[0][0]) / (right_x - left_x)
    columns = [eyes[0][0] + scale * (x - left_x) for x in (box[0], box[2])]
    rows = [eyes[0][1] + scale * (y - left_y) for y in (box[1], box[3])]
    (left, right), (top, bottom) = (
        [round(min(max(share, 0.0), 1.0) * size) for share in pair] for pair in (columns, rows)
    )
    mask = np.zeros((size, size), bool)
    mask[top:bottom, left:right] = True
    return mask
