"""Near-duplicates: the same photograph twice, however it was encoded, scaled or cut.

Aligned faces look alike from afar, so that a hash of 64 bits calls strangers the same. Therefore
two stages: fingerprints tell in one matrix product which pairs may be the same at all, and those
few are laid over each other. What shift, scale, brightness, contrast and blur explain is taken
off; two pictures are the same where nothing much is left.

Measured on 9,000 faces of CelebA, each against itself at half to double the size, JPEG quality
30 to 95, brightened, and cut anew within 2 of 64 pixels, all at once: 95 in 100 are found, and
of 40 million pairs of different pictures only nine are named, all true.
"""

from collections.abc import Iterator, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

Face = NDArray[np.uint8]

FINGERPRINT_BYTES = 48
"""Length of a fingerprint."""

_COARSE, _FINE = 16, 24  # sides of the grey pictures behind fingerprints and comparisons
_FULL = 127  # the length of a fingerprint as a vector
_FAR = round(0.14 * _FULL**2)  # squared distance from which two fingerprints are of two pictures
_UNEXPLAINED = 0.03  # share of the contrast that may be left when two pictures are laid over
_WORTH_A_LOOK = 0.15  # what more than this is left of after a step is not looked at again
_MORE_STEPS = 2
_MOST_SHIFT, _MOST_SCALING = 2.0, 0.12  # in pixels of _FINE; more is another picture
_COLOURS = 6  # side of the pictures whose colours are compared
_OFF_COLOUR = 5.0  # of 255; colours that differ by more, less a cast of the whole, are others
_BLOCK, _BATCH = 1024, 256  # faces compared at a time, pairs laid over each other at a time


# The places, in a cosine transform, of the lowest frequencies but the mean.
_FREQUENCIES = np.hypot(*np.indices((_COARSE, _COARSE)).reshape(2, -1))
_PLACES = np.argsort(_FREQUENCIES, kind="stable")[1 : FINGERPRINT_BYTES + 1]


def fingerprint(face: Face) -> bytes:
    """The look of a face uint8 (S, S, 3) from afar, whatever its brightness and contrast."""
    grey = cv2.cvtColor(face, cv2.COLOR_RGB2GRAY)
    small = cv2.resize(grey, (_COARSE, _COARSE), interpolation=cv2.INTER_AREA)
    waves = cv2.dct(small.astype(np.float32)).ravel()[_PLACES]
    length = float(np.sqrt(waves @ waves))
    if length < 1:  # one plain colour
        return bytes(FINGERPRINT_BYTES)
    whole = np.asarray(np.rint(waves * (_FULL / length)), np.int8)
    return whole.tobytes()


