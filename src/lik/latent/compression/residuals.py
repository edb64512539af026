"""Faces kept exactly: what the decoder's picture lacks, value by value, under a likelihood.

The picture that a code decodes to, smoothed, is the middle of a distribution of pictures. (Strided
decoders leave a lattice, which a photograph lacks: smoothed, every model of docs/compression.md
explains faces better.) What a value is beyond it is predicted linearly from what is known already,
and has one of `CLASSES` tables, by how large what is known is: an autoregressive likelihood around
the decoding. Rows follow each other; in a row first the even columns, then the odd ones, between
neighbours that are known; green first, then red and blue, which see the channels before them. All
of it is whole numbers.

Shapes: pictures and decodings uint8 (N, S, S, 3); residuals int32 likewise. Sides are even.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from scipy.special import expit

from lik.core.batched import slices
from lik.core.pixels import Pictures
from lik.latent.compression.coding import Reader, Writer
from lik.latent.compression.quantising import whole_frequencies

VALUES = 256
CLASSES = 24
"""Tables, from small to large errors."""
SHIFT = 8
"""Weights are in 1 / 2^SHIFT."""
STRONGEST = 2**12
"""The largest of them."""
FINENESS = 2**15
"""What the frequencies of a class add up to."""
OF_LOGISTIC, SMALLEST = 100.0, 0.05
"""Values that a logistic counts for in a table, and its smallest scale."""
AT_ONCE = 64
"""Pictures that are coded together."""

CHANNELS = (1, 0, 2)
"""Green, red, blue."""
ABOVE = ((-1, -1), (-1, 0), (-1, 1), (-2, 0))
BEFORE = (
    (*ABOVE, (-1, -2), (-1, 2), (-2, -1), (-2, 1)),
    ((0, -1), (0, 1), *ABOVE),
)
"""Rows and columns away, in the same channel, of what an even or odd column is predicted from."""
ACROSS = ((0, 0), (-1, 0), (1, 0), (0, -1), (0, 1))
"""The same, in each channel before it."""
PARTS = [(place, phase) for place in range(3) for phase in range(2)]
MARGIN = 2
"""Zeros about a picture's residuals, for what lies outside."""
AROUND = [(down, right) for down in (-1, 0, 1) for right in (-1, 0, 1) if down or right]
"""Where the decoding itself is looked at, in the same channel: what it changes by from here."""
MOST_INPUTS = len(AROUND) + max(map(len, BEFORE)) + 2 * len(ACROSS)
BINOMIAL = (1, 6, 15, 20, 15, 6, 1)
"""By which decodings are smoothed, along both axes."""
ALL = slice(None)

Residuals = NDArray[np.int32]


