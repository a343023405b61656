"""Small tables as text and as HTML for notebooks."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape

Rows = Sequence[Sequence[str]]

_LINE = "var(--jp-border-color1, rgba(128, 128, 128, 0.55))"
_QUIET = "var(--jp-content-font-color2, inherit)"
_FRAME = (
    "color: var(--jp-content-font-color1, inherit); font-size: 13px; line-height: 1.5; "
    "max-width: 100%; overflow-x: auto; padding: 2px 2px 8px"
)
_TABLE = (
    "border-collapse: collapse; border: none; margin: 10px 0 0; font-size: 13px; "
    "font-variant-numeric: tabular-nums"
)
_CELL = "border: none; padding: 3px 20px 3px 0; white-space: nowrap; text-align: "
_NOTE = "margin: 10px 0 0; max-width: 72ch"


def number(value: float | None, digits: int = 5) -> str:
    """Write a number with a few significant digits; nothing for None.

    Parameters
    ----------
    value : float or None
    digits : int, default 5
        Significant digits, at least.
    """
    if value is None:
        return ""
    if not math.isfinite(value) or value == 0.0:
        return {"inf": "infinite", "-inf": "-infinite"}.get(str(value), f"{value:.0f}")
    size = math.floor(math.log10(abs(value)))
    if -4 <= size < 9:
        return f"{value:.{max(digits - 1 - size, 0)}f}"
    return f"{value:.{digits - 1}e}"


def probability(p: float) -> str:
    """Write a p-value: four decimals, or that it is smaller than they can show."""
    return "< 0.0001" if p < 0.00005 else f"{p:.4f}"


def text_table(head: Sequence[str], rows: Rows) -> str:
    """Write a table in columns: the first flush left, the others flush right.

    Parameters
    ----------
    head : sequence of str
        Column headings, the first often empty.
    rows : sequence of sequences of str
    """
    lines = [head, *rows]
    widths = [max(len(line[c]) for line in lines) for c in range(len(head))]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if c else cell.ljust(width)
            for c, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    )


def html_table(caption: str, head: Sequence[str], rows: Rows) -> str:
    """Write a table with header cells; every text is escaped.

    Parameters
    ----------
    caption : str
        What the table shows; empty for none.
    head : sequence of str
    rows : sequence of sequences of str
    """
    title = (
        f'<caption style="caption-side: top; text-align: left; font-weight: 600">'
        f"{escape(caption)}</caption>"
        if caption
        else ""
    )
    top = "".join(
        f'<th scope="col" style="{_CELL}{_side(c)}; color: {_QUIET}; font-weight: 400; '
        f'border-bottom: 1px solid {_LINE}">{escape(text)}</th>'
        for c, text in enumerate(head)
    )
    body = "".join(f'<tr style="background: transparent">{_html_row(row)}</tr>' for row in rows)
    return (
        f'<table style="{_TABLE}">{title}<thead><tr>{top}</tr></thead><tbody>{body}</tbody></table>'
    )


def _side(column: int) -> str:
    return "right" if column else "left"


def _html_row(row: Sequence[str]) -> str:
    first = f'<th scope="row" style="{_CELL}left; font-weight: 400">{escape(row[0])}</th>'
    return first + "".join(f'<td style="{_CELL}right">{escape(text)}</td>' for text in row[1:])


def html_frame(title: str, tables: Sequence[str], notes: Sequence[str] = ()) -> str:
    """Put a title, tables already in HTML and notes in words into one ``div``.

    Parameters
    ----------
    title : str
    tables : sequence of str
        As `html_table` writes them.
    notes : sequence of str
        Plain text, escaped here.
    """
    parts = [
        f'<div role="group" aria-label="{escape(title)}" style="{_FRAME}">',
        f'<p style="margin: 0; font-weight: 600; font-size: 14px">{escape(title)}</p>',
        *tables,
        *(f'<p style="{_NOTE}">{escape(note)}</p>' for note in notes),
        "</div>",
    ]
    return "\n".join(parts)
