"""Changes that take each face to a probability of its own: lik change --to Smiling=0.9."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from lik.core.errors import UnusableInput

if TYPE_CHECKING:
    from lik.cli.directions import Directions
    from lik.latent.calibration import JudgeCodes
    from lik.latent.session import Codes, Session


@dataclass(frozen=True)
class Aim:
    """A trait, the probability it shall have, and the way there (D,), with who judges it."""

    name: str
    probability: float
    vector: "Codes"
    judge: "JudgeCodes"

    def reached(self, codes: "Codes") -> list[float]:
        """The probability of the trait in each face (N, D), as the network sees its decoding."""
        from lik.latent.calibration import probability_of

        return [probability_of(logit) for logit in self.judge(codes)]


@dataclass(frozen=True)
class StraightChange:
    """The same shift (D,) for all faces, then each aim in turn, along directions.

    Attributes:
        told: what a PNG says of it beyond amounts and probabilities.
    """

    vector: "Codes"
    aims: Sequence[Aim]
    told: Mapping[str, Any] = field(default_factory=dict)

    def shifts(self, codes: "Codes") -> "Codes":
        """What is added to the code of each face, (N, D)."""
        return shifts_to(self.aims, codes, self.vector)

    def seen(self, codes: "Codes") -> dict[str, list[float]]:
        """The probability of each trait in each face (N, D), as the network sees its decoding."""
        return {aim.name: aim.reached(codes) for aim in self.aims}


def parse_aims(words: Sequence[str]) -> dict[str, float]:
    """``NAME=PROBABILITY`` words → probabilities by name.

    Raises:
        UnusableInput: a word of another form, or a number outside 0…1.
    """
    aims = {}
    for word in words:
        name, _, number = word.partition("=")
        try:
            aims[name.strip()] = float(number)
        except ValueError:
            aims[name.strip()] = -1.0
        if not (name.strip() and 0 < aims[name.strip()] < 1):
            raise UnusableInput(
                f"'{word}' is no aim: write NAME=PROBABILITY, such as Smiling=0.9, between 0 and 1."
            )
    return aims


def open_aims(
    wanted: dict[str, float], features: str | None, session: "Session", directions: "Directions"
) -> list[Aim]:
    """What is aimed at, in the order it was given.

    Raises:
        UnusableInput: no network that judges, or one that does not know a trait.
    """
    from lik.cli.networks import column_of, open_network
    from lik.latent.judging import judge_of

    if not wanted:
        return []
    if features is None:
        raise UnusableInput(
            "--to needs a network that tells attributes: give it with --features, as lik "
            "train-features makes one."
        )
    loaded = open_network(features, session)

    def aim(name: str, probability: float) -> Aim:
        judge = judge_of(session, loaded.network, column_of(loaded, name))
        return Aim(name, probability, directions.direction(name).vector, judge)

    return [aim(name, probability) for name, probability in wanted.items()]


def shifts_to(aims: Sequence[Aim], codes: "Codes", shift: "Codes") -> "Codes":
    """What is added to each code (N, D): ``shift`` (D,), then each aim in turn, (N, D)."""
    import numpy as np

    from lik.latent.calibration import strengths_to

    shifts: Codes = np.repeat(shift[None], len(codes), axis=0)
    for aim in aims:
        strengths = strengths_to(codes + shifts, aim.vector, aim.judge, aim.probability)
        shifts = shifts + strengths[:, None] * aim.vector
    return shifts
