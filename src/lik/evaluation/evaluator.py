"""Evaluating a run: what it is measured on, and every measure that it and the face set allow."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lik.core.errors import UnusableInput
from lik.core.events import Progress, no_progress
from lik.core.pixels import Pictures
from lik.core.randomness import numpy_stream
from lik.evaluation.networks import FeatureNetwork, embed
from lik.evaluation.report import Metric
from lik.evaluation.sets import RealFaces, metrics_of_set
from lik.faces.set.faceset import FaceSet
from lik.latent.session import Codes, Posteriors, Session


@dataclass(frozen=True)
class EvaluationRequest:
    """What to measure, and on how much.

    Attributes:
        faces: the face set; None for each run's own. split: of it; 'all' for all faces.
        features: an attribute classifier in whose features sets of faces are compared.
        inception: Inception as a TorchScript file, for FID and KID: a program, which is run.
        samples: of the prior in each set; None for as many as the split has faces.
        importance: codes per face of the bound on the likelihood; 0 for no bound.
        repeats: sets of samples, of other real faces, and of halves; at least 1.
        seed: decides all that is drawn.
    """

    faces: str | Path | None = None
    split: str = "test"
    features: str | Path | None = None
    inception: str | Path | None = None
    samples: int | None = None
    importance: int = 0
    repeats: int = 3
    seed: int = 0


@dataclass(frozen=True)
class Subject:
    """What runs are measured on, alike.

    Attributes:
        faces: the face set. chosen: the indices (N,) of the faces of the split.
        references: the real faces in the features of each network.
        baseline: what other real faces come to in place of a model's.
    """

    faces: FaceSet
    chosen: NDArray[np.int64]
    references: Sequence[RealFaces] = ()
    baseline: tuple[Metric, ...] = ()

    @cached_property
    def pictures(self) -> Pictures:
        """The faces of the split, uint8 (N, S, S, 3)."""
        return np.asarray(self.faces.images[self.chosen])


@dataclass(frozen=True)
class Measurement:
    """What a measure is given: a run, what it is measured on, and what others have computed."""

    session: Session
    name: str
    subject: Subject
    request: EvaluationRequest
    progress: Progress = no_progress

    @property
    def count(self) -> int:
        """The number of faces N."""
        return len(self.subject.chosen)

    @cached_property
    def posteriors(self) -> Posteriors:
        """What the encoder says about the faces."""
        self.progress("encoding", 0, 1)
        return self.session.posteriors(self.subject.pictures)

    @cached_property
    def training_codes(self) -> Codes:
        """The codes of the training faces of the set."""
        faces = self.subject.faces
        return self.session.encode(faces.images[faces.indices("train")])

    @cached_property
    def reconstructions(self) -> Pictures:
        """What the decoder makes of the means of the posteriors, uint8 (N, S, S, 3)."""
        return self.session.decode(self.posteriors.means)


def subject_of(
    faces: FaceSet,
    chosen: NDArray[np.int64],
    networks: Sequence[FeatureNetwork],
    request: EvaluationRequest,
    progress: Progress = no_progress,
) -> Subject:
    """Embed the real faces once, so that several runs are compared with the same.

    The baseline is what other real faces of the same number come to, in place of reconstructions
    and samples.

    Raises:
        UnusableInput: a network takes faces of another size.
    """
    references: list[RealFaces] = []
    baseline: list[Metric] = []
    for number, network in enumerate(networks):
        network.require_size(faces.size)
        progress(f"real faces ({network.name})", number, len(networks))
        references.append(RealFaces(network, embed(network, np.asarray(faces.images[chosen]))))
    rest = np.setdiff1d(np.arange(len(faces)), chosen)
    count = request.samples or len(chosen)
    for real in references if len(rest) else ():
        sets = []
        for draw in range(request.repeats):
            progress(f"other real faces ({real.network.name})", draw, request.repeats)
            others = numpy_stream(request.seed, "other faces", draw).permutation(rest)[:count]
            sets.append(embed(real.network, faces.images[np.sort(others)]))
        with suppress(UnusableInput):  # the runs say why
            found = metrics_of_set(real, "samples", sets, request.seed, request.repeats)
            baseline += found + [_of_reconstructions(metric) for metric in found]
    return Subject(faces, chosen, references, tuple(baseline))


def _of_reconstructions(metric: Metric) -> Metric:
    """A metric of samples as one of reconstructions, which real faces in their place would have."""
    key, label = (
        text.replace("samples", "reconstructions", 1) for text in (metric.key, metric.label)
    )
    return replace(metric, group="reconstructions", key=key, label=label)
