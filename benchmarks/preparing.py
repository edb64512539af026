"""Time preparation beside the paper's detector settings and beside decoding alone, in one run.

    python benchmarks/preparing.py SOURCE [MOST]

SOURCE is CelebA (folder or zip) or any folder of pictures; MOST limits how many are taken, evenly
from the first to the last. One thread; times are those of the processor, so that what else the
machine does counts less. Says of each way how many faces it found, and how far the middle of its
crop lies from the one that the paper's thorough search leads to, in pixels of a picture 178 wide.
"""

import argparse
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

from lik.faces.crop.cropping import AlignedCrop, Box, FaceCrop, Square, square_of, square_of_eyes
from lik.faces.detect.eyes import EyeNetwork
from lik.faces.detect.finding import CascadeFinder, finder_for
from lik.faces.io.pictures import Picture, Source
from lik.faces.io.sources import open_source
from lik.faces.set.extraction import Plan, extract, here, processes
from lik.faces.set.preparation import prepare
from training import hardware

PAPER_STEP, PAPER_SMALLEST, PAPER_NEIGHBOURS = 1.05, 15, 5


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("source")
    parser.add_argument("most", type=int, nargs="?")
    wanted = parser.parse_args()
    cv2.setNumThreads(1)
    source = open_source(wanted.source, 64)
    most = wanted.most or len(source.names)
    chosen = np.unique(np.linspace(0, len(source.names) - 1, most).round().astype(int))
    names = [source.names[index] for index in chosen]
    print(f"{len(names):,} pictures of {source.description}; OpenCV {cv2.__version__}")
    print(hardware("cpu"))

    pictures, decoding = timed(lambda name: source.container.open(name).decode(), names)
    thorough, searching = timed(paper_search, pictures)
    boxes = [square_of(FaceCrop(), 1, 1, box) if box else None for box in thorough]
    row("decoding alone", decoding)
    row("the paper's search (step 1.05, from 15 px), decoded already", searching, boxes)
    for label, plan, true in (
        ("all of lik prepare --crop face", Plan(FaceCrop(), 64, finder_for("face")), boxes),
        (
            "all of lik prepare --crop aligned",
            Plan(AlignedCrop(), 64, CascadeFinder(EyeNetwork(), turned=True)),
            aligned(pictures, thorough),
        ),
    ):
        results, took = timed(lambda name, plan=plan: extract(source.container, name, plan), names)
        squares = [result.faces[0].square if result.faces else None for result in results]
        row(label, took, squares, true, pictures)
    whole(source, names)


def paper_search(picture: Picture) -> Box | None:
    """The largest face, by the settings of the paper's script."""
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
    rectangles = cascade.detectMultiScale(
        grey, PAPER_STEP, PAPER_NEIGHBOURS, minSize=(PAPER_SMALLEST, PAPER_SMALLEST)
    )
    if not len(rectangles):
        return None
    x, y, side, _ = max(rectangles, key=lambda rectangle: int(rectangle[2]))
    return Box(float(x), float(y), float(side), 1.0)


cascade = cv2.CascadeClassifier(
    f"{cv2.data.haarcascades}haarcascade_frontalface_default.xml"  # type: ignore[attr-defined]
)


def aligned(pictures: list[Picture], boxes: list[Box | None]) -> list[Square | None]:
    """The aligned crops that begin from the boxes of the thorough search."""
    finder = CascadeFinder(EyeNetwork())
    squares: list[Square | None] = []
    for picture, box in zip(pictures, boxes, strict=True):
        grey = np.asarray(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), np.uint8)
        found = finder.verify(grey, box) if box else None
        squares.append(square_of_eyes(*found.eyes) if found and found.eyes else None)
    return squares


def timed(work: Callable, items: list) -> tuple[list, float]:
    """The results, and milliseconds of the processor for each item."""
    work(items[0])
    begin = time.process_time()
    results = [work(item) for item in items]
    return results, (time.process_time() - begin) / len(items) * 1000


def row(
    label: str,
    milliseconds: float,
    squares: list[Square | None] | None = None,
    true: list[Square | None] | None = None,
    pictures: list[Picture] | None = None,
) -> None:
    """One line of the table."""
    line = f"{label:<60} {milliseconds:6.2f} ms"
    if squares is not None:
        line += f"  found {np.mean([s is not None for s in squares]):6.1%}"
    if squares is not None and true is not None and pictures is not None:
        line += f"  {moved(squares, true, pictures)}"
    print(line, flush=True)


def moved(squares: list[Square | None], true: list[Square | None], pictures: list[Picture]) -> str:
    """How far middles lie apart, where both were found."""
    distances = [
        np.abs(np.subtract(s.point((0.5, 0.5)), t.point((0.5, 0.5)))).max() * 178 / p.shape[1]
        for s, t, p in zip(squares, true, pictures, strict=True)
        if s and t
    ]
    within = np.mean(np.array(distances) <= 4)
    return f"middle within 4 px of 178: {within:.1%} (median {np.median(distances):.1f})"


def whole(source: Source, names: list[str]) -> None:
    """The command itself on all cores, by the clock on the wall."""
    cores = (
        len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    )
    part = Source(source.description, source.container, names, [None] * len(names))
    plan = Plan(AlignedCrop(), 64, finder_for("aligned"))
    with tempfile.TemporaryDirectory() as folder:
        begin = time.perf_counter()
        prepare(part, Path(folder) / "set", plan, processes(cores) if cores > 1 else here)
        took = time.perf_counter() - begin
    print(
        f"lik prepare --crop aligned on {cores} cores: {len(names) / took:,.0f} pictures/s by the "
        f"clock; CelebA's 202,599 in {202_599 / len(names) * took / 60:.1f} min"
    )


if __name__ == "__main__":
    main()
