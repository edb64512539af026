"""Extraction: one picture → its faces, and the engines that do so for many.

Every engine runs `extract`, so that the bytes do not depend on where it runs: in this process, in
a process for each core, or on a Ray cluster.
"""

import logging
import os
import re
import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from itertools import chain, islice
from multiprocessing import get_context, parent_process

import cv2
import numpy as np
from numpy.typing import NDArray

from lik.core.errors import FailedOnTheWay, UnusableInput
from lik.core.prefetch import prefetch
from lik.faces.crop.cropping import (
    AlignedCrop,
    CropRule,
    Picture,
    Square,
    cut,
    needs_detection,
    resized,
    square_of,
    square_of_eyes,
)
from lik.faces.detect.finding import Detection, Finder
from lik.faces.io.pictures import Container, Encoded, NotAPicture
from lik.faces.set.duplicates import fingerprint
from lik.faces.set.quality import Limits, measured

NO_FACE, LEAVES = "no face found", "the crop would leave the picture"

SEARCHED = 480
"""Faces are looked for in a decoding whose shorter side has at least so many pixels."""

OVERSAMPLED = 2
"""A crop is cut from a decoding that has so many of its pixels for each pixel of the face."""

THUMBNAIL = 64
"""Side of the thumbnails of what was left out, in pixels."""


@dataclass(frozen=True)
class Plan:
    """What is done with every picture."""

    rule: CropRule
    size: int
    finder: Finder | None = None  # where the rule needs one
    every: bool = False  # keep all faces of a picture, not just the largest
    limits: Limits = field(default_factory=Limits)
    mark: str = "#"  # between a picture's name and the number of a further face of it


@dataclass(frozen=True)
class Face:
    """A face that is kept, and where it lay."""

    name: str
    pixels: NDArray[np.uint8]  # (S, S, 3)
    square: Square
    measures: dict[str, float | None]  # those of a face set, but the duplicates
    fingerprint: bytes  # by which duplicates are found


@dataclass(frozen=True)
class LeftOut:
    """A picture, or one face of it, that is not kept; a thumbnail (T, T, 3) if it was readable."""

    name: str
    reason: str
    thumbnail: NDArray[np.uint8] | None = None


@dataclass(frozen=True)
class Extraction:
    """What became of one picture."""

    name: str
    faces: list[Face]
    left_out: list[LeftOut]


def extract(
    container: Container, name: str, plan: Plan, eyes: NDArray[np.float64] | None = None
) -> Extraction:
    """The faces of one picture of a container.

    ``eyes`` (2, 2): where its eyes are known to be, in shares of width and height.
    """
    try:
        encoded = container.open(name)
        looking = needs_detection(plan.rule)
        first = encoded.decode(SEARCHED if looking else None)
        found = _detected(encoded, first, plan, eyes) if looking else [None]
        if not found:
            return Extraction(name, [], [LeftOut(name, NO_FACE, thumbnail(first))])
        results = [
            _face(encoded, first, face, f"{name}{plan.mark}{number}" if number > 1 else name, plan)
            for number, face in enumerate(found, 1)
        ]
    except NotAPicture as error:
        return Extraction(name, [], [LeftOut(name, str(error))])
    return Extraction(
        name,
        [result for result in results if isinstance(result, Face)],
        [result for result in results if isinstance(result, LeftOut)],
    )


def mark_for(names: Iterable[str]) -> str:
    """So many # that no picture is called like a further face of another.

    ``a.jpg`` has its second face as ``a.jpg#2``, unless a picture's own name ends like that.
    """
    own = (re.search(r"(#+)\d+$", name) for name in names)
    return "#" * (1 + max((len(match[1]) for match in own if match), default=0))


def thumbnail(picture: Picture) -> Picture:
    """A whole picture in a small square (T, T, 3), on grey."""
    small = resized(picture, THUMBNAIL / max(picture.shape[:2]))
    height, width = small.shape[:2]
    result = np.full((THUMBNAIL, THUMBNAIL, 3), 128, np.uint8)
    x, y = (THUMBNAIL - width) // 2, (THUMBNAIL - height) // 2
    result[y : y + height, x : x + width] = small
    return result


def _detected(
    encoded: Encoded, first: Picture, plan: Plan, eyes: NDArray[np.float64] | None
) -> list[Detection]:
    """The faces of a picture, in its own pixels."""
    if eyes is not None and isinstance(plan.rule, AlignedCrop) and not np.isnan(eyes).any():
        left, right = ((float(x) * encoded.width, float(y) * encoded.height) for x, y in eyes)
        return [Detection(None, (left, right), None)]
    assert plan.finder is not None, "this rule needs a finder"
    scale = encoded.width / first.shape[1]
    return [face.scaled(scale) for face in plan.finder.find(first, plan.every)]


