"""The model card of a run: Markdown with a YAML header, as the Hugging Face hub reads it.

Whatever a run says of itself is somebody's text and becomes text: no HTML, no picture, and no link
but to the web comes out of it.
"""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import yaml

LONGEST = 300
"""Characters of a name that are shown."""
LONGEST_TEXT = 65536
"""Characters of what a run's own card says that are carried over."""

PURPOSE = (
    "Learning, teaching and research: what a latent space is, and edits of photographs of oneself "
    "or of people who agree."
)
REFUSED = (
    "Not for recognising or identifying people, not for judging anyone by a face, not for pictures "
    "of people who have not agreed, or that others may take for photographs."
)
UNKNOWN = "Unknown: nobody has measured it, or said so."


@dataclass(frozen=True)
class CardFacts:
    """What a card says of a run; texts may hold Markdown, names are plain.

    Attributes:
        name: of the run. repository: ``owner/name`` on the hub, where it is known.
        model: rows of a table, a heading and plain words each. attributes: names of traits.
        trained_on, terms: texts. licence: a short name of the terms. datasets: names on the hub.
        purpose, refused, fails: texts; '' for what is said of every run, or of none.
        measured: text before the table. table: rows of measures, a heading and cells each, with
            ``columns`` above. more: what else the run's own card says.
        samples: the file of the picture, and what it shows. onnx: whether networks lie beside it.
    """

    name: str
    model: Sequence[tuple[str, str]]
    attributes: Sequence[str]
    trained_on: str
    terms: str
    licence: str
    repository: str | None = None
    datasets: Sequence[str] = ()
    purpose: str = ""
    refused: str = ""
    fails: str = ""
    measured: str = ""
    columns: Sequence[str] = ()
    table: Sequence[Sequence[str]] = ()
    more: str = ""
    samples: str = ""
    samples_show: str = ""
    onnx: Sequence[str] = ()
    tags: Sequence[str] = field(default=("face", "vae", "variational-autoencoder", "pytorch"))


PLACEHOLDER = "OWNER/NAME"


def card(facts: CardFacts) -> str:
    """The whole card."""
    parts = [
        header(facts),
        f"# {plain(facts.name)}",
        "A variational autoencoder of faces, made with Lik: pictures of faces become short codes, "
        "codes become pictures, and traits are directions among the codes.",
        *_samples(facts),
        "## How to use it",
        _use(facts),
        "## What it is",
        table(("", ""), facts.model),
        *_attributes(facts.attributes),
        "## What it was trained on",
        facts.trained_on,
        "## Terms",
        facts.terms,
        "## What it is meant for",
        facts.purpose or PURPOSE,
        "## What it must not be used for",
        facts.refused or REFUSED,
        "A decoding is no evidence of how somebody looks, and a direction that is named after an "
        "attribute is no truth about anybody.",
        "## How good it is",
        facts.measured or UNKNOWN,
        *([table(facts.columns, facts.table)] if facts.table else []),
        "## Whom it fails",
        facts.fails or f"{UNKNOWN} Faces that its training shows seldom come out worse.",
        *(["## What else its makers say", facts.more] if facts.more else []),
        "## The files",
        "`lik.json` lists the files that programs read, each with its SHA-256; `lik.load` uses "
        "none that differs. Weights are safetensors: nothing here is a program of Python.",
    ]
    return "\n\n".join(part.strip("\n") for part in parts if part.strip()) + "\n"


def header(facts: CardFacts) -> str:
    """The YAML at the head, between two lines of dashes."""
    told: dict[str, Any] = {
        "license": "other",
        "license_name": slug(facts.licence),
        "license_link": "LICENSE.md",
        "library_name": "lik",
        "pipeline_tag": "unconditional-image-generation",
        "tags": [slug(tag) for tag in facts.tags],
    }
    if facts.datasets:
        told["datasets"] = [slug(name) for name in facts.datasets]
    return "---\n" + yaml.safe_dump(told, sort_keys=False, allow_unicode=False) + "---"


def slug(text: str) -> str:
    """Any words as one of small letters, digits and dashes."""
    plain_letters = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain_letters).strip("-")[:60].strip("-") or "unnamed"


