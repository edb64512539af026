"""Measure alignment on photographs, as they are and turned by random angles.

    python benchmarks/alignment.py PHOTOS [MOST_DEGREES]

PHOTOS is a folder or archive with a face in each picture. Every picture is turned about its middle
by a random angle within ±MOST_DEGREES (20), and both are searched; the error of the angle is what
is found of the turned one less what is found of the picture as it is, against the turn applied.
"""

import argparse

import cv2
import numpy as np

from lik.core.randomness import numpy_stream
from lik.faces.crop.cropping import square_of_eyes
from lik.faces.detect.eyes import EyeNetwork
from lik.faces.detect.finding import CascadeFinder, Detection
from lik.faces.io.sources import open_source


def main() -> None:
    """Print the shares found and the errors."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("photos")
    parser.add_argument("most", type=float, nargs="?", default=20.0, metavar="most_degrees")
    wanted = parser.parse_args()
    source, most = open_source(wanted.photos, 64), wanted.most
    finder = CascadeFinder(EyeNetwork(), turned=True)
    random = numpy_stream(0, "turns")
    upright, leaning, errors = [], [], []
    for name in source.names:
        picture = source.container.open(name).decode()
        degrees = random.uniform(-most, most)
        height, width = picture.shape[:2]
        turn = cv2.getRotationMatrix2D((width / 2, height / 2), -degrees, 1)
        turned = cv2.warpAffine(picture, turn, (width, height), borderMode=cv2.BORDER_REFLECT)
        plain, other = finder.find(picture), finder.find(turned)
        upright.append(bool(plain))
        leaning.append(bool(other))
        if plain and other:
            errors.append(abs(angle(other[0]) - angle(plain[0]) - degrees))
    print(
        f"{len(source.names)} photographs: found {np.mean(upright):.1%} as they are, "
        f"{np.mean(leaning):.1%} turned by up to ±{most:g}°"
    )
    if not errors:
        print("error of the angle: none, for no face was found both ways")
        return
    low, high = np.percentile(errors, [50, 95])
    print(f"error of the angle: median {low:.2f}°, 95 % under {high:.2f}°, largest "
          f"{max(errors):.2f}°")  # fmt: skip


def angle(found: Detection) -> float:
    """How far the eyes lean, in degrees."""
    assert found.eyes is not None
    return square_of_eyes(*found.eyes).angle


if __name__ == "__main__":
    main()
