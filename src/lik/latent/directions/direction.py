"""Directions in latent space, along each of which one trait of a face changes.

How long one is, as a network that knows attributes sees decodings, and the sets of them that were
fitted once and are kept beside the run:

RUN/directions/NAME.safetensors   one vector (D,) for each direction, of strength 1
RUN/directions/NAME.json          what each means, how it was found, and from what

Codes are (N, D), logits (N,).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from safetensors.numpy import save

from lik.core.artifacts import check_version, read_json, replacing, sha256_of, write_json
from lik.core.configuration import Settings, nearest, validated
from lik.core.errors import OtherWeights, UnusableInput
from lik.core.tensors import array_of, read_tensors
from lik.latent.session import Codes

LogitOfCodes = Callable[[Codes], NDArray[np.floating]]
"""Codes (N, D) → the logit (N,) of one attribute in what they decode to."""

SEEN = 0.9
"""The share of the faces without a trait that show it plainly at strength 1."""
PLAINLY = 0.25
"""The quantile of the logits of faces with a trait from which on it is plain, to strangers too."""
LENGTHS = tuple(7.0 / 2**step for step in range(5, -1, -1))
"""Steps tried, in prior σ: beyond the longest faces burst, whatever networks see in them."""

CALIBRATED_ON = 100
"""Faces of each class that a strength is calibrated on."""

VERSION = 1


@dataclass(frozen=True)
class Direction:
    """A named vector (D,); one unit of it is what ``unit`` says."""

    name: str
    vector: Codes
    unit: str


def dimension(index: int, latent: int) -> Direction:
    """The unit vector (D,) of one latent dimension, counted from 0.

    Raises:
        UnusableInput: there is no such dimension.
    """
    if not 0 <= index < latent:
        raise UnusableInput(
            f"there is no latent dimension {index}: this run has {latent}, counted from 0."
        )
    return Direction(f"dimension {index}", np.eye(latent, dtype=np.float32)[index], "prior σ")


def most_informative(kl_per_dimension: NDArray[np.floating], count: int) -> list[int]:
    """The dimensions with the highest KL (D,), most informative first."""
    return [int(index) for index in np.argsort(-kl_per_dimension, kind="stable")[:count]]


def classes(codes: Codes, labels: NDArray[np.floating]) -> tuple[Codes, Codes]:
    """The codes (N, D) of the faces with a trait, and of those without it; NaN is neither."""
    return codes[labels > 0], codes[labels <= 0]


def stepped(codes: Codes, step: Codes) -> Codes:
    """Codes (N, D) after a step d, (D,) or (N, D): (z + d) / √(1 + |d|²/D).

    The more dimensions codes have, the thinner is the shell that they fill, and a sum lies outside:
    a decoder makes faces too bright and too hard of it. For codes of the prior the division keeps
    the mean square of their length, and makes a turn of a shift. A step of nothing leaves a code as
    it is, to the bit. Squares are summed one by one, so that a page can get the same bits.
    """
    squares = np.square(step, dtype=np.float64).cumsum(axis=-1)[..., -1:]
    return np.asarray((codes + step) / np.sqrt(1 + squares / codes.shape[-1]), np.float32)


def separation(codes: Codes, labels: NDArray[np.floating]) -> float:
    """How far the classes of a trait lie apart: the distance of their means over their std.

    The std is the root of the variance within the classes, pooled over the faces and summed over
    the dimensions. It is 0 where all known faces have the trait, or none has.
    """
    having, lacking = classes(codes, labels)
    if not len(having) or not len(lacking):
        return 0.0
    distance = np.linalg.norm(having.mean(axis=0) - lacking.mean(axis=0))
    variances = [float(group.var(axis=0).sum()) for group in (having, lacking)]
    pooled = np.average(variances, weights=[len(having), len(lacking)])
    return float(distance / np.sqrt(max(pooled, 1e-12)))


class Calibration(Settings):
    """What strength 1 of a trait means: nine of ten faces without it show it plainly.

    Plainly is as in the upper three quarters of the faces that have it: there other networks see it
    too, which a logit just above 0 does not bring about.

    Attributes:
        length: how long the vector of strength 1 is, in prior σ; of guided edits, the strength that
            it would be if nothing were calibrated.
        without, having: the share of the pictures of faces without the trait, and of those with it,
            in which networks see it.
        reached: the share of the faces without it, once strength 1 is carried onto their pictures.
        plain: the share of these in which it is plain.
        person: how far the person moves by it, in distances between two photographs of one person;
            None where nobody can tell.
        along: other traits that are then seen in more or fewer of them: the change of their share.
    """

    length: Annotated[float, Field(gt=0, allow_inf_nan=False)]
    without: float
    having: float
    reached: float
    plain: float
    person: float | None = None
    along: dict[str, float] = Field(default_factory=dict)

    @property
    def complete(self) -> bool:
        """Whether strength 1 reaches as many faces as it should."""
        return self.plain >= SEEN - 0.02


def calibrate(
    places: Callable[[float], Codes],
    lengths: Sequence[float],
    having: NDArray[np.floating],
    logit_of_codes: LogitOfCodes,
    person_of_codes: Callable[[Codes], float] | None = None,
) -> Calibration:
    """Find the length at which nine of ten faces without a trait show it plainly.

    ``places`` tells where a length leads faces that lack the trait, (N, D), and ``lengths``, which
    rise, are tried. Strength 1 is the shortest after which `SEEN` of these have a logit above 0,
    and above the quantile `PLAINLY` of the logits ``having`` (M,) of faces with the trait. Where no
    way leads there, it is the shortest that comes nearly as near as any does. It ends where the
    person would be somebody else, which is where ``person_of_codes`` is above 1: what strength 1
    reaches within that is what it reaches.
    """
    from scipy.optimize import brentq  # an edit along what is calibrated already needs none of it

    plain = max(0.0, float(np.quantile(having, PLAINLY)))

    @cache
    def logits(length: float) -> NDArray[np.floating]:
        return logit_of_codes(places(length))

    @cache
    def person(length: float) -> float:
        return 0.0 if person_of_codes is None else person_of_codes(places(length))

    def missing(length: float) -> float:
        """How far the last face that counts is from being plain; negative beyond."""
        return plain - float(np.quantile(logits(length), 1 - SEEN))

    for before, length in pairwise([0.0, *lengths]):
        if missing(length) <= 0 < missing(before):
            found = float(brentq(missing, before, length, xtol=0.01 * length))
            break
    else:
        gains = {length: missing(0.0) - missing(length) for length in lengths}
        most = max(gains.values())
        found = min(at for at, gain in gains.items() if gain >= most - 0.1 * abs(most))
    if person(found) > 1:
        found = float(brentq(lambda at: person(at) - 1, 0, found, xtol=0.01 * found))
    return Calibration(
        length=float(f"{found:.4g}"),
        without=_share_above(0, logits(0.0)),
        having=_share_above(0, having),
        reached=_share_above(0, logits(found)),
        plain=_share_above(plain, logits(found)),
        person=None if person_of_codes is None else round(person(found), 3),
    )


def _share_above(boundary: float, logits: NDArray[np.floating]) -> float:
    """The share of the faces in which a trait is seen, a touch below the boundary counted."""
    return round(float((logits > boundary - 0.02).mean()), 3)


def calibrated(direction: Direction, calibration: Calibration) -> Direction:
    """The direction with the length that strength 1 has."""
    length = max(float(np.linalg.norm(direction.vector)), 1e-12)
    vector = direction.vector * np.float32(calibration.length / length)
    return Direction(direction.name, vector, "strength")


def strengths_to(
    codes: Codes, vector: Codes, logit_of_codes: LogitOfCodes, probability: float, most: float = 3.0
) -> NDArray[np.float32]:
    """How far along ``vector`` each face (N, D) must go until its own probability is as wanted.

    It goes as editors do, see `stepped`.

    A face below goes forward, one above goes back, each at the most ``most`` times the vector;
    what cannot be reached ends there. Found by bisection, all faces at once: the logit is taken to
    rise along the way.

    Raises:
        UnusableInput: a probability outside 0…1.
    """
    wanted = logit_of(probability)
    below = logit_of_codes(codes) < wanted
    low = np.where(below, 0.0, -most)
    high = np.where(below, most, 0.0)
    for _ in range(10):
        middle = (low + high) / 2
        moved = stepped(codes, middle[:, None].astype(np.float32) * vector)
        under = logit_of_codes(moved) < wanted
        low, high = np.where(under, middle, low), np.where(under, high, middle)
    return np.asarray((low + high) / 2, np.float32)


def probability_of(logit: float) -> float:
    """The probability that a logit stands for."""
    return float(1 / (1 + np.exp(-float(logit))))


def logit_of(probability: float) -> float:
    """The logit of a probability.

    Raises:
        UnusableInput: a probability outside 0…1.
    """
    if not 0 < probability < 1:
        raise UnusableInput(f"a probability lies between 0 and 1, and {probability} does not.")
    return float(np.log(probability / (1 - probability)))


class _Entry(Settings):
    unit: str
    calibration: Calibration | None = None


class _Description(Settings):
    format: Literal["lik-directions"] = "lik-directions"
    version: int = VERSION
    name: str
    made: dict[str, Any]
    vectors_sha256: str
    directions: dict[str, _Entry]


@dataclass(frozen=True)
class DirectionSet:
    """Directions of one method, or one given by example.

    Attributes:
        name: of the set, and of its files.
        directions: name of each → its vector of strength 1.
        calibrations: name → how strength 1 was found, where a network told it.
        made: method, options, and the hashes of model, face set and network that it is from.
    """

    name: str
    directions: Mapping[str, Direction]
    calibrations: Mapping[str, Calibration] = field(default_factory=dict)
    made: Mapping[str, Any] = field(default_factory=dict)

    def direction(self, name: str) -> Direction:
        """A direction by name; one unit of it is strength 1.

        Raises:
            UnusableInput: there is none of this name; the nearest one is named.
        """
        if name not in self.directions:
            raise UnusableInput(
                f"the directions '{self.name}' know no '{name}'.{nearest(name, self.directions)}"
            )
        return self.directions[name]

    def save(self, run: Path) -> Path:
        """Write the set beside a run; the vectors first, then the JSON that vouches for them."""
        tensors, file = _paths(run, self.name)
        with replacing(tensors) as temporary:
            temporary.write_bytes(save({name: one.vector for name, one in self.directions.items()}))
        description = _Description(
            name=self.name,
            made=dict(self.made),
            vectors_sha256=sha256_of(tensors),
            directions={
                name: _Entry(unit=direction.unit, calibration=self.calibrations.get(name))
                for name, direction in self.directions.items()
            },
        )
        write_json(file, description.model_dump(mode="json", exclude_none=True))
        return tensors

    @classmethod
    def load(cls, run: Path, name: str, encoder_sha256: str | None = None) -> "DirectionSet":
        """Read a set back.

        Raises:
            UnusableInput: there is none, it is broken or of a newer Lik, or it was fitted on other
                weights than ``encoder_sha256`` says.
        """
        tensors, file = _paths(run, name)
        if not file.is_file():
            raise UnusableInput(
                f"{run} has no directions '{name}'.{nearest(name, saved_sets(run))} "
                "lik fit-directions makes them."
            )
        content = read_json(file)
        if not isinstance(content, dict) or content.get("format") != "lik-directions":
            raise UnusableInput(f"{file} holds no directions of Lik.")
        check_version(str(file), content.get("version"), VERSION)
        told = validated(_Description, content, str(file))
        if not tensors.is_file() or sha256_of(tensors) != told.vectors_sha256:
            raise UnusableInput(f"{tensors} is not what {file.name} vouches for: fit again.")
        if encoder_sha256 is not None and told.made.get("encoder_sha256") not in (
            None,
            encoder_sha256,
        ):
            raise OtherWeights(
                f"the directions '{name}' are of other weights than {run} has now: fit them again."
            )
        _, vectors = read_tensors(tensors)
        shapes = {vectors[key].shape if key in vectors else () for key in told.directions}
        if any(len(shape) != 1 for shape in shapes) or len(shapes) > 1:
            raise UnusableInput(f"{tensors} is broken: fit the directions again.")
        directions = {
            key: Direction(key, array_of(vectors[key]), entry.unit)
            for key, entry in told.directions.items()
        }
        calibrations = {
            key: entry.calibration for key, entry in told.directions.items() if entry.calibration
        }
        return cls(name, directions, calibrations, told.made)


def saved_sets(run: Path) -> list[str]:
    """Names of the direction sets beside a run, in alphabetical order."""
    files = (Path(run) / "directions").glob("*.json")
    return sorted(file.stem for file in files if file.with_suffix(".safetensors").is_file())


def _paths(run: Path, name: str) -> tuple[Path, Path]:
    if not name or any(sign in name for sign in "/\\") or name.startswith("."):
        raise UnusableInput(f"'{name}' cannot name directions: use letters, digits, - and _.")
    folder = Path(run) / "directions"
    return folder / f"{name}.safetensors", folder / f"{name}.json"
