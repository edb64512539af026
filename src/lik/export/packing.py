"""Scripts and style sheets without comments and room: a quarter of what would be sent.

For the page's own files, whose statements all end with a semicolon or a brace; names stay.
"""

import re

_ROOM = re.compile(r"(?:\s|//[^\n]*|/\*[\s\S]*?\*/)+")
_TEXT = re.compile(r"""("|')(?:\\.|(?!\1)[^\\])*\1""")
_PATTERN = re.compile(r"/(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\[\n])+/\w*")
_BEFORE_PATTERN = frozenset([*"=(,:!&|?;{}[>+-*%<~^", "return", "typeof", "case", "in", "of"])
"""A slash behind one of these begins a regular expression; behind any other it divides."""
_TEMPLATE = re.compile(r"[`}](?:\\.|\$(?!\{)|[^\\`$])*(?:`|\$\{)", re.DOTALL)
"""The text of a template, from its beginning or the end of a value to the next value or its end."""
_WORD, _SIGN = re.compile(r"[\w$]+"), re.compile(r".", re.DOTALL)
_INDENT = re.compile(r"\n\s*")
_SHEET = re.compile(
    r"""(?P<text>"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|url\([^)]*\))|/\*[\s\S]*?\*/"""
    r"""|\s*(?P<sign>[{};])\s*|(?<=[:,])\s+"""
)


def packed_script(code: str) -> str:
    """A JavaScript module; texts, the lines of templates, and what must stand apart are kept."""
    out: list[str] = []
    values: list[int] = []  # of each template around, how many braces are open in its value
    at = 0
    while at < len(code):
        last = out[-1] if out else ""
        if found := _ROOM.match(code, at):
            after = code[found.end() : found.end() + 1]
            out += _apart(last[-1:], after, "\n" in found[0])
        elif code[at] == "`" or (code[at] == "}" and values and not values[-1]):
            found = _TEMPLATE.match(code, at)
            assert found, "a template that does not end"
            out.append(_INDENT.sub("\n", found[0]))
            begins, ends = code[at] == "`", found[0][-1] == "`"
            if begins and not ends:
                values.append(0)
            elif ends and not begins:
                values.pop()
        else:
            pattern = _PATTERN.match(code, at) if last in _BEFORE_PATTERN else None
            found = (
                pattern or _TEXT.match(code, at) or _WORD.match(code, at) or _SIGN.match(code, at)
            )
            assert found
            out.append(found[0])
            if values and found[0] in "{}":
                values[-1] += 1 if found[0] == "{" else -1
        at = found.end()
    return "".join(out)


def packed_style(sheet: str) -> str:
    """A style sheet without comments, and without room around its signs."""
    return _SHEET.sub(lambda found: found["text"] or found["sign"] or "", sheet).strip()


def _apart(before: str, after: str, lines: bool) -> list[str]:
    """What must stay of the room between two signs."""
    if not before or not after:
        return []
    words = _WORD.match(before) and _WORD.match(after)
    if not words and not (before == after and before in "+-") and not (lines and before == "}"):
        return []
    return ["\n" if lines else " "]
