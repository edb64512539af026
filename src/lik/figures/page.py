"""A page of figures with a sentence or two beside each: one folder that opens in any browser."""

import base64
import html
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from lik.core.artifacts import write_text

STYLE = """
:root { color-scheme: light; }
body { font: 17px/1.6 system-ui, "Segoe UI", "DejaVu Sans", sans-serif; color: #202124;
       background: #f6f5f2; margin: 0; }
main { max-width: 1080px; margin: 0 auto; padding: 40px 24px 80px; }
h1 { font-size: 34px; line-height: 1.2; margin: 0 0 12px; }
h2 { font-size: 22px; margin: 0 0 8px; }
section { background: #fff; border: 1px solid #e4e2dc; border-radius: 10px; padding: 24px 28px;
          margin-top: 28px; overflow-x: auto; }
img { display: block; max-width: 100%; height: auto; margin: 16px auto 0; }
p { margin: 0 0 8px; max-width: 75ch; }
code, pre { font: 14px/1.5 ui-monospace, "DejaVu Sans Mono", monospace; background: #f1efea;
            border-radius: 5px; }
code { padding: 1px 5px; overflow-wrap: anywhere; }
pre { padding: 10px 14px; overflow-x: auto; margin: 12px 0 0; }
table { border-collapse: collapse; margin-top: 12px; font-variant-numeric: tabular-nums; }
td, th { text-align: left; padding: 6px 24px 6px 0; border-bottom: 1px solid #eceae4; }
th { font-weight: 600; }
footer { color: #6e7178; font-size: 14px; margin-top: 32px; }
"""


@dataclass(frozen=True)
class Section:
    """One part of a page: a heading, plain sentences, a picture or a table, and its command.

    The first cell of each row of a table heads it; ``columns``, if any, stand above.
    """

    heading: str
    text: str
    picture: str | None = None
    alt: str = ""
    table: Sequence[Sequence[str]] = ()
    columns: Sequence[str] = ()
    command: str = ""


def write_page(
    path: Path, title: str, introduction: Sequence[str], sections: Sequence[Section], footer: str
) -> None:
    """Write an HTML page; pictures are named relative to it, or held in it as data URIs."""
    escape = html.escape
    parts = [
        "<!doctype html>",
        '<html lang="en"><head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>{escape(title)}</title><style>{STYLE}</style></head><body><main>",
        f"<h1>{escape(title)}</h1>",
        *(f"<p>{escape(paragraph)}</p>" for paragraph in introduction),
        *(_section(section) for section in sections),
        f"<footer>{escape(footer)}</footer></main></body></html>",
    ]
    write_text(path, "\n".join(parts) + "\n")


def data_uri(image: Image.Image, photographic: bool = False) -> str:
    """A picture as text, so that a page holds it: JPEG for photographs, else PNG."""
    buffer = io.BytesIO()
    if photographic:
        image.save(buffer, "JPEG", quality=88)
    else:
        image.save(buffer, "PNG", optimize=True)
    kind = "jpeg" if photographic else "png"
    return f"data:image/{kind};base64,{base64.b64encode(buffer.getvalue()).decode()}"


def _section(section: Section) -> str:
    escape = html.escape
    parts = [f"<section><h2>{escape(section.heading)}</h2>", f"<p>{escape(section.text)}</p>"]
    if section.table:
        cells = (
            [[f"<th>{escape(name)}</th>" for name in section.columns]] if section.columns else []
        )
        cells += [
            [f"<th>{escape(head)}</th>", *(f"<td>{escape(cell)}</td>" for cell in rest)]
            for head, *rest in section.table
        ]
        rows = "".join(f"<tr>{''.join(row)}</tr>" for row in cells)
        parts.append(f"<table>{rows}</table>")
    if section.picture:
        parts.append(f'<img src="{escape(section.picture)}" alt="{escape(section.alt)}">')
    if section.command:
        parts.append(f"<pre>{escape(section.command)}</pre>")
    return "\n".join([*parts, "</section>"])
