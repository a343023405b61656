"""Wald and profile confidence intervals of every parameter, one strip with its own scale a row."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from matplotlib.figure import Figure

from mixedwidgets.lmm.tables import IntervalTable
from mixedwidgets.plots.lettering import text_width, wrap
from mixedwidgets.plots.sheet import MARGIN, Mark, Sheet
from mixedwidgets.plots.strips import Row, Span, band_of, beyond, draw_strips, limits_of, step_of
from mixedwidgets.plots.style import NORMAL, SMALL, Theme

MOST_ROWS = 12
HEADINGS = {"random": "Random effects", "residual": "Residual", "fixed": "Fixed effects"}
_TOP, _NOTE, _HEADING, _TIGHTEST, _TALLEST = 54.0, 15.0, 22.0, 22.0, 72.0
_WRAPPED = 30.0  # and rows so high for a label of two lines
_LEAST_ROOM = 110.0  # for labels and strips; the estimates are left out before there is less
_MARKERS = "¹²³⁴⁵⁶⁷⁸⁹"


@dataclass(frozen=True)
class Columns:
    """Width of the labels, ends of the strip, right ends of the numbers on a sheet."""

    labels: float
    strip: Span
    estimate: float | None
    wald: float
    profile: float


def height(table: IntervalTable) -> float:
    """Return a comfortable height for the picture of this table, in inches."""
    shown = table.groups[:MOST_ROWS]
    rows = 36.0 * len(shown) + _HEADING * len(set(shown))
    return (_TOP + rows + _NOTE * len(_footnotes(table)) + MARGIN) / 100


def draw(
    figure: Figure, table: IntervalTable, *, theme: str | Theme = "light", animated: bool = True
) -> None:
    """Draw both intervals of every parameter into an empty figure.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        Empty; at least 6 inches wide. See :func:`height`.
    table : IntervalTable
        What to draw; of more than 12 parameters the first 12.
    theme : str or Theme
        ``"light"``, ``"dark"`` or a theme of one's own.
    animated : bool
        Taken for the sake of the other pictures; nothing here moves under a hand.
    """
    sheet = Sheet(figure, theme)
    level = f"{100 * table.level:g}%"
    sheet.title(f"{level} confidence intervals, {table.criterion}", "every row on its own scale")
    sheet.key(_marks(sheet.theme, table))
    rows = list(_rows(table))
    notes = _footnotes(table)
    columns = _columns(sheet, rows)
    y, places, row_height = _TOP, [], _row_height(sheet, table, len(notes))
    for i, row in enumerate(rows):
        if i == 0 or table.groups[i] != table.groups[i - 1]:
            heading = HEADINGS.get(table.groups[i], table.groups[i])
            sheet.write(MARGIN, y + 13, heading, size=NORMAL, bold=True)
            if i == 0:
                _head(sheet, columns, y + 13)
            y += _HEADING
        places.append(y)
        _write_row(sheet, columns, row, y, row_height)
        y += row_height
    draw_strips(sheet, columns.strip, rows, places, row_height)
    for i, note in enumerate(notes):
        x, width = MARGIN, sheet.width - 2 * MARGIN
        sheet.write(x, y + 10 + _NOTE * i, note, color=sheet.theme.muted, width=width)


def describe(table: IntervalTable) -> str:
    """Say in numbers what the picture shows.

    Parameters
    ----------
    table : IntervalTable
        The table that is drawn.

    Returns
    -------
    str
        One sentence for each parameter shown, after one that names level and criterion.
    """
    rows = list(_rows(table))
    parts = [
        f"{row.label}: estimate {row.value}, Wald {row.words(row.wald)}, "
        f"profile {row.words(row.profile)}" + (f" ({table.notes[i]})" if table.notes[i] else "")
        for i, row in enumerate(rows)
    ]
    rest = "".join(f" {words}." for words in _more(table))
    return (
        f"{100 * table.level:g}% confidence intervals ({table.criterion}), Wald and profile. "
        f"{'; '.join(parts)}.{rest}"
    )


def _rows(table: IntervalTable) -> Iterator[Row]:
    markers = {note: _MARKERS[i] for i, note in enumerate(_notes(table)) if i < len(_MARKERS)}
    for i, label in enumerate(table.labels[:MOST_ROWS]):
        wald = (float(table.wald_lower[i]), float(table.wald_upper[i]))
        profile = (float(table.profile_lower[i]), float(table.profile_upper[i]))
        allowed = (float(table.allowed_lower[i]), float(table.allowed_upper[i]))
        estimate = float(table.estimate[i])
        yield Row(
            label=label or table.names[i],
            estimate=estimate,
            wald=wald,
            profile=profile,
            allowed=allowed,
            limits=limits_of((estimate, *wald, *profile), allowed),
            marker=markers.get(table.notes[i], ""),
            step=step_of(estimate, wald, profile),
        )


def _notes(table: IntervalTable) -> list[str]:
    return list(dict.fromkeys(note for note in table.notes[:MOST_ROWS] if note))


def _footnotes(table: IntervalTable) -> list[str]:
    notes = [f"{_MARKERS[i]} {note}" for i, note in enumerate(_notes(table)[: len(_MARKERS)])]
    return [*notes, *_more(table)]


def _more(table: IntervalTable) -> list[str]:
    more = len(table.names) - MOST_ROWS
    if more <= 0:
        return []
    return [f"{more} more parameter{'s are' if more > 1 else ' is'} in the table"]


def _row_height(sheet: Sheet, table: IntervalTable, notes: int) -> float:
    groups = table.groups[:MOST_ROWS]
    headings = 1 + sum(a != b for a, b in pairwise(groups))
    free = sheet.height - _TOP - MARGIN - _HEADING * headings - _NOTE * notes
    return float(np.clip(free / max(len(groups), 1), _TIGHTEST, _TALLEST))


def _columns(sheet: Sheet, rows: list[Row]) -> Columns:
    words = [(row.value, row.words(row.wald), row.words(row.profile)) for row in rows]
    widths = [
        max(text_width(text, SMALL) for text in column)
        for column in zip(("estimate", "Wald", "profile"), *words, strict=True)
    ]
    end = sheet.width - MARGIN - 8  # where a note's marker has room
    ends = (end, end - widths[2] - 15, end - widths[2] - widths[1] - 30)
    room = ends[2] - MARGIN
    estimate = None
    if room - widths[0] - 15 > _LEAST_ROOM:
        estimate, room = ends[2], room - widths[0] - 15
    wanted = max((text_width(row.label, NORMAL) for row in rows), default=0.0)
    labels = max(min(wanted, max(0.5 * room, room - 330)), 30.0)
    strip = (MARGIN + labels + 14, MARGIN + max(room, labels + 44))
    return Columns(labels, strip, estimate, ends[1], ends[0])


def _marks(theme: Theme, table: IntervalTable) -> list[Mark]:
    marks = [
        Mark("estimate", marker={"marker": "o", "markersize": 6, "color": theme.ink}),
        Mark("Wald", line={"color": theme.wald, "linewidth": 1.6}),
        Mark("profile likelihood", line={"color": theme.likelihood, "linewidth": 4.0}),
    ]
    if any(beyond(row) for row in _rows(table)):
        marks.append(Mark("impossible", hatched=True))
    return marks


def _head(sheet: Sheet, columns: Columns, y: float) -> None:
    for x, text in (
        (columns.estimate, "estimate"),
        (columns.wald, "Wald"),
        (columns.profile, "profile"),
    ):
        if x is not None:
            sheet.write(x, y, text, align="right", color=sheet.theme.muted)


def _write_row(sheet: Sheet, columns: Columns, row: Row, top: float, row_height: float) -> None:
    start, band = band_of(row_height)
    y = top + start + band / 2
    lines = wrap(row.label, columns.labels, NORMAL) if row_height >= _WRAPPED else [row.label]
    first = y if len(lines) == 1 else top + row_height / 2 - 7
    for i, line in enumerate(lines):
        sheet.write(MARGIN, first + 14 * i, line, size=NORMAL, width=columns.labels)
    if columns.estimate is not None:
        sheet.write(columns.estimate, y, row.value, align="right")
    sheet.write(columns.wald, y, row.words(row.wald), align="right")
    sheet.write(columns.profile, y, row.words(row.profile), align="right")
    if row.marker:
        sheet.write(columns.profile + 1, y, row.marker)