@dataclass(frozen=True)
class ResidualLikelihood:
    """How likely values are around what is decoded.

    Attributes:
        means: int16 (6, MOST_INPUTS): weights of the prediction, for each of `PARTS`.
        sizes: int16, likewise: weights of absolute inputs, which tell how far off it may be.
        thresholds: int32 (CLASSES - 1,), between the classes of these sizes.
        frequencies: uint16 (CLASSES, VALUES), of a value so far from the prediction, either way.
    """

    means: NDArray[np.int16]
    sizes: NDArray[np.int16]
    thresholds: NDArray[np.int32]
    frequencies: NDArray[np.uint16]

    def require_sound(self) -> None:
        """Raise a ``ValueError`` where the parts do not fit each other."""
        shapes = [one.shape for one in (self.means, self.sizes, self.thresholds, self.frequencies)]
        inputs = (len(PARTS), MOST_INPUTS)
        if shapes != [inputs, inputs, (CLASSES - 1,), (CLASSES, VALUES)]:
            raise ValueError("tables of another shape")
        if not (self.frequencies > 0).all():
            raise ValueError("values that cannot be written")

    @property
    def least_bits(self) -> float:
        """What the cheapest value costs."""
        whole = self.frequencies.astype(np.float64)
        return float(-np.log2((whole.max(axis=1) / whole.sum(axis=1)).max()))

    def rows(self, middles: NDArray[np.int64], classes: NDArray[np.int64]) -> NDArray[np.uint16]:
        """The frequencies (M, VALUES) of values about middles 0…255, each in its class."""
        both = np.concatenate([self.frequencies[:, :0:-1], self.frequencies], axis=1)
        windows = sliding_window_view(both, VALUES, axis=1)
        return np.asarray(windows[classes, VALUES - 1 - middles])

    def bits(self, pictures: Pictures, decodings: Pictures) -> NDArray[np.float64]:
        """What pictures should cost, given what is decoded for them, in bits, (N,)."""
        groups = slices(len(pictures), AT_ONCE)
        return np.concatenate([self._bits(pictures[part], decodings[part]) for part in groups])

    def _bits(self, pictures: Pictures, decodings: Pictures) -> NDArray[np.float64]:
        seen, total = _Surroundings.of(pictures, smoothed(decodings)), np.zeros(len(pictures))
        sums = np.cumsum(self.frequencies, axis=1, dtype=np.float64)
        for place, phase in PARTS:
            middles, classes = self._expected(seen, place, phase)
            values = pictures[:, :, phase::2, CHANNELS[place]].astype(np.int64)
            below, above = sums[classes, middles], sums[classes, VALUES - 1 - middles]
            whole = below + above - self.frequencies[classes, 0]
            share = self.frequencies[classes, np.abs(values - middles)] / whole
            total -= np.log2(share).sum(axis=(1, 2))
        return total

    def encode(self, pictures: Pictures, decodings: Pictures) -> bytes:
        """Pictures → bytes, given what is decoded for them."""
        writer = Writer()
        for group in slices(len(pictures), AT_ONCE):
            known = pictures[group]
            seen = _Surroundings.of(known, smoothed(decodings[group]))
            expected = {part: self._expected(seen, *part) for part in PARTS}
            for place, row, phase in _in_order(known.shape[1]):
                middles, classes = (one[:, row].ravel() for one in expected[place, phase])
                values = known[:, row, phase::2, CHANNELS[place]].ravel()
                writer.write(values, self.rows(middles, classes))
        return writer.bytes()

    def decode(self, content: bytes, decodings: Pictures) -> Pictures:
        """Bytes → the pictures that were written, given what is decoded for them.

        Raises:
            UnusableInput: no pictures are written so, where that is seen.
        """
        reader = Reader(content)
        pictures = np.zeros_like(decodings)
        for group in slices(len(decodings), AT_ONCE):
            around, found = smoothed(decodings[group]), pictures[group]
            seen = _Surroundings.of(around, around)
            for place, row, phase in _in_order(around.shape[1]):
                columns, channel = slice(phase, None, 2), CHANNELS[place]
                rows = slice(row, row + 1)
                middles, classes = self._expected(seen, place, phase, rows)
                values = reader.read(self.rows(middles.ravel(), classes.ravel()))
                found[:, row, columns, channel] = values.reshape(len(around), -1)
                lacking = found[:, row, columns, channel].astype(np.int32)
                lacking -= around[:, row, columns, channel]
                seen.residuals[:, row + MARGIN, MARGIN + phase : -MARGIN : 2, channel] = lacking
        return pictures

    def _expected(
        self, seen: "_Surroundings", place: int, phase: int, rows: slice = ALL
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The middle and the class of each value of a part, (N, rows, S / 2) both."""
        middles = seen.decodings[:, 1:-1, 1:-1][:, rows, phase::2, CHANNELS[place]].astype(np.int64)
        predicted, size = np.zeros_like(middles), np.zeros_like(middles)
        part = PARTS.index((place, phase))
        for number, known in enumerate(seen.inputs(place, phase, rows)):
            predicted += int(self.means[part, number]) * known
            size += int(self.sizes[part, number]) * np.abs(known)
        middles += (predicted + 2 ** (SHIFT - 1)) >> SHIFT
        return np.clip(middles, 0, VALUES - 1), np.searchsorted(self.thresholds, size, "right")


@dataclass(frozen=True)
class _Surroundings:
    """What is known of pictures while they are coded.

    Attributes:
        residuals: (N, S + 2 MARGIN, S + 2 MARGIN, 3), zero about the picture.
        decodings: int32 (N, S + 2, S + 2, 3), their borders repeated.
    """

    residuals: Residuals
    decodings: Residuals

    @classmethod
    def of(cls, pictures: Pictures, decodings: Pictures) -> "_Surroundings":
        """All that is known where pictures are, and smoothed decodings."""
        residuals = pictures.astype(np.int32) - decodings
        zeros, one = ((0, 0), (MARGIN, MARGIN), (MARGIN, MARGIN), (0, 0)), (1, 1)
        around = np.pad(decodings.astype(np.int32), ((0, 0), one, one, (0, 0)), "edge")
        return cls(np.pad(residuals, zeros), around)

    def inputs(self, place: int, phase: int, rows: slice) -> Iterator[Residuals]:
        """What each value of a part is predicted from, (N, rows, S / 2) each."""
        side = self.decodings.shape[1] - 2
        first, last, _ = rows.indices(side)

        def part(of: Residuals, margin: int, channel: int, down: int, right: int) -> Residuals:
            start = margin + phase + right
            columns = slice(start, start + side - phase, 2)
            return of[:, margin + first + down : margin + last + down, columns, channel]

        here = part(self.decodings, 1, CHANNELS[place], 0, 0)
        for offset in AROUND:
            yield part(self.decodings, 1, CHANNELS[place], *offset) - here
        for offset in BEFORE[phase]:
            yield part(self.residuals, MARGIN, CHANNELS[place], *offset)
        for channel in CHANNELS[:place]:
            for offset in ACROSS:
                yield part(self.residuals, MARGIN, channel, *offset)


def smoothed(pictures: Pictures) -> Pictures:
    """Pictures (N, S, S, 3), smoothed along both axes, in whole numbers; borders are repeated."""
    wide, side = len(BINOMIAL) // 2, pictures.shape[1]
    found = np.pad(pictures.astype(np.int32), ((0, 0), (wide, wide), (wide, wide), (0, 0)), "edge")
    for axis in (1, 2):
        taps = [w * np.take(found, range(i, i + side), axis) for i, w in enumerate(BINOMIAL)]
        found = np.sum(taps, axis=0, dtype=np.int32)
    whole = sum(BINOMIAL) ** 2
    return np.asarray((found + whole // 2) // whole, np.uint8)


def fit_likelihood(pictures: Pictures, decodings: Pictures) -> ResidualLikelihood:
    """Learn how likely pictures are around what is decoded for them."""
    seen = _Surroundings.of(pictures, smoothed(decodings))
    means, sizes = (np.zeros((len(PARTS), MOST_INPUTS), np.int16) for _ in range(2))
    for part, (place, phase) in enumerate(PARTS):
        columns = [one.ravel().astype(np.float64) for one in seen.inputs(place, phase, ALL)]
        known = np.stack(columns, axis=1)
        lacking = seen.residuals[
            :, MARGIN:-MARGIN, MARGIN + phase : -MARGIN : 2, CHANNELS[place]
        ].ravel()
        inputs = known.shape[1]
        means[part, :inputs] = weights = _regression(known, lacking.astype(np.float64))
        left = np.abs(lacking - known @ weights / 2**SHIFT)
        sizes[part, :inputs] = _regression(np.abs(known), left)
    fitted = ResidualLikelihood(
        means, sizes, np.zeros(CLASSES - 1, np.int32), np.ones((CLASSES, VALUES), np.uint16)
    )
    return _with_classes(fitted, pictures, seen)


def _with_classes(
    fitted: ResidualLikelihood, pictures: Pictures, seen: "_Surroundings"
) -> ResidualLikelihood:
    """The likelihood with classes that are alike frequent, and the table of each."""
    sizes, errors = [], []
    for part, (place, phase) in enumerate(PARTS):
        inputs = seen.inputs(place, phase, ALL)
        weighted = zip(fitted.sizes[part], inputs, strict=False)
        sizes.append(np.sum([int(weight) * np.abs(known) for weight, known in weighted], axis=0))
        middles, _ = fitted._expected(seen, place, phase)
        values = pictures[:, :, phase::2, CHANNELS[place]].astype(np.int64)
        errors.append(np.abs(values - middles))
    size, error = (np.concatenate([one.ravel() for one in parts]) for parts in (sizes, errors))
    at = np.arange(1, CLASSES) / CLASSES
    thresholds = np.quantile(size, at, method="higher").astype(np.int32)
    classes = np.searchsorted(thresholds, size, "right")
    tables = [_table(error[classes == number]) for number in range(CLASSES)]
    return ResidualLikelihood(fitted.means, fitted.sizes, thresholds, np.stack(tables))


def _table(errors: NDArray[np.int64]) -> NDArray[np.uint16]:
    """Frequencies (VALUES,) of errors so large, either way; smoothed by a logistic of their size.

    Of this logistic the scale is that of the mean absolute error, 2 ln 2 · s.
    """
    counts = np.bincount(errors, minlength=VALUES).astype(np.float64)
    counts[1:] /= 2
    scale = (errors.mean() if len(errors) else 1.0) / (2 * math.log(2)) + SMALLEST
    edges = expit((np.arange(VALUES + 1) - 0.5) / scale)
    return whole_frequencies(counts + OF_LOGISTIC * np.diff(edges), FINENESS)


def _regression(known: NDArray[np.float64], wanted: NDArray[np.float64]) -> NDArray[np.int16]:
    """Weights in 1 / 2^SHIFT by which the inputs (M, K) give what is wanted (M,) best."""
    products = known.T @ known
    products += np.diag(1e-6 * np.diag(products) + 1e-6)
    weights = np.linalg.solve(products, known.T @ wanted)
    whole = np.clip(np.rint(2**SHIFT * weights), -STRONGEST, STRONGEST)
    return np.asarray(whole, np.int16)


def _in_order(side: int) -> Iterator[tuple[int, int, int]]:
    """Place of the channel, row, and phase of the columns, as they are coded."""
    return (
        (p, row, phase) for p in range(len(CHANNELS)) for row in range(side) for phase in (0, 1)
    )