def _face(
    encoded: Encoded, first: Picture, found: Detection | None, name: str, plan: Plan
) -> Face | LeftOut:
    width, height = encoded.width, encoded.height
    square = _square(plan.rule, width, height, found)
    padding = square.padding_fraction(width, height)
    if padding and not isinstance(plan.rule, AlignedCrop):
        return LeftOut(name, LEAVES, thumbnail(first))
    box = found.box if found else None
    detected = box.side if box else square.side if found else None
    measures = {"score": found.score if found else None, "detected": detected}
    measures["padding_fraction"] = padding
    reason = plan.limits.reason(measures)
    if reason:  # before the pixels are decoded at full size for nothing
        return LeftOut(name, reason, thumbnail(first))
    pixels = _cut(encoded, first, square, plan.size)
    measures |= measured(pixels)
    reason = plan.limits.reason(measures)
    if reason:
        return LeftOut(name, reason, thumbnail(first))
    return Face(name, pixels, square, measures, fingerprint(pixels))


def _square(rule: CropRule, width: int, height: int, found: Detection | None) -> Square:
    if isinstance(rule, AlignedCrop):
        assert found is not None
        assert found.eyes is not None, "this rule needs a finder of eyes"
        return square_of_eyes(*found.eyes, rule.widen)
    return square_of(rule, width, height, found.box if found else None)


def _cut(encoded: Encoded, first: Picture, square: Square, size: int) -> Picture:
    """The square, from the least decoding that has pixels enough for it."""
    scale = first.shape[1] / encoded.width
    if scale < 1 and square.side * scale < OVERSAMPLED * size:
        shorter = min(encoded.width, encoded.height)
        first = encoded.decode(round(shorter * OVERSAMPLED * size / square.side))
        scale = first.shape[1] / encoded.width
    return cut(first, square.scaled(scale) if scale != 1 else square, size)


CHUNK = 64
"""Pictures that a worker takes at a time."""

FEW = 4
"""Chunks that are too few for processes to be begun."""

Item = tuple[str, NDArray[np.float64] | None]
"""A picture's name, and where its eyes are known to be."""

Chunk = list[Item]
Engine = Callable[[Container, Plan, Iterator[Chunk]], Iterator[list[Extraction]]]


def here(container: Container, plan: Plan, chunks: Iterator[Chunk]) -> Iterator[list[Extraction]]:
    """One picture after the other, in this process."""
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        for chunk in chunks:
            yield extract_all(container, plan, chunk)
    finally:
        cv2.setNumThreads(threads)


def processes(workers: int) -> Engine:
    """An engine with ``workers`` processes on this machine."""

    def run(
        container: Container, plan: Plan, chunks: Iterator[Chunk]
    ) -> Iterator[list[Extraction]]:
        first = list(islice(chunks, FEW))
        if len(first) < FEW:  # done before another process would have begun
            yield from here(container, plan, iter(first))
            return
        chunks = chain(first, chunks)
        pool = ProcessPoolExecutor(workers, get_context("spawn"), _begin, (container, plan))
        try:
            with pool:
                try:
                    yield from prefetch(
                        lambda chunk: pool.submit(_work, chunk), Future.result, chunks, 2 * workers
                    )
                finally:
                    pool.shutdown(cancel_futures=True)
        except BrokenProcessPool as error:
            raise FailedOnTheWay(
                "a worker process was lost (out of memory?); the same command goes on from there."
            ) from error

    return run


def ray_cluster(address: str | None = None) -> Engine:
    """An engine on a Ray cluster: the one at ``address``, or one that is begun on this machine.

    Tasks whose worker is lost are run again. All its machines must read the source at one path.

    Raises:
        UnusableInput: Ray is not installed, or there is no cluster at the address.
    """
    try:
        import ray
    except ImportError:
        raise UnusableInput("a Ray cluster needs Ray: pip install 'lik-vae[ray]'.") from None

    def run(
        container: Container, plan: Plan, chunks: Iterator[Chunk]
    ) -> Iterator[list[Extraction]]:
        begun = not ray.is_initialized()
        if begun:
            try:
                ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR)
            except (ConnectionError, RuntimeError, ValueError) as error:
                where = f"at {address}" if address else "on this machine"
                raise UnusableInput(f"there is no Ray cluster {where} ({error}).") from error
        try:
            task = ray.remote(max_retries=10)(extract_all)
            shared = ray.put(container), ray.put(plan)
            ahead = 2 * max(1, int(ray.cluster_resources().get("CPU", 1)))
            yield from prefetch(lambda chunk: task.remote(*shared, chunk), ray.get, chunks, ahead)
        except ray.exceptions.RayError as error:
            raise FailedOnTheWay(
                f"the Ray cluster failed ({type(error).__name__}); the same command goes on from "
                "there."
            ) from error
        finally:
            if begun:
                ray.shutdown()

    return run


def extract_all(container: Container, plan: Plan, chunk: Chunk) -> list[Extraction]:
    """The extractions of a chunk of pictures."""
    return [extract(container, name, plan, eyes) for name, eyes in chunk]


_given: tuple[Container, Plan] | None = None
"""What a worker process was begun with."""


def _begin(container: Container, plan: Plan) -> None:
    global _given
    _given = container, plan
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides when work ends
    threading.Thread(target=_end_with_parent, daemon=True).start()
    cv2.setNumThreads(1)


def _end_with_parent() -> None:
    """Do not outlive a parent that was killed."""
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _work(chunk: Chunk) -> list[Extraction]:
    assert _given is not None
    return extract_all(*_given, chunk)
