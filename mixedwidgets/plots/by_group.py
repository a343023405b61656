"""Residuals level by level: which one stands out, or scatters more than the others."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure

from mixedwidgets.lmm.diagnostic_tables import LevelResiduals
from mixedwidgets.lmm.tables import Floats
from mixedwidgets.plots.cloud import (
    Ints,
    add_picked,
    nearest,
    padded,
    point_look,
    put_picked,
)
from mixedwidgets.plots.group_marks import name_rows
from mixedwidgets.plots.lettering import text_width
from mixedwidgets.plots.numbers import number
from mixedwidgets.plots.sheet import MARGIN, Mark, Sheet, stroke, tick_room
from mixedwidgets.plots.style import SMALL, Theme

MOST_ROWS = 40  # levels that get a row with a name; more stand side by side without
_MOST_POINTS = 2000  # rows of the data that are drawn one by one behind the boxes
_TOP, _LINE = 62.0, 14.0


def draw(
    figure: Figure, table: LevelResiduals, *, theme: str | Theme = "light", animated: bool = True
) -> None:
    """Draw the residuals of each level, the levels sorted by their mean, into an empty figure.

    Up to 40 levels are rows with names, more are columns. The artists that move are ``means``,
    ``picked`` and ``picked-name``.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        Empty; from 5.6 by 3.4 inches.
    table : LevelResiduals
        What to draw.
    theme : str or Theme
        ``"light"``, ``"dark"`` or a theme of one's own.
    animated : bool
        Whether the artists that move are left to the browser; False draws them too.
    """
    sheet = Sheet(figure, theme)
    count = len(table.levels)
    sheet.title(
        f"Residuals by {table.group}, {table.criterion}", f"{count:,} levels; {_remark(table)}"
    )
    sheet.key(_marks(sheet.theme, table))
    axes = _rows(sheet, table) if in_rows(table) else _columns(sheet, table)
    _draw_levels(axes, sheet.theme, table)
    x, y = _turned(table, table.mean)
    size = 7.0 if in_rows(table) else 3.2
    edge = {"markeredgecolor": sheet.theme.panel, "markeredgewidth": 0.8 if size > 5 else 0.0}
    look = {"marker": "o", "linestyle": "none", "color": sheet.theme.likelihood, "zorder": 4.0}
    stroke(axes, x, y, markersize=size, **look, **edge, gid="means", animated=animated)
    add_picked(axes, sheet.theme, animated, linestyle="-", markersize=9.0, markevery=[0])


def describe(table: LevelResiduals) -> str:
    """Say in numbers what the picture shows.

    Parameters
    ----------
    table : LevelResiduals
        The table that is drawn.

    Returns
    -------
    str
        The levels with the extreme means and those with the extreme spreads.
    """
    order = np.argsort(table.mean, kind="stable")
    low, high = order[0], order[-1]
    words = [
        f"Residuals divided by σ in {len(table.levels):,} levels of {table.group} "
        f"({table.criterion}), {_sizes(table)} rows each. Mean residuals go from "
        f"{number(float(table.mean[low]), 0.01)} ({table.levels[low]}) to "
        f"{number(float(table.mean[high]), 0.01)} ({table.levels[high]})."
    ]
    known = np.flatnonzero(np.isfinite(table.sd))
    if len(known) > 1:
        least = known[np.argmin(table.sd[known])]
        most = known[np.argmax(table.sd[known])]
        words.append(
            f"Their SDs go from {number(float(table.sd[least]), 0.01)} ({table.levels[least]}) to "
            f"{number(float(table.sd[most]), 0.01)} ({table.levels[most]})."
        )
    return " ".join(words)


def in_rows(table: LevelResiduals) -> bool:
    """Whether each level is a row with a name rather than a column."""
    return len(table.levels) <= MOST_ROWS


def places(table: LevelResiduals) -> Ints:
    """Return which row, or column, each level has: 0 for the smallest mean residual."""
    out = np.empty(len(table.levels), dtype=np.intp)
    out[np.argsort(table.mean, kind="stable")] = np.arange(len(out))
    return out


def pick(figure: Figure, table: LevelResiduals, index: int | None) -> None:
    """Highlight a level in a figure already drawn; None highlights nothing."""
    nothing = np.empty(0)
    if index is None:
        put_picked(figure, nothing, nothing, "")
        return
    mean, (least, *_, most) = table.mean[index], table.quartiles[index]
    values = np.array([mean, least, most])
    place = np.full(3, places(table)[index], dtype=float)
    x, y = (values, place) if in_rows(table) else (place, values)
    name = f"{table.levels[index]}: {table.size[index]} rows, mean {number(float(mean), 0.01)}"
    height = float(y[0]) if in_rows(table) else float(most)
    beside = (float(x.min()), float(x.max())), height
    put_picked(figure, x, y, name, beside)


def hit(table: LevelResiduals, gid: str, index: int) -> int | None:
    """Return the level of a marker of a moving artist, or None."""
    return index if gid == "means" and index < len(table.levels) else None


def level_at(figure: Figure, table: LevelResiduals, x: float, y: float) -> int | None:
    """Return the level whose row or column is at a place of the panel."""
    axes = figure.axes[0]
    place = y if in_rows(table) else x
    found = np.flatnonzero(places(table) == round(place))
    if len(found):
        return int(found[0])
    return nearest(axes, *_turned(table, table.mean), (x, y))


def _turned(table: LevelResiduals, values: Floats) -> tuple[Floats, Floats]:
    """One value of each level as x and y."""
    place = places(table).astype(float)
    return (values, place) if in_rows(table) else (place, values)


def _sizes(table: LevelResiduals) -> str:
    least, most = int(table.size.min()), int(table.size.max())
    return f"{least} to {most}" if least < most else str(most)


def _remark(table: LevelResiduals) -> str:
    known = table.sd[np.isfinite(table.sd)]
    return f"SDs {known.min():.2f} to {known.max():.2f}" if len(known) else "one row each"


def _marks(theme: Theme, table: LevelResiduals) -> list[Mark]:
    dot = {"marker": "o", "markersize": 6.0, "color": theme.likelihood}
    bar = {"color": theme.wald, "alpha": 0.55, "linewidth": 7.0, "solid_capstyle": "butt"}
    thin = {"color": theme.muted, "linewidth": 1.0}
    marks = [Mark("mean", marker=dot), Mark("middle half", line=bar), Mark("range", line=thin)]
    if _points_shown(table):
        marks.append(Mark("row", marker=point_look(theme, 300) | {"color": theme.ink}))
    return marks


def _points_shown(table: LevelResiduals) -> bool:
    return in_rows(table) and len(table.residual) <= _MOST_POINTS


def _span(table: LevelResiduals) -> tuple[float, float]:
    reach = max(float(np.abs(table.residual).max(initial=0.0)), 1.0)
    return padded(-reach, reach)


def _rows(sheet: Sheet, table: LevelResiduals) -> Axes:
    count, bottom = len(table.levels), sheet.height - 48
    spacing = (bottom - _TOP) / max(count, 1)
    sides = 1 if spacing >= _LINE else 2
    names = [table.levels[i] for i in np.argsort(places(table))]
    widest = min(max((text_width(n, SMALL) for n in names), default=0), 0.2 * sheet.width)
    room = widest + 10
    right = sheet.width - MARGIN - (room if sides == 2 else 4)
    axes = sheet.panel((MARGIN + room, _TOP, right, bottom), _span(table), (-0.7, count - 0.3))
    sheet.scale(axes, "x", label="residual / σ", every=60)
    if spacing * sides >= _LINE - 1:
        name_rows(sheet, axes, names, sides, widest)
    stroke(axes, [0, 0], axes.get_ylim(), color=sheet.theme.muted, linewidth=0.9, gid="zero")
    return axes


def _columns(sheet: Sheet, table: LevelResiduals) -> Axes:
    bottom, ylim = sheet.height - 34, _span(table)
    top = _TOP + 14
    left = MARGIN + tick_room(*ylim, bottom - top, 40) + 6
    xlim = (-1.0, float(len(table.levels)))
    axes = sheet.panel((left, top, sheet.width - MARGIN - 4, bottom), xlim, ylim)
    sheet.scale(axes, "y", label="residual / σ", every=40)
    words = f"levels of {table.group}, sorted by their mean residual"
    middle = 0.5 * (left + sheet.width - MARGIN - 4)
    sheet.write(middle, bottom + 16, words, align="center", width=sheet.width - left - MARGIN)
    stroke(axes, xlim, [0, 0], color=sheet.theme.muted, linewidth=0.9, gid="zero")
    return axes


def _draw_levels(axes: Axes, theme: Theme, table: LevelResiduals) -> None:
    rows, crowd = in_rows(table), len(table.levels)
    room = axes.bbox.height if rows else axes.bbox.width
    wide = 72.0 * room / axes.figure.dpi / max(crowd, 1)
    thick = float(np.clip(0.55 * wide, 0.8, 9.0))
    look = {"color": theme.muted, "linewidth": float(np.clip(0.5 * wide, 0.35, 1.0))}
    whole = _segments(table, 0, 4)
    ranges = LineCollection(
        list(whole), colors=look["color"], linewidths=look["linewidth"], zorder=1.5
    )
    ranges.set(gid="ranges", alpha=0.9 if rows else 0.35)
    axes.add_collection(ranges, autolim=False)
    middle = _segments(table, 1, 3)
    boxes = LineCollection(list(middle), colors=theme.wald, linewidths=thick, zorder=2.0)
    boxes.set(gid="quartiles", alpha=0.45, capstyle="butt")
    axes.add_collection(boxes, autolim=False)
    if _points_shown(table):
        spot = places(table)[table.codes].astype(float)
        look = point_look(theme, len(table.residual)) | {"color": theme.ink, "markersize": 3.0}
        stroke(axes, table.residual, spot, **look, zorder=3.0, gid="points")


def _segments(table: LevelResiduals, first: int, last: int) -> Floats:
    """From one quartile to another for each level, (m, 2, 2)."""
    ends = table.quartiles[:, [first, last]]
    spot = np.repeat(places(table)[:, None], 2, axis=1).astype(float)
    pair = (ends, spot) if in_rows(table) else (spot, ends)
    return np.stack(pair, axis=2)
