"""A run as a person uses it: everything that can be asked of it, in one object."""

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from lik.app.directions import open_editor
from lik.app.editing import Edited, OpenedPhotograph, edit_photograph, editor_for, open_face
from lik.app.edits import Edit
from lik.app.opened import OpenedRun
from lik.app.run_facts import facts_of, linear_sets
from lik.app.sampling import Samples, sample
from lik.app.selection import Selection
from lik.app.traversal import Traversal, traverse_attributes, traverse_dimensions
from lik.core.errors import UnusableInput
from lik.core.events import Notify, Progress, no_notices, no_progress
from lik.core.pixels import Pictures
from lik.core.tables import ShownAsTable, Table
from lik.faces.photograph import Eyes, PictureGiven
from lik.figures.png import Drawn
from lik.latent.editing import DIMENSION
from lik.latent.priors import saved_priors
from lik.latent.projection import ProjectionMethod
from lik.latent.session import Codes


class Run(ShownAsTable, OpenedRun):
    """An opened run. Pictures are uint8 (N, S, S, 3), codes float32 (N, D)."""

    def tables(self) -> Sequence[Table]:
        facts: dict[str, Any] = {"faces": "", "epochs": None, "loss": ""}
        with suppress(UnusableInput):  # a broken journal is no reason not to show the rest
            facts = facts_of(self)
        epochs = facts["epochs"] and f"{facts['epochs']} epoch{'s' * (facts['epochs'] != 1)}"
        trained = [facts["faces"], epochs, facts["loss"] and f"loss {facts['loss']}"]
        rows = {
            "run": self.name,
            "faces": f"{self.size}×{self.size} pixels",
            "latent space": f"{self.latent} dimensions",
            "trained": ", ".join(filter(None, trained)),
            "parts": ", ".join(self.session.parts),
            "directions": ", ".join(linear_sets(self)),
            "priors": ", ".join(["N(0, I)", *saved_priors(self.path)]),
        }
        return [Table([(name, told or "–") for name, told in rows.items()])]

    def encode(self, pictures: Pictures, invert: int = 0) -> Codes:
        """Pictures → the means of their posteriors, or codes fitted from there in so many steps.

        Raises:
            UnusableInput: pictures of another kind, or nothing to fit codes by.
        """
        return self.codes(pictures, invert)

    def decode(self, codes: Codes) -> Pictures:
        """Codes → pictures; UnusableInput for codes of another shape."""
        return self.session.decode(codes)

    def reconstruct(self, pictures: Pictures) -> Pictures:
        """Pictures → what the decoder makes of their codes."""
        return self.session.reconstruct(pictures)

    def mix(self, first: Codes, second: Codes, share: float) -> Codes:
        """The codes that lie at ``share`` 0…1 on the straight path from first to second."""
        return (1 - np.float32(share)) * first + np.float32(share) * second

    def sample(
        self, count: int, seed: int = 0, temperature: float | None = None, prior: str | None = None
    ) -> Samples:
        """New faces: codes drawn from N(0, I), or from a prior that is kept beside the run.

        Raises:
            UnusableInput: no such prior, or a temperature that is no number from 0 on.
        """
        return sample(self, count, seed, temperature, prior)

    def map(
        self,
        attribute: str | None = None,
        method: ProjectionMethod = "pca",
        count: int | None = 1000,
        faces: str | Path | None = None,
    ) -> Drawn:
        """Draw where ``count`` faces lie in the latent space, in two dimensions.

        Dots in the colours of an attribute, or thumbnails; of ``faces``, by default the run's own.

        Raises:
            UnusableInput: no such faces or attribute.
        """
        from lik.app.views import draw_map  # which loads what draws plots

        return draw_map(self, Selection(count=count), faces, method, attribute)

    def morph(self, *ends: str, steps: int = 7, path: str = "straight", side: int = 128) -> Drawn:
        """Draw what lies between two faces, or four: photographs, ``seed:7``, ``FACES:NAME``.

        Raises:
            UnusableInput: no such face or path.
        """
        from lik.app.views import draw_morph, open_ends

        return draw_morph(self, open_ends(self, ends, side), path, side, steps)

    def curves(self) -> Drawn:
        """Draw the loss and its parts over the epochs of the training.

        Raises:
            UnusableInput: the run has no journal.
        """
        from lik.app.overview import curves_of

        image = curves_of(self.folder) if self.path.is_dir() else None
        if image is None:
            raise UnusableInput(f"{self.name} has no journal of a training.")
        return Drawn(image, "training.png")

    def open_photograph(
        self, given: PictureGiven, invert: int | None = None, eyes: Sequence[Eyes] = ()
    ) -> OpenedPhotograph:
        """Find and encode the faces of a photograph, a file or its bytes, once for many edits.

        Args:
            invert: steps of fitting their codes; by default as many as the run usually takes.
            eyes: where a person has seen the eyes of each face, if nothing is to be looked for:
                x, y of the left one in the picture and x, y of the right one, in pixels.

        Raises:
            UnusableInput: the file is missing, no picture, or without a face.
        """
        return open_face(self, given, invert, eyes=eyes)

    def edit(
        self,
        photo: OpenedPhotograph | PictureGiven,
        edit: Edit,
        face: int | None = None,
        classifiers: Sequence[str] = (),
        progress: Progress = no_progress,
        notify: Notify = no_notices,
    ) -> Edited:
        """Edit the faces of a photograph, or the one that is counted ``face``, from 1.

        ``classifiers`` are networks that guide, or that tell probabilities.

        Raises:
            UnusableInput: no such face or attribute, or no network where one is needed.
        """
        if not isinstance(photo, OpenedPhotograph):
            photo = self.open_photograph(photo)
        if face is not None:
            edit = edit + Edit({}, face=face)
        editor = editor_for(self, edit, classifiers, None, progress, notify)
        return edit_photograph(self, photo, edit, editor, progress, notify)

    def traverse(
        self,
        codes: Codes,
        attribute: str,
        steps: int = 6,
        reach: float | None = None,
        progress: Progress = no_progress,
    ) -> Traversal:
        """Codes (N, D) along an attribute, or a dimension as ``dimension:17``, in equal steps.

        Raises:
            UnusableInput: no such attribute.
        """
        number = attribute.removeprefix(DIMENSION)
        if number != attribute and number.isdecimal():
            return traverse_dimensions(self, codes, [int(number)], steps, reach)[0]
        editor = open_editor(self, progress=progress)
        return traverse_attributes(self, codes, editor, [attribute], steps, reach, progress)[0]
