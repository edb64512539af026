"""Measure the constants of the crop rule ``face`` on CelebA.

    python benchmarks/calibrate_crop.py PATH_TO_CELEBA [MOST]

The reference frame in the picture, as the detector's box sees it: its side in sides of the box, and
how far its middle lies from the box's, each a median over all pictures in which a face is found.
"""

import argparse

import cv2
import numpy as np

from lik.faces.crop.cropping import FixedCrop, square_of
from lik.faces.detect.eyes import EyeNetwork
from lik.faces.detect.finding import CascadeFinder
from lik.faces.io.sources import open_source


def main() -> None:
    """Print factor, right and down with their quartiles."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("source")
    parser.add_argument("most", type=int, nargs="?")
    wanted = parser.parse_args()
    cv2.setNumThreads(1)
    source = open_source(wanted.source, 64)
    names = source.names[: wanted.most]
    finder = CascadeFinder(EyeNetwork())
    rows = []
    for name in names:
        picture = source.container.open(name).decode()
        found = finder.find(picture)
        if not found:
            continue
        box = found[0].box
        frame = square_of(FixedCrop(), picture.shape[1], picture.shape[0], None)
        right = (frame.x + frame.side / 2 - box.x - box.side / 2) / box.side
        down = (frame.y + frame.side / 2 - box.y - box.side / 2) / box.side
        rows.append((frame.side / box.side, right, down))
    print(f"{len(rows):,} faces found in {len(names):,} pictures")
    for name, values in zip(("factor", "right", "down"), np.array(rows).T, strict=True):
        low, middle, high = np.percentile(values, [25, 50, 75])
        print(f"{name:<7} {middle:+.4f}  (quartiles {low:+.4f} … {high:+.4f})")


if __name__ == "__main__":
    main()
