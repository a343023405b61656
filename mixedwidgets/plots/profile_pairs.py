"""Profiles two at a time: traces and joint regions, on the parameters' scales and on zeta's."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from mixedwidgets.lmm.tables import PairsTable, ProfileCurve, ProfilePair
from mixedwidgets.plots.lattice import Box, Span, view
from mixedwidgets.plots.lettering import text_width
from mixedwidgets.plots.numbers import number, resolution, ticks
from mixedwidgets.plots.sheet import MARGIN, Mark, Sheet, stroke
from mixedwidgets.plots.slices import FAR, span
from mixedwidgets.plots.style import NORMAL, SMALL, Theme, optimum_look

MOST = 6  # parameters; of more the first
_TOP, _LOW, _SIDE, _GAP = 76.0, 30.0, 44.0, 5.0
_LEVELS = tuple(-2.0 * math.log(1.0 - p) for p in (0.50, 0.80, 0.95, 0.99))  # two parameters
_BOLD = 2  # the level of 95%
_TALL = 4.0  # half of an axis of zetas
_OF_GROUPS = ("SD of ", "correlation of ")
_PULL = 0.05  # a slope of a trace, on the scale of zetas, that is worth a word


def height(table: PairsTable) -> float:
    """Return a comfortable height for the picture of this table, in inches."""
    count = min(len(table.profiles.curves), MOST)
    return (_TOP + _LOW + count * (150.0 if count < 4 else 104.0) + MARGIN) / 100


def draw(
    figure: Figure, table: PairsTable, *, theme: str | Theme = "light", animated: bool = True
) -> None:
    """Draw each two of the profiles into an empty figure.

    Below the diagonal on the scale of the parameters, above it on that of their zetas: where the
    deviance is quadratic the traces are straight there and the regions are ellipses. Along a trace
    one parameter is held and the other is at its best.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        Empty; at least 6 inches wide. See :func:`height`.
    table : PairsTable
        What to draw; of more than 6 parameters the first 6.
    theme : str or Theme
        ``"light"``, ``"dark"`` or a theme of one's own.
    animated : bool
        Taken for the sake of the other pictures; nothing here moves under a hand.
    """
    sheet = Sheet(figure, theme)
    remark = "below the diagonal the parameters, above it their zetas"
    sheet.title(f"Profile pairs, {table.profiles.criterion}", remark)
    sheet.key(_marks(sheet.theme, table))
    curves = table.profiles.curves[:MOST]
    names = _names(sheet, [curve.label for curve in curves])
    known = {pair.names: pair for pair in table.pairs}
    for row, vertical in enumerate(curves):
        for column, across in enumerate(curves):
            box = _box(sheet, len(curves), row, column)
            if row == column:
                _draw_name(sheet, box, names[row])
            elif row > column:
                pair = known.get((across.name, vertical.name))
                axes = sheet.panel(box, view(across), view(vertical))
                _hatch(sheet, axes, across.allowed, vertical.allowed)
                _draw_pair(sheet, axes, pair, 0, False, (across.estimate, vertical.estimate))
                _number(sheet, axes, row == len(curves) - 1, column == 0, False)
            else:
                pair = known.get((vertical.name, across.name))
                axes = sheet.panel(box, (-_TALL, _TALL), (-_TALL, _TALL))
                _hatch(sheet, axes, _allowed_zeta(across), _allowed_zeta(vertical))
                _draw_pair(sheet, axes, pair, 1, True, (0.0, 0.0))
                _number(sheet, axes, row == 0, column == len(curves) - 1, True)


def describe(table: PairsTable) -> str:
    """Say in numbers what the picture shows.

    Parameters
    ----------
    table : PairsTable
        The table that is drawn.

    Returns
    -------
    str
        How far the joint 95 % regions reach along each parameter, or where they are cut off, and
        which two parameters go together.
    """
    labels = {c.name: c.label for c in table.profiles.curves[:MOST]}
    pairs = [p for p in table.pairs if set(p.names) <= set(labels)]
    words = [f"Profile pairs ({table.profiles.criterion}) of {len(labels)} parameters."]
    reached = [_reach(name, label, pairs) for name, label in labels.items()]
    if any(reached):
        words.append(f"Joint 95% regions: {'; '.join(filter(None, reached))}.")
    words += _pulls(pairs, labels)
    more = len(table.profiles.curves) - MOST
    if more > 0:
        words.append(f"There are {more} more parameters in the table.")
    return " ".join(words)


def _reach(name: str, label: str, pairs: list[ProfilePair]) -> str:
    """How far the joint regions reach along one parameter; empty where it is in none."""
    ends = []
    for pair in pairs:
        if name in pair.names:
            axis = pair.names.index(name)
            grid = (pair.x, pair.y)[axis]
            low, high = span(grid, pair.drop.min(axis=axis), _LEVELS[_BOLD])
            ends.append((max(low, float(grid[0])), min(high, float(grid[-1]))))
    if not ends:
        return ""
    low, high = min(e[0] for e in ends), max(e[1] for e in ends)
    step = resolution(low, high)
    return f"{label} {number(low, step)} to {number(high, step)}"


def _pulls(pairs: list[ProfilePair], labels: dict[str, str]) -> list[str]:
    """Which two parameters go together, a sentence for each, and how many do not."""
    slopes = [_slope(pair.traces[0][:, 1]) for pair in pairs]
    out = [
        f"{labels[pair.names[0]]} and {labels[pair.names[1]]} pull each other "
        f"{'the same way' if slope > 0 else 'opposite ways'}."
        for pair, slope in zip(pairs, slopes, strict=True)
        if abs(slope) > _PULL
    ]
    left = len(pairs) - len(out)
    if left:
        which = (
            "The two" if len(pairs) == 1 else f"The other {left}" if out else f"All {left} pairs"
        )
        out.append(f"{which} do not pull at each other.")
    return out


def _slope(trace: NDArray[np.float64]) -> float:
    """Slope of a trace on the scale of the zetas near the estimate."""
    near = np.isfinite(trace).all(axis=1) & (np.abs(trace[:, 0]) < 1.0)
    x, y = trace[near].T
    total = float(x @ x)
    return float(x @ y) / total if total > 0.0 else 0.0


def _marks(theme: Theme, table: PairsTable) -> list[Mark]:
    marks = [
        Mark("estimate", marker=optimum_look(theme) | {"markersize": 5.0}),
        Mark(
            "joint 50, 80, 95, 99% region",
            "50 80 95 99% joint",
            line={"color": theme.likelihood, "linewidth": 1.2},
        ),
        Mark(
            "best y along x",
            "y along x",
            line={"color": theme.wald, "linewidth": 1.4},
        ),
        Mark(
            "best x along y",
            "x along y",
            line={"color": theme.pooled, "linewidth": 1.4},
        ),
    ]
    shown = table.profiles.curves[:MOST]
    if any(_beyond(view(c), c.allowed) for c in shown):
        marks.append(Mark("impossible", hatched=True))
    return marks


def _box(sheet: Sheet, count: int, row: int, column: int) -> Box:
    wide = (sheet.width - 2 * _SIDE + _GAP) / count
    high = (sheet.height - _TOP - _LOW + _GAP) / count
    left, top = _SIDE + column * wide, _TOP + row * high
    return left, top, left + wide - _GAP, top + high - _GAP


def _draw_name(sheet: Sheet, box: Box, label: str) -> None:
    """Write a name into its place on the diagonal, in as many lines as it takes and has."""
    left, top, right, bottom = box
    sheet.rectangle(left, top, right - left, bottom - top, facecolor=sheet.theme.faint, alpha=0.5)
    width, size = right - left - 8, NORMAL
    lines = _lines(label, width, size)
    if len(lines) * 15 > bottom - top - 6:
        size = SMALL
        lines = _lines(label, width, size)
    apart = 15.0 if size == NORMAL else 13.0
    most = max(int((bottom - top - 4) // apart), 1)
    if len(lines) > most:
        lines = [*lines[: most - 1], " ".join(lines[most - 1 :])]
    middle = 0.5 * (top + bottom) - 0.5 * apart * (len(lines) - 1)
    for n, line in enumerate(lines):
        at = 0.5 * (left + right), middle + apart * n
        sheet.write(*at, line, size=size, align="center", width=width)


def _lines(label: str, width: float, size: float) -> list[str]:
    """Break a name at spaces into lines no wider than this, if its words are not."""
    lines = [""]
    for word in label.split(" "):
        longer = f"{lines[-1]} {word}".strip()
        if lines[-1] and text_width(longer, size) > width:
            lines.append(word)
        else:
            lines[-1] = longer
    return lines


def _names(sheet: Sheet, labels: list[str]) -> list[str]:
    """The names of the parameters, or short ones where the diagonal has no room for them all."""
    if not labels:
        return labels
    left, top, right, bottom = _box(sheet, len(labels), 0, 0)
    needed = max(13 * len(_lines(label, right - left - 8, SMALL)) for label in labels)
    return labels if needed <= bottom - top - 4 else short_labels(labels)


def short_labels(labels: Sequence[str]) -> list[str]:
    """Return names that take less room, where they still tell the parameters apart.

    ``"SD of ses by school"`` becomes ``"SD of ses"``, ``"correlation of a and b by school"``
    ``"cor. of a and b"``.
    """
    stems = [
        label.rpartition(" by ")[0] if label.startswith(_OF_GROUPS) and " by " in label else label
        for label in labels
    ]
    brief = stems if len(set(stems)) == len(set(labels)) else list(labels)
    return [b.replace("correlation of ", "cor. of ", 1) if b.startswith("c") else b for b in brief]


def _beyond(span: Span, allowed: Span) -> bool:
    return span[0] < allowed[0] or span[1] > allowed[1]


def _allowed_zeta(curve: ProfileCurve) -> Span:
    """Return the range of a zeta that values inside the boundary have."""
    low, high = curve.line[0], curve.line[-1]
    return (
        float(low[1]) if low[0] <= curve.allowed[0] else -np.inf,
        float(high[1]) if high[0] >= curve.allowed[1] else np.inf,
    )


def _hatch(sheet: Sheet, axes: Axes, across: Span, vertical: Span) -> None:
    """Hatch what of a panel lies outside these ranges of x and y."""
    (x0, x1), (y0, y1) = axes.get_xlim(), axes.get_ylim()
    (left, right), (low, high) = across, vertical
    boxes = []
    if left > x0:
        boxes.append((x0, y0, left, y1))
    if right < x1:
        boxes.append((right, y0, x1, y1))
    inner = max(left, x0), min(right, x1)
    if low > y0:
        boxes.append((inner[0], y0, inner[1], low))
    if high < y1:
        boxes.append((inner[0], high, inner[1], y1))
    sheet.impossible(axes, boxes)


def _draw_pair(
    sheet: Sheet, axes: Axes, pair: ProfilePair | None, scale: int, turned: bool, centre: Span
) -> None:
    """Draw regions and traces; ``turned`` puts the first parameter on the y axis."""
    if pair is None:
        return
    theme, order = sheet.theme, [1, 0] if turned else [0, 1]
    x, y = (pair.zeta_x, pair.zeta_y) if scale else (pair.x, pair.y)
    drop = np.clip(pair.drop, 0.0, FAR)
    if turned:
        x, y, drop = y, x, drop.T
    filled = axes.contourf(x, y, drop, (0.0, *_LEVELS), colors=theme.shades[::-1], zorder=0.8)
    filled.set_gid("regions")
    widths = [1.7 if n == _BOLD else 0.8 for n in range(len(_LEVELS))]
    lines = axes.contour(
        x, y, drop, _LEVELS, colors=theme.likelihood, linewidths=widths, zorder=1.5
    )
    lines.set_gid("contours")
    first, second = (np.asarray(t[:, scale][:, order]) for t in pair.traces)
    along_x, along_y = (second, first) if turned else (first, second)
    stroke(axes, *along_x.T, color=theme.wald, linewidth=1.4, zorder=2.5, gid="y-along-x")
    stroke(axes, *along_y.T, color=theme.pooled, linewidth=1.4, zorder=2.5, gid="x-along-y")
    look = optimum_look(theme) | {"markersize": 5.0, "markeredgewidth": 0.8}
    stroke(axes, [centre[0]], [centre[1]], **look, zorder=4.0, gid="estimate")


def _number(sheet: Sheet, axes: Axes, along_x: bool, along_y: bool, opposite: bool) -> None:
    """Write the numbers of an outer panel: below and left, or above and right."""
    left, top, right, bottom = sheet.box(axes)
    color = sheet.theme.muted
    if along_x:
        y = top - 9 if opposite else bottom + 11
        for at, text in _ticks(axes.get_xlim(), right - left, True):
            sheet.write(left + at, y, text, color=color, align="center")
    if along_y:
        x, align = (right + 5, "left") if opposite else (left - 5, "right")
        for at, text in _ticks(axes.get_ylim(), bottom - top, False):
            sheet.write(x, bottom - at, text, color=color, align=align, width=_SIDE - 7)


def _ticks(limits: Span, length: float, horizontal: bool) -> list[tuple[float, str]]:
    """Return round numbers that have room within the length, and where they stand."""
    lower, upper = limits
    least = (24.0 if horizontal else 13.0) / length * (upper - lower)
    for _ in range(8):
        values, texts = ticks(lower, upper, least)
        at = [(float(v) - lower) / (upper - lower) * length for v in values]
        wide = [text_width(t, SMALL) if horizontal else 9.0 for t in texts]
        kept = [
            (a, t)
            for a, t, w in zip(at, texts, wide, strict=True)
            if a - w / 2 >= 0.0 and a + w / 2 <= length
        ]
        crowded = len(at) > 1 and max(wide) + (8 if horizontal else 4) > at[1] - at[0]
        if not crowded:
            return kept
        least *= 2.0
    return []
