"""A log-likelihood of one parameter, its slope beneath, and a step of Newton's method in both."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from mixedwidgets.likelihood.tables import Floats, MaximumView, SearchStep
from mixedwidgets.plots.numbers import significant
from mixedwidgets.plots.sheet import MARGIN, Mark, Sheet, stroke, tick_room
from mixedwidgets.plots.style import Theme, optimum_look, wald_look

CUT = 1.920729410347062  # half the chi-square quantile of 95 %, one degree of freedom
POINTS = 121  # of a parabola
_TOP, _GAP, _SHARE = 78.0, 36.0, 0.60

Span: TypeAlias = tuple[float, float]


def draw_curve(sheet: Sheet, table: MaximumView, animated: bool) -> None:
    """Draw the curve above and its slope below, on one axis.

    Parameters
    ----------
    sheet : Sheet
        Where to draw.
    table : MaximumView
        Of one parameter.
    animated : bool
        Whether what moves is left to the browser.
    """
    theme = sheet.theme
    sheet.key(_marks(theme, animated))
    bottom = sheet.height - 46
    split = _TOP + _SHARE * (bottom - _TOP - _GAP)
    xlim, ylim, slopes = view(table, 0), (-table.depth, 0.12 * table.depth), _slope_limits(table)
    heights = (tick_room(*ylim, split - _TOP, 30), tick_room(*slopes, bottom - split - _GAP, 30))
    left, right = MARGIN + max(heights) + 6, sheet.width - MARGIN - 60
    upper = sheet.panel((left, _TOP, right, split), xlim, ylim)
    lower = sheet.panel((left, split + _GAP, right, bottom), xlim, slopes)
    for axes in (upper, lower):
        (x0, x1), (y0, y1) = axes.get_xlim(), axes.get_ylim()
        low, high = table.allowed[0]
        boxes = [(x0, y0, low, y1)] if low > x0 else []
        sheet.impossible(axes, boxes + ([(high, y0, x1, y1)] if high < x1 else []))
    top = significant(table.top, 6)
    sheet.scale(lower, "x", label=table.names[0], every=60)
    sheet.scale(upper, "y", label=f"log-likelihood − its maximum, which is {top}", every=30)
    sheet.scale(lower, "y", label="its slope (score), which is 0 at the maximum", every=30)
    curve = {"color": theme.likelihood, "linewidth": 2.0, "zorder": 2.5}
    stroke(upper, table.grids[0], _visible(table.height, table.depth), **curve, gid="curve")
    stroke(lower, table.grids[0], table.slope, **curve, gid="slope")
    stroke(lower, xlim, [0.0, 0.0], color=theme.muted, linewidth=0.9, zorder=1.0, gid="zero")
    _draw_wald(sheet, upper, table)
    ring = optimum_look(theme) | {"markersize": 11.0, "markerfacecolor": "none"}
    ring |= {"markeredgecolor": theme.likelihood, "markeredgewidth": 1.3}
    stroke(upper, [table.best[table.axes[0]]], [0.0], **ring, zorder=3.8, gid="optimum")
    _draw_moving(upper, lower, theme, animated)


def follow_curve(
    figure: Figure, table: MaximumView, steps: Sequence[SearchStep], index: int
) -> None:
    """Show one step: its tangent, its parabola and where that has its top.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        In which :func:`draw_curve` drew.
    table : MaximumView
        Of one parameter.
    steps : sequence of SearchStep
        The search.
    index : int
        The step to show.
    """
    upper, lower = figure.axes[:2]
    bottom = upper.get_ylim()[0]
    heights = np.maximum([step.value - table.top for step in steps], bottom)
    places = np.array([step.x[table.axes[0]] for step in steps])
    step, x, y = steps[index], float(places[index]), float(heights[index])
    _set(upper, "start", places[:1], heights[:1])
    _set(upper, "path", places[: index + 1], heights[: index + 1])
    _set(upper, "point", [x], [y])
    slope, bend = float(step.gradient[0]), float(step.hessian[0, 0])
    known = math.isfinite(slope) and math.isfinite(bend)  # else nothing is drawn: all is NaN
    exact = step.value - table.top
    _set(upper, "tangent", *_tangent(upper, x, exact, slope))
    _set(upper, "parabola", *_parabola(upper, x, exact, slope, bend))
    aim = float(step.aim[table.axes[0]])
    top = exact + slope * (aim - x) + 0.5 * bend * (aim - x) ** 2
    goes = known and step.kind == "newton"
    low, high = lower.get_ylim()
    for axes, gid, across, up in (
        (upper, "aim", [aim], [top]),
        (upper, "aim-line", [aim, aim], [top, bottom]),
        (lower, "aim-line", [aim, aim], [high, 0.0]),
        (lower, "slope-tangent", [x, aim], [slope, 0.0]),
        (lower, "slope-aim", [aim], [0.0]),
    ):
        _set(axes, gid, across if goes else [], up if goes else [])
    shown = [float(np.clip(slope, low, high))] if known else []
    _set(lower, "slope-point", [x] if known else [], shown)


def view(table: MaximumView, axis: int) -> Span:
    """Return the limits of an axis: the grid, and beyond a bound where it ends there.

    Beyond a bound it goes as far as Wald's ellipse, if that is not too far.

    Parameters
    ----------
    table : MaximumView
        The table that is drawn.
    axis : int
        Which of the parameters shown.
    """
    grid, (low, high) = table.grids[axis], table.allowed[axis]
    first, last = float(grid[0]), float(grid[-1])
    width = last - first
    pad = 0.04 * width
    ends = table.wald[:, axis] if table.wald.ndim == 2 else np.empty(0)
    if first <= low + pad:
        first = min(first - pad, max(float(ends.min(initial=first)) - pad, first - 0.3 * width))
    if last >= high - pad:
        last = max(last + pad, min(float(ends.max(initial=last)) + pad, last + 0.3 * width))
    return first, last


def _slope_limits(table: MaximumView) -> Span:
    """Limits for most of the slopes: beside a bound the curve is too steep to show them all."""
    there = np.isfinite(table.slope) & (table.height > -table.depth)
    low, high = np.quantile(table.slope[there], [0.03, 0.97]) if there.any() else (-1.0, 1.0)
    size = max(float(high - low), float(np.abs((low, high)).max()), 1e-12)
    return min(float(low), -0.1 * size) - 0.1 * size, max(float(high), 0.1 * size) + 0.1 * size


def _visible(height: Floats, depth: float) -> Floats:
    return np.where(height > -8.0 * depth, height, np.nan)


def _marks(theme: Theme, animated: bool) -> list[Mark]:
    if not animated:
        return [Mark("log-likelihood", line={"color": theme.likelihood, "linewidth": 2.0})]
    line = {key: value for key, value in wald_look(theme).items() if key != "gid"}
    return [
        Mark("start: drag it", "start", marker=start_look(theme) | {"markersize": 9.0}),
        Mark("step", marker=optimum_look(theme) | {"markersize": 8.0}),
        Mark("tangent", line=_tangent_look(theme)),
        Mark("parabola of the same slope and curvature", "parabola", line=line),
        Mark("its top: the next step", "its top", marker=aim_look(theme)),
    ]


def start_look(theme: Theme) -> dict[str, Any]:
    """Return how the start of a search is marked."""
    return {
        "marker": "s",
        "markersize": 12.0,
        "markerfacecolor": "none",
        "markeredgecolor": theme.pooled,
        "markeredgewidth": 2.4,
        "linestyle": "none",
    }


def aim_look(theme: Theme) -> dict[str, Any]:
    """Return how the top of a parabola is marked."""
    return {
        "marker": "D",
        "markersize": 6.5,
        "markerfacecolor": theme.panel,
        "markeredgecolor": theme.wald,
        "markeredgewidth": 1.6,
        "linestyle": "none",
    }


def _tangent_look(theme: Theme) -> dict[str, Any]:
    return {"color": theme.ink, "linewidth": 1.3, "linestyle": (0, (1, 1.2))}


def _draw_wald(sheet: Sheet, axes: Axes, table: MaximumView) -> None:
    """Draw Wald's interval: where the parabola of the maximum is cut."""
    if not len(table.wald) or table.depth < CUT:
        return
    theme, xlim = sheet.theme, axes.get_xlim()
    stroke(axes, xlim, [-CUT, -CUT], color=theme.muted, linewidth=0.8, zorder=1.0, gid="cut")
    grid, best = table.grids[0], float(table.best[table.axes[0]])
    far = int(np.argmax(np.abs(grid - best)))
    half = abs(float(grid[far]) - best) * math.sqrt(CUT / -float(table.wald[far]))
    ends = np.clip((best - half, best + half), *xlim)
    band = {"color": theme.wald, "linewidth": 4.0, "alpha": 0.55, "solid_capstyle": "butt"}
    stroke(axes, ends, [-CUT, -CUT], **band, zorder=2.4, gid="interval")
    sheet.write(1.006, -CUT, "Wald 95%", transform=axes.get_yaxis_transform(), color=theme.wald)


