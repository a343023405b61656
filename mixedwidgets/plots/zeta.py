"""Zeta plots: the signed square root of the rise in deviance along each parameter."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure

from mixedwidgets.lmm.tables import ProfileCurve, ProfileTable
from mixedwidgets.plots.lattice import (
    MOST,
    Span,
    boxes,
    hatch,
    height,
    left_out,
    touches,
    view,
)
from mixedwidgets.plots.numbers import number, resolution, significant
from mixedwidgets.plots.sheet import Mark, Sheet, stroke
from mixedwidgets.plots.style import Theme, optimum_look, wald_look

__all__ = ["describe", "draw", "height"]

# Two-sided quantiles of the normal distribution.
CONFIDENCES = (0.50, 0.80, 0.90, 0.95, 0.99)
LEVELS = (
    0.6744897501960817,
    1.2815515655446004,
    1.6448536269514722,
    1.959963984540054,
    2.5758293035489004,
)
_BOLD = 3  # the level of 95%
_TALL = 3.7  # half of the y axis
_NARROW = 640.0  # a sheet less wide has a short title


def draw(
    figure: Figure, table: ProfileTable, *, theme: str | Theme = "light", animated: bool = True
) -> None:
    """Draw zeta along every parameter profiled into an empty figure.

    Where the curve is straight, and lies on Wald's dashed line, Wald's interval is right. Below and
    above zero thin lines lead from the curve to the limits of the intervals at 50, 80, 90, 95 and
    99 %.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        Empty; at least 6 inches wide. See :func:`height`.
    table : ProfileTable
        What to draw; of more than 12 parameters the first 12.
    theme : str or Theme
        ``"light"``, ``"dark"`` or a theme of one's own.
    animated : bool
        Taken for the sake of the other pictures; nothing here moves under a hand.
    """
    sheet = Sheet(figure, theme)
    remark = "signed root of the rise in deviance: straight where Wald is right"
    if sheet.width < _NARROW:
        remark = "straight where Wald's interval is right"
    sheet.title(f"Profile zeta, {table.criterion}", remark)
    sheet.key(_marks(sheet.theme, table))
    tall = max([_TALL, *(float(np.abs(c.line[:, 1]).max()) + 0.2 for c in table.curves[:MOST])])
    for curve, box in zip(table.curves, boxes(sheet, table), strict=False):
        axes = sheet.panel(box, view(curve), (-min(tall, 5.0), min(tall, 5.0)))
        sheet.scale(axes, "x", label=curve.label, every=46, reach=(20.0, 8.0), lines=2)
        sheet.scale(axes, "y", every=24)
        _draw_curve(sheet, axes, curve)


def describe(table: ProfileTable) -> str:
    """Say in numbers what the picture shows.

    Parameters
    ----------
    table : ProfileTable
        The table that is drawn.

    Returns
    -------
    str
        A sentence a parameter: its estimate, its 95 % interval, how far it is from Wald's, where
        its profile ends.
    """
    words = [f"Profile zeta ({table.criterion}) of {len(table.curves)} parameters."]
    words += [_sentence(curve) for curve in table.curves[:MOST]]
    if left_out(table):
        words.append(f"There are {left_out(table)}.")
    return " ".join(words)


def limits(curve: ProfileCurve, level: float) -> Span:
    """Return where zeta is minus and plus a level: limits of an interval; ends of the profile else.

    Parameters
    ----------
    curve : ProfileCurve
        The profile.
    level : float
        Such as 1.96.
    """
    value, zeta = curve.line.T
    lower = float(np.interp(-level, zeta, value)) if zeta[0] <= -level else math.nan
    upper = float(np.interp(level, zeta, value)) if zeta[-1] >= level else math.nan
    if math.isnan(lower) and curve.value[0] <= curve.allowed[0]:
        lower = curve.allowed[0]
    if math.isnan(upper) and curve.value[-1] >= curve.allowed[1]:
        upper = curve.allowed[1]
    return lower, upper


def _sentence(curve: ProfileCurve) -> str:
    lower, upper = limits(curve, LEVELS[_BOLD])
    step = resolution(lower, upper)
    half = LEVELS[_BOLD] * curve.se
    wald = (
        f"Wald {number(curve.estimate - half, step)} to {number(curve.estimate + half, step)}"
        if math.isfinite(half)
        else "no Wald interval"
    )
    note = f"; {curve.note}" if curve.note else ""
    return (
        f"{curve.label}: estimate {significant(curve.estimate)}, 95% from {number(lower, step)} to "
        f"{number(upper, step)} ({wald}){note}."
    )


def _marks(theme: Theme, table: ProfileTable) -> list[Mark]:
    marks = [
        Mark("profile", line=_curve_look(theme)),
        Mark("Wald", line=wald_look(theme)),
        Mark("estimate", marker=optimum_look(theme)),
        Mark(
            "limits at 50, 80, 90, 95, 99%",
            "50 80 90 95 99%",
            line={"color": theme.likelihood, "linewidth": 0.9},
        ),
    ]
    if any(touches(c) for c in table.curves[:MOST]):
        marks.append(Mark("impossible: profiles end there", "impossible", hatched=True))
    return marks


def _curve_look(theme: Theme) -> dict[str, Any]:
    return {"color": theme.likelihood, "linewidth": 1.8}


def _draw_curve(sheet: Sheet, axes: Axes, curve: ProfileCurve) -> None:
    theme, xlim = sheet.theme, axes.get_xlim()
    hatch(sheet, axes, curve)
    stroke(axes, xlim, [0, 0], color=theme.muted, linewidth=0.8, zorder=1.0, gid="zero")
    segments, widths = [], []
    for i, level in enumerate(LEVELS):
        for sign, at in zip((-1, 1), limits(curve, level), strict=True):
            if curve.line[0, 1] <= sign * level <= curve.line[-1, 1]:
                segments.append([(at, 0.0), (at, sign * level)])
                widths.append(1.9 if i == _BOLD else 0.9)
    marks = LineCollection(segments, colors=theme.likelihood, linewidths=widths, zorder=2.0)
    marks.set_gid("limits")
    axes.add_collection(marks, autolim=False)
    if math.isfinite(curve.se):
        x = np.array(xlim)
        stroke(axes, x, (x - curve.estimate) / curve.se, **wald_look(theme), zorder=2.6)
    stroke(axes, *curve.line.T, **_curve_look(theme), zorder=2.5, gid="zeta")
    _draw_ends(sheet, axes, curve)
    look = optimum_look(theme) | {"markersize": 6.0}
    stroke(axes, [curve.estimate], [0], **look, zorder=4.0, gid="estimate")


def _draw_ends(sheet: Sheet, axes: Axes, curve: ProfileCurve) -> None:
    """Mark where a profile ends at a boundary before its last level."""
    for end in (0, -1):
        value, zeta = curve.line[end]
        if value in curve.allowed and abs(zeta) < LEVELS[-1]:
            look = {"marker": "s", "markersize": 5.0, "markeredgewidth": 0.0, "linestyle": "none"}
            color = sheet.theme.likelihood
            stroke(axes, [value], [zeta], color=color, zorder=3.9, gid="end", **look)
