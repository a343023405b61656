"""Cook's distances: which rows, or which levels, pull the estimates most."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure

from mixedwidgets.lmm.diagnostic_tables import InfluenceTable
from mixedwidgets.plots.cloud import Ints, add_picked, nearest, put_picked
from mixedwidgets.plots.group_marks import name_rows, parts
from mixedwidgets.plots.lettering import text_width
from mixedwidgets.plots.numbers import significant
from mixedwidgets.plots.sheet import MARGIN, Mark, Sheet, stroke
from mixedwidgets.plots.style import SMALL, Theme

_TOP, _LINE = 62.0, 15.0
_RUG = 2.4  # room of the marks of all, in rows
_TELL = 3  # so many are named in the description
MOST = 20  # rows with a name; of more the most influential


def draw(
    figure: Figure, table: InfluenceTable, *, theme: str | Theme = "light", animated: bool = True
) -> None:
    """Draw Cook's distances, the largest first, into an empty figure.

    The most influential are rows with names. Where there are more, a line of marks below shows
    them all. The artists that move are ``distances``, ``picked``, ``picked-name`` and
    ``picked-all``.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        Empty; from 5.6 by 3.4 inches.
    table : InfluenceTable
        What to draw.
    theme : str or Theme
        ``"light"``, ``"dark"`` or a theme of one's own.
    animated : bool
        Whether the artists that move are left to the browser; False draws them too.
    """
    sheet = Sheet(figure, theme)
    shown = largest(table)
    sheet.title(f"Cook's distances, {table.criterion}", _remark(table, shown))
    sheet.key(_marks(sheet.theme, table))
    axes = _panel(sheet, table, shown)
    spot = _spots(shown)
    bars = np.stack(
        (
            np.column_stack((np.zeros(len(shown)), table.distance[shown])),
            np.column_stack((spot, spot)),
        ),
        axis=2,
    )
    lines = LineCollection(
        list(bars), colors=sheet.theme.wald, linewidths=2.4, zorder=2.0, gid="bars"
    )
    axes.add_collection(lines, autolim=False)
    if len(shown) < len(table.labels):
        _draw_rug(axes, sheet.theme, table)
        tick: dict[str, Any] = {"marker": "|", "markersize": 19.0, "markeredgewidth": 2.0}
        tick |= {"linestyle": "none", "color": sheet.theme.ink, "zorder": 5.0}
        stroke(axes, [np.nan], [np.nan], **tick, gid="picked-all", animated=animated)
    look = {"marker": "o", "linestyle": "none", "markersize": 7.0, "color": sheet.theme.wald}
    edge = {"markeredgecolor": sheet.theme.panel, "markeredgewidth": 0.8}
    x = table.distance[shown]
    stroke(axes, x, spot, **look, **edge, zorder=4.0, gid="distances", animated=animated)
    add_picked(axes, sheet.theme, animated, markersize=11.0)


def describe(table: InfluenceTable) -> str:
    """Say in numbers what the picture shows.

    Parameters
    ----------
    table : InfluenceTable
        The table that is drawn.

    Returns
    -------
    str
        What the distances are of, the three largest, and how many exceed the common mark.
    """
    known = np.isfinite(table.distance)
    if not known.any():
        return f"Cook's distances ({table.criterion}): none can be computed."
    first = ", ".join(
        f"{label_of(table, i)} {significant(float(table.distance[i]), 3)}"
        for i in largest(table)[:_TELL]
    )
    return (
        f"Cook's distances of {len(table.labels):,} {_plural(table)} ({table.criterion}; "
        f"{_meaning(table)}). The largest: {first}.{_over(table)}{_unknown(table)}"
    )


def largest(table: InfluenceTable, most: int = MOST) -> Ints:
    """Return which are the most influential, the largest distance first."""
    order = np.argsort(-np.nan_to_num(table.distance, nan=-1.0), kind="stable")
    return order[np.isfinite(table.distance[order])][:most]


def mark(table: InfluenceTable) -> float:
    """Return 4 divided by the number of levels, a common mark of what deserves a look.

    It is not drawn for rows: their distances are divided by the number of coefficients alone,
    while their leverages count the random effects too, so that most would exceed it.
    """
    return 4.0 / max(len(table.labels), 1)


def label_of(table: InfluenceTable, number: int) -> str:
    """What a row or a level is called."""
    if table.by == "level":
        return table.labels[number]
    return f"row {table.labels[number]} ({table.levels[table.codes[number]]})"


def pick(figure: Figure, table: InfluenceTable, index: int | None) -> None:
    """Highlight a level, or its rows, in a figure already drawn; None highlights nothing."""
    rug, nothing = parts(figure).get("picked-all"), np.empty(0)
    if rug is not None:
        rug.set_data([np.nan], [np.nan])
    if index is None:
        put_picked(figure, nothing, nothing, "")
        return
    shown = largest(table)
    named = np.flatnonzero(table.codes[shown] == index)
    mine = np.flatnonzero((table.codes == index) & np.isfinite(table.distance))
    x, y = table.distance[shown[named]], _spots(shown)[named]
    if rug is not None:
        height = np.full(len(mine), _rug_height(shown))
        rug.set_data(table.distance[mine], height)
        if not len(named) and len(mine):
            x, y = table.distance[mine].max(keepdims=True), height[:1]
    put_picked(figure, x, y, _picked_words(table, index, mine))


def hit(table: InfluenceTable, gid: str, index: int) -> int | None:
    """Return the level of a marker of a moving artist, or None."""
    shown = largest(table)
    return int(table.codes[shown[index]]) if gid == "distances" and index < len(shown) else None


def level_at(figure: Figure, table: InfluenceTable, x: float, y: float) -> int | None:
    """Return the level at a place of the panel: that of the named row, or of the nearest mark."""
    shown = largest(table)
    spot = _spots(shown)
    if len(spot) and y >= -0.5:
        return int(table.codes[shown[int(np.argmin(np.abs(spot - y)))]])
    rug = np.full(len(table.distance), _rug_height(shown))
    found = nearest(figure.axes[0], table.distance, rug, (x, y))
    return None if found is None else int(table.codes[found])


def _spots(shown: Ints) -> np.ndarray:
    """The height of each named row: the most influential on top."""
    return np.arange(len(shown), dtype=float)[::-1]


def _rug_height(shown: Ints) -> float:
    return -0.5 - 0.5 * _RUG


def _picked_words(table: InfluenceTable, index: int, mine: Ints) -> str:
    value = significant(float(table.distance[mine].max(initial=0.0)), 3)
    if table.by == "level":
        return f"{table.levels[index]}: {value}"
    return f"{table.levels[index]}: {len(mine)} rows, at most {value}"


def _plural(table: InfluenceTable) -> str:
    return "rows" if table.by == "row" else f"levels of {table.group}"


def _meaning(table: InfluenceTable) -> str:
    if table.by == "row":
        return "of all fitted values, when a row is left out"
    return "of the coefficients, when a level is left out and the relative variances stay"


def _over(table: InfluenceTable) -> str:
    if table.by == "row":
        return ""
    over = int((table.distance[np.isfinite(table.distance)] > mark(table)).sum())
    return (
        f" {over:,} exceed{'s' * (over == 1)} 4/{len(table.labels):,} = "
        f"{significant(mark(table), 3)}, a common mark."
    )


def _unknown(table: InfluenceTable) -> str:
    count = int((~np.isfinite(table.distance)).sum())
    return (
        f" Of {count:,} it cannot be computed: a coefficient hangs on each alone." if count else ""
    )


def _remark(table: InfluenceTable, shown: Ints) -> str:
    total = len(table.labels)
    if len(shown) == total:
        return f"{total:,} {_plural(table)}"
    rest = f"the {len(shown)} largest of {total:,} {_plural(table)}"
    count = int((~np.isfinite(table.distance)).sum())
    return f"{rest}; {count:,} unknown" if count else rest


def _marks(theme: Theme, table: InfluenceTable) -> list[Mark]:
    dot = {"marker": "o", "markersize": 6.0, "color": theme.wald}
    dashed = {"color": theme.likelihood, "linewidth": 1.2, "linestyle": (0, (5, 3))}
    what = "row left out" if table.by == "row" else f"level of {table.group} left out"
    marks = [Mark(what, "left out", marker=dot)]
    if table.by == "level":
        four = f"4/{len(table.labels):,}"
        marks.append(Mark(f"{four}, a common mark", four, line=dashed))
    return marks


def _panel(sheet: Sheet, table: InfluenceTable, shown: Ints) -> Axes:
    rug = len(shown) < len(table.labels)
    names = [label_of(table, i) for i in shown[::-1]]
    widest = min(max((text_width(n, SMALL) for n in names), default=0), 0.28 * sheet.width)
    left, bottom = MARGIN + max(widest, 40.0) + 10, sheet.height - 48
    top = float(table.distance[shown[0]]) if len(shown) else 1.0
    span = (-0.012 * top, 1.06 * top) if top > 0.0 else (-0.012, 1.0)
    low = -0.5 - _RUG * rug
    box = (left, _TOP, sheet.width - MARGIN - 4, bottom)
    axes = sheet.panel(box, span, (low - 0.2, max(len(shown), 1) - 0.4))
    sheet.scale(axes, "x", label=_axis(table), every=60)
    name_rows(sheet, axes, names, 1, widest)
    if rug:
        high = axes.get_ylim()[1]
        part = (high - _rug_height(shown)) / (high - low + 0.2)
        y = _TOP + part * (bottom - _TOP)
        words = f"all {len(table.labels):,}"
        sheet.write(left - 8, y, words, color=sheet.theme.ink, align="right")
    at = mark(table)
    if table.by == "level" and at < span[1]:
        dashed = {"color": sheet.theme.likelihood, "linewidth": 1.2, "linestyle": (0, (5, 3))}
        stroke(axes, [at, at], axes.get_ylim(), **dashed, zorder=1.2, gid="mark")
    return axes


def _axis(table: InfluenceTable) -> str:
    if table.by == "row":
        return "Cook's distance of the fitted values"
    return "Cook's distance of the coefficients"


def _draw_rug(axes: Axes, theme: Theme, table: InfluenceTable) -> None:
    """Mark every distance below the named rows, once for each pixel that has some."""
    low, high = axes.get_xlim()
    values = table.distance[np.isfinite(table.distance)]
    cell = (high - low) / max(axes.bbox.width, 1.0)
    at = low + (np.unique(np.floor((values - low) / cell)) + 0.5) * cell
    middle = -0.5 - 0.5 * _RUG
    ends = np.array([middle - 0.45, middle + 0.45])
    marks = np.stack((np.repeat(at[:, None], 2, 1), np.broadcast_to(ends, (len(at), 2))), axis=2)
    look: dict[str, Any] = {"colors": theme.wald, "linewidths": 1.0, "alpha": 0.6, "zorder": 2.0}
    axes.add_collection(LineCollection(list(marks), **look, gid="all"), autolim=False)
