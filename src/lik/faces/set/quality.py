"""How good a cut face is, in figures that can be compared between faces and sizes."""

import math
from collections.abc import Mapping

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from lik.core.configuration import Settings

Face = NDArray[np.uint8]


def measured(face: Face) -> dict[str, float]:
    """What the pixels of a face uint8 (S, S, 3), S ≥ 8, tell.

    Returns:
        ``sharpness``: 0 for a blurred face, about 0.5 for a good photograph; see ``_sharpness``.
        ``brightness``: mean luma 0…1 of the middle half, each way.
    """
    grey = np.asarray(cv2.cvtColor(face, cv2.COLOR_RGB2GRAY), np.uint8)
    quarter = len(grey) // 4
    middle = slice(quarter, len(grey) - quarter)
    brightness = cv2.mean(grey[middle, middle])[0] / 255
    return {"sharpness": _sharpness(grey), "brightness": brightness}


class Limits(Settings):
    """What a face must meet to be kept; None asks for nothing.

    ``min_detected`` is the side of the detection in pixels of the source picture,
    ``max_padding`` the largest share of the crop that may lie outside of the picture.
    """

    min_score: float | None = None
    min_detected: float | None = Field(None, ge=0)
    min_sharpness: float | None = Field(None, ge=0)
    min_brightness: float | None = Field(None, ge=0, le=1)
    max_brightness: float | None = Field(None, ge=0, le=1)
    max_padding: float | None = Field(None, ge=0, le=1)

    def reason(self, measures: Mapping[str, float | None]) -> str | None:
        """Why a face is left out, or None where it meets every limit.

        ``measures`` holds those of `lik.faces.set.faceset.MEASURES` that are known: what is
        missing, None or NaN is not held against a face.
        """
        for limit, name, sign, reason in (
            (self.min_score, "score", 1, "detected too uncertainly"),
            (self.min_detected, "detected", 1, "too small"),
            (self.min_sharpness, "sharpness", 1, "too blurred"),
            (self.min_brightness, "brightness", 1, "too dark"),
            (self.max_brightness, "brightness", -1, "too bright"),
            (self.max_padding, "padding_fraction", -1, "too far over the edge of the picture"),
        ):
            value = measures.get(name)
            if limit is None or value is None or math.isnan(value):
                continue
            if sign * value < sign * limit:
                return reason
        return None


def _sharpness(grey: Face) -> float:
    """How much of the finest detail that its pixels can hold a face (S, S) does hold.

    The contrast between neighbouring pixels, compared with that between neighbouring blocks of
    2×2 (both as Haar wavelets), in the middle three quarters each way. In a sharp photograph
    detail is as strong, octave for octave; in a blurred or enlarged one the finer octave is empty.
    Contrast cancels in the ratio, and noise, estimated from the diagonal wavelets (Donoho &
    Johnstone 1994), is taken off both. It speaks of the face's own pixels: reducing a picture
    makes it sharper, enlarging it more blurred.

    Returns:
        0 where brightness changes smoothly over several pixels, 1 where both octaves are equally
        strong, at most 3. Of CelebA's faces at 64 pixels half lie between 0.41 and 0.55, one in a
        hundred below 0.27; a Gaussian blur of 0.8 pixels brings the median from 0.48 to 0.19, one
        of 2 pixels to 0.05.
    """
    edge = len(grey) // 8
    pixels = grey[edge : len(grey) - edge, edge : len(grey) - edge].astype(np.float32)
    blocks, fine, diagonal = _haar(pixels, 1)
    _, coarse, _ = _haar(blocks, 2)
    half = diagonal.size // 2
    noise = float(np.partition(np.abs(diagonal.ravel()), half)[half]) / 0.6745
    fine_energy = max(fine - 2 * noise**2, 0.0)
    coarse_energy = max(coarse - 2 * noise**2, 1.0)  # at least the rounding of pixels
    # Of a ramp, all coefficients of the coarser octave are four times those of the finer.
    return min(max(4 * math.sqrt(fine_energy / coarse_energy) - 1, 0.0), 3.0)


def _haar(
    pixels: NDArray[np.float32], lag: int
) -> tuple[NDArray[np.float32], float, NDArray[np.float32]]:
    """One level of Haar's wavelets at every place, not at every second one.

    So it does not matter whether an edge falls between two blocks or into one. ``lag`` is the
    distance of neighbours: 1 for pixels, 2 for blocks of 2×2.

    Returns:
        The blocks of twice the side (their sum, scaled to keep the energy of noise), the mean
        energy of horizontal and vertical detail together, and the diagonal detail.
    """
    upper, lower = pixels[:-lag], pixels[lag:]
    both, between = upper + lower, upper - lower
    blocks = (both[:, :-lag] + both[:, lag:]) / 2
    sideways = both[:, :-lag] - both[:, lag:]
    upright = between[:, :-lag] + between[:, lag:]
    diagonal = (between[:, :-lag] - between[:, lag:]) / 2
    energy = (float(np.vdot(sideways, sideways)) + float(np.vdot(upright, upright))) / 4
    return np.asarray(blocks, np.float32), energy / sideways.size, np.asarray(diagonal, np.float32)
