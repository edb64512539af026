"""lik change: controlled changes, of photographs or as strips along dimensions and attributes."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lik.cli.choices import Count, Faces, Given, Run, Seed, Split, save_arrays, save_figure
from lik.cli.directions import Directions
from lik.cli.terminal import Arrays, Device, file_of
from lik.core.errors import UnusableInput

if TYPE_CHECKING:
    from lik.latent.session import Codes, Session


def change(
    run: Run,
    given: Given = None,
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="NAME=NUMBER",
            show_default=False,
            help="Change photographs: add so much of an attribute, such as Smiling=1 or "
            "Young=-0.5 (or of a dimension, as dimension:17=2); may be repeated.",
        ),
    ] = None,
    like: Annotated[
        str | None,
        typer.Option(
            help="Change photographs as this PNG was changed, plus what --set adds.",
            metavar="PNG",
            show_default=False,
        ),
    ] = None,
    to: Annotated[
        list[str] | None,
        typer.Option(
            "--to",
            metavar="NAME=P",
            show_default=False,
            help="Change photographs: move each face until the network of --features gives the "
            "attribute this probability, such as Smiling=0.9; may be repeated.",
        ),
    ] = None,
    features: Annotated[
        str | None,
        typer.Option(
            help="A network of lik train-features, for --to.", metavar="NET", show_default=False
        ),
    ] = None,
    face: Annotated[
        int | None,
        typer.Option(
            help="Of a photograph, the face to change, the largest being 1.",
            metavar="N",
            show_default="all",
            min=1,
        ),
    ] = None,
    mode: Annotated[
        str | None,
        typer.Option(
            help="transfer paints the change onto the photograph; decode gives the plain decoding.",
            metavar="MODE",
            show_default="transfer; decode for crops",
        ),
    ] = None,
    method: Annotated[
        str | None,
        typer.Option(
            help="Directions to go along: a set that lik fit-directions has saved, or means, the "
            "difference of class means.",
            metavar="NAME",
            show_default="joint where it is saved, else means",
        ),
    ] = None,
    attribute: Annotated[
        list[str] | None,
        typer.Option(
            "--attribute",
            "-a",
            metavar="NAME",
            show_default=False,
            help="An attribute to change, such as Smiling; may be repeated.",
        ),
    ] = None,
    dimension: Annotated[
        list[int] | None,
        typer.Option(
            "--dimension",
            "-d",
            metavar="K",
            show_default=False,
            help="A latent dimension to change, counted from 0; may be repeated "
            "(default: the five with the highest KL).",
        ),
    ] = None,
    generated: Annotated[bool, typer.Option("--generated", help="Change generated faces.")] = False,
    count: Count = 2,
    steps: Annotated[int, typer.Option(help="Steps of a strip.", metavar="N", min=2)] = 6,
    reach: Annotated[
        float | None,
        typer.Option(
            help="Where strips end: ±REACH prior σ for dimensions; for attributes ±REACH times "
            "strength 1 of fitted directions, or differences of class means.",
            metavar="REACH",
            show_default="3; 1.5 or 2",
            min=0,
        ),
    ] = None,
    faces: Faces = None,
    split: Split = "test",
    seed: Seed = 0,
    temperature: Annotated[
        float, typer.Option(help="Spread of generated codes.", metavar="T", min=0)
    ] = 0.8,
    out: Annotated[
        str | None,
        typer.Option(
            "--out",
            "-o",
            help="The PNG to write; for several photographs a folder.",
            metavar="PNG",
            show_default=False,
        ),
    ] = None,
    arrays: Arrays = None,
    device: Device = "auto",
) -> None:
    """Change a trait of photographs (--set, --to, --like), or draw strips in which it changes.

    Example: lik change runs/first photo.jpg --set Smiling=1 -o smiling.png

    Strips: lik change runs/first photo.jpg --attribute Smiling --attribute Eyeglasses
    """
    if settings or like or to:
        others: dict[str, Any] = {
            "--attribute": attribute,
            "--dimension": dimension,
            "--generated": generated,
            "--arrays": arrays,
        }
        keys = _Keys(settings or [], like, face, mode, method, to or [], features)
        _photographs(run, given, keys, faces, out, device, others)
        return
    file_of(".png")(out)
    if face or mode or features:
        raise UnusableInput("--face, --mode and --features go with --set, --to or --like.")
    import numpy as np

    from lik.cli.opening import open_session, to_show
    from lik.figures.grids import Row, sheet
    from lik.latent.changes import steps as equal_steps

    session = open_session(run, device)
    if generated and given:
        raise UnusableInput("--generated takes no pictures.")
    attributes = attribute or []
    dimensions = list(dimension or [])
    if generated:
        codes = session.draw(count, seed, temperature)
        originals = None
        what = f"{count} generated faces, seed {seed}"
    else:
        shown = to_show(session, run, given or [], faces, split, count, seed)
        originals, codes, what = shown.pictures, session.encode(shown.pictures), shown.description
    learned = Directions(session, run, faces, method)
    amounts = _Amounts(
        equal_steps(3 if reach is None else reach, steps),
        equal_steps(learned.reach if reach is None else reach, steps),
    )
    moves = _moves(session, learned, codes, amounts, attributes, dimensions)
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
        f"{what}. In each strip {_explanation(amounts, learned, attributes, dimensions)}; all else "
        "in the code stays as it is.",
        [*before, "less", *[""] * (steps - 2), "more"],
        tile=96,
    )
    name = "changes-attributes.png" if attributes and not dimensions else "changes.png"
    save_figure(image, out, run, name)
    save_arrays(arrays, codes=codes, **{_key(label): moved for label, moved in moves.items()})


@dataclass(frozen=True)
class _Keys:
    """What was asked of photographs, as it was written."""

    settings: list[str]
    like: str | None
    face: int | None
    mode: str | None
    method: str | None
    to: list[str]
    features: str | None


def _photographs(
    run: str,
    given: list[str] | None,
    keys: _Keys,
    faces: str | None,
    out: str | None,
    device: str,
    strips: dict[str, Any],
) -> None:
    from lik.cli.aims import parse_aims
    from lik.cli.photographs import Wanted, change_photographs, repeated
    from lik.latent.amounts import parse

    for option, value in strips.items():
        if value:
            raise UnusableInput(
                f"{option} draws strips: it does not go with --set, --to or --like."
            )
    aims = parse_aims(keys.to)
    wanted = Wanted(
        parse(keys.settings), keys.face, keys.mode, keys.method, aims=aims, features=keys.features
    )
    if keys.like:
        wanted = repeated(keys.like, wanted)
    change_photographs(run, given or [], wanted, faces, out, device)


@dataclass(frozen=True)
class _Amounts:
    """The steps of a strip: values of a dimension, and multiples of an attribute's direction."""

    dimensions: list[float]
    attributes: list[float]


def _explanation(
    amounts: _Amounts, learned: Directions, attributes: list[str], dimensions: list[int]
) -> str:
    parts = []
    if dimensions or not attributes:
        low, high = amounts.dimensions[0], amounts.dimensions[-1]
        parts.append(f"one dimension is set to values from {low:g} to {high:+g}")
    if attributes:
        low, high = amounts.attributes[0], amounts.attributes[-1]
        parts.append(f"{low:g} to {high:+g} times {learned.unit} is added")
    return " or ".join(parts)


def _moves(
    session: "Session",
    learned: Directions,
    codes: "Codes",
    amounts: _Amounts,
    attributes: list[str],
    dimensions: list[int],
) -> dict[str, "Codes"]:
    """Label of each strip → the codes (N, K, D) of its steps."""
    from lik.latent import directions
    from lik.latent.changes import along, set_dimension

    moves = {}
    known = not (attributes or dimensions) or (bool(attributes) and bool(dimensions))
    learned.require(attributes)
    if not attributes and not dimensions:
        dimensions = directions.most_informative(learned.posteriors.kl_per_dimension(), 5)
    for name in attributes:
        moves[name.replace("_", " ")] = along(codes, learned.direction(name), amounts.attributes)
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
