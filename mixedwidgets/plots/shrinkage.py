"""Shrinkage: the coefficients of every group with no, partial and complete pooling."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from numpy.typing import NDArray

from mixedwidgets.lmm.tables import Floats, ShrinkageTable
from mixedwidgets.plots.lettering import text_width
from mixedwidgets.plots.numbers import number, resolution
from mixedwidgets.plots.sheet import MARGIN, Mark, Sheet, stroke, tick_room
from mixedwidgets.plots.style import SMALL, Theme

CONFIDENCES = (0.50, 0.95)
RADII = tuple(math.sqrt(-2.0 * math.log(1.0 - p)) for p in CONFIDENCES)  # chi-square, 2 df
MOST_LABELS = 30
_TOP = 56.0
_WHISKERS = 2.0  # interquartile ranges beyond the quartiles that a picture surely shows
# It shows everything where that takes no more than so many times the room, for few and for many.
_STRETCH, _STRETCH_MANY, _FEW = 1.6, 1.25, 60
_LINE = 14.0  # the smallest distance of two lines of text

Span = tuple[float, float]


def draw(
    figure: Figure, table: ShrinkageTable, *, theme: str | Theme = "light", animated: bool = True
) -> None:
    """Draw one coefficient as a row a group, or the first two as a plane, into an empty figure.

    The artists that follow a hand are ``lines``, ``no-pooling``, ``partial-pooling`` and
    ``complete-pooling``, in two dimensions also ``ellipse-50`` and ``ellipse-95``. In one
    dimension the rows are sorted by :func:`order`; in two the points keep the table's order.

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
        alone, pooled = (_finite(v[:, i]) for v in (table.no_pooling, table.partial_pooling))
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


def order(table: ShrinkageTable) -> NDArray[np.intp]:
    """Return the groups in the order of the rows, bottom first.

    They are sorted by the coefficient with no pooling, or with partial pooling where a group
    cannot estimate it.

    Parameters
    ----------
    table : ShrinkageTable
        The table that is drawn; its first coefficient decides.
    """
    alone, pooled = table.no_pooling[:, 0], table.partial_pooling[:, 0]
    return np.argsort(np.where(np.isfinite(alone), alone, pooled), kind="stable")


def limits(table: ShrinkageTable, axis: int) -> Span:
    """Return robust limits for one coefficient.

    Inside are all partially pooled values, the estimates with no pooling up to two
    interquartile ranges beyond their quartiles (all of them where that takes little more room)
    and, in two dimensions, the 95% ellipse.

    Parameters
    ----------
    table : ShrinkageTable
        The table that is drawn.
    axis : int
        Which coefficient.
    """
    alone, pooled = _finite(table.no_pooling[:, axis]), _finite(table.partial_pooling[:, axis])
    shown = np.concatenate((pooled, _finite(table.complete_pooling[axis : axis + 1])))
    if len(table.names) > 1 and len(shown):
        reach = RADII[-1] * math.sqrt(max(float(table.covariance[axis, axis]), 0.0))
        shown = np.append(shown, table.complete_pooling[axis] + np.array([-reach, reach]))
    everything = np.concatenate((alone, shown))
    if not len(everything):
        return -1.0, 1.0
    if len(alone):
        low, high = np.quantile(alone, [0.25, 0.75])
        reach = _WHISKERS * (high - low)
        inside = np.logical_and(alone >= low - reach, alone <= high + reach)
        shown = np.concatenate((shown, alone[inside]))
    stretch = _STRETCH if len(table.levels) <= _FEW else _STRETCH_MANY
    if not len(shown) or np.ptp(everything) <= stretch * np.ptp(shown):
        shown = everything
    lower, upper = float(shown.min()), float(shown.max())
    if upper - lower <= 1e-12 * max(abs(lower), abs(upper)):
        half = abs(upper) / 10 or 1.0
        return lower - half, upper + half
    pad = 0.05 * (upper - lower)
    return lower - pad, upper + pad


def _finite(values: Floats) -> Floats:
    return values[np.isfinite(values)]


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
        _name_rows(sheet, axes, names, sides, widest)
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


def _name_rows(sheet: Sheet, axes: Axes, names: list[str], sides: int, width: float) -> None:
    """Write the group beside each row, the rows in turn at the left and the right of two sides."""
    left, top, right, bottom = sheet.box(axes)
    xlim, (low, high) = axes.get_xlim(), axes.get_ylim()
    guides = [[(xlim[0], i), (xlim[1], i)] for i in range(len(names))]
    faint = sheet.theme.faint
    axes.add_collection(
        LineCollection(guides, colors=faint, linewidths=0.7, zorder=0.4), autolim=False
    )
    for i, name in enumerate(names):
        y = bottom - (i - low) / (high - low) * (bottom - top)
        at_left = sides == 1 or i % 2 == 0
        x, align = (left - 8, "right") if at_left else (right + 8, "left")
        sheet.write(x, y, name, color=sheet.theme.muted, align=align, width=width)


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


def ellipse(centre: Floats, covariance: Floats, radius: float, points: int = 90) -> Floats:
    """Return the closed outline of all points at one Mahalanobis distance from a centre.

    Parameters
    ----------
    centre : ndarray, shape (2,)
    covariance : ndarray, shape (2, 2)
        May be singular: the outline is then a line or a point.
    radius : float
        The distance.
    points : int
        How many points the outline has.

    Returns
    -------
    ndarray, shape (points, 2)
    """
    values, vectors = np.linalg.eigh(covariance)
    root = vectors * np.sqrt(np.maximum(values, 0.0))
    angle = np.linspace(0.0, 2 * np.pi, points)
    return centre + radius * np.column_stack((np.cos(angle), np.sin(angle))) @ root.T


def _draw_pairs(
    theme: Theme, axes: Axes, alone: Floats, pooled: Floats, areas: Floats, animated: bool
) -> None:
    """Draw each group as a hollow and a filled marker with a thin line from one to the other."""
    few = len(alone) <= _FEW
    lines = LineCollection(
        list(np.stack((alone, pooled), axis=1)),
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
