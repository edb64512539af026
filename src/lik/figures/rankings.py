"""Best and worst faces by each measure, and the limit of `lik prepare` that cuts off the worst."""

from dataclasses import dataclass

import numpy as np

from lik.faces.set.statistics import Values

FEWEST_RANKED = 10
"""Sets smaller than this are shown whole; a best and a worst of them say nothing."""


@dataclass(frozen=True)
class Ranking:
    """A measure, what its two ends are called, and the limit that cuts off the bad ones.

    ``best`` is empty where only the low, or the high, end is worth looking at.
    """

    measure: str
    heading: str
    text: str
    best: str
    worst: str
    worst_is_low: bool
    limit: str
    digits: int = 2


RANKINGS = (
    Ranking(
        "sharpness",
        "Sharpness",
        "How much of the finest detail that its pixels could hold a face does hold, whatever its "
        "contrast: 0 is blurred, or enlarged from a small one, and about 0.5 a good photograph.",
        "sharpest", "most blurred", True, "--min-sharpness",
    ),
    Ranking(
        "brightness",
        "Brightness: the darkest",
        "The mean luma of the middle of the face, from 0, black, to 1, white. Dark skin is not a "
        "dark photograph: look before you set a limit.",
        "", "darkest", True, "--min-brightness",
    ),
    Ranking(
        "brightness",
        "Brightness: the brightest",
        "The other end of the same.",
        "", "brightest", False, "--max-brightness",
    ),
    Ranking(
        "score",
        "Detection: the surest and the least sure",
        "How sure the detector was that this is a face. What is no face, or is cut askew, is "
        "mostly found among the least sure.",
        "surest", "least sure", True, "--min-score", 3,
    ),
    Ranking(
        "detected",
        "The smallest detections",
        "The side of the face in the picture that it comes from, in pixels. Faces smaller than "
        "the size of the set were enlarged.",
        "", "smallest", True, "--min-detected", 0,
    ),
    Ranking(
        "invented",
        "Invented pixels",
        "The share of the crop that lay outside of the picture and was filled by reflection.",
        "", "most invented", False, "--max-invented",
    ),
)  # fmt: skip


def limit_of(values: Values, ranking: Ranking) -> tuple[float, int] | None:
    """A limit that would leave out about one face in a hundred, and how many it would.

    None where there are few faces, or all are alike.
    """
    if not worth_ranking(values):
        return None
    known = known_of(values)
    at = float(np.percentile(known, 1 if ranking.worst_is_low else 99))
    limit = round(at, ranking.digits)
    out = int((known < limit).sum() if ranking.worst_is_low else (known > limit).sum())
    return (limit, out) if out else None


def worth_ranking(values: Values) -> bool:
    """Whether there are enough faces, and they differ."""
    known = known_of(values)
    return len(known) >= FEWEST_RANKED and len(np.unique(known)) > 1


def known_of(values: Values) -> Values:
    """The values without NaN."""
    return values[~np.isnan(values)]
