"""The faces of a set, batch by batch, in an order that the seed alone decides.

Batches are float32 (B, 3, S, S) in 0…1 on the training device, channels last in memory.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lik.core.pixels import Pictures, to_float
from lik.core.prefetch import prefetch
from lik.core.randomness import numpy_stream, torch_stream

AHEAD = 2
"""Batches that are read from a memory map while another one is being worked on."""

PIECE = 4096
"""Pictures that are sent to a GPU at a time, so that there is never a second copy of all here."""


@dataclass(frozen=True)
class Batch:
    """One batch, or the share of it that one of several processes has.

    Attributes:
        images: float32 (B, 3, S, S); never empty, even where the share is.
        total: faces in the whole batch, over all processes.
        mine: how many of them are of this process: B, or 0 where there are fewer than processes.
        labels: float32 (B, A), what is known of each face, where the training is given it.
    """

    images: Tensor
    total: int
    mine: int
    labels: Tensor | None = None


@dataclass(frozen=True)
class Noise:
    """The randomness of one batch: the same for a face, however many processes share the batch.

    Attributes:
        generator: for whatever randomness an objective needs.
        total: faces in the whole batch, over all processes.
        share: which of them this process has.
    """

    generator: torch.Generator
    total: int
    share: slice = field(default_factory=lambda: slice(None))

    def normal(self, width: int) -> Tensor:
        """Standard normal numbers (B, width), a row for each image of this process.

        Where its share is empty, a row of zeros for the image that counts for nothing.
        """
        device = self.generator.device
        whole = torch.empty(self.total, width, device=device).normal_(generator=self.generator)
        mine = whole[self.share]
        return mine if len(mine) else whole.new_zeros(1, width)

    def own(self) -> torch.Generator:
        """A generator for what is drawn in other ways: each share has numbers of its own.

        It is ``generator`` itself for the whole batch, and for the first share.
        """
        if not self.share.start:
            return self.generator
        device = self.generator.device
        drawn = torch.empty((), dtype=torch.int64, device=device).random_(generator=self.generator)
        return torch_stream(int(drawn), "share", self.share.start, device=device)


@dataclass(frozen=True)
class Batches:
    """Some faces of a set, to be gone through in batches.

    Attributes:
        pictures: uint8 (N, S, S, 3), perhaps memory-mapped; or a tensor that lies on the device.
        indices: which of them take part.
        batch_size: faces in a batch over all processes; the last of an epoch may be smaller.
        rank, processes: every process takes each ``processes``-th face of a batch.
        labels: float32 (N, A), a row for each of the pictures, for what learns from labels.
    """

    pictures: Pictures | Tensor
    indices: np.ndarray
    batch_size: int
    device: torch.device
    seed: int = 0
    mirror: bool = False
    rank: int = 0
    processes: int = 1
    labels: NDArray[np.float32] | None = None

    @property
    def steps(self) -> int:
        """Batches in an epoch."""
        return -(-len(self.indices) // self.batch_size)

    @property
    def share(self) -> slice:
        """Which faces of a batch are of this process."""
        return slice(self.rank, None, self.processes)

    def in_order(self) -> Iterator[Batch]:
        """Every face once, in the order of the set, never mirrored, all in this process."""
        return self._read(self.indices, np.zeros(len(self.indices), bool), slice(None))

    def epoch(self, epoch: int, first_step: int = 0) -> Iterator[Batch]:
        """Every face once, shuffled; from ``first_step`` on, for an epoch that was broken off."""
        random = numpy_stream(self.seed, "order", epoch)
        order = random.permutation(self.indices)
        mirrored = (random.random(len(order)) < 0.5) & self.mirror
        first = first_step * self.batch_size
        return self._read(order[first:], mirrored[first:], self.share)

    def _read(self, order: np.ndarray, mirrored: np.ndarray, mine: slice) -> Iterator[Batch]:
        """The faces of ``order`` in batches, of which ``mine`` are of this process."""
        starts = range(0, len(order), self.batch_size)
        parts = [slice(start, start + self.batch_size) for start in starts]
        chosen, turned = (self._at_pictures(array) for array in (order, mirrored))

        def share(part: slice) -> slice:
            """Of the batch, what this process reads: a face even where none is its own."""
            return mine if len(order[part][mine]) else slice(0, 1)

        def pixels(part: slice) -> Tensor:
            return self._pixels(chosen[part][share(part)], turned[part][share(part)])

        there = isinstance(self.pictures, Tensor)
        read = map(pixels, parts) if there else _ahead(pixels, parts)
        for part, content in zip(parts, read, strict=True):
            faces = order[part]
            images = to_float(content.to(self.device, non_blocking=True))
            labels = None
            if self.labels is not None:
                labels = torch.from_numpy(self.labels[faces[share(part)]])
                labels = labels.to(self.device, non_blocking=True)
            yield Batch(images, len(faces), len(faces[mine]), labels)

    def _at_pictures(self, array: np.ndarray) -> np.ndarray | Tensor:
        """An array that chooses among pictures, where they lie.

        Sent once for an epoch: sending every batch its part would wait for the device each time.
        """
        if isinstance(self.pictures, Tensor):
            return torch.from_numpy(array).to(self.pictures.device)
        return array

    def _pixels(self, chosen: np.ndarray | Tensor, mirrored: np.ndarray | Tensor) -> Tensor:
        """Faces uint8 (B, S, S, 3), some of them mirrored, where the pictures lie."""
        if isinstance(self.pictures, Tensor):
            assert isinstance(chosen, Tensor) and isinstance(mirrored, Tensor)  # noqa: PT018
            pixels = self.pictures[chosen]
            if self.mirror:
                pixels = torch.where(mirrored[:, None, None, None], pixels.flip(2), pixels)
            return pixels
        assert isinstance(chosen, np.ndarray)
        part = self.pictures[chosen]
        turned = np.flatnonzero(np.asarray(mirrored))
        part[turned] = part[turned, :, ::-1]
        pixels = torch.from_numpy(part)
        return pixels.pin_memory() if self.device.type == "cuda" else pixels


def on_device(pictures: Pictures, device: torch.device) -> Pictures | Tensor:
    """The pictures as a uint8 tensor on a GPU where they fit in half of its free memory.

    Where they do not fit they stay memory-mapped; and on the CPU, where a memory map that has been
    read once lies in memory already, and may be larger than it.
    """
    if device.type != "cuda":
        return pictures
    free, _ = torch.cuda.mem_get_info(device)
    if pictures.nbytes >= free / 2:
        return pictures
    there = torch.empty(pictures.shape, dtype=torch.uint8, device=device)
    for start in range(0, len(pictures), PIECE):
        piece = np.array(pictures[start : start + PIECE])
        there[start : start + PIECE].copy_(torch.from_numpy(piece))
    return there


def _ahead(read: Callable[[slice], Tensor], parts: list[slice]) -> Iterator[Tensor]:
    """What ``read`` gives for each part, in order, some of it read while another is in use."""
    with ThreadPoolExecutor(1, "lik-batches") as reader:
        try:
            yield from prefetch(
                lambda part: reader.submit(read, part), lambda begun: begun.result(), parts, AHEAD
            )
        finally:
            reader.shutdown(cancel_futures=True)
