"""What a demonstration shows of a run: figures that need nothing but itself, and its fidelity."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from lik.app.directions import open_editor
from lik.app.evaluating import EvaluationRequest, evaluate
from lik.app.opened import OpenedRun
from lik.app.sampling import draw_samples, sample
from lik.app.selection import Selection, column_of, open_given
from lik.app.traversal import draw_traversals, traverse_attributes, traverse_dimensions
from lik.app.views import draw_map, draw_reconstructions
from lik.faces.set.faceset import FaceSet
from lik.figures.png import Drawn
from lik.latent.directions.direction import separation

PREFERRED = ("Smiling", "Eyeglasses", "Blond_Hair", "Wearing_Hat", "Male", "No_Beard", "Bald")
"""Attributes that are worth showing, as far as a set has them; four at the most are shown."""

MAPPED = 1200
"""Faces on the map of neighbourhoods."""


@dataclass(frozen=True)
class Demonstration:
    """A run with the face set that it is shown on."""

    run: OpenedRun
    faces: FaceSet

    @property
    def split(self) -> str:
        """The faces that are reconstructed and measured."""
        return "test" if len(self.faces.indices("test")) else "all"

    @cached_property
    def attributes(self) -> list[str]:
        """The attributes that are worth showing: enough faces have them, and enough lack them."""
        columns = {
            name: column_of(self.faces, name)
            for name in PREFERRED
            if name in self.faces.attribute_names
        }
        return [
            name
            for name, column in columns.items()
            if min((column > 0).sum(), (column <= 0).sum()) >= 5
        ][:4]

    @cached_property
    def mapped(self) -> str | None:
        """The attribute whose classes lie farthest apart in the latent space."""
        chosen = Selection(count=MAPPED).of(self.faces)
        codes = self.run.session.encode(self.faces.images[chosen])

        def apart(name: str) -> float:
            return separation(codes, column_of(self.faces, name)[chosen])

        return max(self.attributes, key=apart, default=None)

    def figures(self) -> Iterator[Drawn]:
        """Draw reconstructions, new faces and maps."""
        own = self.faces.path
        shown = open_given(self.run, Selection(self.split, count=16), faces=own)
        yield draw_reconstructions(self.run, shown)
        yield draw_samples(self.run, sample(self.run, 40))
        shown = open_given(self.run, Selection(self.split, count=2), faces=own)
        codes = self.run.session.encode(shown.pictures)
        strips = traverse_dimensions(self.run, codes, faces=own)
        yield draw_traversals(self.run, shown, codes, shown.description, strips)
        if self.attributes:
            editor = open_editor(self.run, faces=own)
            strips = traverse_attributes(self.run, codes, editor, self.attributes)
            yield draw_traversals(self.run, shown, codes, shown.description, strips, editor)
        yield draw_map(self.run, Selection(count=2000), own)
        if self.mapped:
            yield draw_map(self.run, Selection(count=MAPPED), own, "tsne", self.mapped)

    def measure(self) -> dict[str, Any]:
        """Measure the run and keep it in the run, as metrics.json."""
        request = EvaluationRequest(faces=self.faces.path, split=self.split)
        return evaluate([self.run], request).metrics[0]
