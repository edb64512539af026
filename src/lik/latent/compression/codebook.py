"""All that faces are compressed by, kept beside a run as RUN/compression.safetensors.

Tables of whole numbers, deflated each by itself; a checksum tells those from others by which a file
was written.
"""

import json
import math
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import save
from torch import Tensor

from lik.core.artifacts import check_version, replacing
from lik.core.errors import OtherWeights, UnusableInput
from lik.core.tensors import array_of, read_tensors, told_in, version_in
from lik.latent.compression.levels import CONTEXTS, Level
from lik.latent.compression.residuals import PARTS, VALUES, ResidualLikelihood

FORMAT = "lik-compression"
VERSION = 1
MOST_LEVELS = 16
MOST_BYTES = 2**26
"""Bytes of one table, at the most."""

KINDS = {
    "steps": "<f4", "order": "<i2", "lows": "<i2", "weights": "<i1", "thresholds": "<i4",
    "widths": "<i2", "frequencies": "<u2",
}  # fmt: skip
RESIDUAL_KINDS = {"means": "<i2", "sizes": "<i2", "thresholds": "<i4", "frequencies": "<u2"}

Arrays = dict[str, NDArray[Any]]


@dataclass(frozen=True)
class CompressionTables:
    """Levels of precision, and the likelihood for faces that are kept exactly.

    Attributes:
        made: from what: hashes of the weights and of the face set.
    """

    levels: Sequence[Level]
    likelihood: ResidualLikelihood
    made: Mapping[str, str]

    @property
    def checksum(self) -> int:
        """CRC-32 of all numbers in them."""
        found = 0
        for name, array in sorted(self.arrays().items()):
            found = zlib.crc32(array.tobytes(), zlib.crc32(f"{name} {array.shape}".encode(), found))
        return found

    def arrays(self) -> Arrays:
        """All numbers in them, by name, each in the byte order of the file."""
        found: Arrays = {}
        for number, level in enumerate(self.levels):
            coded = len(level.order)
            parts: Arrays = {
                "steps": level.steps, "order": level.order, "lows": level.lows,
                "weights": level.weights[np.tril_indices(coded, -1)],
                "thresholds": level.thresholds.ravel(),
                "widths": np.array([table.shape[1] for table in level.frequencies]),
                "frequencies": np.concatenate(
                    [np.zeros(0), *(table.ravel() for table in level.frequencies)]
                ),
            }  # fmt: skip
            found |= {f"{number}.{key}": parts[key].astype(kind) for key, kind in KINDS.items()}
        for key, kind in RESIDUAL_KINDS.items():
            found[f"residuals.{key}"] = getattr(self.likelihood, key).astype(kind)
        return found


def save_tables(path: Path, tables: CompressionTables) -> Path:
    """Write tables into a file of safetensors, whole or not at all."""
    packed = {
        name: torch.frombuffer(bytearray(zlib.compress(array.tobytes(), 9)), dtype=torch.uint8)
        for name, array in tables.arrays().items()
    }
    described = {
        "format": FORMAT, "version": str(VERSION),
        "precisions": json.dumps({i: one.precision for i, one in enumerate(tables.levels)}),
        "made": json.dumps(dict(tables.made), ensure_ascii=False),
    }  # fmt: skip
    with replacing(path) as temporary:
        temporary.write_bytes(save(packed, described))
    return path


def load_tables(path: Path, weights_sha256: str, latent: int) -> CompressionTables:
    """Read them back, for codes of so many dimensions.

    Raises:
        UnusableInput: they are broken, of a newer Lik, or of other weights than ``weights_sha256``.
    """
    told, tensors = read_tensors(path)
    if told.get("format") != FORMAT:
        raise UnusableInput(f"{path} holds no tables that faces are compressed by: remove it.")
    check_version(str(path), version_in(told), VERSION)
    made, precisions = (told_in(told, key, path) for key in ("made", "precisions"))
    try:
        if not 1 <= len(precisions) <= MOST_LEVELS:
            raise ValueError("no levels")
        given = [float(precisions[str(i)]) for i in range(len(precisions))]
        levels = [_level(tensors, i, precision, latent) for i, precision in enumerate(given)]
        parts = {
            key: _unpacked(tensors[f"residuals.{key}"], kind)
            for key, kind in RESIDUAL_KINDS.items()
        }
        likelihood = ResidualLikelihood(
            parts["means"].reshape(len(PARTS), -1), parts["sizes"].reshape(len(PARTS), -1),
            parts["thresholds"], parts["frequencies"].reshape(-1, VALUES),
        )  # fmt: skip
        likelihood.require_sound()
        for level in levels:
            level.require_sound()
        broken = any(level.steps.shape != (latent,) for level in levels)
    except (KeyError, TypeError, ValueError, IndexError, zlib.error):
        broken = True
    if broken:
        raise UnusableInput(
            f"{path} is broken: put back a copy, which files are expanded by that were written "
            "with it; where there are none, remove it, and it is made again."
        )
    if made.get("weights_sha256") != weights_sha256:
        raise OtherWeights(f"{path} is of other weights than the run has now.")
    return CompressionTables(levels, likelihood, made)


def _level(tensors: Mapping[str, Tensor], number: int, precision: float, latent: int) -> Level:
    parts = {key: _unpacked(tensors[f"{number}.{key}"], kind) for key, kind in KINDS.items()}
    coded = len(parts["order"])
    if coded > latent:
        raise ValueError("more dimensions than codes have")
    weights = np.zeros((coded, coded), np.int8)
    weights[np.tril_indices(coded, -1)] = parts["weights"]
    widths = parts["widths"].astype(np.int64)
    ends = np.cumsum(CONTEXTS * widths)
    if (widths < 2).any() or len(parts["frequencies"]) != (ends[-1] if coded else 0):
        raise ValueError("tables of other widths")
    tables = np.split(parts["frequencies"], ends[:-1]) if coded else []
    if not math.isfinite(precision) or not np.isfinite(parts["steps"]).all():
        raise ValueError("no numbers")
    return Level(
        precision, parts["steps"], parts["order"], parts["lows"], weights,
        parts["thresholds"].reshape(coded, CONTEXTS - 1),
        [table.reshape(CONTEXTS, -1) for table in tables],
    )  # fmt: skip


def _unpacked(tensor: Tensor, kind: str) -> NDArray[Any]:
    """The numbers of a deflated table; a ``ValueError`` or ``zlib.error`` where it is none."""
    unpacker = zlib.decompressobj()
    data = unpacker.decompress(array_of(tensor).astype(np.uint8).tobytes(), MOST_BYTES)
    if not unpacker.eof:
        raise ValueError("a table that does not end")
    return np.frombuffer(data, kind).astype(np.dtype(kind).newbyteorder("="))
