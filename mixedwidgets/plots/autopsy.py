"""Autopsy of a boundary fit: the ellipse that collapsed, or the likelihood that is highest at 0."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mixedwidgets.lmm.interval_tables import AutopsyTable
from mixedwidgets.lmm.tables import Floats, Slice
from mixedwidgets.plots.group_marks import Highlight, finite, highlights
from mixedwidgets.plots.lettering import text_width, wrap
from mixedwidgets.plots.numbers import number, resolution, significant
from mixedwidgets.plots.pooled import ellipse
from mixedwidgets.plots.sheet import MARGIN, Mark, Sheet, stroke, tick_room
from mixedwidgets.plots.slices import ONE_PARAMETER, maximum_look, span
from mixedwidgets.plots.style import NORMAL, SMALL, Theme

RADIUS = math.sqrt(-2.0 * math.log(0.05))  # of a 95% ellipse: chi-square, 2 degrees of freedom
_TOP, _DEPTH, _DASHES = 108.0, 4.2, ((0, (1, 1.5)), (0, (5, 2.5)))
_WHISKERS = 1.5  # interquartile ranges beyond the quartiles of estimates that a picture shows

Span = tuple[float, float]


def draw(
    figure: Figure, table: AutopsyTable, *, theme: str | Theme = "light", animated: bool = True
) -> None:
    """Draw one direction without variance into an empty figure.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        Empty; made for 5.6 to 9 by 4.2 inches.
    table : AutopsyTable
        What to draw.
    theme : str or Theme
        ``"light"``, ``"dark"`` or a theme of one's own.
    animated : bool
        Whether the mark of a picked group is left to the browser; nothing else moves.
    """
    sheet = Sheet(figure, theme)
    shown = f"; its arrow seen in 2 of {table.involved} effects" if table.involved > 2 else ""
    groups = f"{len(table.levels)} groups ({table.group}){shown}"
    sheet.title(f"Boundary fit, {table.criterion}", groups)
    room = sheet.width - 2 * MARGIN
    for i, line in enumerate(wrap(_capital(table.words), room, NORMAL)):
        sheet.write(MARGIN, 38 + 15 * i, line, size=NORMAL)
    sheet.write(MARGIN, 68, _reason(table), color=sheet.theme.muted, width=room)
    if table.curve is None:
        _draw_plane(sheet, table, animated)
    else:
        _draw_curves(sheet, table.curve)


def describe(table: AutopsyTable) -> str:
    """Say in numbers what the picture shows.

    Parameters
    ----------
    table : AutopsyTable
        The table that is drawn.

    Returns
    -------
    str
        The direction in words, the reason, and the estimated standard deviations or the profile
        interval.
    """
    return f"Boundary fit ({table.criterion}): {table.words}. {_reason(table)} {_numbers(table)}"


def pick(figure: Figure, table: AutopsyTable, index: int | None) -> None:
    """Mark one group's own estimates, or none.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        In which :func:`draw` drew the table.
    table : AutopsyTable
        The table.
    index : int or None
        Which of its levels.
    """
    for mark in highlights(figure):
        mark.clear()
        if index is not None and np.isfinite(table.no_pooling[index]).all():
            x, y = table.no_pooling[index]
            mark.mark([x], [y], table.levels[index])
            mark.level = index


def hit(table: AutopsyTable, gid: str | None, index: int | None) -> int | None:
    """Return the level that a pointer event on an artist means, or None."""
    known = gid == "no-pooling" and index is not None and 0 <= index < len(table.levels)
    return index if known else None


def _capital(words: str) -> str:
    return words[:1].upper() + words[1:] + "."


def _reason(table: AutopsyTable) -> str:
    """Why there is no variance: the groups' own estimates spread no more than noise makes them."""
    if math.isnan(table.ratio):
        return "Too few groups determine these effects by themselves to compare them with noise."
    one = table.curve is not None or table.involved == 1
    what = "The groups' own estimates" if one else "Along the arrow the groups' own estimates"
    return f"{what} spread {significant(table.ratio, 2)} times as much as noise."


