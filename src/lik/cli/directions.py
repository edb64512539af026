"""Where the commands get the direction of a name from."""

from functools import cached_property
from typing import TYPE_CHECKING, Any

from lik.core.errors import UnusableInput

if TYPE_CHECKING:
    from lik.faces.faceset import FaceSet
    from lik.latent.directions import Direction
    from lik.latent.session import Posteriors, Session

LEARN_FROM = 4000
"""Training faces that directions are learned from, at the most."""

DIMENSION = "dimension:"
"""Begins the name of a single latent dimension, as in dimension:17."""


class Directions:
    """The directions of a run, learned from a face set when one of them is first asked for."""

    def __init__(self, session: "Session", run: str, faces: str | None) -> None:
        self._session = session
        self._run = run
        self._given = faces

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
        chosen = self.faces.indices("train")[:LEARN_FROM]
        return chosen if len(chosen) else self.faces.indices()[:LEARN_FROM]

    @cached_property
    def posteriors(self) -> "Posteriors":
        """The posteriors of those faces."""
        return self._session.posteriors(self.faces.images[self.chosen])
