"""Strips in which one trait or dimension changes: the part of lik change that draws figures."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from lik.cli.directions import Directions
from lik.cli.output import save_arrays
from lik.cli.output import save_image as save_figure
from lik.core.errors import UnusableInput

if TYPE_CHECKING:
    from lik.latent.session import Codes, Session


@dataclass(frozen=True)
class Asked:
    """Which strips, of which faces, and how far they go."""

    attributes: Sequence[str]
    dimensions: Sequence[int]
    generated: bool
    count: int
    steps: int
    reach: float | None
    split: str
    seed: int
    temperature: float
    prior: str | None = None


class Mover(Protocol):
    """What moves codes by amounts of an attribute, along directions or guided.

    Attributes:
        reach: where strips end by default, in amounts.
        rest: what becomes of all else, for people.
    """

    @property
    def reach(self) -> float: ...

    @property
    def rest(self) -> str: ...

    def told(self, low: float, high: float) -> str:
        """What the steps of a strip are, for people."""

    def moved(
        self, codes: "Codes", names: Sequence[str], amounts: Sequence[float]
    ) -> Mapping[str, "Codes"]:
        """Attribute → codes (N, D) moved by each of K amounts, (N, K, D)."""


def draw_strips(
    run: str,
    given: list[str] | None,
    asked: Asked,
    method: str | None,
    features: Sequence[str],
    faces: str | None,
    out: str | None,
    arrays: str | None,
    device: str,
) -> None:
    """Draw a strip of each face for each attribute and dimension, and write the sheet."""
    import numpy as np

    from lik.cli.drawing import GENERATED_TEMPERATURE, code_source
    from lik.cli.guiding import open_strips
    from lik.cli.opening import open_session, to_show
    from lik.figures.grids import Row, sheet
    from lik.latent.changes import steps as equal_steps
    from lik.latent.guide_statistics import GUIDED

    guided = method == GUIDED
    if features and not guided:
        raise UnusableInput("--features goes with --to or --method guided.")
    if guided and not asked.attributes:
        raise UnusableInput("--method guided changes attributes: name one with --attribute.")
    session = open_session(run, device)
    if asked.prior and not asked.generated:
        raise UnusableInput("--prior goes with --generated: photographs have codes of their own.")
    if asked.generated and given:
        raise UnusableInput("--generated takes no pictures.")
    if asked.generated:
        source, kind = code_source(
            session, run, asked.prior, asked.temperature, GENERATED_TEMPERATURE
        )
        codes = source(asked.count, asked.seed)
        originals = None
        what = f"{asked.count} generated faces, {kind}, seed {asked.seed}"
    else:
        shown = to_show(session, run, given or [], faces, asked.split, asked.count, asked.seed)
        originals, codes, what = shown.pictures, session.encode(shown.pictures), shown.description
    learned = Directions(session, run, faces, None if guided else method)
    learned.require([] if guided else asked.attributes)
    mover: Mover = (
        open_strips(session, run, faces, features, asked.attributes) if guided else learned
    )
    reach = asked.reach
    amounts = _Amounts(
        equal_steps(3 if reach is None else reach, asked.steps),
        equal_steps(mover.reach if reach is None else reach, asked.steps),
    )
    moves = _moves(session, learned, mover, codes, amounts, asked)
    strips = {label: _decode(session, moved) for label, moved in moves.items()}
    middle = session.decode(codes)
    rows = []
    for face in range(len(codes)):
        for number, (label, strip) in enumerate(strips.items()):
            first = [] if originals is None else [originals[face]]
            pictures = np.stack([*first, middle[face], *strip[face]])
            rows.append(Row(pictures, label, new_group=number == 0))
    before = ["code\nas drawn"] if originals is None else ["original", "recon-\nstruction"]
    image = sheet(
        rows,
        f"Controlled changes by the run “{session.name}”",
        f"{what}. In each strip {_explanation(amounts, mover, asked)}; {mover.rest}.",
        [*before, "less", *[""] * (asked.steps - 2), "more"],
        tile=96,
    )
    plain = asked.attributes and not asked.dimensions
    save_figure(image, out, run, "changes-attributes.png" if plain else "changes.png")
    save_arrays(arrays, codes=codes, **{_key(label): moved for label, moved in moves.items()})


@dataclass(frozen=True)
class _Amounts:
    """The steps of a strip: values of a dimension, and multiples of an attribute's direction."""

    dimensions: list[float]
    attributes: list[float]


def _explanation(amounts: _Amounts, mover: Mover, asked: Asked) -> str:
    parts = []
    if asked.dimensions or not asked.attributes:
        low, high = amounts.dimensions[0], amounts.dimensions[-1]
        parts.append(f"one dimension is set to values from {low:g} to {high:+g}")
    if asked.attributes:
        parts.append(mover.told(amounts.attributes[0], amounts.attributes[-1]))
    return " or ".join(parts)


def _moves(
    session: "Session", learned: Directions, mover: Mover, codes: "Codes", amounts: _Amounts,
    asked: Asked,
) -> dict[str, "Codes"]:  # fmt: skip
    """Label of each strip → the codes (N, K, D) of its steps."""
    from lik.latent import directions
    from lik.latent.changes import set_dimension

    attributes, dimensions = asked.attributes, asked.dimensions
    known = not (attributes or dimensions) or (bool(attributes) and bool(dimensions))
    if not attributes and not dimensions:
        dimensions = directions.most_informative(learned.posteriors.kl_per_dimension(), 5)
    moved = mover.moved(codes, attributes, amounts.attributes)
    moves = {name.replace("_", " "): strip for name, strip in moved.items()}
    for index in dimensions:
        name = directions.dimension(index, session.latent).name
        if known:
            name += f"\nKL {learned.posteriors.kl_per_dimension()[index]:.2f} nats"
        moves[name] = set_dimension(codes, index, amounts.dimensions)
    return moves


def _decode(session: "Session", moved: "Codes") -> Any:
    faces, steps, latent = moved.shape
    pictures = session.decode(moved.reshape(faces * steps, latent))
    return pictures.reshape(faces, steps, *pictures.shape[1:])


def _key(label: str) -> str:
    return label.split("\n")[0].replace(" ", "_")
