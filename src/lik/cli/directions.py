"""Where the commands get the direction of a name from."""

from collections.abc import Iterable, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lik.core.errors import UnusableInput

if TYPE_CHECKING:
    from lik.faces.set.faceset import FaceSet
    from lik.latent.direction_sets import DirectionSet
    from lik.latent.directions import Direction
    from lik.latent.session import Codes, Posteriors, Session

LEARN_FROM = 4000
"""Training faces that directions are learned from, at the most."""

DIMENSION = "dimension:"
"""Begins the name of a single latent dimension, as in dimension:17."""


MEANS, PREFERRED = "means", "joint"
"""What needs no fitting beforehand, and what is taken where it has been fitted."""


class Directions:
    """The directions of a run: those that lik fit-directions has saved, or class means.

    ``method`` names a saved set; by default it is `PREFERRED` where that is there. Class means are
    learned from the face set when one of them is first asked for.

    Attributes:
        method: where they come from.
    """

    def __init__(
        self, session: "Session", run: str, faces: str | None, method: str | None = None
    ) -> None:
        from lik.latent.direction_sets import saved_sets

        self._session = session
        self._run = run
        self._given = faces
        saved = saved_sets(Path(run))
        self.method = method or (PREFERRED if PREFERRED in saved else MEANS)
        self._fitted = self.method != MEANS or MEANS in saved

    @cached_property
    def saved(self) -> "DirectionSet | None":
        """The set that was fitted beforehand.

        Raises:
            UnusableInput: there is none of this name, or it is of other weights.
        """
        from lik.cli.networks import model_hash
        from lik.latent.direction_sets import DirectionSet

        if not self._fitted:
            return None
        return DirectionSet.load(Path(self._run), self.method, model_hash(self._run))

    @property
    def unit(self) -> str:
        """What one unit of a change is, for people."""
        if self.saved is None:
            return "the difference between the mean codes with and without a trait"
        if self.saved.calibrations:
            return f"what takes the median face from without a trait to with it ({self.method})"
        return f"the direction of a trait ({self.method})"

    @property
    def reach(self) -> float:
        """Where strips end by default, in units."""
        return 1.5 if self.saved is not None and self.saved.calibrations else 2.0

    @property
    def rest(self) -> str:
        """What becomes of all else when something is added, for people."""
        return "all else in the code stays as it is"

    def told(self, low: float, high: float) -> str:
        """What the steps of a strip are, for people."""
        return f"{low:g} to {high:+g} times {self.unit} is added"

    def moved(
        self, codes: "Codes", names: Sequence[str], amounts: Sequence[float]
    ) -> "dict[str, Codes]":
        """Attribute → codes (N, D) moved by each of K amounts of its direction, (N, K, D)."""
        from lik.latent.changes import along

        return {name: along(codes, self.direction(name), list(amounts)) for name in names}

    def require(self, names: Iterable[str]) -> None:
        """Complain about a name before the long work.

        Raises:
            UnusableInput: there is no such attribute; the nearest one is named.
        """
        from lik.latent.directions import labels_of

        for name in names:
            if self.saved is not None:
                self.saved.direction(name)
            else:
                labels_of(name, self.faces.attributes, self.faces.attribute_names)

    def direction(self, name: str) -> "Direction":
        """The direction of an attribute, or of a dimension (``dimension:17``).

        Raises:
            UnusableInput: there is no such attribute (the nearest is named) or dimension, or no
                face set to learn it from.
        """
        from lik.latent.directions import difference_of_means, dimension, labels_of

        if name.startswith(DIMENSION):
            number = name.removeprefix(DIMENSION)
            if not number.isdecimal():
                raise UnusableInput(f"'{name}' names no dimension: write it as {DIMENSION}17.")
            return dimension(int(number), self._session.latent)
        if self.saved is not None:
            return self.saved.direction(name)
        labels = labels_of(name, self.faces.attributes, self.faces.attribute_names)
        return difference_of_means(name, self.posteriors.means, labels[self.chosen])

    @cached_property
    def faces(self) -> "FaceSet":
        """The face set that is learned from."""
        from lik.cli.opening import open_faces_of, require_size

        faces = open_faces_of(self._run, self._given)
        require_size(self._session, faces)
        return faces

    @cached_property
    def chosen(self) -> Any:
        """The faces of it that are learned from: of the training split where there is one."""
        return self.faces.to_learn_from()[:LEARN_FROM]

    @cached_property
    def posteriors(self) -> "Posteriors":
        """The posteriors of those faces."""
        return self._session.posteriors(self.faces.images[self.chosen])
