"""Strips: a row a parameter, each on its own scale, with an interval by each of two methods."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from numpy.typing import NDArray

from mixedwidgets.plots.lettering import text_width
from mixedwidgets.plots.numbers import number, resolution, ticks
from mixedwidgets.plots.sheet import Sheet, stroke
from mixedwidgets.plots.style import SMALL

_NUMBERED = 27.0  # rows at least so high have room for the numbers of their scale
_DIGITS = 9  # at most so many are printed of a number

Span: TypeAlias = tuple[float, float]


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


def beyond(row: Row) -> list[Span]:
    """Return the parts of a strip, from 0 to 1, that the parameter cannot reach."""
    parts = []
    if row.allowed[0] > row.limits[0]:
        parts.append((0.0, row.at(row.allowed[0])))
    if row.allowed[1] < row.limits[1]:
        parts.append((row.at(row.allowed[1]), 1.0))
    return parts


def band_of(row_height: float) -> Span:
    """Return where in a row the two bars begin and the height they share."""
    numbers = 13.0 if row_height >= _NUMBERED else 0.0
    band = min(row_height - numbers, max(22.0, 0.42 * row_height))
    return (row_height - numbers - band) / 2, band


def draw_strips(
    sheet: Sheet, strip: Span, rows: list[Row], places: list[float], row_height: float
) -> None:
    """Draw all strips in one panel: across from 0 to 1, down in sheet positions.

    Parameters
    ----------
    sheet : Sheet
        Where to draw.
    strip : tuple of two float
        Left and right end of the strips on the sheet.
    rows : list of Row
        What to draw.
    places : list of float
        The top of each row on the sheet.
    row_height : float
        The height of every row.
    """
    if not rows:
        return
    theme, bottom = sheet.theme, places[-1] + row_height
    axes = sheet.panel((strip[0], places[0], strip[1], bottom), (0.0, 1.0), (bottom, places[0]))
    axes.patch.set_visible(False)
    numbered = row_height >= _NUMBERED
    start, band = band_of(row_height)
    starts = [y + start for y in places]
    floor = [y + band for y in starts]
    boxes = [
        (x0, y, x1, y + band) for row, y in zip(rows, starts, strict=True) for x0, x1 in beyond(row)
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


def _scale(row: Row, length: float) -> tuple[NDArray[np.float64], tuple[str, ...]]:
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


def step_of(estimate: float, wald: Span, profile: Span) -> float:
    """Return a resolution that shows the shorter interval to a hundredth of its length."""
    spans = [s for s in (wald, profile) if math.isfinite(s[0] + s[1]) and s[1] > s[0]]
    if not spans:
        return resolution(estimate, *wald, *profile)
    return min(s[1] - s[0] for s in spans) / 100


def limits_of(values: tuple[float, ...], allowed: Span) -> Span:
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
