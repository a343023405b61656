"""The one-way model by hand: data, shrunken means, contributions and the likelihood surface."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray

from mixedwidgets.likelihood.tables import Floats, OneWayData, OneWayPoint
from mixedwidgets.plots.lettering import text_width
from mixedwidgets.plots.numbers import number
from mixedwidgets.plots.oneway_surface import draw_surface, follow_surface
from mixedwidgets.plots.sheet import MARGIN, Mark, Sheet, stroke, tick_room
from mixedwidgets.plots.style import NORMAL, SMALL, Theme, picked_look

DATA, BARS, SIDE, SURFACE = range(4)  # numbers of the axes
FEW = 60  # groups up to which each has its own details
POINTS = 161  # of a density
_TOP, _RIGHT, _GAP = 78.0, 0.31, 40.0
_SPREAD = 0.78  # of the width of the panel at the side, the tallest bar of the histogram

Span: TypeAlias = tuple[float, float]
Order: TypeAlias = NDArray[np.int64]


def draw(
    figure: Figure,
    table: OneWayData,
    order: Order,
    *,
    theme: str | Theme = "light",
    animated: bool = True,
    bars: str = "contribution",
) -> None:
    """Draw the data by group, a bar for each group, the densities and the surface.

    What follows a hand: ``shrunken``, ``pull``, ``mu`` (twice), ``between``, ``all``,
    ``falling``, ``rising``, ``ticks``, the numbers ``full`` and ``least`` and, on the surface,
    ``point`` and its crosshair; :func:`follow` moves them.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        Empty; made for 6.4 to 10 by 5.8 inches.
    table : OneWayData
        What to draw.
    order : (m,) array of int
        Groups from left to right.
    theme : str or Theme
        ``"light"``, ``"dark"`` or a theme of one's own.
    animated : bool
        Whether what moves is left to the browser; False draws it too.
    bars : {"contribution", "change"}
        Each group's log-likelihood, or how much more it is than at the maximum.
    """
    sheet = Sheet(figure, theme)
    many = f"{len(table.y):,} observations in {len(table.labels):,} groups"
    sheet.title("One-way normal model by hand", many)
    sheet.key(_marks(sheet.theme))
    bottom = sheet.height - 46
    middle = _TOP + 0.60 * (bottom - _TOP - _GAP)
    ylim = _ylim(table)
    left = MARGIN + max(tick_room(*ylim, middle - _TOP, 40), 40.0) + 8
    right = sheet.width - MARGIN
    split = right - _RIGHT * sheet.width
    xlim = (-0.5, len(order) - 0.5)
    data = sheet.panel((left, _TOP, split - 12, middle), xlim, ylim)
    below = sheet.panel((left, middle + _GAP, split - 12, bottom), xlim, _bar_limits(bars))
    side = sheet.panel((split, _TOP, right, middle), (0.0, 1.0), ylim)
    sheet.scale(data, "y", label="y by group", every=40)
    _draw_data(sheet, data, table, order, animated)
    _draw_bars(sheet, below, table, order, bars, animated)
    _draw_side(sheet, side, table, animated)
    draw_surface(sheet, (split + 36, middle + _GAP, right, bottom), table, animated)


def follow(
    figure: Figure, table: OneWayData, point: OneWayPoint, order: Order, bars: str = "contribution"
) -> None:
    """Move everything that depends on mu, sigma and tau.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        In which :func:`draw` drew this table in this order.
    table : OneWayData
        The table.
    point : OneWayPoint
        Where to.
    order : (m,) array of int
    bars : {"contribution", "change"}
        As drawn.
    """
    data, below, side, surface = figure.axes[:4]
    places = np.arange(len(order))
    shrunken = point.shrunken[order]
    _set(data, "shrunken", places, shrunken)
    _set(data, "mu", data.get_xlim(), [point.mu, point.mu])
    _segments(data, "pull", places, table.mean[order], shrunken)
    _follow_bars(below, table, point, order, bars)
    _set(side, "mu", side.get_xlim(), [point.mu, point.mu])
    _follow_side(side, table, point)
    follow_surface(surface, table, point)


def pick(
    figure: Figure, table: OneWayData, point: OneWayPoint, order: Order, index: int | None
) -> None:
    """Highlight a group in the data and among the bars, or none.

    Parameters
    ----------
    figure, table, point, order
        As for :func:`follow`.
    index : int or None
        Place of the group in ``table.labels``.
    """
    data, below = figure.axes[:2]
    at = [] if index is None else [int(np.flatnonzero(order == index)[0])]
    _set(data, "picked", at, [] if index is None else [point.shrunken[index]])
    x = [at[0], at[0]] if at else []
    _set(data, "picked-line", x, data.get_ylim() if at else [])
    _set(below, "picked-line", x, below.get_ylim() if at else [])


def arranged(table: OneWayData, point: OneWayPoint, by: str) -> Order:
    """Return the groups in an order.

    Parameters
    ----------
    table : OneWayData
        The groups.
    point : OneWayPoint
        Where contributions are taken.
    by : {"mean", "name", "size", "contribution", "change"}
        What goes up from left to right; ``"name"`` keeps the order of the labels.
    """
    keys = {
        "mean": table.mean,
        "size": table.size,
        "contribution": point.contributions,
        "change": point.contributions - table.top_contributions,
    }
    if by not in keys:
        return np.arange(len(table.labels))
    return np.argsort(keys[by], kind="stable")


def _marks(theme: Theme) -> list[Mark]:
    return [
        Mark("observation", "y", marker=_dot_look(theme, 10) | {"markersize": 4.0, "alpha": 1.0}),
        Mark("group mean", "mean", marker=_mean_look(theme) | {"markersize": 6.0}),
        Mark("drawn to μ", marker=_shrunken_look(theme) | {"markersize": 6.5}),
        Mark("N(μ, τ²), group means", "N(μ, τ²)", fill=(theme.shades[2],)),
        Mark("N(μ, σ² + τ²), observations", "N(μ, σ² + τ²)", line=_all_look(theme)),
        Mark("method of moments", "moments", marker=moments_look(theme)),
    ]


def _dot_look(theme: Theme, n: int) -> dict[str, Any]:
    size, alpha = (3.4, 0.65) if n < 400 else (2.2, 0.4) if n < 3000 else (1.4, 0.28)
    return {
        "marker": "o",
        "markersize": size,
        "markerfacecolor": theme.muted,
        "markeredgewidth": 0.0,
        "linestyle": "none",
        "alpha": alpha,
    }


def _mean_look(theme: Theme) -> dict[str, Any]:
    return {
        "marker": "o",
        "markerfacecolor": theme.panel,
        "markeredgecolor": theme.wald,
        "markeredgewidth": 1.2,
        "linestyle": "none",
    }


def _shrunken_look(theme: Theme) -> dict[str, Any]:
    return {
        "marker": "o",
        "markerfacecolor": theme.likelihood,
        "markeredgecolor": theme.panel,
        "markeredgewidth": 0.6,
        "linestyle": "none",
    }


def moments_look(theme: Theme) -> dict[str, Any]:
    """Return how the estimates by moments are marked."""
    return {
        "marker": "D",
        "markersize": 6.0,
        "markerfacecolor": theme.pooled,
        "markeredgecolor": theme.paper,
        "markeredgewidth": 1.0,
        "linestyle": "none",
    }


def _all_look(theme: Theme) -> dict[str, Any]:
    return {"color": theme.ink, "linewidth": 1.2, "linestyle": (0, (4, 2.5))}


def _ylim(table: OneWayData) -> Span:
    low, high = float(table.y.min()), float(table.y.max())
    pad = 0.04 * (high - low)
    return low - pad, high + pad


def _bar_limits(bars: str) -> Span:
    return (-1.06, 0.06) if bars == "contribution" else (-1.06, 1.06)


def _draw_data(sheet: Sheet, axes: Axes, table: OneWayData, order: Order, animated: bool) -> None:
    theme, m = sheet.theme, len(order)
    place = np.empty(m)
    place[order] = np.arange(m)
    few = m <= FEW
    size = 7.0 if few else 3.0
    look = _dot_look(theme, len(table.y))
    stroke(axes, place[table.group], table.y, **look, zorder=1.0, gid="observations")
    look = _mean_look(theme) | {"markersize": size, "markeredgewidth": 1.2 if few else 0.7}
    stroke(axes, np.arange(m), table.mean[order], **look, zorder=2.0, gid="means")
    moving = {"animated": animated}
    line = {"color": theme.pooled, "linewidth": 1.4, "linestyle": (0, (5, 3)), "zorder": 1.8}
    stroke(axes, [], [], **line, **moving, gid="mu")
    pull: dict[str, Any] = {"color": theme.muted, "linewidth": 1.2 if few else 0.6, "zorder": 2.4}
    stroke(axes, [], [], **pull, **moving, gid="pull")
    look = _shrunken_look(theme) | {"markersize": size, "markeredgewidth": 0.6 if few else 0.0}
    stroke(axes, [], [], **look, **moving, zorder=3.0, gid="shrunken")
    _draw_picked(axes, theme, animated)


def _draw_picked(axes: Axes, theme: Theme, animated: bool) -> None:
    look = picked_look(theme)
    line = {"color": theme.ink, "linewidth": 0.9, "alpha": 0.6, "zorder": 5.0}
    stroke(axes, [], [], **line, animated=animated, gid="picked-line")
    ring = look | {"linestyle": "none"}
    stroke(axes, [], [], **ring, animated=animated, gid="picked")


def _draw_bars(
    sheet: Sheet, axes: Axes, table: OneWayData, order: Order, bars: str, animated: bool
) -> None:
    theme, m = sheet.theme, len(order)
    left, top, right, bottom = sheet.box(axes)
    slot = (right - left) / m
    change = bars == "change"
    label = "log-likelihood of each group" + (" − at the maximum" if change else "")
    sheet.write(left, top - 11, label, size=NORMAL, width=right - left)
    stroke(axes, axes.get_xlim(), [0, 0], color=theme.muted, linewidth=0.8, zorder=1.0)
    sheet.write(left - 6, top + (bottom - top) * (0.5 if change else 0.053), "0", align="right")
    _name_groups(sheet, axes, table, order, slot)
    points = 72 / 100 * max(0.72 * slot, 0.8)
    look: dict[str, Any] = {"linewidth": points, "solid_capstyle": "butt", "animated": animated}
    stroke(axes, [], [], color=theme.likelihood, **look, zorder=2.0, gid="falling")
    stroke(axes, [], [], color=theme.pooled, **look, zorder=2.0, gid="rising")
    if m <= FEW and not change:
        tick: dict[str, Any] = {"color": theme.ink, "linewidth": 1.4, "animated": animated}
        stroke(axes, [], [], **tick, zorder=2.5, gid="ticks")
    for gid, at in (("full", 1.0), ("least", -1.0)):
        if change or gid == "least":
            axes.text(
                -6 / (right - left),
                at,
                "",
                transform=axes.get_yaxis_transform(),
                horizontalalignment="right",
                verticalalignment="center",
                fontsize=SMALL,
                color=theme.muted,
                animated=animated,
                gid=gid,
                clip_on=False,
            )
    _draw_picked(axes, theme, animated)


def _name_groups(sheet: Sheet, axes: Axes, table: OneWayData, order: Order, slot: float) -> None:
    left, _, right, bottom = sheet.box(axes)
    names = [table.labels[i] for i in order]
    if max(text_width(name, SMALL) for name in names) <= slot - 4:
        for i, name in enumerate(names):
            at = left + (i + 0.5) * slot
            sheet.write(at, bottom + 12, name, color=sheet.theme.muted, align="center")
    sheet.write((left + right) / 2, bottom + 31, "groups", size=NORMAL, align="center")


def _follow_bars(
    axes: Axes, table: OneWayData, point: OneWayPoint, order: Order, bars: str
) -> None:
    """Draw the bars as tall as there is room for; the number beside says how tall that is."""
    now = point.contributions[order]
    values = now - table.top_contributions[order] if bars == "change" else now
    full = _round_up(max(float(np.abs(values).max()), 1e-9))
    places = np.arange(len(order), dtype=np.float64)
    heights = np.clip(values / full, -1.0, 1.0)
    for gid, there in (("falling", heights < 0.0), ("rising", heights > 0.0)):
        _segments(axes, gid, places[there], np.zeros(int(there.sum())), heights[there])
    at = np.clip(table.top_contributions[order] / full, -1.0, 0.06)
    _set(axes, "ticks", *_pieces(places - 0.42, places + 0.42, at, at))
    for text in axes.texts:
        text.set_text(number(full if text.get_gid() == "full" else -full, full / 10))


def _round_up(value: float) -> float:
    """Return the next round number, of which there are eight in each power of ten."""
    power = 10.0 ** np.floor(np.log10(value))
    round_ones = (1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0)
    return float(next(m * power for m in round_ones if m * power >= value * (1 - 1e-9)))


def _draw_side(sheet: Sheet, axes: Axes, table: OneWayData, animated: bool) -> None:
    theme, moving = sheet.theme, {"animated": animated}
    left, top, *_ = sheet.box(axes)
    sheet.write(left, top - 11, "densities at these values", size=NORMAL)
    counts, edges = _histogram(table)
    widths = _SPREAD * counts / counts.max()
    bars = [
        [(0.0, a), (w, a), (w, b), (0.0, b)]
        for a, b, w in zip(edges, edges[1:], widths, strict=False)
        if w
    ]
    look: dict[str, Any] = {"facecolors": theme.faint, "edgecolors": theme.panel}
    axes.add_collection(PolyCollection(bars, **look, linewidths=0.5, zorder=1.0), autolim=False)
    fill: dict[str, Any] = {"facecolors": theme.shades[2], "edgecolors": theme.likelihood}
    between = PolyCollection([], **fill, linewidths=1.4, alpha=0.85, zorder=2.0, **moving)
    between.set_gid("between")
    axes.add_collection(between, autolim=False)
    stroke(axes, [], [], **_all_look(theme), **moving, zorder=3.0, gid="all")
    line = {"color": theme.pooled, "linewidth": 1.4, "linestyle": (0, (5, 3)), "zorder": 2.6}
    stroke(axes, [], [], **line, **moving, gid="mu")


def _histogram(table: OneWayData) -> tuple[Floats, Floats]:
    bins = int(np.clip(2 * len(table.y) ** (1 / 3), 8, 40))
    counts, edges = np.histogram(table.y, bins)
    return counts.astype(np.float64), edges


def _follow_side(axes: Axes, table: OneWayData, point: OneWayPoint) -> None:
    low, high = axes.get_ylim()
    counts, edges = _histogram(table)
    spread = float(np.hypot(point.sigma, point.tau))
    unit = _SPREAD / counts.max() * len(table.y) * float(edges[1] - edges[0])
    y = np.linspace(low, high, POINTS)
    density = np.exp(-0.5 * ((y - point.mu) / spread) ** 2) / (spread * np.sqrt(2 * np.pi))
    _set(axes, "all", unit * density, y)
    tau = max(point.tau, 1e-3 * (high - low))
    near = point.mu + tau * np.linspace(-4.0, 4.0, POINTS)
    bell = 0.9 * np.exp(-0.5 * ((near - point.mu) / tau) ** 2)
    outline = np.column_stack((np.append(bell, [0.0, 0.0]), np.append(near, near[[-1, 0]])))
    for part in axes.collections:
        if part.get_gid() == "between":
            part.set_verts([outline])  # type: ignore[attr-defined]


def _segments(axes: Axes, gid: str, places: ArrayLike, start: Floats, stop: Floats) -> None:
    x = np.asarray(places, dtype=np.float64)
    _set(axes, gid, *_pieces(x, x, start, stop))


def _pieces(x0: Floats, x1: Floats, y0: Floats, y1: Floats) -> tuple[Floats, Floats]:
    """Vertices of separate pieces as one line: a collection of as many costs ten times as much."""
    gap = np.full(len(x0), np.nan)
    return np.column_stack((x0, x1, gap)).ravel(), np.column_stack((y0, y1, gap)).ravel()


def _set(axes: Axes, gid: str, x: ArrayLike, y: ArrayLike) -> None:
    for line in axes.lines:
        if line.get_gid() == gid:
            line.set_data(np.asarray(x), np.asarray(y))
