"""Ways between codes: straight, and around the origin.

Codes are (D,), shares K numbers in 0…1.
"""

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from lik.latent.session import Codes

Path = Literal["straight", "spherical"]
PATHS = ("straight", "spherical")


def way(first: Codes, second: Codes, shares: Sequence[float], path: Path = "straight") -> Codes:
    """The codes (K, D) at each share of the way from ``first`` to ``second``.

    ``straight`` mixes them; ``spherical`` (Shoemake's slerp; White, arXiv:1609.04468) turns one
    into the other, so that codes of the prior keep about their length, which the straight way
    shortens. Codes that point the same way, opposite ways or nowhere have no turn of their own:
    between them both ways are straight. At 0 and 1 both give the ends themselves.
    """
    t = np.asarray(shares, np.float64)[:, None]
    a, b = first.astype(np.float64), second.astype(np.float64)
    weights = 1 - t, t
    if path == "spherical":
        weights = _turning(a, b, t)
    codes = np.asarray(weights[0] * a + weights[1] * b, np.float32)
    codes[t[:, 0] == 0], codes[t[:, 0] == 1] = first, second
    return codes


def between_four(corners: Codes, steps: int, path: Path = "straight") -> Codes:
    """A square of codes (K, K, D) between four, in the order of reading (4, D)."""
    shares = [float(share) for share in np.linspace(0, 1, steps)]
    left = way(corners[0], corners[2], shares, path)
    right = way(corners[1], corners[3], shares, path)
    return np.stack([way(a, b, shares, path) for a, b in zip(left, right, strict=True)])


def _turning(
    a: NDArray[np.float64], b: NDArray[np.float64], t: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The weights of both ends at each share of a turn from one to the other."""
    lengths = float(np.linalg.norm(a) * np.linalg.norm(b))
    cosine = float(a @ b) / lengths if lengths else 1.0
    if abs(cosine) > 1 - 1e-9:
        return 1 - t, t
    angle = float(np.arccos(cosine))
    return np.sin((1 - t) * angle) / np.sin(angle), np.sin(t * angle) / np.sin(angle)
