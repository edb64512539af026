"""The shares of a batch on which workers train, as if it were the data parallelism of
`lik.training.processes` within one memory.
"""

from itertools import pairwise

import torch

from lik.training.batches import Batch, Noise

FEWEST = 2
"""Faces in a share, at the least: batch normalisation may not take a single one."""


def parts_of(faces: int, count: int) -> list[slice]:
    """Which faces of a batch are whose, of ``count`` workers; fewer of them where it is small."""
    count = max(1, min(count, faces // FEWEST))
    borders = [faces * worker // count for worker in range(count + 1)]
    return [slice(*ends) for ends in pairwise(borders)]


def shares_of(batch: Batch, noise: Noise, count: int) -> list[tuple[Batch, Noise]]:
    """The shares of ``count`` workers in a batch, which has not been shared yet, and their noise.

    A face has the same noise in its share as it has in the whole batch. ``noise`` itself is that
    of the first share: when that has drawn, it stands where it would after the whole batch.
    """
    parts = parts_of(len(batch.images), count)
    if len(parts) == 1:
        return [(batch, noise)]
    state = noise.generator.get_state()
    generators = [noise.generator, *(torch.Generator().set_state(state) for _ in parts[1:])]
    shares = []
    for part, generator in zip(parts, generators, strict=True):
        images, labels = batch.images[part], batch.labels
        labels = None if labels is None else labels[part]
        share = Batch(images, batch.total, len(images), labels)
        shares.append((share, Noise(generator, noise.total, part)))
    return shares
