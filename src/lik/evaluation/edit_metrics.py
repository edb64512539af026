"""What an edit of one trait does besides: leakage, identity, pixels, at equal success.

A classifier that took no part in finding the edit looks at decodings before and after.
Logits are (N, A), features (N, F), images (N, 3, S, S) in 0…1, codes (N, D).
"""

import itertools
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import Ridge

from lik.core.reference import Point, eyes_in_crop
from lik.faces.crop.cropping import WholeCrop, crop_rule, eyes_under
from lik.faces.drawn.factors import FACTOR_NAMES
from lik.faces.set.faceset import FaceSet
from lik.latent.session import Codes

SHARES = (0.5, 0.8, 0.95)
"""Shares of the faces whose target is flipped, at which methods are compared."""

Floats = NDArray[np.floating]
Region = NDArray[np.bool_]
Eyes = tuple[Point, Point]
Box = tuple[float, float, float, float]
"""Left, top, right, bottom, as shares of the side in the reference frame, where the eyes lie at
(0.36, 0.46) and (0.66, 0.46) and the mouth at a height of about 0.78."""

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


@dataclass(frozen=True)
class ClassifiedFaces:
    """What codes decode to, with the logits and features that the classifier has of it."""

    logits: Floats
    features: Floats
    images: Floats


Classify = Callable[[Codes], ClassifiedFaces]


@dataclass(frozen=True)
class EditMetrics:
    """An edit of one trait, measured over N faces.

    Attributes:
        strength: what was asked for, in the unit of the method.
        flipped: share of the faces whose target changed its side.
        leakage: mean |movement| of the other logits, each in its own σ over real faces.
        others_flipped: share of the other logits that changed their side.
        identity: mean cosine of the features before and after, the target's own part taken out.
        outside: share of the pixels' absolute change that lies outside of the trait's region;
            NaN for traits of the whole picture.
        pixels: mean absolute change of a pixel, in 0…1.
    """

    strength: float
    flipped: float
    leakage: float
    others_flipped: float
    identity: float
    outside: float
    pixels: float


def measure_edit(
    strength: float,
    before: ClassifiedFaces,
    after: ClassifiedFaces,
    target: int,
    std: Floats,
    region: Region | None = None,
) -> EditMetrics:
    """Compare decodings before and after; ``std`` (A,) is σ of the logits over real faces."""
    others = np.arange(before.logits.shape[1]) != target
    sides = (before.logits > 0) != (after.logits > 0)
    moved = np.abs(after.logits - before.logits) / std
    own = direction_of_logit(before.features, before.logits[:, target])
    # Who it is: the features without what the target itself says.
    one, two = (faces.features - np.outer(faces.features @ own, own) for faces in (before, after))
    norms = np.linalg.norm(one, axis=1) * np.linalg.norm(two, axis=1)
    painted = np.abs(after.images - before.images).mean(axis=(0, 1))
    total, outside = float(painted.sum()), float("nan")
    if region is not None:
        outside = float(painted[~region].sum()) / total if total else 0.0
    return EditMetrics(
        strength=strength,
        flipped=float(sides[:, target].mean()),
        leakage=float(moved[:, others].mean()),
        others_flipped=float(sides[:, others].mean()),
        identity=float(((one * two).sum(axis=1) / np.maximum(norms, 1e-12)).mean()),
        outside=outside,
        pixels=float(painted.mean()),
    )


def sweep(
    classify: Classify,
    moved: Iterable[tuple[float, Codes]],
    before: ClassifiedFaces,
    target: int,
    std: Floats,
    region: Region | None = None,
    enough: float = max(SHARES),
    beside: Callable[[EditMetrics, ClassifiedFaces], EditMetrics] | None = None,
) -> list[EditMetrics]:
    """Measure pairs of strength and codes in order, until ``enough`` of the faces are flipped.

    The first of the answer is no edit at all. ``beside`` may add to the metrics what else is known
    of the decodings after it.
    """

    def measured(strength: float, after: ClassifiedFaces) -> EditMetrics:
        metrics = measure_edit(strength, before, after, target, std, region)
        return metrics if beside is None else beside(metrics, after)

    found = [measured(0.0, before)]
    for strength, codes in moved:
        found.append(measured(strength, classify(codes)))
        if found[-1].flipped >= enough:
            break
    return found


def at_success(measured: Sequence[EditMetrics], share: float) -> EditMetrics | None:
    """The edit at which ``share`` of the faces is flipped first, between two that were measured.

    All figures are interpolated in a straight line; None where so many are never flipped.
    """
    for last, first in itertools.pairwise(measured):
        if first.flipped < share:
            continue
        part = (share - last.flipped) / (first.flipped - last.flipped)
        values: dict[str, Any] = {}
        for name in (field.name for field in fields(first)):
            ends = getattr(last, name), getattr(first, name)
            values[name] = None if None in ends else (1 - part) * ends[0] + part * ends[1]
        if np.isnan(last.outside) or not last.pixels:  # nothing changed lies nowhere
            values["outside"] = first.outside
        return replace(first, **values)
    return None


def away(logits: Floats) -> NDArray[np.float32]:
    """(N,) logits → +1 for faces that shall get the trait, −1 for those that shall lose it."""
    return np.where(logits > 0, -1, 1).astype(np.float32)


def direction_of_logit(features: Floats, logits: Floats) -> Floats:
    """The unit direction (F,) of features along which a logit rises, by ridge regression."""
    penalty = 1e-3 * max(len(features) * float(features.var(axis=0).mean()), 1e-12)
    weights: Floats = Ridge(alpha=penalty, solver="cholesky").fit(features, logits).coef_
    return weights / max(float(np.linalg.norm(weights)), 1e-12)


def eyes_of(faces: FaceSet) -> Eyes | None:
    """Where the eyes of a face set lie, as shares of the side; None where its crop does not say.

    Drawn faces are taken whole, and drawn into the reference frame.
    """
    rule = crop_rule(faces.crop, str(faces.path))
    if isinstance(rule, WholeCrop) and tuple(faces.factor_names) == FACTOR_NAMES:
        return eyes_in_crop()
    return eyes_under(rule)


def region_of(attribute: str, size: int, eyes: Eyes | None) -> Region | None:
    """The mask (S, S) of a trait's place on faces whose eyes lie at ``eyes``.

    None for traits of the whole face, and where nobody knows where the eyes are.
    """
    if eyes is None:
        return None
    if attribute in HAIR:
        return ~_mask(FACE, size, eyes)
    return _mask(REGIONS[attribute], size, eyes) if attribute in REGIONS else None


def _mask(box: Box, size: int, eyes: Eyes) -> Region:
    """The pixels of a box, which goes along with the eyes."""
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
