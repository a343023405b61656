"""The binomial likelihood, a point on it, and five intervals with how the selected one is built."""

from __future__ import annotations

import math
from typing import Any, TypeAlias

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from mixedwidgets.likelihood.tables import (
    BinomialConstruction,
    BinomialCurve,
    BinomialPoint,
    Floats,
)
from mixedwidgets.plots.binomial_rows import color_of, draw_rows, drop_lines, hit, words
from mixedwidgets.plots.lettering import text_width
from mixedwidgets.plots.numbers import number, significant
from mixedwidgets.plots.sheet import MARGIN, Mark, Sheet, stroke, tick_room
from mixedwidgets.plots.style import NORMAL, SMALL, Theme, optimum_look, wald_look

__all__ = ["CURVE", "DEPTH", "ROWS", "describe", "draw", "follow", "hit", "say", "view"]

CURVE, ROWS = 0, 1  # numbers of the axes: the curve, the intervals beneath
DEPTH = 8.0  # of log-likelihood that is shown
TANGENT = 0.16  # half the length of a tangent, in widths of the panel
TAIL = 10.0  # the scale of tail probabilities, in multiples of the cut
_TOP, _GAP, _SHARE = 108.0, 14.0, 0.56
_EDGE = 0.035  # beyond 0 and 1, where nothing is possible

Span: TypeAlias = tuple[float, float]


def draw(
    figure: Figure,
    table: BinomialCurve,
    *,
    beside: BinomialCurve | None = None,
    theme: str | Theme = "light",
    animated: bool = True,
    scale: str = "log-likelihood",
    selected: str = "likelihood-ratio",
    near: bool = False,
) -> None:
    """Draw the curve with the construction of one interval, and all intervals beneath.

    What follows a hand are the artists ``point``, ``crosshair`` and ``tangent``; :func:`follow`
    moves them. The bars are moving artists named ``method-`` and the key of the method.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        Empty; made for 6.4 to 10 by 4.6 inches.
    table : BinomialCurve
        What to draw.
    beside : BinomialCurve, optional
        A second data set on the same axes, each scaled to its own maximum.
    theme : str or Theme
        ``"light"``, ``"dark"`` or a theme of one's own.
    animated : bool
        Whether what moves is left to the browser; False draws it too.
    scale : {"log-likelihood", "likelihood"}
        What goes up: the log-likelihood less its maximum, or the likelihood over its maximum.
    selected : str
        Key of the method whose construction is shown.
    near : bool
        Whether the axis ends near the curve, rather than at 0 and 1.
    """
    sheet, method = Sheet(figure, theme), table.by(selected)
    others = f"beside {beside.k} of {beside.n}" if beside is not None else _what(scale)
    sheet.title(f"Binomial {scale}: {table.k} of {table.n}", others)
    sheet.key(_marks(sheet.theme, table, beside, method, animated))
    _caption(sheet, method, scale)
    xlim, ylim = view(table, beside, near), _heights(scale)
    bottom = sheet.height - 46
    split = _TOP + _SHARE * (bottom - _TOP)
    left, right = _sides(sheet, table, ylim, split - _TOP)
    upper = sheet.panel((left, _TOP, right, split), xlim, ylim)
    lower = sheet.panel((left, split + _GAP, right, bottom), xlim, (len(table.methods) - 0.5, -0.5))
    for axes in (upper, lower):
        _draw_beyond(sheet, axes)
    sheet.scale(lower, "x", label="θ, the probability of a one", every=60)
    sheet.scale(upper, "y", label=_height_label(table, beside, scale), every=30)
    if beside is not None:
        _draw_curve(upper, beside, scale, sheet.theme.pooled, "beside")
    _draw_construction(sheet, upper, table, method, scale)
    draw_rows(sheet, lower, table, beside, method, animated)
    _draw_moving(upper, lower, table, sheet.theme, animated)


def describe(table: BinomialCurve, beside: BinomialCurve | None = None) -> str:
    """Say in numbers what the picture shows.

    Parameters
    ----------
    table : BinomialCurve
        The table that is drawn.
    beside : BinomialCurve, optional
        The second data set.

    Returns
    -------
    str
        The data, the estimate with its information, and every interval.
    """
    rows = "; ".join(f"{method.label} {words(method)}" for method in table.methods)
    return (
        f"Binomial likelihood of {table.k} ones among {table.n} observations, largest at θ = "
        f"{significant(table.mle)} with log-likelihood {significant(table.peak, 6)}; "
        f"{_information(table)}. {100 * table.level:g}% intervals: {rows}."
        + (f" Beside it: {describe(beside)}" if beside is not None else "")
    )