def plain(text: object, most: int = LONGEST) -> str:
    """Any words as Markdown that shows just these words, on one line."""
    words = "".join(" " if unicodedata.category(one)[0] in "CZ" else one for one in str(text))
    words = " ".join(words.split())
    words = words if len(words) <= most else words[: most - 1] + "…"
    escaped = re.sub(r"([\\`*_\[\]#!|~$^])", r"\\\1", words)
    for sign, entity in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), (":", "&#58;"),
                         ("@", "&#64;"), ("www.", "www&#46;")):  # fmt: skip
        escaped = escaped.replace(sign, entity)
    return escaped


def inert(markdown: str, most: int = LONGEST_TEXT) -> str:
    """Markdown that somebody else wrote, without HTML, pictures, and links but to the web.

    Its headings become bold lines.
    """
    kept = "".join(one for one in markdown if one in "\n\t" or unicodedata.category(one)[0] != "C")
    kept = kept[:most].replace("<", "&lt;")
    # Entities, not backslashes: one before them would undo these.
    kept = re.sub(r"!(?=\[)", "&#33;", kept)
    kept = re.sub(r"\]\((?!https?://[^\s()]+\))", "]&#40;", kept)
    kept = kept.replace("]:", "]&#58;")
    kept = re.sub(r"^ {0,3}#{1,6}[ \t]+(.*?)[ \t#]*$", r"**\1**", kept, flags=re.MULTILINE)
    kept = re.sub(r"^( {0,3})([=-]+[ \t]*)$", r"\1\\\2", kept, flags=re.MULTILINE)
    return re.sub(r"^( {0,3})(```|~~~)", r"\1\\\2", kept, flags=re.MULTILINE)


def table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table in Markdown; cells are plain words."""
    width = max([len(columns), *(len(row) for row in rows)])
    heads = [*columns, *[""] * (width - len(columns))]
    lines = [heads, ["---"] * width] + [[plain(cell) for cell in row] for row in rows]
    lines[0] = [plain(head) for head in heads]
    padded = ([*line, *[""] * (width - len(line))] for line in lines)
    return "\n".join("| " + " | ".join(line) + " |" for line in padded)


@dataclass(frozen=True)
class CardPoint:
    """An item of a card, such as ``- **Terms**: research only.``: as it stands, and its text."""

    item: str
    text: str


def facts_of(text: str) -> tuple[Mapping[str, CardPoint], str]:
    """What a run's own card says: its points by their names, and the rest, in its order."""
    points: dict[str, CardPoint] = {}
    rest: list[str] = []
    name = None
    for line in text[:LONGEST_TEXT].splitlines():
        begins = re.match(r"[-*] \*\*([^*]{1,80})\*\*[:.]?[ ]?(.*)", line)
        told = begins and begins[1].strip(" :.").casefold()
        if begins and told and told not in points:
            name = told
            points[name] = CardPoint(line, begins[2][:1].upper() + begins[2][1:])
        elif name is not None and line.startswith((" ", "\t")) and line.strip():
            before = points[name]
            points[name] = CardPoint(f"{before.item}\n{line}", f"{before.text}\n{line.strip()}")
        else:
            name = None
            rest.append(line)
    return points, "\n".join(rest).strip()


def _samples(facts: CardFacts) -> list[str]:
    if not facts.samples:
        return []
    return [f"![Faces that the run drew at random]({facts.samples})", f"*{facts.samples_show}*"]


def _attributes(names: Sequence[str]) -> list[str]:
    if not names:
        return []
    return [f"Attributes that its faces were labelled with: {', '.join(map(plain, names))}."]


def _use(facts: CardFacts) -> str:
    place = f"hf://{facts.repository or PLACEHOLDER}"
    said = [
        "```\npip install 'lik-vae[hub]'\n```",
        f'```python\nimport lik\n\nrun = lik.load("{place}")\n'
        "faces = run.sample(40, seed=7).pictures  # uint8 (40, S, S, 3)\n```",
        f"In a terminal: `lik generate {place}` draws faces, and `lik studio {place}` edits them "
        "and photographs in the browser.",
    ]
    if facts.onnx:
        names = " and ".join(f"`{name}`" for name in facts.onnx)
        said.append(
            f"Without PyTorch: {names}, for any runtime of ONNX. The encoder takes `images` "
            "(B, 3, S, S) in 0…1 and gives `means` and `log_variances` (B, D); the decoder takes "
            "`codes` (B, D) and gives `images`. `directions.json`, if it is there, holds the "
            "directions as plain numbers, of strength 1 each."
        )
    return "\n\n".join(said)
