"""Shrinkage: the coefficients of every group with no, partial and complete pooling."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mixedwidgets.lmm.tables import Floats, ShrinkageTable
from mixedwidgets.plots.group_marks import Highlight, Segments, finite, highlights, name_rows, parts
from mixedwidgets.plots.lettering import text_width
from mixedwidgets.plots.numbers import number, resolution
from mixedwidgets.plots.pooled import CONFIDENCES, FEW, RADII, ellipse, limits, order
from mixedwidgets.plots.sheet import MARGIN, Mark, Sheet, stroke, tick_room
from mixedwidgets.plots.style import SMALL, Theme

MOST_LABELS = 30
_TOP = 56.0
_LINE = 14.0  # the smallest distance of two lines of text


def draw(
    figure: Figure, table: ShrinkageTable, *, theme: str | Theme = "light", animated: bool = True
) -> None:
    """Draw one coefficient as a row a group, or the first two as a plane, into an empty figure.

    The artists that follow a hand are ``lines``, ``no-pooling``, ``partial-pooling`` and
    ``complete-pooling``, in two dimensions also ``ellipse-50`` and ``ellipse-95``, and ``picked``
    with ``picked-name``. In one dimension the rows are sorted by :func:`order`; in two the points
    keep the table's order.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        Empty; made for 8.2 by 4.3 inches, readable from 6 by 3.4.
    table : ShrinkageTable
        What to draw.
    theme : str or Theme
        ``"light"``, ``"dark"`` or a theme of one's own.
    animated : bool
        Whether the artists that move are left to the browser; False draws them too.
    """
    sheet = Sheet(figure, theme)
    groups = f"{len(table.levels)} groups ({table.group})"
    sheet.title(f"Shrinkage, {table.criterion}", "; ".join((groups, *_remarks(table))))
    sheet.key(_marks(sheet.theme, table))
    if table.no_pooling.shape[1] == 1:
        _draw_rows(sheet, table, animated)
    else:
        _draw_plane(sheet, table, animated)


def describe(table: ShrinkageTable) -> str:
    """Say in numbers what the picture shows.

    Parameters
    ----------
    table : ShrinkageTable
        The table that is drawn.

    Returns
    -------
    str
        Two or three sentences: the common coefficients, how far the groups spread before and
        after shrinkage, and how many groups stand outside the picture or have no estimate.
    """
    parts = []
    for i, name in enumerate(table.names[:2]):
        alone, pooled = (finite(v[:, i]) for v in (table.no_pooling, table.partial_pooling))
        step = resolution(*pooled)
        parts.append(
            f"{name}: {number(float(table.complete_pooling[i]), step)} with complete pooling, "
            f"groups {_range(alone, step)} with no pooling and {_range(pooled, step)} "
            "with partial pooling"
        )
    sizes = f"{_sizes(table)} observations each; " if len(table.size) else ""
    remarks = "; ".join(_remarks(table))
    return (
        f"Shrinkage of {len(table.levels)} groups ({table.group}; {sizes}{table.criterion}). "
        f"{'; '.join(parts)}." + (f" Of the groups, {remarks}." if remarks else "")
    )


def hit(table: ShrinkageTable, gid: str | None, index: int) -> int | None:
    """Return which level a pointer means.

    Parameters
    ----------
    table : ShrinkageTable
        The table as it was drawn, not one that followed.
    gid : str or None
        The artist under the pointer.
    index : int
        The number of the marker or line in it.

    Returns
    -------
    int or None
        The level's place in ``table.levels``; None for an artist that is of no level.
    """
    if gid not in ("lines", "no-pooling", "partial-pooling"):
        return None
    return int(order(table)[index]) if table.no_pooling.shape[1] == 1 else int(index)


def pick(figure: Figure, table: ShrinkageTable, index: int | None) -> None:
    """Mark one level in a figure that is drawn.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        Drawn by :func:`draw`.
    table : ShrinkageTable
        Drawn in it, or one that followed.
    index : int or None
        The level's place in ``table.levels``; None for none.
    """
    (mark,), artists = highlights(figure), parts(figure)
    if index is None:
        mark.clear()
        return
    mark.level = index
    place = index if mark.place is None else int(mark.place[index])
    pooled = artists["partial-pooling"]
    mark.set_markersize(math.sqrt(float(pooled.get_sizes()[place])) + 6.0)
    x, y = artists["lines"].ends[place].T
    mark.mark(x, y, table.levels[index])


def follow(figure: Figure, table: ShrinkageTable) -> None:
    """Put another table of the same levels into a figure that is drawn.

    Rows stay in the order they were drawn in and the limits as they are: what is beyond them
    leaves the picture. An ellipse of infinite size is not drawn.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        Drawn by :func:`draw`.
    table : ShrinkageTable
        With the levels and coefficients of the table drawn.
    """
    (mark,), artists = highlights(figure), parts(figure)
    centre = table.complete_pooling
    if mark.order is not None:
        places = np.arange(len(mark.order), dtype=float)
        alone = np.column_stack((table.no_pooling[mark.order, 0], places))
        pooled = np.column_stack((table.partial_pooling[mark.order, 0], places))
        artists["complete-pooling"].set_xdata(centre[[0, 0]])
    else:
        alone, pooled = table.no_pooling[:, :2], table.partial_pooling[:, :2]
        artists["complete-pooling"].set_data(centre[:1], centre[1:2])
        _move_ellipses(artists, centre[:2], table.covariance[:2, :2])
    artists["lines"].move(np.stack((alone, pooled), axis=1))
    artists["no-pooling"].set_offsets(np.ma.masked_invalid(alone))
    artists["partial-pooling"].set_offsets(pooled)
    if mark.level is not None:
        pick(figure, table, mark.level)


def _move_ellipses(artists: dict[str, Any], centre: Floats, covariance: Floats) -> None:
    known = np.isfinite(covariance).all() and np.isfinite(centre).all()
    for p, radius in zip(CONFIDENCES, RADII, strict=True):
        outline = ellipse(centre, covariance, radius) if known else np.full((1, 2), np.nan)
        artists[f"ellipse-{100 * p:.0f}"].set_data(*outline.T)


def _range(values: Floats, step: float) -> str:
    if not len(values):
        return "none"
    return f"{number(float(values.min()), step)} to {number(float(values.max()), step)}"


def _outside(table: ShrinkageTable) -> int:
    """Return how many groups have an estimate with no pooling that the limits leave out."""
    out = np.zeros(len(table.levels), dtype=bool)
    for axis in range(min(table.no_pooling.shape[1], 2)):
        lower, upper = limits(table, axis)
        values = table.no_pooling[:, axis]
        out |= (values < lower) | (values > upper)
    return int(out.sum())


def _sizes(table: ShrinkageTable) -> str:
    smallest, largest = int(table.size.min()), int(table.size.max())
    return f"{smallest} to {largest}" if smallest < largest else str(largest)


def _remarks(table: ShrinkageTable) -> list[str]:
    outside = _outside(table)
    alone = int((~np.isfinite(table.no_pooling[:, :2]).all(axis=1)).sum())
    remarks = []
    if outside:
        stand = "stands" if outside == 1 else "stand"
        remarks.append(f"{outside} with no pooling {stand} outside the picture")
    if alone:
        remarks.append(f"{alone} cannot be estimated alone")
    return remarks


def _marks(theme: Theme, table: ShrinkageTable) -> list[Mark]:
    marks = [
        Mark("no pooling", marker=_look(theme.muted, theme.panel)),
        Mark("partial pooling", marker=_look(theme.paper, theme.pooled)),
    ]
    if len(table.names) == 1:
        dashed = {"color": theme.ink, "linewidth": 1.2, "linestyle": (0, (5, 3))}
        marks.append(Mark("complete pooling", line=dashed))
    else:
        big = {"marker": "D", "markersize": 8, "color": theme.likelihood}
        marks.append(Mark("complete pooling", marker=big | {"markeredgecolor": theme.paper}))
        line = {"color": theme.likelihood, "linewidth": 1.2}
        marks.append(Mark("Σ, 50 and 95%", "Σ", line=line))
    if len(table.size) and table.size.min() < table.size.max():
        marks.append(Mark(f"size: {_sizes(table)} observations", f"size: {_sizes(table)}"))
    return marks


def _look(edge: str, face: str) -> dict[str, Any]:
    return {"marker": "o", "markersize": 7, "markeredgecolor": edge, "markerfacecolor": face}


def _areas(table: ShrinkageTable, room: float) -> Floats:
    """Return the area of each group's marker in points squared, growing with its size.

    ``room`` is the area of the largest marker; the smallest has a fifth of it at least.
    """
    share = table.size / max(float(table.size.max(initial=1)), 1.0)
    return np.maximum(room * share, room / 5)


def _draw_rows(sheet: Sheet, table: ShrinkageTable, animated: bool) -> None:
    rows, count = order(table), len(table.levels)
    bottom = sheet.height - 48
    spacing = (bottom - _TOP) / max(count, 1)
    named = count <= MOST_LABELS
    sides = 1 if spacing >= _LINE else 2  # two columns of names have room for twice as many
    names = [table.levels[i] for i in rows]
    widest = min(max((text_width(n, SMALL) for n in names), default=0), 0.2 * sheet.width)
    left = MARGIN + (widest + 10 if named else 0)
    right = sheet.width - MARGIN - (widest + 10 if named and sides == 2 else 4)
    axes = sheet.panel((left, _TOP, right, bottom), limits(table, 0), (-0.7, count - 0.3))
    label = f"{table.names[0]} by {table.group}"
    sheet.scale(axes, "x", label=label, every=80)
    if named and spacing * sides >= _LINE - 1:
        name_rows(sheet, axes, names, sides, widest)
    places = np.arange(count, dtype=float)
    alone = np.column_stack((table.no_pooling[rows, 0], places))
    pooled = np.column_stack((table.partial_pooling[rows, 0], places))
    areas = _areas(table, float(np.clip(9.0 * spacing, 14.0, 70.0)))[rows]
    centre = float(table.complete_pooling[0])
    stroke(
        axes,
        [centre, centre],
        axes.get_ylim(),
        color=sheet.theme.ink,
        linewidth=1.2,
        linestyle=(0, (5, 3)),
        zorder=1.5,
        animated=animated,
        gid="complete-pooling",
    )
    _draw_pairs(sheet.theme, axes, alone, pooled, areas, animated)
    Highlight(axes, sheet.theme, rows, animated, markevery=[1])


def _draw_plane(sheet: Sheet, table: ShrinkageTable, animated: bool) -> None:
    theme = sheet.theme
    top, bottom = _TOP + 20, sheet.height - 48
    xlim, ylim = limits(table, 0), limits(table, 1)
    left = MARGIN + tick_room(*ylim, bottom - top, 45) + 6
    axes = sheet.panel((left, top, sheet.width - MARGIN - 4, bottom), xlim, ylim)
    sheet.scale(axes, "x", label=f"{table.names[0]} by {table.group}", every=80)
    sheet.scale(axes, "y", label=f"{table.names[1]} by {table.group}", every=45)
    room = float(np.clip(4000.0 / max(len(table.levels), 1), 16.0, 60.0))
    centre, covariance = table.complete_pooling[:2], table.covariance[:2, :2]
    for p, radius in zip(CONFIDENCES, RADII, strict=True):
        outline = ellipse(centre, covariance, radius)
        stroke(
            axes,
            *outline.T,
            color=theme.likelihood,
            linewidth=1.3,
            alpha=0.9,
            zorder=3.4,
            animated=animated,
            gid=f"ellipse-{100 * p:.0f}",
        )
    _draw_pairs(
        theme,
        axes,
        table.no_pooling[:, :2],
        table.partial_pooling[:, :2],
        _areas(table, room),
        animated,
    )
    stroke(
        axes,
        centre[:1],
        centre[1:2],
        marker="D",
        linestyle="none",
        markersize=9,
        zorder=4,
        color=theme.likelihood,
        markeredgecolor=theme.paper,
        markeredgewidth=1.2,
        animated=animated,
        gid="complete-pooling",
    )
    Highlight(axes, theme, None, animated, markevery=[1])


def _draw_pairs(
    theme: Theme, axes: Axes, alone: Floats, pooled: Floats, areas: Floats, animated: bool
) -> None:
    """Draw each group as a hollow and a filled marker with a thin line from one to the other."""
    few = len(alone) <= FEW
    lines = Segments(
        np.stack((alone, pooled), axis=1),
        colors=theme.muted,
        linewidths=0.9 if few else 0.45,
        alpha=0.7 if few else 0.28,
        zorder=2.0,
        animated=animated,
        gid="lines",
    )
    axes.add_collection(lines, autolim=False)
    scatter: Callable[..., Any] = axes.scatter
    scatter(
        *alone.T,
        s=areas,
        facecolors=theme.panel if few else "none",
        edgecolors=theme.muted,
        linewidths=1.1 if few else 0.7,
        alpha=1.0 if few else 0.6,
        zorder=2.5,
        animated=animated,
        gid="no-pooling",
        plotnonfinite=False,
    )
    scatter(
        *pooled.T,
        s=areas,
        facecolors=theme.pooled,
        edgecolors=theme.panel,
        linewidths=0.6 if few else 0.25,
        alpha=1.0 if few else 0.8,
        zorder=3.0,
        animated=animated,
        gid="partial-pooling",
    )
