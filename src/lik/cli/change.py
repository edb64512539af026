"""lik change: controlled changes, of photographs or as strips along dimensions and attributes."""

from dataclasses import dataclass
from typing import Annotated, Any

import typer

from lik.cli.drawing import GENERATED_TEMPERATURE
from lik.cli.options import (
    Arrays,
    Count,
    Device,
    Faces,
    FittedPrior,
    Given,
    Run,
    Seed,
    Split,
    Temperature,
    file_of,
)
from lik.core.errors import UnusableInput


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
        list[str] | None,
        typer.Option(
            help="A network of lik train-features, for --to and for --method guided, which may "
            "have several: they take turns, and the first one measures.",
            metavar="NET",
            show_default=False,
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
            "difference of class means. With guided, each face finds its own way.",
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
            "strength 1 of guided changes or fitted directions, or differences of class means.",
            metavar="REACH",
            show_default="3; 1, 1.5 or 2",
            min=0,
        ),
    ] = None,
    faces: Faces = None,
    split: Split = "test",
    seed: Seed = 0,
    temperature: Temperature = GENERATED_TEMPERATURE,
    prior: FittedPrior = None,
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

    Guided: lik change runs/first photo.jpg --set Smiling=1 --method guided --features NET

    Strips: lik change runs/first photo.jpg --attribute Smiling --attribute Eyeglasses
    """
    if settings or like or to:
        others: dict[str, Any] = {
            "--attribute": attribute,
            "--dimension": dimension,
            "--generated": generated,
            "--prior": prior,
            "--arrays": arrays,
        }
        keys = _Keys(settings or [], like, face, mode, method, to or [], features or [])
        _photographs(run, given, keys, faces, out, device, others)
        return
    file_of(".png")(out)
    if face or mode:
        raise UnusableInput("--face and --mode go with --set, --to or --like.")
    from lik.cli.strips import Asked, draw_strips

    asked = Asked(
        attribute or [],
        dimension or [],
        generated,
        count,
        steps,
        reach,
        split,
        seed,
        GENERATED_TEMPERATURE if temperature is None else temperature,
        prior,
    )
    draw_strips(run, given, asked, method, features or [], faces, out, arrays, device)


@dataclass(frozen=True)
class _Keys:
    """What was asked of photographs, as it was written."""

    settings: list[str]
    like: str | None
    face: int | None
    mode: str | None
    method: str | None
    to: list[str]
    features: list[str]


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
