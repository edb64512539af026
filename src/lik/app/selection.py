"""Which faces of a face set: of a split, with some attributes and without others, so many."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lik.core.configuration import nearest
from lik.core.errors import UnusableInput
from lik.core.randomness import numpy_stream
from lik.faces.set.faceset import FaceSet

LEARN = "learn"
"""In place of a split: the training faces, or all where none are for training."""
SPLITS = ("train", "validation", "test", "all")


@dataclass(frozen=True)
class Selection:
    """Faces of a face set, by what they shall be.

    Attributes:
        split: 'train', 'validation', 'test', 'all', or `LEARN`.
        having, lacking: attributes that the faces have, and that they do not have. A face of which
            one is unknown is in neither.
        count: how many are drawn of those; None for all.
        seed: decides which are drawn.
    """

    split: str = "all"
    having: Sequence[str] = ()
    lacking: Sequence[str] = ()
    count: int | None = None
    seed: int = 0

    def of(self, faces: FaceSet) -> NDArray[np.int64]:
        """The indices (N,) of the faces, in the order of the set.

        Raises:
            UnusableInput: no such split or attribute, or no such faces.
        """
        chosen = self._of_split(faces)
        for names, wanted in ((self.having, True), (self.lacking, False)):
            for name in names:
                labels = column_of(faces, name)[chosen]
                chosen = chosen[labels > 0 if wanted else labels <= 0]
                if not len(chosen):
                    word = "with" if wanted else "without"
                    raise UnusableInput(f"no face that is left is {word} {name}: ask for less.")
        if self.count is None:
            return chosen
        if self.count < 1:
            raise UnusableInput(f"the number of faces must be at least 1, not {self.count}.")
        drawn = numpy_stream(self.seed, "shown").permutation(chosen)
        return np.sort(drawn[: self.count])

    def described(self, faces: FaceSet, count: int) -> str:
        """What ``count`` faces that were chosen are, for people."""
        which = "" if self.split in ("all", LEARN) else f"{self.split} "
        traits = [f"with {spelt(name)}" for name in self.having]
        traits += [f"without {spelt(name)}" for name in self.lacking]
        return ", ".join([f"{count:,} {which}faces of the set “{faces.path.name}”", *traits])

    def _of_split(self, faces: FaceSet) -> NDArray[np.int64]:
        if self.split == LEARN:
            return faces.to_learn_from()
        if self.split not in SPLITS:
            raise UnusableInput(
                f"there is no split '{self.split}': give one of {', '.join(SPLITS)}."
            )
        chosen = faces.indices(None if self.split == "all" else self.split)
        if not len(chosen):
            raise UnusableInput(
                f"{faces.path} has no faces in its {self.split} split: take the split all."
            )
        return chosen


def column_of(faces: FaceSet, name: str) -> NDArray[np.float64]:
    """The labels (N,) of one attribute, NaN where unknown.

    Raises:
        UnusableInput: there is no such attribute; the nearest one is named.
    """
    names = faces.attribute_names
    if not names:
        raise UnusableInput(f"{faces.path} has no attributes, so '{name}' cannot be used.")
    if name not in names:
        raise UnusableInput(
            f"there is no attribute '{name}' in {faces.path}.{nearest(name, names)}"
        )
    column: NDArray[np.float64] = faces.attributes[:, names.index(name)]
    return column


def spelt(name: str) -> str:
    """An attribute's name as people read it."""
    return name.replace("_", " ")