def _numbers(table: AutopsyTable) -> str:
    if table.curve is not None:
        upper = span(table.curve.x, table.curve.drop, ONE_PARAMETER)[1]
        to = "beyond the picture" if math.isinf(upper) else significant(upper, 3)
        return (
            f"The profile log-likelihood of {table.curve.label} is largest at 0, level there, and "
            f"within 1.92 of its maximum up to {to}."
        )
    sd = np.sqrt(np.maximum(np.diag(table.covariance), 0.0))
    parts = [f"{n} {significant(float(s), 3)}" for n, s in zip(table.names, sd, strict=True)]
    widest = np.sqrt(np.diag(table.around[-1]))
    wide = " and ".join(significant(float(s), 3) for s in widest)
    return (
        f"Standard deviations of the random effects: {', '.join(parts)}; with variance added along "
        f"the direction until the fit is 1.92 of log-likelihood worse, {wide}."
    )


def _draw_plane(sheet: Sheet, table: AutopsyTable, animated: bool) -> None:
    """Draw the plane of two effects: estimates of each group, ellipses, and the direction."""
    theme = sheet.theme
    xlim, ylim = _limits(table, 0), _limits(table, 1)
    sheet.key(_marks(theme, table, xlim, ylim), y=88)
    top, bottom = _TOP + 16, sheet.height - 46
    left = MARGIN + tick_room(*ylim, bottom - top, 40) + 6
    axes = sheet.panel((left, top, sheet.width - MARGIN - 4, bottom), xlim, ylim)
    sheet.scale(axes, "x", label=f"{table.names[0]} by {table.group}", every=80)
    sheet.scale(axes, "y", label=f"{table.names[1]} by {table.group}", every=40)
    few = len(table.levels) <= 60
    points: dict[str, Any] = {
        "marker": "o",
        "linestyle": "none",
        "markersize": 6.5 if few else 4.5,
        "markerfacecolor": "none",
        "markeredgecolor": theme.muted,
        "alpha": 0.75 if few else 0.35,
    }
    points |= {"animated": animated, "gid": "no-pooling", "zorder": 2.0}
    stroke(axes, table.no_pooling[:, 0], table.no_pooling[:, 1], **points)
    for cover, dashes in zip(table.around, _DASHES, strict=True):
        look: dict[str, Any] = {"linewidth": 1.3, "linestyle": dashes, "zorder": 2.8}
        _draw_ellipse(axes, theme, table.centre, cover, look | {"gid": "around"})
    look = {"linewidth": 3.0, "solid_capstyle": "round", "zorder": 3.2, "gid": "ellipse"}
    _draw_ellipse(axes, theme, table.centre, table.covariance, look)
    diamond: dict[str, Any] = {"marker": "D", "markersize": 8, "linestyle": "none", "zorder": 4.0}
    diamond |= {"color": theme.likelihood, "markeredgecolor": theme.paper}
    stroke(axes, table.centre[:1], table.centre[1:], **diamond)
    _draw_arrow(sheet, axes, table)
    Highlight(axes, theme, animated=animated)


def _draw_ellipse(
    axes: Axes, theme: Theme, centre: Floats, covariance: Floats, look: dict[str, Any]
) -> None:
    x, y = ellipse(centre, covariance, RADIUS).T
    stroke(axes, x, y, color=theme.likelihood, **look)


def _draw_arrow(sheet: Sheet, axes: Axes, table: AutopsyTable) -> None:
    """Draw the direction as a double arrow, its words at the end that has more room."""
    theme = sheet.theme
    ends = table.centre + RADIUS * np.outer([-1.0, 1.0], table.arrow)
    look: dict[str, Any] = {"color": theme.wald, "linewidth": 1.8, "zorder": 3.6}
    for tip, tail in (ends, ends[::-1]):
        axes.annotate(
            "",
            xy=tuple(tip),
            xytext=tuple((tip + tail) / 2),
            arrowprops={"arrowstyle": "-|>", "shrinkA": 0, "shrinkB": 0} | look,
            zorder=3.6,
            gid="arrow",
        )
    left, top, right, bottom = sheet.box(axes)
    (x0, x1), (y0, y1) = axes.get_xlim(), axes.get_ylim()
    places = np.column_stack(
        (
            left + (ends[:, 0] - x0) / (x1 - x0) * (right - left),
            bottom - (ends[:, 1] - y0) / (y1 - y0) * (bottom - top),
        )
    )
    words = "no variance this way" if table.involved < 3 else ""
    width = text_width(words, SMALL)
    x, y = places[int(np.argmin(places[:, 1]))]
    x = float(np.clip(x, left + width / 2 + 4, right - width / 2 - 4))
    y = float(np.clip(y - 10, top + 8, bottom - 8))
    sheet.write(x, y, words, align="center", color=theme.wald, halo=theme.panel)