def say(table: BinomialCurve, point: BinomialPoint) -> str:
    """Say where the point is: log-likelihood, drop, slope, and whether the data refuse it.

    Parameters
    ----------
    table : BinomialCurve
        The table that is drawn.
    point : BinomialPoint
        The point.
    """
    place = number(point.theta, 5e-5)
    loglik = _log(point.loglik)
    if point.height == 0.0:
        slope = (
            f"the slope (score) is 0 and {_information(table)}"
            if math.isfinite(table.information)
            else _information(table)
        )
        return f"θ = {place}, the maximum: log-likelihood {loglik}; {slope}."
    if not math.isfinite(point.loglik):
        return f"θ = {place}: the data are impossible, the log-likelihood is minus infinity."
    limits = table.by("likelihood-ratio")
    inside = limits.lower <= point.theta <= limits.upper
    return (
        f"θ = {place}: log-likelihood {loglik}, {significant(-point.height, 3)} below the maximum "
        f"{_log(table.peak)}, so the likelihood is {significant(math.exp(point.height), 3)} of its "
        f"maximum; slope (score) {significant(point.score, 4)}, observed information here "
        f"{significant(point.information, 4)}; {'inside' if inside else 'outside'} the "
        f"{100 * table.level:g}% likelihood-ratio interval."
    )


def follow(figure: Figure, table: BinomialCurve, point: BinomialPoint, scale: str) -> None:
    """Move the point, its crosshair and the tangent of a drawn picture.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        In which :func:`draw` drew this table.
    table : BinomialCurve
        The table.
    point : BinomialPoint
        Where to.
    scale : {"log-likelihood", "likelihood"}
        As drawn.
    """
    upper, lower = figure.axes[:2]
    bottom = upper.get_ylim()[0]
    height = float(_shown(np.array(point.height), scale))
    height = max(height, bottom) if math.isfinite(height) else bottom
    _set(upper, "point", [point.theta], [height])
    _set(upper, "crosshair", [point.theta, point.theta], upper.get_ylim())
    _set(lower, "crosshair", [point.theta, point.theta], lower.get_ylim())
    slope = point.score * (math.exp(point.height) if scale == "likelihood" else 1.0)
    visible = height > bottom and math.isfinite(slope)
    _set(upper, "tangent", *(_tangent(upper, point.theta, height, slope) if visible else ([], [])))


def view(table: BinomialCurve, beside: BinomialCurve | None, near: bool) -> Span:
    """Return the limits of the axis: 0 to 1, or what is near the curves and their intervals.

    Parameters
    ----------
    table, beside : BinomialCurve, the second optional
        What is drawn.
    near : bool
        Whether the axis ends near the curves.
    """
    if not near:
        return -_EDGE, 1.0 + _EDGE
    ends: list[float] = []
    for curve in (table, *([] if beside is None else [beside])):
        inside = curve.theta[curve.height > -0.8 * DEPTH]
        ends += [float(inside.min()), float(inside.max())]
        ends += [e for m in curve.methods for e in (m.lower, m.upper)]
    low, high = float(min(ends)), float(max(ends))
    pad = 0.03 * (high - low)
    return max(low, -0.25) - pad, min(high, 1.25) + pad


def _what(scale: str) -> str:
    if scale == "likelihood":
        return "how probable the data are, for each θ"
    return "its peak gives the estimate, its curvature the information"


def _information(table: BinomialCurve) -> str:
    if not math.isfinite(table.information):
        return "the maximum is at the edge, where the curvature says nothing of precision"
    return (
        f"observed information {significant(table.information, 4)}, standard error "
        f"{significant(table.se, 4)}"
    )


def _log(value: float) -> str:
    return number(value, 1e-4 if abs(value) < 1e4 else 1e-2)


def _height_label(table: BinomialCurve, beside: BinomialCurve | None, scale: str) -> str:
    if scale == "likelihood":
        power = table.peak / math.log(10.0)
        most = f"{10 ** (power % 1):.3g}e{math.floor(power)}".replace("-", "−").replace("e0", "")
        return f"likelihood ÷ its maximum{'' if beside else f', which is {most}'}"
    return f"log-likelihood − its maximum{'' if beside else f', which is {_log(table.peak)}'}"


