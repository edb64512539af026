"""lik inspect: what is in a face set, as text and as a page."""

from pathlib import Path
from typing import Annotated

from lik.app.inspecting import Inspection
from lik.app.inspecting import inspect as inspect_faces
from lik.cli.options import Json, option, required
from lik.cli.output import command_line, say, say_json, table


def inspect(
    faces: Annotated[Path, required("A face set, made by lik prepare.")],
    out: Path | None = option(
        None, "The page to write.", "HTML", "--out", "-o", show_default="FACES/inspect.html"
    ),
    as_json: Json = False,
) -> None:
    """Show a face set: counts, measures, best and worst faces, duplicates, attributes.

    The page holds the faces themselves and lies in the set's own folder: keep it as private as
    they are.

    Example: lik inspect faces/celeba
    """
    found = inspect_faces(faces)
    page = out or faces / "inspect.html"
    found.write_page(
        page, command_line(), lambda name, limit: f"lik prepare SOURCE OUT {_option(name, limit)}"
    )
    if as_json:
        say_json(found.answer() | {"page": str(page)})
        return
    facts, before = found.facts(), ""
    for name, value in facts:
        say(f"{'' if name == before else name:<{max(len(name) for name, _ in facts)}}  {value}")
        before = name
    _show_measures(found)
    _show_attributes(found)
    say(f"\nOpen this in a browser; it holds the faces themselves:\n{page.resolve()}")


def _option(limit: str, value: float) -> str:
    """How a limit is given to lik prepare."""
    return f"--{limit.replace('_', '-')} {value:g}"


def _show_measures(found: Inspection) -> None:
    if found.quartiles:
        say()
        headings = ("measure", "known", "least", "lower q.", "median", "upper q.", "most")
        table(headings, [[name, *each.in_words()] for name, each in found.quartiles.items()])
    if found.limits:
        say("\nlimits of lik prepare that would leave out about one face in a hundred:")
    for name, (limit, count) in found.limits.items():
        say(f"  {_option(name, limit):<24}{count:>7,} faces")


def _show_attributes(found: Inspection) -> None:
    frequencies = found.frequencies
    if not frequencies:
        return
    splits = list(frequencies[0].of_split)
    rows = [
        [f.name, f"{f.known:,}"]
        + [_share(value, f.binary) for value in (f.overall, *f.of_split.values())]
        for f in frequencies
    ]
    say()
    table(("attribute", "known", "all", *splits), rows)
    if any(not f.binary for f in frequencies):
        say("per cent where it is a matter of yes and no, else the mean")
    pairs = {f"{pair.first} – {pair.second}": pair.in_words() for pair in found.correlations}
    if pairs:
        say("\nattributes that go together most:")
    for names, value in pairs.items():
        say(f"  {names:<{max(map(len, pairs))}}  {value}")


def _share(value: float, binary: bool) -> str:
    if value != value:
        return "–"
    return f"{100 * value:.1f} %" if binary else f"{value:.3g}"