def _limits(table: AutopsyTable, axis: int) -> Span:
    """Limits of one effect: the widest ellipse, and the estimates that are not far out."""
    reach = RADIUS * np.sqrt(np.diag(table.around[-1])[axis])
    own = finite(table.no_pooling[:, axis])
    shown = np.array([table.centre[axis] - reach, table.centre[axis] + reach])
    if len(own):
        low, high = np.quantile(own, [0.25, 0.75])
        far = _WHISKERS * (high - low)
        shown = np.append(shown, own[(own >= low - far) & (own <= high + far)])
    pad = 0.1 * float(np.ptp(shown)) or 1.0
    return float(shown.min()) - pad, float(shown.max()) + pad


def _outside(table: AutopsyTable, xlim: Span, ylim: Span) -> int:
    x, y = table.no_pooling.T
    known = np.isfinite(x) & np.isfinite(y)
    inside = (x >= xlim[0]) & (x <= xlim[1]) & (y >= ylim[0]) & (y <= ylim[1])
    return int((known & ~inside).sum())


def _marks(theme: Theme, table: AutopsyTable, xlim: Span, ylim: Span) -> list[Mark]:
    hollow = {"marker": "o", "markersize": 6.5, "markerfacecolor": "none"}
    line = {"color": theme.likelihood, "linewidth": 1.3}
    out = _outside(table, xlim, ylim)
    more = f" ({out} outside)" if out else ""
    flat = table.involved < 3 and f": a {'line' if table.covariance.any() else 'point'}"
    marks = [
        Mark(f"95% of groups{flat or ''}", "95% of groups", line=line | {"linewidth": 3.0}),
        Mark(f"no pooling{more}", marker=hollow | {"markeredgecolor": theme.muted}),
    ]
    for drop, dashes in zip(table.drops, _DASHES, strict=True):
        worse = f"{drop / 2:.3g} lower"
        marks.append(Mark(f"log-likelihood {worse}", worse, line=line | {"linestyle": dashes}))
    return marks


def _draw_curves(sheet: Sheet, curve: Slice) -> None:
    """Draw the profile in the standard deviation and, beside it, in the variance."""
    top, bottom, gap = _TOP + 8, sheet.height - 46, 64.0
    left = MARGIN + 28
    half = (sheet.width - MARGIN - 10 - left - gap) / 2
    squared = curve.label.replace("τ, SD", "τ², variance").replace("SD of", "variance of")
    sides = (
        (left, curve.x, curve.label, "level at 0, as for any data"),
        (left + half + gap, curve.x**2, squared, "sloping at 0: stopped there"),
    )
    for start, x, label, words in sides:
        shown = x[curve.drop <= 2.2 * _DEPTH]
        last = float(shown.max()) if len(shown) > 1 else float(x.max())
        box = (start, top, start + half, bottom)
        axes = sheet.panel(box, (-0.1 * last, last), (-_DEPTH, 0.4))
        sheet.scale(axes, "x", label=label, every=50, reach=(28.0, 10.0))
        sheet.scale(axes, "y", every=32)
        sheet.write(start, top - 11, words, size=NORMAL, width=half + 10)
        _draw_curve(sheet, axes, x, curve.drop)
    sheet.write(MARGIN, 88, "log-likelihood − max", size=NORMAL)


def _draw_curve(sheet: Sheet, axes: Axes, x: Floats, drop: Floats) -> None:
    theme, (x0, x1), (y0, y1) = sheet.theme, axes.get_xlim(), axes.get_ylim()
    sheet.impossible(axes, [(x0, y0, 0.0, y1)])
    cut = -ONE_PARAMETER / 2
    stroke(axes, [x0, x1], [cut, cut], color=theme.muted, linewidth=0.8, zorder=1.0, gid="cut")
    upper = min(span(x, drop, ONE_PARAMETER)[1], x1)
    band = {"linewidth": 4.0, "alpha": 0.45, "solid_capstyle": "butt", "zorder": 2.4}
    stroke(axes, [0.0, upper], [cut, cut], color=theme.likelihood, **band, gid="interval")
    height = np.where(np.isfinite(drop), -drop / 2, np.nan)
    stroke(axes, x, height, color=theme.likelihood, linewidth=2.0, zorder=2.6, gid="curve")
    stroke(axes, [0.0], [0.0], **maximum_look(theme), zorder=4.0, gid="maximum")
    words = f"95%: 0 to {number(upper, resolution(0.0, upper))}"
    sheet.write(0.98, cut + 0.3, words, align="right", transform=axes.get_yaxis_transform())