def _draw_moving(upper: Axes, lower: Axes, theme: Theme, animated: bool) -> None:
    moving: dict[str, Any] = {"animated": animated}
    dashes = {"color": theme.wald, "linewidth": 1.0, "linestyle": (0, (2, 2)), "zorder": 2.7}
    dots = {"color": theme.muted, "linestyle": "none", "marker": "o", "markersize": 5.0}
    point = optimum_look(theme) | {"markersize": 8.5}
    for axes in (upper, lower):
        stroke(axes, [], [], **dashes, **moving, gid="aim-line")
    stroke(upper, [], [], **dots, **moving, zorder=3.0, gid="path")
    stroke(upper, [], [], **wald_look(theme) | {"gid": "parabola"}, **moving, zorder=3.1)
    stroke(upper, [], [], **_tangent_look(theme), **moving, zorder=3.2, gid="tangent")
    stroke(upper, [], [], **aim_look(theme), **moving, zorder=3.9, gid="aim")
    stroke(upper, [], [], **start_look(theme), **moving, zorder=4.2, gid="start")
    stroke(upper, [], [], **point, **moving, zorder=4.0, gid="point")
    line = {"color": theme.wald, "linewidth": 1.6, "linestyle": (0, (5, 2.5)), "zorder": 3.1}
    stroke(lower, [], [], **line, **moving, gid="slope-tangent")
    stroke(lower, [], [], **aim_look(theme), **moving, zorder=3.9, gid="slope-aim")
    stroke(lower, [], [], **point, **moving, zorder=4.0, gid="slope-point")


def _tangent(axes: Axes, x: float, y: float, slope: float) -> tuple[list[float], list[float]]:
    """Ends of a piece of the tangent that is as long on the screen whatever its slope."""
    width, height = (abs(b - a) for a, b in (axes.get_xlim(), axes.get_ylim()))
    left, bottom, right, top = axes.get_window_extent().extents
    steep = slope * width / height * (top - bottom) / (right - left)
    reach = 0.16 * width / math.hypot(1.0, steep)
    return [x - reach, x + reach], [y - slope * reach, y + slope * reach]


def _parabola(axes: Axes, x: float, y: float, slope: float, bend: float) -> tuple[Floats, Floats]:
    grid = np.linspace(*axes.get_xlim(), POINTS)
    heights = y + slope * (grid - x) + 0.5 * bend * (grid - x) ** 2
    low, high = axes.get_ylim()
    far = 4.0 * (high - low)
    inside = (heights > low - far) & (heights < high + far)
    return grid, np.where(inside, heights, np.nan)


def _set(axes: Axes, gid: str, x: ArrayLike, y: ArrayLike) -> None:
    for line in axes.lines:
        if line.get_gid() == gid:
            line.set_data(np.asarray(x), np.asarray(y))
