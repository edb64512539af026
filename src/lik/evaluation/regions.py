"""Where on an aligned face a trait lies: masks for what a change paints outside of its place.

Boxes are shares of the side: left, top, right, bottom, in the crops `fixed` and `aligned`, where
the eyes lie at (0.35, 0.46) and (0.66, 0.46) and the mouth at a height of about 0.78.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

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


def region_of(attribute: str, size: int, crop: dict[str, Any]) -> NDArray[np.bool_] | None:
    """The mask (S, S) of a trait's place; None for traits of the whole face, and other crops."""
    explicit = any(crop.get(key) is not None for key in ("x", "y", "side"))
    if crop.get("kind") not in ("fixed", "aligned") or explicit or crop.get("widen", 1) != 1:
        return None
    if attribute in HAIR:
        return ~_mask(FACE, size)
    return _mask(REGIONS[attribute], size) if attribute in REGIONS else None


def _mask(box: Box, size: int) -> NDArray[np.bool_]:
    left, top, right, bottom = (round(share * size) for share in box)
    mask = np.zeros((size, size), bool)
    mask[top:bottom, left:right] = True
    return mask
