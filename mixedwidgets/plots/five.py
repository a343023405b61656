"""The intervals of one parameter by every method on one axis, and how the selected one is built."""

from __future__ import annotations

import math

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mixedwidgets.lmm.interval_tables import BuiltInterval, FiveIntervals
from mixedwidgets.plots.construction import (
    Span,
    caption,
    color_of,
    depth,
    draw_construction,
    drop_lines,
    height_label,
    tallest,
)
from mixedwidgets.plots.lettering import text_width
from mixedwidgets.plots.numbers import number, significant, ticks
from mixedwidgets.plots.sheet import MARGIN, Sheet, stroke
from mixedwidgets.plots.style import NORMAL, SMALL, Theme

PREFIX = "method-"
_TOP, _GAP, _SHARE = 82.0, 12.0, 0.44  # upper panel: where it begins, what is below, its share
_SHOWN = 7.0  # the curve is shown to this drop at least
_STRETCH = 0.75  # of the curve's width that limits may stretch the axis by, on each side
_DIGITS = 5  # at most so many are printed of a limit
_WAITING, _NONE = "computing …", "none"


def draw(
    figure: Figure,
    table: FiveIntervals,
    *,
    theme: str | Theme = "light",
    animated: bool = True,
    selected: str = "profile",
) -> None:
    """Draw the construction of one interval and, below it, all intervals on the same axis.

    The bars are moving artists named ``method-`` and the key of the method, so that a click finds
    them; see :func:`hit`.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        Empty; made for 5.6 to 9 by 4.2 inches.
    table : FiveIntervals
        What to draw.
    theme : str or Theme
        ``"light"``, ``"dark"`` or a theme of one's own.
    animated : bool
        Whether the bars are left to the browser; False draws them too.
    selected : str
        Key of the method whose construction is shown; the profile where there is no such method.
    """
    sheet, method = Sheet(figure, theme), _selected(table, selected)
    sheet.title(f"{100 * table.level:g}% intervals, {table.criterion}", table.label)
    rows = [_words(table, m) for m in table.methods]
    left = MARGIN + max(text_width(m.label, NORMAL, bold=True) for m in table.methods) + 12
    right = sheet.width - MARGIN - max(text_width(words, SMALL) for words in rows) - 12
    bottom = sheet.height - 46
    split = _TOP + _SHARE * (bottom - _TOP)
    xlim, count = view(table), len(table.methods)
    ylim = _heights(table, method, xlim)
    _write_caption(sheet, table, method, xlim)
    upper = sheet.panel((left, _TOP, right, split), xlim, ylim)
    lower = sheet.panel((left, split + _GAP, right, bottom), xlim, (count - 0.5, -0.5))
    for axes in (upper, lower):
        _draw_beyond(sheet, axes, table)
    _scale(sheet, lower, table)
    sheet.scale(upper, "y", every=30)
    height_label(sheet, upper, method)
    draw_construction(sheet, upper, table, method)
    _draw_rows(sheet, lower, table, method, rows, animated)


def describe(table: FiveIntervals) -> str:
    """Say in numbers what the picture shows.

    Parameters
    ----------
    table : FiveIntervals
        The table that is drawn.

    Returns
    -------
    str
        A sentence with the parameter, its estimate, level and criterion, and one with the
        interval of each method.
    """
    step = _step(table)
    parts = []
    for method in table.methods:
        words = _words(table, method).replace("√−", "the root of −")
        note = f" ({method.note})" if method.note else ""
        parts.append(f"{method.label} {words}{note}")
    estimate = number(float(table.place(table.estimate)), step)
    return (
        f"{100 * table.level:g}% intervals of one parameter by several methods on one axis, "
        f"{table.criterion}: {table.label}, estimate {estimate}. {'; '.join(parts)}."
    )


def hit(
    table: FiveIntervals, gid: str | None, index: int | None = None, y: float | None = None
) -> str | None:
    """Return the key of the method that a pointer event means.

    Parameters
    ----------
    table : FiveIntervals
        The table that is drawn.
    gid : str or None
        Of the artist hit.
    index : int, optional
        Number of the line within it; every artist belongs to one method.
    y : float, optional
        Where no artist was hit: the event's height in the data coordinates of the lower panel,
        ``figure.axes[1]``; anywhere in a row means its method.

    Returns
    -------
    str or None
        None for anything else.
    """
    keys = [method.key for method in table.methods]
    if gid is not None and gid.startswith(PREFIX):
        key = gid.removeprefix(PREFIX)
        return key if key in keys else None
    if y is not None and -0.5 <= y < len(keys) - 0.5:
        return keys[round(y)]
    return None


