"""Tables in the documents: what stands between two marks is written by a command, not by hand.

<!-- begin NAME --> and <!-- end NAME --> are the marks.
"""

from collections.abc import Sequence
from pathlib import Path

from lik.core.artifacts import write_text
from lik.core.errors import UnusableInput

DOCS = Path(__file__).resolve().parents[1] / "docs"


def write_between(document: Path, name: str, text: str) -> None:
    """Put ``text`` between the marks ``name`` of a document, in place of what stood there.

    Raises:
        UnusableInput: the document is missing, or has no such marks.
    """
    if not document.is_file():
        raise UnusableInput(f"{document} is missing: the study writes its tables into it.")
    content = document.read_text(encoding="utf-8")
    begin, end = f"<!-- begin {name} -->", f"<!-- end {name} -->"
    before, found, rest = content.partition(begin)
    _, found_end, after = rest.partition(end)
    if not (found and found_end):
        raise UnusableInput(f"{document} has no place for '{name}' (marks {begin} and {end}).")
    write_text(document, f"{before}{begin}\n{text.strip()}\n{end}{after}")


def markdown_table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table in Markdown; columns after the first are aligned to the right."""
    rule = ["---", *["--:"] * (len(headings) - 1)]
    return "\n".join(f"| {' | '.join(line)} |" for line in [headings, rule, *rows])
