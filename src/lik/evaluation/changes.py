"""What a change of one trait does besides: leakage, identity, pixels, at equal success.

A judge, a network that took no part in finding the change, looks at decodings before and after.
Logits are (N, A), features (N, F), images (N, 3, S, S) in 0…1, codes (N, D).
"""

import itertools
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lik.latent.session import Codes

SHARES = (0.5, 0.8, 0.95)
"""Shares of the faces whose target is flipped, at which methods are compared."""


@dataclass(frozen=True)
class Judged:
    """What codes decode to, and what the judge says of it."""

    logits: NDArray[np.floating]
    features: NDArray[np.floating]
    images: NDArray[np.floating]


Judge = Callable[[Codes], Judged]


@dataclass(frozen=True)
class Change:
    """A change of one trait, measured over N faces.

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


def measure_change(
    strength: float,
    before: Judged,
    after: Judged,
    target: int,
    spread: NDArray[np.floating],
    region: NDArray[np.bool_] | None = None,
) -> Change:
    """Compare decodings before and after; ``spread`` (A,) is σ of the logits over real faces."""
    others = np.arange(before.logits.shape[1]) != target
    sides = (before.logits > 0) != (after.logits > 0)
    moved = np.abs(after.logits - before.logits) / spread
    own = direction_of_logit(before.features, before.logits[:, target])
    painted = np.abs(after.images - before.images).mean(axis=(0, 1))
    total = float(painted.sum())
    outside = float("nan")
    if region is not None:
        outside = float(painted[~region].sum()) / total if total else 0.0
    return Change(
        strength=strength,
        flipped=float(sides[:, target].mean()),
        leakage=float(moved[:, others].mean()),
        others_flipped=float(sides[:, others].mean()),
        identity=_cosine(_without(before.features, own), _without(after.features, own)),
        outside=outside,
        pixels=float(painted.mean()),
    )


def sweep(
    judge: Judge,
    moved: Iterable[tuple[float, Codes]],
    before: Judged,
    target: int,
    spread: NDArray[np.floating],
    region: NDArray[np.bool_] | None = None,
    enough: float = max(SHARES),
    beside: Callable[[Change, Judged], Change] | None = None,
) -> list[Change]:
    """Measure pairs of strength and codes in order, until ``enough`` of the faces are flipped.

    The first of the answer is no change at all. ``beside`` may add to a change what else is known
    of the decodings after it.
    """

    def measured(strength: float, after: Judged) -> Change:
        change = measure_change(strength, before, after, target, spread, region)
        return change if beside is None else beside(change, after)

    changes = [measured(0.0, before)]
    for strength, codes in moved:
        changes.append(measured(strength, judge(codes)))
        if changes[-1].flipped >= enough:
            break
    return changes


def at_success(changes: Sequence[Change], share: float) -> Change | None:
    """The change at which ``share`` of the faces is flipped first, between two that were measured.

    All figures are interpolated in a straight line; None where so many are never flipped.
    """
    for last, first in itertools.pairwise(changes):
        if first.flipped < share:
            continue
        part = (share - last.flipped) / (first.flipped - last.flipped)
        values: dict[str, Any] = {
            field.name: _between(getattr(last, field.name), getattr(first, field.name), part)
            for field in fields(first)
        }
        if np.isnan(last.outside) or not last.pixels:  # nothing changed lies nowhere
            values["outside"] = first.outside
        return replace(first, **values)
    return None


def _between(last: float | None, first: float | None, part: float) -> float | None:
    return None if last is None or first is None else (1 - part) * last + part * first


def away(logits: NDArray[np.floating]) -> NDArray[np.float32]:
    """(N,) logits → +1 for faces that shall get the trait, −1 for those that shall lose it."""
    return np.where(logits > 0, -1, 1).astype(np.float32)


def direction_of_logit(
    features: NDArray[np.floating], logits: NDArray[np.floating]
) -> NDArray[np.floating]:
    """The unit direction (F,) of features along which a logit rises, by ridge regression."""
    centred = features - features.mean(axis=0)
    gram = centred.T @ centred
    ridge = 1e-3 * max(float(np.trace(gram)) / len(gram), 1e-12)
    weights: NDArray[np.floating] = np.linalg.solve(
        gram + ridge * np.eye(len(gram)), centred.T @ (logits - logits.mean())
    )
    return weights / max(float(np.linalg.norm(weights)), 1e-12)


def _without(
    features: NDArray[np.floating], direction: NDArray[np.floating]
) -> NDArray[np.floating]:
    rest: NDArray[np.floating] = features - (features @ direction)[:, None] * direction
    return rest


def _cosine(first: NDArray[np.floating], second: NDArray[np.floating]) -> float:
    norms = np.linalg.norm(first, axis=1) * np.linalg.norm(second, axis=1)
    return float(((first * second).sum(axis=1) / np.maximum(norms, 1e-12)).mean())
