"""How one interval is built: the likelihood curve and what the method cuts, or its replicates."""

from __future__ import annotations

import math
from typing import Any, TypeAlias

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection, PolyCollection

from mixedwidgets.lmm.interval_tables import BuiltInterval, FiveIntervals
from mixedwidgets.lmm.tables import Floats
from mixedwidgets.plots.lettering import text_width
from mixedwidgets.plots.numbers import number, significant
from mixedwidgets.plots.sheet import Sheet, stroke
from mixedwidgets.plots.style import NORMAL, SMALL, Theme, optimum_look

_ROOM = 1.75  # the curve is shown to so many times the depth of the cut
_BINS = 30
_TALL = 0.86  # of the panel's height, the tallest bar

Span: TypeAlias = tuple[float, float]


def color_of(theme: Theme, key: str) -> str:
    """Return the colour of a method, the same in every picture."""
    return {"profile": theme.likelihood, "bootstrap": theme.pooled}.get(key, theme.wald)


def depth(table: FiveIntervals, method: BuiltInterval) -> float:
    """Return how far below its maximum the log-likelihood is shown."""
    return 0.5 * _ROOM * max(method.cut, table.by("profile").cut)


def draw_construction(
    sheet: Sheet, axes: Axes, table: FiveIntervals, method: BuiltInterval
) -> None:
    """Draw the likelihood curve and the construction of one interval into a panel.

    Parameters
    ----------
    sheet : Sheet
        Where the panel is.
    axes : matplotlib.axes.Axes
        The panel: across the place on the table's axis, up the log-likelihood less its maximum, or
        for the bootstrap the number of replicates.
    table : FiveIntervals
        Whose curve.
    method : BuiltInterval
        One of its methods.
    """
    if method.key == "bootstrap":
        _draw_replicates(sheet, axes, table)
    else:
        _draw_cut(sheet, axes, table, method)


def caption(table: FiveIntervals, method: BuiltInterval, xlim: Span) -> str:
    """Say in a sentence how an interval is built; of replicates also how many are not in view."""
    if method.state == "none":
        return f"{method.label}: no interval"
    cut = f"−{significant(method.cut / 2, 3)}"
    if method.key == "profile":
        return f"Profile: all values whose log-likelihood − max is at least {cut}"
    if method.key == "bootstrap":
        return _boot_caption(table, xlim)
    if method.key == "t":
        return f"{method.label}: the same parabola as Wald's, cut deeper, at {cut}"
    on = f"in {method.label[8:]} " if method.label.startswith("Wald on ") else ""
    on = _article(on)
    return f"{method.label}: the parabola {on}that has the same curvature, cut at {cut}"


def _article(words: str) -> str:
    """Put "the" before the words that need it: variance, SD and log SD."""
    for word in ("variance", "SD", "log SD"):
        if words == f"in {word} ":
            return f"in the {word} "
    return words


def _boot_caption(table: FiveIntervals, xlim: Span) -> str:
    if not len(table.replicates):
        return "Bootstrap: responses drawn from the fit, the model fitted to each: no replicate yet"
    tail = f"{100 * 0.5 * (1 - table.level):.3g}%"
    places = table.place(table.interior)
    out = int(((places < xlim[0]) | (places > xlim[1])).sum())
    beyond = f"; {out} beyond the picture" if out else ""
    return f"Bootstrap: {len(table.replicates)} replicates, {tail} beyond each limit{beyond}"


def _draw_cut(sheet: Sheet, axes: Axes, table: FiveIntervals, method: BuiltInterval) -> None:
    theme, xlim, (bottom, _) = sheet.theme, axes.get_xlim(), axes.get_ylim()
    color = color_of(theme, method.key)
    plain = method.key == "profile"
    _draw_curve(axes, table, theme, 2.0 if plain else 1.5)
    if method.state != "found":
        return
    if len(method.x):
        look = {"color": color, "linewidth": 1.8, "linestyle": (0, (5, 2.5)), "zorder": 2.7}
        stroke(axes, table.place(method.x), _shown(method.drop, bottom), **look, gid="parabola")
    cut = -0.5 * method.cut
    stroke(axes, xlim, [cut, cut], color=theme.muted, linewidth=0.8, zorder=1.0, gid="cut")
    ends = np.clip(table.limits(method.key), *xlim)
    band = {"linewidth": 4.0, "alpha": 0.45, "solid_capstyle": "butt", "zorder": 2.4}
    stroke(axes, ends, [cut, cut], color=color, **band, gid="interval")
    drop_lines(axes, _inside(table.limits(method.key), xlim), cut, bottom, color)
    sheet.write(1.01, cut, f"−{significant(-cut, 3)}", transform=axes.get_yaxis_transform())
    if math.isfinite(table.estimate):
        look = optimum_look(theme)
        stroke(axes, [float(table.place(table.estimate))], [0.0], **look, zorder=4.0, gid="maximum")