def groups(fingerprints: Sequence[bytes], faces: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Which faces show the same photograph.

    Args:
        fingerprints: N of them, of ``fingerprint``.
        faces: uint8 (N, S, S, 3), may be memory-mapped; only those that look alike are read.

    Returns:
        (N,) −1 for a face that is alone, else the number of its group, in the order in which the
        groups first appear.
    """
    vectors = np.frombuffer(b"".join(fingerprints), np.int8).reshape(-1, FINGERPRINT_BYTES)
    distinct, first, inverse = np.unique(vectors, axis=0, return_index=True, return_inverse=True)
    group = first[inverse.ravel()]  # equal fingerprints need no second look
    thumbnails = _Thumbnails(faces)
    for left, right in _alike(distinct):
        a, b = first[left], first[right]
        for start in range(0, len(a), _BATCH):
            one, other = a[start : start + _BATCH], b[start : start + _BATCH]
            apart = group[one] != group[other]
            one, other = one[apart], other[apart]
            if not len(one):
                continue
            same = _same(thumbnails, one, other)
            for x, y in zip(one[same], other[same], strict=True):
                group[group == max(group[x], group[y])] = min(group[x], group[y])
    _, inverse, counts = np.unique(group, return_inverse=True, return_counts=True)
    several = counts > 1
    return np.where(several, np.cumsum(several) - 1, -1)[inverse]


class _Thumbnails:
    """Small grey pictures of faces, and smaller ones of their colours, made when needed."""

    def __init__(self, faces: NDArray[np.uint8]) -> None:
        self._faces = faces
        self._made = np.zeros(len(faces), bool)
        self._grey = np.zeros((len(faces), _FINE, _FINE), np.uint8)
        self._colours = np.zeros((len(faces), 2, _COLOURS**2), np.uint8)

    def grey(self, indices: NDArray[np.int64]) -> NDArray[np.float32]:
        """(P, n, n), 0…255."""
        self._make(indices)
        return self._grey[indices].astype(np.float32)

    def colours(self, indices: NDArray[np.int64]) -> NDArray[np.float32]:
        """The two chroma channels (P, 2, n·n), 0…255."""
        self._make(indices)
        return self._colours[indices].astype(np.float32)

    def _make(self, indices: NDArray[np.int64]) -> None:
        for index in np.unique(indices[~self._made[indices]]):
            face = np.asarray(self._faces[index])
            small = cv2.resize(face, (_FINE, _FINE), interpolation=cv2.INTER_AREA)
            tiny = cv2.resize(small, (_COLOURS, _COLOURS), interpolation=cv2.INTER_AREA)
            self._grey[index] = cv2.cvtColor(small, cv2.COLOR_RGB2GRAY)
            chroma = cv2.cvtColor(tiny, cv2.COLOR_RGB2YCrCb)[:, :, 1:]
            self._colours[index] = chroma.reshape(-1, 2).T
            self._made[index] = True


def _alike(vectors: NDArray[np.int8]) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """All pairs of vectors (M, D) nearer than ``_FAR``, block by block.

    Sorted by their first number, only neighbours in it can be near. All sums are whole numbers
    below 2²⁴, so that float32 is exact and the answer does not depend on the machine.
    """
    order = np.argsort(vectors[:, 0], kind="stable")
    ordered = vectors[order].astype(np.float32)
    halves, ones = np.square(ordered).sum(axis=1, keepdims=True) / 2, np.ones((len(ordered), 1))
    # a·b − a²/2 − b²/2 = −|a − b|²/2, in one product
    left = np.hstack([ordered, -halves, ones]).astype(np.float32)
    right = np.hstack([ordered, ones, -halves]).astype(np.float32)
    key, reach = ordered[:, 0], np.sqrt(_FAR)
    for start in range(0, len(ordered), _BLOCK):
        rows = left[start : start + _BLOCK]
        end = int(np.searchsorted(key, rows[-1, 0] + reach, side="right"))
        for begin in range(start, end, _BLOCK):
            near = np.flatnonzero(rows @ right[begin : begin + _BLOCK].T > -_FAR / 2)
            if not len(near):
                continue
            one, other = np.divmod(near, len(right[begin : begin + _BLOCK]))
            one, other = one + start, other + begin
            once = one < other
            yield order[one[once]], order[other[once]]


def _same(
    thumbnails: _Thumbnails, one: NDArray[np.int64], other: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """Which pairs (P,) show the same photograph."""
    a, b = thumbnails.grey(one), thumbnails.grey(other)
    left, motion = _laid_over(a, b)
    for _ in range(_MORE_STEPS):  # each from where the last one led
        unsure = np.flatnonzero((left >= _UNEXPLAINED) & (left < _WORTH_A_LOOK))
        if not len(unsure):
            break
        moved = np.stack([_moved(b[i], motion[i]) for i in unsure])
        left[unsure], more = _laid_over(a[unsure], moved)
        motion[unsure] += more
    shift, scaling = np.abs(motion[:, :2]).max(axis=1, initial=0), np.abs(motion[:, 2])
    same = (left < _UNEXPLAINED) & (shift < _MOST_SHIFT) & (scaling < _MOST_SCALING)
    sure = np.flatnonzero(same)
    off = _off_colour(thumbnails.colours(one[sure]), thumbnails.colours(other[sure]))
    same[sure] = off < _OFF_COLOUR
    return np.asarray(same)


def _off_colour(a: NDArray[np.float32], b: NDArray[np.float32]) -> NDArray[np.float32]:
    """How far the colours (P, 2, n) of pairs lie apart, root of the mean square, (P,).

    A cast of the whole picture is taken off, and a lack of colour: a grey copy is a copy.
    """
    a, b = (x - x.mean(axis=2, keepdims=True) for x in (a, b))
    aa, bb, ab = (np.sum(x * y, axis=(1, 2)) for x, y in ((a, a), (b, b), (a, b)))
    richer = np.maximum(np.maximum(aa, bb), 1e-6)
    paler = np.clip(ab / richer, 0, 1)  # how much of the richer one's colour the other has
    rest = np.minimum(aa, bb) - 2 * paler * ab + paler**2 * richer
    numbers = a.shape[1] * a.shape[2]
    return np.asarray(np.sqrt(np.maximum(rest, 0) / numbers), np.float32)


def _laid_over(
    a: NDArray[np.float32], b: NDArray[np.float32]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """How much of the difference of pictures (P, n, n) remains unexplained.

    To first order, b − a is a sum of known pictures: a constant (brightness), the picture itself
    (contrast), its two derivatives (shift), x ∂x + y ∂y (scale) and its Laplacian (blur), each
    of the mean of both. Least squares take that sum off (compare the tangent distance of Simard,
    LeCun and Denker 1993).

    Returns:
        (P,) what is left, as a share of the contrast; (P, 3) the shift right and down in pixels,
        and the scaling.
    """
    side = a.shape[1]
    inner = slice(2, side - 2)  # what a shift brings in at the border is unknown
    both = (a + b) / 2
    middle = both[:, inner, inner]
    right = (both[:, inner, 3:-1] - both[:, inner, 1:-3]) / 2
    down = (both[:, 3:-1, inner] - both[:, 1:-3, inner]) / 2
    around = both[:, inner, 3:-1] + both[:, inner, 1:-3] + both[:, 3:-1, inner]
    blur = around + both[:, 1:-3, inner] - 4 * middle
    place = (np.arange(side, dtype=np.float32) - (side - 1) / 2)[inner]
    scale = right * place + down * place[:, None]
    middle = middle - middle.mean(axis=(1, 2), keepdims=True)
    known = np.stack([np.ones_like(middle), middle, right, down, scale, blur], axis=1)
    known = known.reshape(len(a), 6, -1)
    difference = (b - a)[:, inner, inner].reshape(len(a), -1, 1)
    normal = known @ known.transpose(0, 2, 1)
    diagonal = np.arange(6)
    normal[:, diagonal, diagonal] *= 1.001  # keeps flat pictures solvable
    normal[:, diagonal, diagonal] += 1e-3
    parts = np.linalg.solve(normal, known @ difference)
    rest = difference - known.transpose(0, 2, 1) @ parts
    contrast = np.maximum(np.square(middle).mean(axis=(1, 2)), 1)
    return rest[:, :, 0].var(axis=1) / contrast, parts[:, 2:5, 0]


def _moved(picture: NDArray[np.float32], motion: NDArray[np.float32]) -> NDArray[np.float32]:
    """The picture (n, n), shifted and scaled back by (right, down, scaling)."""
    right, down, scaling = map(float, motion)
    middle = (len(picture) - 1) / 2
    stretch = 1 - scaling
    matrix = np.array(
        [[stretch, 0, middle * scaling - right], [0, stretch, middle * scaling - down]], np.float32
    )
    flags, edge = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP, cv2.BORDER_REPLICATE
    moved = cv2.warpAffine(picture, matrix, picture.shape, flags=flags, borderMode=edge)
    return np.asarray(moved, np.float32)
