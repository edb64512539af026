"""lik likeness: one picture under distortions of the same error, and what measures say of them."""

from dataclasses import asdict
from typing import Any

from lik.app.equal_error import EqualErrorRequest, EqualErrors, distort_equally, draw_equal_errors
from lik.cli.options import Json, Out, Seed, argument, flag, option
from lik.cli.output import progress, save_figure, say, say_json, table


def likeness(
    picture: str | None = argument(
        None, "Any photograph (default: a face that Lik draws).", "PICTURE"
    ),
    mse: float | None = option(
        None,
        "The mean squared error of all, of values in 0…255.",
        "E",
        show_default="300, or less where the picture has no room for it",
    ),
    face: bool = flag("--face", "Take the face alone, cut as CelebA's are."),
    side: int = option(256, "Pixels of the longer side, at most.", "PIXELS", min=16),
    features: str | None = option(
        None,
        "A network of lik train-classifier, to measure the distance in its features; for "
        "it a few pixels are cut off where the sides are no multiples of 32.",
        "NET",
    ),
    seed: Seed = 0,
    out: Out = None,
    as_json: Json = False,
) -> None:
    """Distort a picture in eight ways to the same mean squared error, and measure how alike it is.

    The figure after Wang & Bovik (2009): by the mean squared error all are equally good, to the eye
    and by structural similarity they are not. It is written to likeness.png, or where -o says.

    Example: lik likeness holiday.jpg --face -o likeness.png
    """
    request = EqualErrorRequest(picture, mse, face, side, features, seed)
    with progress() as step:
        equal = distort_equally(request, step)
    path = save_figure(None, draw_equal_errors(equal), out, quietly=True)
    if as_json:
        say_json(_answer(equal, request))
        return
    _say_table(equal)
    say(str(path))


def _say_table(equal: EqualErrors) -> None:
    with_features = equal.found[0][1].feature_distance is not None
    headings = ["distortion", "strength", "MSE", "PSNR, dB", "SSIM", "MS-SSIM"]
    rows = [
        [
            distorted.distortion.name,
            distorted.distortion.words(distorted.strength),
            f"{measured.mse:.2f}",
            f"{measured.psnr:.2f}",
            f"{measured.ssim:.4f}",
            f"{measured.ms_ssim:.4f}",
            *([f"{measured.feature_distance:.5f}"] if with_features else []),
        ]
        for distorted, measured in equal.found
    ]
    table([*headings, "feature distance"] if with_features else headings, rows)


def _answer(equal: EqualErrors, request: EqualErrorRequest) -> dict[str, Any]:
    height, width = equal.picture.shape[:2]
    return {
        "picture": equal.name,
        "width": width,
        "height": height,
        "mse": equal.mse,
        "seed": request.seed,
        "ms_ssim_scales": equal.scales,
        "features": request.features,
        "distortions": [
            {
                "name": distorted.distortion.name,
                "strength": distorted.strength,
                "words": distorted.distortion.words(distorted.strength),
                "reached": equal.reached(distorted),
                **asdict(measured),
            }
            for distorted, measured in equal.found
        ],
    }
