"""lik inspect: what is in a face set, as text and as a page."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lik.cli.options import Json
from lik.cli.output import say, say_json, table

if TYPE_CHECKING:
    from lik.faces.set.faceset import FaceSet
    from lik.faces.set.statistics import Correlation, Frequency, Values

PAIRS = 10
"""Correlations that are told on the terminal."""


def inspect(
    faces: Annotated[Path, typer.Argument(help="A face set, made by lik prepare.")],
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            "-o",
            help="The page to write.",
            metavar="HTML",
            show_default="FACES/inspect.html",
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Show a face set: counts, measures, best and worst faces, duplicates, attributes.

    The page holds the faces themselves and lies in the set's own folder: keep it as private as
    they are.

    Example: lik inspect faces/celeba
    """  # fmt: skip
    from lik.faces.set.faceset import FaceSet
    from lik.faces.set.statistics import complete_measures, correlations, frequencies, strongest
    from lik.figures.inspection import write_inspection

    opened = FaceSet.open(faces)
    page = out or faces / "inspect.html"
    measures = complete_measures(opened)
    frequent = frequencies(opened)
    pairs = strongest(correlations(opened.attributes), opened.attribute_names, PAIRS)
    facts = _facts(opened, measures)
    write_inspection(page, opened, measures, frequent, facts)
    if as_json:
        say_json(_answer(opened, measures, frequent, pairs) | {"page": str(page)})
        return
    _tell(opened, measures, frequent, pairs, facts)
    say(f"\nOpen this in a browser; it holds the faces themselves:\n{page.resolve()}")


def _facts(faces: "FaceSet", measures: "dict[str, Values]") -> list[tuple[str, str]]:
    """The set in a few lines."""
    from lik.faces.set.statistics import SPLITS, members

    description = faces.description
    rejected = description.get("rejected", {})
    groups = members(measures["duplicate"])
    crop = ", ".join(f"{k} {v}" for k, v in faces.crop.items() if k != "kind" and v is not None)
    pictures = description.get("pictures")
    return [
        ("source", str(description.get("source", "unknown"))),
        ("pictures", f"{pictures:,}" if isinstance(pictures, int) else "unknown"),
        ("faces kept", f"{len(faces):,} of {faces.size}×{faces.size} pixels"),
        *(("left out", f"{count:,}  {reason}") for reason, count in rejected.items()),
        ("splits", ", ".join(f"{len(faces.indices(split)):,} {split}" for split in SPLITS)),
        ("crop", faces.crop["kind"] + (f" ({crop})" if crop else "")),
        ("detector", _detector(description.get("detector"))),
        ("attributes", str(len(faces.attribute_names) or "none")),
        (
            "near-duplicates",
            f"{sum(map(len, groups)):,} faces in {len(groups):,} group{'s'[: len(groups) != 1]}"
            if groups
            else "none",
        ),
    ]


def _detector(detector: Any) -> str:
    """What found the faces, in words; sets of version 1 have the name of the cascade alone."""
    if not detector:
        return "none: the crop needs no detection"
    if not isinstance(detector, dict):
        return str(detector)
    parts = [str(detector.get("boxes", ""))] if detector.get("boxes") else []
    if detector.get("network"):
        parts.append(f"alignment network {str(detector['network'])[:12]}")
    others = {k: v for k, v in detector.items() if k not in ("boxes", "network") and v}
    parts += [k if v is True else f"{k} {v}" for k, v in others.items()]
    return ", ".join(parts)


def _answer(
    faces: "FaceSet",
    measures: "dict[str, Values]",
    frequent: "list[Frequency]",
    pairs: "list[Correlation]",
) -> dict[str, Any]:
    """The same for programs; null where something is unknown."""
    from lik.faces.set.statistics import SPLITS, members, spread

    spreads = {name: spread(v) for name, v in measures.items() if name != "duplicate"}
    return {
        "faces": len(faces),
        "pictures": faces.description.get("pictures"),
        "size": faces.size,
        "source": faces.description.get("source"),
        "crop": faces.crop,
        "detector": faces.description.get("detector"),
        "splits": {split: len(faces.indices(split)) for split in SPLITS},
        "rejected": faces.description.get("rejected", {}),
        "measures": {name: asdict(s) if s else None for name, s in spreads.items()},
        "duplicates": [
            [faces.names[index] for index in group] for group in members(measures["duplicate"])
        ],
        "attributes": [_finite(asdict(frequency)) for frequency in frequent],
        "correlations": [asdict(pair) for pair in pairs],
    }


def _finite(tree: dict[str, Any]) -> dict[str, Any]:
    """JSON knows no NaN."""
    return {
        key: _finite(value) if isinstance(value, dict) else None if value != value else value
        for key, value in tree.items()
    }


def _tell(
    faces: "FaceSet",
    measures: "dict[str, Values]",
    frequent: "list[Frequency]",
    pairs: "list[Correlation]",
    facts: list[tuple[str, str]],
) -> None:
    width = max(len(name) for name, _ in facts)
    told = ""
    for name, value in facts:
        say(f"{'' if name == told else name:<{width}}  {value}")
        told = name
    _tell_measures(measures)
    _tell_attributes(frequent, pairs)


def _tell_measures(measures: "dict[str, Values]") -> None:
    from lik.faces.set.statistics import spread
    from lik.figures.rankings import RANKINGS, limit_of

    rows = []
    for name, values in measures.items():
        s = spread(values) if name != "duplicate" else None
        if s is not None:
            numbers = (s.least, s.lower_quartile, s.median, s.upper_quartile, s.most)
            rows.append([name, f"{s.known:,}", *(f"{number:.3g}" for number in numbers)])
    if not rows:
        return
    say()
    table(("measure", "known", "least", "lower q.", "median", "upper q.", "most"), rows)
    limits = [(r.limit, limit_of(measures[r.measure], r)) for r in RANKINGS]
    told = [(option, *limit) for option, limit in limits if limit is not None]
    if told:
        say("\nlimits of lik prepare that would leave out about one face in a hundred:")
        for option, limit, count in told:
            say(f"  {f'{option} {limit:g}':<24}{count:>7,} faces")


def _tell_attributes(frequent: "list[Frequency]", pairs: "list[Correlation]") -> None:
    if not frequent:
        return
    splits = list(frequent[0].of_split)
    say()
    table(
        ("attribute", "known", "all", *splits),
        [
            [f.name, f"{f.known:,}", _share(f.overall, f.binary)]
            + [_share(f.of_split[split], f.binary) for split in splits]
            for f in frequent
        ],
    )
    if any(not f.binary for f in frequent):
        say("per cent where it is a matter of yes and no, else the mean")
    if pairs:
        from lik.figures.distributions import signed

        say("\nattributes that go together most:")
        width = max(len(f"{pair.first} – {pair.second}") for pair in pairs)
        for pair in pairs:
            say(f"  {f'{pair.first} – {pair.second}':<{width}}  {signed(pair.value)}")


def _share(value: float, binary: bool) -> str:
    if value != value:
        return "–"
    return f"{100 * value:.1f} %" if binary else f"{value:.3g}"
