"""lik likeness: one picture under distortions of the same error, and what measures say of them."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lik.cli.options import Json, Out, Seed
from lik.cli.output import command_line, say, say_json, table

if TYPE_CHECKING:
    from lik.core.pixels import Pictures
    from lik.evaluation.equal_error import Distorted
    from lik.evaluation.likeness import Likeness
    from lik.objectives.perceptual import Features

SIDE = 256

HALVED = 32
"""Networks halve a picture up to five times: for them its sides must be multiples of this."""


def likeness(
    picture: Annotated[
        str | None,
        typer.Argument(
            help="Any photograph (default: a face that Lik draws).",
            metavar="PICTURE",
            show_default=False,
        ),
    ] = None,
    mse: Annotated[
        float | None,
        typer.Option(
            help="The mean squared error of all, of values in 0…255.",
            metavar="E",
            show_default="300, or less where the picture has no room for it",
        ),
    ] = None,
    face: Annotated[
        bool, typer.Option("--face", help="Take the face alone, cut as CelebA's are.")
    ] = False,
    side: Annotated[
        int, typer.Option(help="Pixels of the longer side, at most.", metavar="PIXELS", min=16)
    ] = SIDE,
    features: Annotated[
        str | None,
        typer.Option(
            help="A network, made by lik train-features, to measure the distance in its features; "
            "for it a few pixels are cut off where the sides are no multiples of 32.",
            metavar="NET",
            show_default=False,
        ),
    ] = None,
    seed: Seed = 0,
    out: Out = None,
    as_json: Json = False,
) -> None:
    """Distort a picture in eight ways to the same mean squared error, and measure how alike it is.

    The figure after Wang & Bovik (2009): by the mean squared error all are equally good, to the eye
    and by structural similarity they are not. It is written to likeness.png, or where -o says.

    Example: lik likeness holiday.jpg --face -o likeness.png
    """
    import numpy as np

    from lik.evaluation.distortions import DISTORTIONS
    from lik.evaluation.equal_error import distorted_to, reachable_error
    from lik.evaluation.likeness import measure_likeness, scales_of
    from lik.figures.png import save_png

    pixels, name = _opened(picture, face, side, seed)
    pixels = pixels if features is None else _divisible(pixels)
    scales = len(scales_of(*pixels.shape[:2]))
    original = pixels.astype(np.float64)
    network = _network(features, min(pixels.shape[:2]))
    error = reachable_error(original, seed) if mse is None else mse
    found = []
    for distortion in DISTORTIONS:
        distorted = distorted_to(distortion, original, error, seed)
        found.append((distorted, measure_likeness(original, distorted.picture, network)))
    found.sort(key=lambda pair: -pair[1].ssim)
    path = Path(out or "likeness.png")
    save_png(path, _figure(pixels, found, name, error, scales), command=command_line())
    if as_json:
        say_json(_answer(pixels, found, name, error, scales, features, seed))
        return
    table(*_table(found))
    say(str(path))


def _opened(picture: str | None, face: bool, side: int, seed: int) -> tuple["Pictures", str]:
    """The pixels, uint8 (H, W, 3), and what they are called."""
    from lik.core.errors import UnusableInput

    if picture is None:
        from lik.faces.drawn.rendering import render, sample_factors

        if face:
            raise UnusableInput("--face needs a picture to find a face in: name one.")
        return render(sample_factors(seed, 0), side), "a face drawn by Lik"
    path = Path(picture)
    if face:
        from lik.faces.photograph import crop_picture

        return crop_picture(path, {"kind": "aligned"}, side), f"the face of {path.name}"
    from lik.faces.photograph import read_picture

    return read_picture(path, side), path.name


def _divisible(pixels: "Pictures") -> "Pictures":
    """The middle of a picture, its sides multiples of `HALVED`."""
    from lik.core.errors import UnusableInput

    height, width = (side // HALVED * HALVED for side in pixels.shape[:2])
    if not height or not width:
        raise UnusableInput(
            f"this picture has {pixels.shape[1]}×{pixels.shape[0]} pixels: with --features each "
            f"side must have {HALVED}."
        )
    top, left = (pixels.shape[0] - height) // 2, (pixels.shape[1] - width) // 2
    return pixels[top : top + height, left : left + width]


def _network(path: str | None, side: int) -> "Features | None":
    if path is None:
        return None
    import torch

    from lik.training.feature_networks import open_features

    return open_features(path, None, side, torch.device("cpu"))


def _figure(
    pixels: "Pictures",
    found: list[tuple["Distorted", "Likeness"]],
    name: str,
    error: float,
    scales: int,
) -> Any:
    import numpy as np

    from lik.figures.likeness import Tile, likeness_figure

    tiles = [Tile(pixels, "original", (name, f"{pixels.shape[1]}×{pixels.shape[0]} pixels"))]
    for distorted, measured in found:
        lines = [
            distorted.distortion.words(distorted.strength),
            f"MSE {measured.mse:.1f}   PSNR {measured.psnr:.2f} dB",
            f"SSIM {measured.ssim:.3f}   MS-SSIM {measured.ms_ssim:.3f}",
        ]
        if measured.feature_distance is not None:
            lines.append(f"feature distance {measured.feature_distance:.4f}")
        if not _reached(distorted, error):
            lines.append(f"no more than this can be reached: {error:g} was asked")
        shown = distorted.picture.clip(0, 255).round().astype(np.uint8)
        tiles.append(Tile(shown, distorted.distortion.name, lines, measured.ssim))
    notes = [
        f"Every picture has a mean squared error of {error:g} against the first (values in 0…255).",
        f"In the order of SSIM, which is also the bar; MS-SSIM over {scales} "
        + ("scale." if scales == 1 else "scales."),
    ]
    return likeness_figure(tiles, "Equal errors, unequal likeness", notes)


def _table(
    found: list[tuple["Distorted", "Likeness"]],
) -> tuple[list[str], list[list[str]]]:
    with_features = found[0][1].feature_distance is not None
    headings = ["distortion", "strength", "MSE", "PSNR, dB", "SSIM", "MS-SSIM"]
    headings += ["feature distance"] if with_features else []
    rows = []
    for distorted, m in found:
        row = [
            distorted.distortion.name,
            distorted.distortion.words(distorted.strength),
            f"{m.mse:.2f}",
            f"{m.psnr:.2f}",
            f"{m.ssim:.4f}",
            f"{m.ms_ssim:.4f}",
        ]
        rows.append(row + [f"{m.feature_distance:.5f}"] if with_features else row)
    return headings, rows


def _answer(
    pixels: "Pictures",
    found: list[tuple["Distorted", "Likeness"]],
    name: str,
    error: float,
    scales: int,
    features: str | None,
    seed: int,
) -> dict[str, Any]:
    return {
        "picture": name,
        "width": pixels.shape[1],
        "height": pixels.shape[0],
        "mse": error,
        "seed": seed,
        "ms_ssim_scales": scales,
        "features": features,
        "distortions": [
            {
                "name": distorted.distortion.name,
                "strength": distorted.strength,
                "words": distorted.distortion.words(distorted.strength),
                "reached": _reached(distorted, error),
                **asdict(measured),
            }
            for distorted, measured in found
        ],
    }


def _reached(distorted: "Distorted", error: float) -> bool:
    return abs(distorted.mse - error) <= 0.01 * error
