"""True counterfactuals of drawn faces: the same face drawn again, with one trait changed.

All factors stay but those behind the trait, which take the value that is typical of faces on the
other side: the median of a quantity, the commonest of flags and kinds. That is an intervention
on the model that made the picture, do(factor = value) in Pearl's sense, and not what other faces
with the trait happen to look like.
"""

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from lik.faces.drawn.factors import BEHIND, FACTOR_NAMES, Factors, factors_of
from lik.faces.drawn.rendering import attributes, render
from lik.faces.io.pictures import Picture
from lik.faces.set.faceset import FaceSet

CLOSE = 1.0
"""Mean difference in 0…255 below which a face counts as drawn again: factors are kept rounded."""


@dataclass(frozen=True)
class Counterfactuals:
    """What M of N faces would look like with a trait changed, and nothing else."""

    places: NDArray[np.int64]  # (M,), which of the N faces they are of
    pictures: Picture  # (M, S, S, 3)


def can_be_redrawn(faces: FaceSet) -> bool:
    """Whether the factors of a face set are known, and still give the pictures that it holds."""
    if faces.factors is None or tuple(faces.factor_names) != FACTOR_NAMES or not len(faces):
        return False
    again = render(_factors(faces, 0), faces.size).astype(np.float64)
    return float(np.abs(again - faces.images[0]).mean()) < CLOSE


def counterfactuals(
    faces: FaceSet, chosen: NDArray[np.int64], attribute: str, wanted: NDArray[np.floating]
) -> Counterfactuals:
    """Draw ``chosen`` faces (N,) with a trait (``wanted`` above 0) or without it (below 0).

    Left out are faces that are as wanted already, and those whose trait something else hides, as
    a hat hides a fringe. The set must be one that `can_be_redrawn`. What is typical is learned
    from its training faces.
    """
    typical = {side: _typical(faces, attribute, side) for side in (1, -1)}
    places, pictures = [], []
    for place, (index, sign) in enumerate(zip(chosen, wanted, strict=True)):
        side = 1 if sign > 0 else -1
        face = _factors(faces, int(index))
        if not typical[side] or attributes(face)[attribute] == side:
            continue
        changed = factors_of(vars(face) | typical[side])
        if attributes(changed)[attribute] == side:
            places.append(place)
            pictures.append(render(changed, faces.size))
    empty = np.zeros((0, faces.size, faces.size, 3), np.uint8)
    return Counterfactuals(np.array(places, np.int64), np.stack(pictures) if pictures else empty)


def _factors(faces: FaceSet, index: int) -> Factors:
    assert faces.factors is not None
    return factors_of(dict(zip(faces.factor_names, faces.factors[index].tolist(), strict=True)))


def _typical(faces: FaceSet, attribute: str, side: int) -> dict[str, float]:
    """Factors behind an attribute → their typical values on a side; empty where there are none."""
    if faces.factors is None or attribute not in BEHIND:
        return {}
    training = faces.to_learn_from()
    labels = faces.attributes[training, faces.attribute_names.index(attribute)]
    those = faces.factors[training[labels == side]]
    if not len(those):
        return {}
    quantities = {field.name for field in fields(Factors) if isinstance(field.default, float)}
    found = {}
    for name in BEHIND[attribute]:
        values = those[:, faces.factor_names.index(name)]
        if name in quantities:
            found[name] = float(np.median(values))
        else:
            each, counts = np.unique(values, return_counts=True)
            found[name] = float(each[counts.argmax()])
    return found