def view(table: FiveIntervals) -> Span:
    """Return the limits of the axis: the likelihood curve, and all limits that are not too far.

    Parameters
    ----------
    table : FiveIntervals
        The table that is drawn.
    """
    ends = [v for m in table.methods for v in table.limits(m.key) if math.isfinite(v)]
    low, high = _core(table, ends)
    room = _STRETCH * (high - low)
    lower = max(min([low, *ends]), low - room)
    upper = min(max([high, *ends]), high + room)
    pad = 0.04 * (upper - lower)
    allowed = [float(v) for v in table.place(np.array(table.allowed))]
    if lower < allowed[0] + 2 * pad:
        lower = min(lower, allowed[0] - pad)
    if upper > allowed[1] - 2 * pad:
        upper = max(upper, allowed[1] + pad)
    return lower - pad, upper + pad


def _core(table: FiveIntervals, ends: list[float]) -> Span:
    """Where the likelihood curve is not far down; where there is none yet, between the limits."""
    x = table.place(table.x)
    near = x[table.drop <= max(_SHOWN, 1.2 * table.by("profile").cut)]
    for known in (near, x, np.array(ends)):
        if len(known) and np.ptp(known) > 0:
            return float(known.min()), float(known.max())
    centre = 0.0 if math.isnan(table.estimate) else float(table.place(table.estimate))
    half = abs(centre) or 1.0
    return centre - half, centre + half


def _selected(table: FiveIntervals, key: str) -> BuiltInterval:
    keys = [method.key for method in table.methods]
    return table.by(key if key in keys else "profile")


def _write_caption(sheet: Sheet, table: FiveIntervals, method: BuiltInterval, xlim: Span) -> None:
    room = sheet.width - 2 * MARGIN
    sheet.write(MARGIN, 38, caption(table, method, xlim), size=NORMAL, width=room)
    if method.note:
        sheet.write(MARGIN, 54, method.note, color=sheet.theme.muted, width=room)


def _heights(table: FiveIntervals, method: BuiltInterval, xlim: Span) -> Span:
    if method.key == "bootstrap":
        return 0.0, tallest(table, xlim)
    deep = depth(table, method)
    return -deep, 0.12 * deep


def _step(table: FiveIntervals) -> float:
    """Return a resolution that shows the shortest interval to a hundredth of its length."""
    spans = [table.limits(m.key) for m in table.methods]
    lengths = [b - a for a, b in spans if math.isfinite(b - a) and b > a]
    return min(lengths, default=abs(table.estimate) or 1.0) / 100


def _words(table: FiveIntervals, method: BuiltInterval) -> str:
    """Return an interval as it is printed: an impossible limit as what it would have to be."""
    if method.state != "found":
        return _WAITING if method.state == "waiting" else _NONE
    step = _step(table)
    lower, upper = (_number(v, step) for v in table.limits(method.key))
    if table.spread and method.lower < 0.0:
        if method.key == "wald-variance" and table.scale == "sd":
            lower = f"√{_number(table.limits(method.key, 'variance')[0], step)}"
        elif method.key == "wald" and table.scale == "variance":
            lower = f"({_number(method.lower, _step(table.on('sd')))})²"
    return f"{lower} to {upper}"


def _number(value: float, step: float) -> str:
    """Return a limit as it is printed; one that is not zero never as zero."""
    hidden = 0.0 < abs(value) < step / 2
    return significant(value, 1) if hidden else number(value, step, most=_DIGITS)


def _draw_beyond(sheet: Sheet, axes: Axes, table: FiveIntervals) -> None:
    """Hatch what is impossible; in the lower panel say so where there is room."""
    (x0, x1), (y0, y1) = axes.get_xlim(), axes.get_ylim()
    low, high = (float(v) for v in table.place(np.array(table.allowed)))
    parts = [(x0, low)] if low > x0 else []
    parts += [(high, x1)] if high < x1 else []
    sheet.impossible(axes, [(a, min(y0, y1), b, max(y0, y1)) for a, b in parts])
    left, top, right, bottom = sheet.box(axes)
    y = bottom - (bottom - top) / len(table.methods)  # where the last two never reach
    for a, b in parts if y0 > y1 else []:
        room = (b - a) / (x1 - x0) * (right - left)
        if room > text_width("impossible", SMALL) + 8:
            middle = left + ((a + b) / 2 - x0) / (x1 - x0) * (right - left)
            muted, paper = sheet.theme.muted, sheet.theme.paper
            sheet.write(middle, y, "impossible", align="center", color=muted, halo=paper)