def _heights(scale: str) -> Span:
    return (0.0, 1.12) if scale == "likelihood" else (-DEPTH, 0.12 * DEPTH)


def _shown(height: Floats, scale: str) -> Floats:
    return np.asarray(np.exp(height) if scale == "likelihood" else height)


def _sides(sheet: Sheet, table: BinomialCurve, ylim: Span, length: float) -> Span:
    names = max(text_width(m.label, NORMAL, bold=True) for m in table.methods) + 12
    left = MARGIN + max(names, tick_room(*ylim, length, 30) + 6)
    right = max(text_width(words(m), SMALL) for m in table.methods)
    return left, sheet.width - MARGIN - max(right, 40.0) - 12


def _marks(
    theme: Theme,
    table: BinomialCurve,
    beside: BinomialCurve | None,
    method: BinomialConstruction,
    animated: bool,
) -> list[Mark]:
    own = {"color": theme.likelihood, "linewidth": 2.0}
    marks = [Mark(f"{table.k} of {table.n}", line=own, marker=optimum_look(theme))]
    if beside is not None:
        line = {"color": theme.pooled, "linewidth": 1.6}
        marks.append(Mark(f"{beside.k} of {beside.n}", line=line))
    if np.isfinite(table.parabola).any():
        line = {k: v for k, v in wald_look(theme).items() if k != "gid"}
        marks.append(Mark("parabola of the same curvature", "parabola", line=line))
    if animated:
        marks.append(Mark("tangent at the point", "tangent", line=_tangent_look(theme)))
    marks.append(Mark("impossible", hatched=True))
    return marks


def _tangent_look(theme: Theme) -> dict[str, Any]:
    return {"color": theme.ink, "linewidth": 1.3, "linestyle": (0, (1, 1.2))}


def _caption(sheet: Sheet, method: BinomialConstruction, scale: str) -> None:
    width = sheet.width - 2 * MARGIN
    how = {
        "wald": "the parabola with the curvature of the maximum, cut",
        "wald-logit": "the parabola in log(θ / (1 − θ)) with the curvature there, cut",
        "score": "−(k/n − θ)² / (2θ(1 − θ)/n), cut",
        "likelihood-ratio": "the log-likelihood itself, cut",
        "exact": "probabilities of as many ones or more (dashed), or fewer (dotted), cut at "
        f"{significant(100 * method.cut, 2)}%",
    }[method.key]
    if method.key != "exact":
        below = f"{significant(-method.cut, 3)} below its maximum"
        share = f"{significant(100 * math.exp(method.cut), 3)}% of its maximum"
        how = f"{how} at {share}" if scale == "likelihood" else f"{how} {below}"
    sheet.write(MARGIN, 58, f"{method.label} interval: {how}", size=NORMAL, width=width)
    sheet.write(MARGIN, 75, method.note, color=sheet.theme.muted, width=width)


def _draw_beyond(sheet: Sheet, axes: Axes) -> None:
    (x0, x1), (y0, y1) = axes.get_xlim(), axes.get_ylim()
    low, high = min(y0, y1), max(y0, y1)
    boxes = [(x0, low, 0.0, high)] if x0 < 0.0 else []
    sheet.impossible(axes, boxes + ([(1.0, low, x1, high)] if x1 > 1.0 else []))


def _draw_curve(axes: Axes, table: BinomialCurve, scale: str, color: str, gid: str) -> None:
    look = {"color": color, "linewidth": 2.0 if gid == "curve" else 1.6, "zorder": 2.5}
    inside = np.where(table.height > -6 * DEPTH, table.height, np.nan)
    stroke(
        axes, table.theta, np.nan_to_num(_shown(inside, scale), nan=_below(scale)), **look, gid=gid
    )


def _draw_parabola(axes: Axes, table: BinomialCurve, scale: str, look: dict[str, Any]) -> None:
    """Draw the quadratic of the maximum, also beyond 0 and 1: it does not know the range."""
    if np.isfinite(table.information):
        x = np.union1d(np.linspace(*axes.get_xlim(), 241), table.mle)
        height = -0.5 * table.information * (x - table.mle) ** 2
        stroke(axes, x, _shown(np.maximum(height, -6 * DEPTH), scale), **look)


def _draw_deep(axes: Axes, table: BinomialCurve, height: Floats, scale: str, **look: Any) -> None:
    """Draw a curve without its far depths; one that is missing not at all."""
    if np.isfinite(height).any():
        stroke(axes, table.theta, _shown(np.maximum(height, -6 * DEPTH), scale), **look)


