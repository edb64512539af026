"""One picture under distortions of the same mean squared error, measured and drawn."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from lik.core.errors import UnusableInput
from lik.core.events import Progress, no_progress
from lik.core.pixels import Pictures
from lik.evaluation.distortions import (
    DISTORTIONS,
    Distorted,
    Likeness,
    distorted_to,
    measure_likeness,
    reachable_error,
)
from lik.faces.drawn.rendering import render, sample_factors
from lik.faces.photograph import crop_picture, read_picture
from lik.figures.grids import Tile, draw_tiles
from lik.figures.png import Drawn
from lik.objectives.similarity import scale_exponents
from lik.training.feature_networks import open_features

HALVED = 32
"""Networks halve a picture up to five times: for them its sides must be multiples of this."""


@dataclass(frozen=True)
class EqualErrorRequest:
    """A picture to distort, and how.

    Attributes:
        picture: any photograph; without one, a face is drawn.
        mse: the mean squared error of all, of values in 0…255; None for the customary 300, or
            less where the picture has no room for it.
        face: whether to take the face alone, cut as CelebA's are. side: of the longer, in pixels.
        features: a network, to measure the distance in its features.
    """

    picture: str | Path | None = None
    mse: float | None = None
    face: bool = False
    side: int = 256
    features: str | Path | None = None
    seed: int = 0


@dataclass(frozen=True)
class EqualErrors:
    """A picture uint8 (H, W, 3) and its distortions, each measured, the likest by SSIM first.

    Attributes:
        mse: the error that was asked for. scales: how many MS-SSIM is over.
    """

    picture: Pictures
    name: str
    mse: float
    scales: int
    found: list[tuple[Distorted, Likeness]]

    def reached(self, distorted: Distorted) -> bool:
        """Whether a distortion has the error that was asked for, or cannot come so far."""
        return abs(distorted.mse - self.mse) <= 0.01 * self.mse


def distort_equally(
    request: EqualErrorRequest = EqualErrorRequest(), progress: Progress = no_progress
) -> EqualErrors:
    """Distort a picture in eight ways to the same mean squared error, and measure each.

    Raises:
        UnusableInput: no such picture, no face in it, an error that cannot be reached, a picture
            too small to measure, or no such network.
    """
    pixels, name = _opened(request)
    network = None
    if request.features is not None:
        pixels = _divisible(pixels)
        network = open_features(
            str(request.features), None, min(pixels.shape[:2]), torch.device("cpu")
        )
    scales = len(scale_exponents(*pixels.shape[:2]))
    original = pixels.astype(np.float64)
    mse = reachable_error(original, request.seed) if request.mse is None else request.mse
    found = []
    for number, distortion in enumerate(DISTORTIONS):
        progress("distorting", number, len(DISTORTIONS))
        distorted = distorted_to(distortion, original, mse, request.seed)
        found.append((distorted, measure_likeness(original, distorted.picture, network)))
    found.sort(key=lambda pair: -pair[1].ssim)
    return EqualErrors(pixels, name, mse, scales, found)


def draw_equal_errors(equal: EqualErrors) -> Drawn:
    """Draw the picture and its distortions, below each what was measured of it."""
    height, width = equal.picture.shape[:2]
    tiles = [Tile(equal.picture, "original", (equal.name, f"{width}×{height} pixels"))]
    for distorted, measured in equal.found:
        lines = [
            distorted.distortion.words(distorted.strength),
            f"MSE {measured.mse:.1f}   PSNR {measured.psnr:.2f} dB",
            f"SSIM {measured.ssim:.3f}   MS-SSIM {measured.ms_ssim:.3f}",
        ]
        if measured.feature_distance is not None:
            lines.append(f"feature distance {measured.feature_distance:.4f}")
        if not equal.reached(distorted):
            lines.append(f"no more than this can be reached: {equal.mse:g} was asked")
        shown = distorted.picture.clip(0, 255).round().astype(np.uint8)
        tiles.append(Tile(shown, distorted.distortion.name, lines, measured.ssim))
    notes = [
        f"Every picture has a mean squared error of {equal.mse:g} against the first (values in "
        "0…255).",
        f"In the order of SSIM, which is also the bar; MS-SSIM over {equal.scales} "
        + ("scale." if equal.scales == 1 else "scales."),
    ]
    image = draw_tiles(tiles, "Equal errors, unequal likeness", notes)
    return Drawn(image, "likeness.png")


def _opened(request: EqualErrorRequest) -> tuple[Pictures, str]:
    """The pixels, uint8 (H, W, 3), and what they are called."""
    if request.picture is None:
        if request.face:
            raise UnusableInput("without a picture there is no face to find: name one.")
        return render(sample_factors(request.seed, 0), request.side), "a face drawn by Lik"
    path = Path(request.picture)
    if request.face:
        return crop_picture(path, {"kind": "aligned"}, request.side), f"the face of {path.name}"
    return read_picture(path, request.side), path.name


def _divisible(pixels: Pictures) -> Pictures:
    """The middle of a picture, its sides multiples of `HALVED`."""
    height, width = (side // HALVED * HALVED for side in pixels.shape[:2])
    if not height or not width:
        raise UnusableInput(
            f"this picture has {pixels.shape[1]}×{pixels.shape[0]} pixels: to measure it in "
            f"features, each side must have {HALVED}."
        )
    top, left = (pixels.shape[0] - height) // 2, (pixels.shape[1] - width) // 2
    return pixels[top : top + height, left : left + width]
