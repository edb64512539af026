"""Tables for people: lines of text in a terminal, HTML in a notebook."""

import html
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Table:
    """Rows of cells, of which the first heads its row.

    Attributes:
        columns: what stands above them, if anything; the cells under it are aligned to the right.
        before, after: lines above and below the table.
    """

    rows: Sequence[Sequence[str]]
    columns: Sequence[str] = ()
    before: Sequence[str] = ()
    after: Sequence[str] = ()

    def lines(self, dash: str = "─") -> list[str]:
        """The rows as lines of text, ``dash`` below the columns."""
        lines = [list(row) for row in ([self.columns] if self.columns else []) + list(self.rows)]
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        shown = []
        for line in lines:
            first, *rest = (
                cell.rjust(width) if self.columns and number else cell.ljust(width)
                for number, (cell, width) in enumerate(zip(line, widths, strict=True))
            )
            shown.append("  ".join([first, *rest]).rstrip())
        if self.columns:
            shown.insert(1, "  ".join(dash * width for width in widths))
        return shown

    def html(self) -> str:
        """The rows as a table element, escaped."""
        side = "right" if self.columns else "left"
        heads = "".join(f"<th>{html.escape(name)}</th>" for name in self.columns)
        rows = [f"<tr>{heads}</tr>"] if heads else []
        for first, *rest in self.rows:
            cells = (f'<td style="text-align: {side}">{html.escape(cell)}</td>' for cell in rest)
            head = f'<th style="text-align: left">{html.escape(first)}</th>'
            rows.append(f"<tr>{head}{''.join(cells)}</tr>")
        return f"<table>{''.join(rows)}</table>"


class ShownAsTable:
    """Shows itself as tables: in a notebook, and where it is printed."""

    def tables(self) -> Sequence[Table]:
        """What is known of it."""
        raise NotImplementedError

    def __repr__(self) -> str:
        return "\n\n".join(
            "\n".join([*table.before, *table.lines(), *table.after]) for table in self.tables()
        )

    def _repr_html_(self) -> str:
        parts = []
        for table in self.tables():
            before, after = (
                [f"<p>{html.escape(line)}</p>" for line in lines]
                for lines in (table.before, table.after)
            )
            parts += [*before, table.html(), *after]
        return "\n".join(parts)