def _draw_curve(axes: Axes, table: FiveIntervals, theme: Theme, width: float) -> None:
    bottom = axes.get_ylim()[0]
    look = {"color": theme.likelihood, "linewidth": width, "zorder": 2.5}
    stroke(axes, table.place(table.x), _shown(table.drop, bottom), **look, gid="curve")


def drop_lines(axes: Axes, places: list[float], top: float, bottom: float, color: str) -> None:
    """Draw thin dashed lines down (or up) at some places."""
    lines = [[(x, top), (x, bottom)] for x in places]
    look: dict[str, Any] = {
        "colors": color,
        "linewidths": 1.0,
        "linestyles": [(0, (2, 2))],
        "zorder": 2.3,
    }
    axes.add_collection(LineCollection(lines, **look, gid="drop-lines"), autolim=False)


def _inside(limits: Span, xlim: Span) -> list[float]:
    return [x for x in limits if math.isfinite(x) and xlim[0] <= x <= xlim[1]]


def _shown(drop: Floats, bottom: float) -> Floats:
    """Return half a drop as a log-likelihood, without the far depths."""
    return np.where(drop < -8.0 * bottom, -drop / 2, np.nan)


def _draw_replicates(sheet: Sheet, axes: Axes, table: FiveIntervals) -> None:
    """Draw the histogram, with a bar of its own for what is exactly at a boundary.

    The likelihood curve stands behind it, on a scale of its own.
    """
    theme, xlim = sheet.theme, axes.get_xlim()
    _, high = axes.get_ylim()
    edges, heights = _bins(table, xlim)
    if len(table.x):
        level = high * _TALL * np.exp(-0.5 * table.drop)
        look = {"color": theme.likelihood, "linewidth": 1.2, "alpha": 0.7, "zorder": 3.0}
        stroke(axes, table.place(table.x), level, **look, gid="curve")
    bars = [
        [(a, 0.0), (a, h), (b, h), (b, 0.0)]
        for a, b, h in zip(edges, edges[1:], heights, strict=False)
        if h
    ]
    fill: dict[str, Any] = {"facecolors": theme.pooled, "edgecolors": theme.panel}
    fill |= {"linewidths": 0.6, "alpha": 0.55}
    axes.add_collection(PolyCollection(bars, **fill, zorder=2.4, gid="histogram"), autolim=False)
    for place, count in zip(table.allowed, table.at_bounds, strict=True):
        if count and math.isfinite(place):
            _draw_spike(sheet, axes, float(table.place(place)), count, len(table.replicates))
    found = table.by("bootstrap")
    if found.state == "found":
        drop_lines(axes, _inside(table.limits("bootstrap"), xlim), high, 0.0, theme.pooled)


def _bins(table: FiveIntervals, xlim: Span) -> tuple[Floats, Floats]:
    """Edges of the bars, and how many of the replicates at no boundary are in each."""
    heights, edges = np.histogram(table.place(table.interior), _BINS, range=xlim)
    return edges, heights.astype(np.float64)


def tallest(table: FiveIntervals, xlim: Span) -> float:
    """Return the number of replicates in the tallest bar, the counted ones at a boundary too."""
    heights = _bins(table, xlim)[1]
    return float(max(1, heights.max(initial=0), *table.at_bounds)) / _TALL


def _draw_spike(sheet: Sheet, axes: Axes, place: float, count: int, total: int) -> None:
    """Draw the counted bar of replicates that are exactly at a boundary."""
    theme = sheet.theme
    look = {"color": theme.pooled, "linewidth": 5.0, "solid_capstyle": "butt", "zorder": 3.4}
    stroke(axes, [place, place], [0.0, count], **look, gid="spike")
    left, top, right, bottom = sheet.box(axes)
    x0, x1 = axes.get_xlim()
    spot = left + (place - x0) / (x1 - x0) * (right - left)
    y = bottom - count / axes.get_ylim()[1] * (bottom - top)
    words = f"{count} of {total} are exactly {number(place, 1.0)}"
    align = "left" if spot + 10 + text_width(words, SMALL) < right else "right"
    side = 7.0 if align == "left" else -7.0
    sheet.write(spot + side, max(y, top + 8), words, align=align, bold=False, halo=theme.panel)


def height_label(sheet: Sheet, axes: Axes, method: BuiltInterval) -> None:
    """Name what goes up in the panel of a construction."""
    left, top, *_ = sheet.box(axes)
    if method.key != "bootstrap":
        sheet.write(left, top - 9, "log-likelihood − max", size=NORMAL)
        return
    used = sheet.write(left, top - 9, "replicates", size=NORMAL)
    remark = "(curve: the likelihood, on no scale)"
    sheet.write(left + used + 8, top - 9, remark, color=sheet.theme.muted)
