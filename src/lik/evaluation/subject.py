"""What runs are measured on: the faces of a split, and the networks that judge them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from lik.core.errors import UnusableInput
from lik.core.pixels import Pictures
from lik.core.randomness import numpy_stream
from lik.evaluation.networks import FeatureNetwork, embed
from lik.evaluation.report import Figure
from lik.evaluation.sets import Judge, figures_of_set
from lik.faces.set.faceset import FaceSet

Progressed = Callable[[str, int, int], None]
"""Is told what is being measured, how much of it is done, and how much there is."""


@dataclass(frozen=True)
class Plan:
    """What to measure, and on how much.

    Attributes:
        split: its name; 'all' for all faces. seed: decides all that is drawn.
        samples: of the prior in each set; None for as many as the split has faces.
        importance: codes per face of the bound on the likelihood; 0 for no bound.
        repeats: sets of samples, of other real faces, and of halves.
    """

    split: str = "test"
    seed: int = 0
    samples: int | None = None
    importance: int = 0
    repeats: int = 3


@dataclass(frozen=True)
class Subject:
    """The faces of a face set that a plan is about, and the networks that judge them."""

    faces: FaceSet
    chosen: NDArray[np.int64]
    judges: Sequence[Judge]

    @property
    def pictures(self) -> Pictures:
        return np.asarray(self.faces.images[self.chosen])


def subject_of(
    faces: FaceSet,
    chosen: NDArray[np.int64],
    networks: Sequence[FeatureNetwork],
    plan: Plan,
    progressed: Progressed,
) -> Subject:
    """Embed the real faces once, so that several runs are judged by the same."""
    pictures = np.asarray(faces.images[chosen])
    rest = np.setdiff1d(np.arange(len(faces)), chosen)
    judges = []
    for number, network in enumerate(networks):
        network.require_size(faces.size)
        progressed(f"real faces ({network.name})", number, len(networks))
        judges.append(
            Judge(
                network,
                embed(network, pictures),
                _others(network, faces, rest, plan.seed) if len(rest) else None,
            )
        )
    return Subject(faces, chosen, judges)


def _others(
    network: FeatureNetwork, faces: FaceSet, rest: NDArray[np.int64], seed: int
) -> Callable[[int, int], NDArray[np.float32]]:
    def others(count: int, draw: int) -> NDArray[np.float32]:
        drawn = numpy_stream(seed, "other faces", draw).permutation(rest)[:count]
        return embed(network, faces.images[np.sort(drawn)])

    return others


def floor_of(subject: Subject, plan: Plan, progressed: Progressed) -> tuple[Figure, ...]:
    """What other real faces of the same number come to, in place of reconstructions or samples.

    They are the figures of both, for a model that gave real faces would come to the same.
    """
    figures: list[Figure] = []
    count = plan.samples or len(subject.chosen)
    for judge in subject.judges:
        if judge.others is None:
            continue
        sets = []
        for draw in range(plan.repeats):
            progressed(f"other real faces ({judge.network.name})", draw, plan.repeats)
            sets.append(judge.others(count, draw))
        try:
            found = figures_of_set(judge, "samples", sets, plan.seed, plan.repeats)
        except UnusableInput:
            continue  # the runs say why
        figures += found
        figures += [
            replace(
                figure,
                group="reconstructions",
                key=figure.key.replace("samples", "reconstructions", 1),
                label=figure.label.replace("samples", "reconstructions", 1),
            )
            for figure in found
        ]
    return tuple(figures)
