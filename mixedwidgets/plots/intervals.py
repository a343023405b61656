"""Wald and profile confidence intervals of every parameter, one strip with its own scale a row."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure

from mixedwidgets.lmm.tables import IntervalTable
from mixedwidgets.plots.lettering import text_width, wrap
from mixedwidgets.plots.numbers import number, resolution, ticks
from mixedwidgets.plots.sheet import MARGIN, Mark, Sheet, stroke
from mixedwidgets.plots.style import NORMAL, SMALL, Theme

MOST_ROWS = 12
HEADINGS = {"random": "Random effects", "residual": "Residual", "fixed": "Fixed effects"}
_TOP, _NOTE, _HEADING, _TIGHTEST, _TALLEST = 54.0, 15.0, 22.0, 22.0, 46.0
_NUMBERED = 27.0  # rows at least so high have room for the numbers of their scale
_WRAPPED = 30.0  # and rows so high for a label of two lines
_LEAST_ROOM = 110.0  # for labels and strips; the estimates are left out before there is less
_DIGITS = 9  # at most so many are printed of a number
_MARKERS = "¹²³⁴⁵⁶⁷⁸⁹"

Span = tuple[float, float]


@dataclass(frozen=True)
class Row:
    """One parameter: what its strip shows and which values the strip spans."""

    label: str
    estimate: float
    wald: Span
    profile: Span
    allowed: Span
    limits: Span
    marker: str
    step: float

    @property
    def value(self) -> str:
        """The estimate as it is printed."""
        return number(self.estimate, self.step, most=_DIGITS)

    def at(self, value: float) -> float:
        """Return where a value stands on the strip, 0 to 1; infinities at its ends."""
        return float(np.clip((value - self.limits[0]) / (self.limits[1] - self.limits[0]), 0, 1))

    def words(self, span: Span) -> str:
        """Return an interval as it is printed."""
        if math.isnan(span[0]) and math.isnan(span[1]):
            return "–"
        lower, upper = (number(limit, self.step, most=_DIGITS) for limit in span)
        return f"{lower} to {upper}"


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
    _draw_strips(sheet, columns.strip, rows, places, row_height)
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
    more = len(table.names) - len(rows)
    rest = f" {more} more parameters are in the table." if more > 0 else ""
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
            limits=_limits((estimate, *wald, *profile), allowed),
            marker=markers.get(table.notes[i], ""),
            step=_step(estimate, wald, profile),
        )


def _step(estimate: float, wald: Span, profile: Span) -> float:
    """Return a resolution that shows the shorter interval to a hundredth of its length."""
    spans = [s for s in (wald, profile) if math.isfinite(s[0] + s[1]) and s[1] > s[0]]
    if not spans:
        return resolution(estimate, *wald, *profile)
    return min(s[1] - s[0] for s in spans) / 100


def _limits(values: tuple[float, ...], allowed: Span) -> Span:
    """Return what a strip spans: all that is finite, and a boundary that is near."""
    finite = [v for v in values if math.isfinite(v)]
    if not finite:
        return 0.0, 1.0
    lower, upper = min(finite), max(finite)
    if upper - lower <= 1e-12 * max(abs(lower), abs(upper)):
        half = abs(upper) / 2 or 1.0
        lower, upper = lower - half, upper + half
        lower = max(lower, allowed[0]) if math.isfinite(allowed[0]) else lower
    width = upper - lower
    for bound in allowed:
        if math.isfinite(bound) and lower - 0.2 * width < bound < upper + 0.2 * width:
            lower, upper = min(lower, bound), max(upper, bound)
    pad = 0.07 * (upper - lower)
    return lower - pad, upper + pad


def _notes(table: IntervalTable) -> list[str]:
    return list(dict.fromkeys(note for note in table.notes[:MOST_ROWS] if note))


def _footnotes(table: IntervalTable) -> list[str]:
    notes = [f"{_MARKERS[i]} {note}" for i, note in enumerate(_notes(table)[: len(_MARKERS)])]
    more = len(table.names) - MOST_ROWS
    return [*notes, f"{more} more parameters are in the table"] if more > 0 else notes


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
    if any(_beyond(row) for row in _rows(table)):
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
    start, band = _band(row_height)
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


def _beyond(row: Row) -> list[Span]:
    """Return the parts of a strip, from 0 to 1, that the parameter cannot reach."""
    parts = []
    if row.allowed[0] > row.limits[0]:
        parts.append((0.0, row.at(row.allowed[0])))
    if row.allowed[1] < row.limits[1]:
        parts.append((row.at(row.allowed[1]), 1.0))
    return parts


def _band(row_height: float) -> Span:
    """Return where in a row the two bars begin and the height they share."""
    numbers = 13.0 if row_height >= _NUMBERED else 0.0
    band = min(row_height - numbers, 22.0)
    return (row_height - numbers - band) / 2, band


def _draw_strips(
    sheet: Sheet, strip: Span, rows: list[Row], places: list[float], row_height: float
) -> None:
    """Draw all strips in one panel: across from 0 to 1, down in sheet positions."""
    if not rows:
        return
    theme, bottom = sheet.theme, places[-1] + row_height
    axes = sheet.panel((strip[0], places[0], strip[1], bottom), (0.0, 1.0), (bottom, places[0]))
    axes.patch.set_visible(False)
    numbered = row_height >= _NUMBERED
    start, band = _band(row_height)
    starts = [y + start for y in places]
    floor = [y + band for y in starts]
    boxes = [
        (x0, y, x1, y + band)
        for row, y in zip(rows, starts, strict=True)
        for x0, x1 in _beyond(row)
    ]
    sheet.impossible(axes, boxes)
    _draw_scales(sheet, axes, rows, floor, band, numbered)
    wald_y, profile_y = [y + 0.3 * band for y in starts], [y + 0.7 * band for y in starts]
    _draw_bars(axes, rows, "wald", wald_y, theme.wald, 1.6, cap=0.17 * band)
    _draw_bars(axes, rows, "profile", profile_y, theme.likelihood, 4.0, cap=0.0)
    dots = [(row.at(row.estimate), y + 0.5 * band) for row, y in zip(rows, starts, strict=True)]
    known = [dot for dot in dots if math.isfinite(dot[0])]
    if known:
        stroke(
            axes,
            *np.transpose(known),
            marker="o",
            linestyle="none",
            color=theme.ink,
            markersize=6.5,
            markeredgecolor=theme.paper,
            zorder=5,
            gid="estimates",
            clip_on=False,
        )


def _draw_scales(
    sheet: Sheet, axes: Axes, rows: list[Row], floor: list[float], band: float, numbered: bool
) -> None:
    """Draw the base line of each strip, its ticks, a line at zero and at each boundary."""
    left, _, right, _ = sheet.box(axes)
    base, grid, edges = [], [], []
    for row, y in zip(rows, floor, strict=True):
        base.append([(0.0, y), (1.0, y)])
        values, texts = _scale(row, right - left)
        for value, text in zip(values, texts, strict=True):
            x = row.at(float(value))
            grid.append([(x, y), (x, y - band)])
            if numbered:
                spot = left + x * (right - left)
                sheet.write(spot, y + 8, text, align="center", color=sheet.theme.muted)
        for edge in (*row.allowed, *((0.0,) if row.allowed == (-math.inf, math.inf) else ())):
            if row.limits[0] < edge < row.limits[1]:
                edges.append([(row.at(edge), y), (row.at(edge), y - band)])
    faint, muted = sheet.theme.faint, sheet.theme.muted
    axes.add_collection(
        LineCollection(grid, colors=faint, linewidths=0.8, zorder=0.5), autolim=False
    )
    axes.add_collection(
        LineCollection(base, colors=faint, linewidths=1.0, zorder=0.6), autolim=False
    )
    axes.add_collection(
        LineCollection(edges, colors=muted, linewidths=0.9, zorder=2.5, gid="edges"), autolim=False
    )


def _scale(row: Row, length: float) -> tuple[np.ndarray, tuple[str, ...]]:
    """Return the ticks of a strip that have room and are possible values."""
    lower, upper = row.limits
    least = 48.0
    while True:
        values, texts = ticks(lower, upper, least / length * (upper - lower))
        widest = max((text_width(text, SMALL) for text in texts), default=0.0)
        step = float(values[1] - values[0]) / (upper - lower) * length if len(values) > 1 else 1e9
        if widest + 12 <= step:
            break
        least *= 1.5
    slack = 1e-9 * (upper - lower)
    possible = [row.allowed[0] - slack <= v <= row.allowed[1] + slack for v in values]
    return values[possible], tuple(t for t, keep in zip(texts, possible, strict=True) if keep)


def _draw_bars(
    axes: Axes,
    rows: list[Row],
    method: str,
    places: list[float],
    color: str,
    thickness: float,
    cap: float,
) -> None:
    """Draw the intervals of one method: caps at limits, an arrow head at an infinite one."""
    bars, caps, arrows = [], [], []
    for row, y in zip(rows, places, strict=True):
        lower, upper = getattr(row, method)
        if math.isnan(lower + upper) and not math.isinf(lower):
            continue
        x0, x1 = row.at(lower), row.at(upper)
        bars.append([(x0, y), (x1, y)])
        for limit, x, sign in ((lower, x0, -1), (upper, x1, 1)):
            if math.isinf(limit):
                arrows.append((x, y, sign))
            elif cap:
                caps.append([(x, y - cap), (x, y + cap)])
    lines = LineCollection(
        bars + caps, colors=color, linewidths=thickness, zorder=3.0, gid=method, capstyle="butt"
    )
    axes.add_collection(lines, autolim=False)
    for sign, marker in ((-1, "<"), (1, ">")):
        heads = [(x, y) for x, y, way in arrows if way == sign]
        if heads:
            stroke(
                axes,
                *np.transpose(heads),
                marker=marker,
                linestyle="none",
                color=color,
                markersize=7,
                clip_on=False,
                zorder=3.1,
                gid=f"{method}-unbounded",
            )