def _below(scale: str) -> float:
    return 0.0 if scale == "likelihood" else -6 * DEPTH


def _draw_construction(
    sheet: Sheet, axes: Axes, table: BinomialCurve, method: BinomialConstruction, scale: str
) -> None:
    theme, bottom = sheet.theme, axes.get_ylim()[0]
    color = color_of(theme, method.key)
    _draw_curve(axes, table, scale, theme.likelihood, "curve")
    thin = {} if method.key == "wald" else {"linewidth": 1.1, "alpha": 0.8}
    _draw_parabola(axes, table, scale, wald_look(theme) | thin | {"zorder": 2.3})
    if method.key == "exact":
        cut = _draw_tails(sheet, axes, table, method)
    else:
        if method.key in ("wald-logit", "score"):
            look = {"color": color, "linewidth": 1.8, "linestyle": (0, (2, 1.5)), "zorder": 2.7}
            _draw_deep(axes, table, method.height, scale, **look, gid="built")
        cut = float(_shown(np.array(method.cut), scale))
        note = f"{100 * cut:.1f}%" if scale == "likelihood" else number(cut, 0.01)
        sheet.write(1.008, cut, note, transform=axes.get_yaxis_transform(), color=theme.muted)
    xlim = axes.get_xlim()
    stroke(axes, xlim, [cut, cut], color=theme.muted, linewidth=0.8, zorder=1.0, gid="cut")
    ends = np.clip((method.lower, method.upper), *xlim)
    band = {"linewidth": 4.0, "alpha": 0.45, "solid_capstyle": "butt", "zorder": 2.4}
    stroke(axes, ends, [cut, cut], color=color, **band, gid="interval")
    drop_lines(axes, method, cut, bottom, color)
    stroke(axes, [table.mle], [_shown(np.zeros(()), scale)], **optimum_look(theme), zorder=3.8)


def _draw_tails(
    sheet: Sheet, axes: Axes, table: BinomialCurve, method: BinomialConstruction
) -> float:
    """Draw both tail probabilities on a scale of their own; return the height of the cut."""
    theme, (bottom, top) = sheet.theme, axes.get_ylim()
    unit = (top - bottom) / (TAIL * method.cut)
    look = {"color": theme.ink, "linewidth": 1.5, "zorder": 2.7}
    for tail, dash, gid in zip(
        method.tails, ((0, (5, 2.5)), (0, (2, 1.5))), ("more", "fewer"), strict=True
    ):
        stroke(axes, table.theta, bottom + unit * tail, **look, linestyle=dash, gid=gid)
    for part in (1, 3, 5, 7):
        text = f"{significant(100 * part * method.cut, 3)}%"
        at = bottom + part * unit * method.cut
        sheet.write(1.008, at, text, transform=axes.get_yaxis_transform(), color=theme.muted)
    return bottom + unit * method.cut


def _draw_moving(
    upper: Axes, lower: Axes, table: BinomialCurve, theme: Theme, animated: bool
) -> None:
    moving = {"animated": animated}
    thin = {"color": theme.ink, "linewidth": 0.8, "alpha": 0.5, "zorder": 3.3}
    for axes in (upper, lower):
        place = [table.mle, table.mle]
        stroke(axes, place, axes.get_ylim(), **thin, **moving, gid="crosshair")
    stroke(upper, [], [], **_tangent_look(theme), **moving, zorder=3.5, gid="tangent")
    look = optimum_look(theme) | {"markersize": 9.5, "markeredgewidth": 1.5}
    stroke(upper, [], [], **look, **moving, zorder=4.0, gid="point")


def _tangent(axes: Axes, x: float, y: float, slope: float) -> tuple[list[float], list[float]]:
    """Ends of a piece of the tangent that is as long on the screen whatever its slope."""
    width, height = (abs(b - a) for a, b in (axes.get_xlim(), axes.get_ylim()))
    left, bottom, right, top = axes.get_window_extent().extents
    steep = slope * width / height * (top - bottom) / (right - left)
    reach = TANGENT * width / math.hypot(1.0, steep)
    return [x - reach, x + reach], [y - slope * reach, y + slope * reach]


def _set(axes: Axes, gid: str, x: ArrayLike, y: ArrayLike) -> None:
    for line in axes.lines:
        if line.get_gid() == gid:
            line.set_data(np.asarray(x), np.asarray(y))