def _scale(sheet: Sheet, axes: Axes, table: FiveIntervals) -> None:
    """Draw the axis below: numbers only where a value is possible."""
    left, _, right, bottom = sheet.box(axes)
    x0, x1 = axes.get_xlim()
    unit, least = (x1 - x0) / (right - left), 50.0
    while True:
        values, texts = ticks(x0, x1, least * unit)
        widest = max((text_width(text, SMALL) for text in texts), default=0.0)
        if len(values) < 3 or widest + 10 <= (values[1] - values[0]) / unit:
            break
        least *= 1.5
    low, high = table.place(np.array(table.allowed))
    slack = 1e-9 * (x1 - x0)
    for value, text in zip(values, texts, strict=True):
        if low - slack <= value <= high + slack:
            x = left + (value - x0) / unit
            line = {"color": sheet.theme.faint, "linewidth": 0.7, "zorder": 0.5}
            stroke(axes, [value, value], axes.get_ylim(), **line)
            sheet.write(x, bottom + 12, text, color=sheet.theme.muted, align="center")
    room = right - left + 2 * min(left, sheet.width - right) - 2 * MARGIN
    middle = (left + right) / 2
    sheet.write(middle, bottom + 31, table.label, size=NORMAL, align="center", width=room)


def _draw_rows(
    sheet: Sheet,
    axes: Axes,
    table: FiveIntervals,
    selected: BuiltInterval,
    rows: list[str],
    animated: bool,
) -> None:
    theme, xlim = sheet.theme, axes.get_xlim()
    left, top, right, bottom = sheet.box(axes)
    height = (bottom - top) / len(rows)
    if math.isfinite(table.estimate):
        at = float(table.place(table.estimate))
        look = {"color": theme.ink, "linewidth": 1.0, "linestyle": (0, (5, 3)), "zorder": 2.6}
        stroke(axes, [at, at], axes.get_ylim(), **look, gid="estimate")
    for i, (method, words) in enumerate(zip(table.methods, rows, strict=True)):
        y, chosen = top + (i + 0.5) * height, method.key == selected.key
        if chosen:
            box = (MARGIN - 6, y - height / 2, sheet.width - 2 * MARGIN + 12, height)
            sheet.rectangle(*box, facecolor=theme.faint, zorder=-1)
            axes.axhspan(i - 0.5, i + 0.5, facecolor=theme.faint, linewidth=0, zorder=0.2)
            inside = [v for v in table.limits(method.key) if xlim[0] <= v <= xlim[1]]
            drop_lines(axes, inside, -0.5, i, color_of(theme, method.key))
        sheet.write(left - 12, y, method.label, size=NORMAL, bold=chosen, align="right")
        muted = theme.ink if method.state == "found" else theme.muted
        sheet.write(right + 12, y, words, color=muted)
        _draw_bar(axes, table, method, float(i), theme, animated)


def _draw_bar(
    axes: Axes,
    table: FiveIntervals,
    method: BuiltInterval,
    y: float,
    theme: Theme,
    animated: bool,
) -> None:
    """Draw one interval: its impossible part thin, an arrow head where it leaves the picture."""
    common = {"animated": animated, "gid": PREFIX + method.key}
    xlim = axes.get_xlim()
    if method.state != "found":
        if method.state == "waiting":
            dots = {"color": theme.muted, "linewidth": 1.4, "linestyle": (0, (1, 3))}
            start = max(xlim[0], float(table.place(table.allowed[0])))
            stroke(axes, [start, xlim[1]], [y, y], **dots, zorder=3.0, **common)
        return
    color = color_of(theme, method.key)
    limits = table.limits(method.key)
    lower, upper = np.clip(limits, *xlim)
    low, high = np.clip(table.place(np.array(table.allowed)), *xlim)
    thin = {"color": color, "linewidth": 1.6, "zorder": 3.0, "solid_capstyle": "butt"}
    thick = thin | {"linewidth": 5.5, "zorder": 3.1}
    stroke(axes, [lower, upper], [y, y], **thin, **common)
    if min(upper, high) > max(lower, low):
        stroke(axes, [max(lower, low), min(upper, high)], [y, y], **thick, **common)
    for end, limit, head in ((lower, limits[0], "<"), (upper, limits[1], ">")):
        if xlim[0] <= limit <= xlim[1]:
            stroke(axes, [end, end], [y - 0.2, y + 0.2], **thin, **common)
        else:
            mark = {"marker": head, "markersize": 8, "color": color, "linestyle": "none"}
            stroke(axes, [end], [y], **mark, zorder=3.2, clip_on=False, **common)
