"""A log-likelihood of two parameters, and the steps of a search on it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from mixedwidgets.likelihood.tables import Floats, MaximumView, SearchStep
from mixedwidgets.plots.maximum_curve import aim_look, start_look, view
from mixedwidgets.plots.sheet import MARGIN, Mark, Sheet, stroke, tick_room
from mixedwidgets.plots.style import Theme, optimum_look, wald_look

CONFIDENCES = (0.50, 0.80, 0.95, 0.99)
LEVELS = tuple(-2.0 * math.log(1.0 - p) for p in CONFIDENCES)  # chi-square, 2 degrees of freedom
OUTER = (20.0, 40.0, 80.0, 160.0, 320.0, 640.0, 1280.0, 2560.0, 5120.0)
_TOP = 78.0


def draw_surface(sheet: Sheet, table: MaximumView, animated: bool) -> None:
    """Draw the joint confidence regions and, further down, lines of equal log-likelihood.

    Parameters
    ----------
    sheet : Sheet
        Where to draw.
    table : MaximumView
        Of two parameters.
    animated : bool
        Whether what moves is left to the browser.
    """
    theme = sheet.theme
    sheet.key(_marks(theme, table, animated))
    xlim, ylim = view(table, 0), view(table, 1)
    bottom = sheet.height - 46
    left = MARGIN + tick_room(*ylim, bottom - _TOP, 45) + 6
    axes = sheet.panel((left, _TOP, sheet.width - MARGIN, bottom), xlim, ylim)
    sheet.scale(axes, "x", label=table.names[0], every=55)
    sheet.scale(axes, "y", label=table.names[1], every=45)
    _draw_regions(axes, table, theme)
    _draw_impossible(sheet, axes, table)
    if len(table.wald):
        stroke(axes, *table.wald.T, **wald_look(theme), zorder=2.6)
    ring = optimum_look(theme) | {"markersize": 11.0, "markerfacecolor": "none"}
    ring |= {"markeredgecolor": theme.likelihood, "markeredgewidth": 1.3}
    place = table.best[list(table.axes)]
    stroke(axes, place[:1], place[1:], **ring, zorder=3.8, gid="optimum")
    _draw_moving(axes, theme, animated)


def follow_surface(
    figure: Figure, table: MaximumView, steps: Sequence[SearchStep], index: int
) -> None:
    """Show one step: where it is, the top of its parabola, and the path up to it.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        In which :func:`draw_surface` drew.
    table : MaximumView
        Of two parameters.
    steps : sequence of SearchStep
        The search.
    index : int
        The step to show.
    """
    axes = figure.axes[0]
    shown = list(table.axes)
    places = np.array([step.x[shown] for step in steps])
    step, here = steps[index], places[index]
    _set(axes, "start", *places[:1].T)
    _set(axes, "path", *places[: index + 1].T)
    _set(axes, "point", *here[:, None])
    aim = step.aim[shown]
    goes = step.kind in ("newton", "uphill") and bool(np.isfinite(step.gradient).all())
    _set(axes, "aim", *(aim[:, None] if goes else ([], [])))
    _set(axes, "aim-line", *(np.stack((here, aim)).T if goes else ([], [])))
    _set(axes, "parabola", *_level_line(step, here, aim, shown).T)


def _level_line(step: SearchStep, here: Floats, aim: Floats, shown: list[int]) -> Floats:
    """The ellipse on which a step's parabola is as high as where it starts, around its top.

    Of more than two parameters there is none: it is not in the plane that is shown.
    """
    bend = -step.hessian[np.ix_(shown, shown)]
    if step.kind != "newton" or len(step.x) > 2 or not np.isfinite(bend).all():
        return np.empty((0, 2))
    if np.linalg.eigvalsh(bend).min() <= 0.0:
        return np.empty((0, 2))
    away = here - aim
    size = math.sqrt(float(away @ bend @ away))
    angle = np.linspace(0.0, 2.0 * np.pi, 121)
    circle = np.stack((np.cos(angle), np.sin(angle)))
    root = np.linalg.inv(np.linalg.cholesky(bend)).T
    return np.asarray(aim + size * (root @ circle).T)


def _marks(theme: Theme, table: MaximumView, animated: bool) -> list[Mark]:
    names = "  ".join(f"{100 * p:.0f}" for p in reversed(CONFIDENCES))
    marks = [Mark(f"{names}% joint confidence", f"{names}%", fill=theme.shades)]
    if len(table.wald):
        line = {key: value for key, value in wald_look(theme).items() if key != "gid"}
        marks.append(Mark("Wald 95%", line=line))
    if animated:
        marks += [
            Mark("start: drag it", "start", marker=start_look(theme) | {"markersize": 9.0}),
            Mark("step", marker=optimum_look(theme) | {"markersize": 8.0}),
            Mark("top of its parabola", "its top", marker=aim_look(theme)),
        ]
    if animated and len(table.best) == 2:
        marks.append(Mark("parabola at its height", "parabola", line=_level_look(theme)))
    return marks


def _level_look(theme: Theme) -> dict[str, Any]:
    return {"color": theme.ink, "linewidth": 1.1, "linestyle": (0, (1, 1.2))}


def _draw_regions(axes: Axes, table: MaximumView, theme: Theme) -> None:
    drop = np.ma.masked_invalid(np.where(np.isfinite(table.height), -2.0 * table.height, np.nan))
    if not drop.count() or drop.min() >= LEVELS[-1]:
        return
    x, y = table.grids
    axes.contourf(x, y, drop, (0.0, *LEVELS), colors=theme.shades[::-1], zorder=0.8).set_gid(
        "regions"
    )
    for levels, color, widths, gid in (
        (LEVELS, theme.likelihood, (0.8, 0.8, 1.7, 0.8), "contours"),
        (OUTER, theme.hatch, (0.8,), "outer"),
    ):
        reached = [i for i, level in enumerate(levels) if drop.min() < level < drop.max()]
        if reached:
            look: dict[str, Any] = {"colors": color, "zorder": 1.5}
            look["linewidths"] = [widths[i % len(widths)] for i in reached]
            axes.contour(x, y, drop, [levels[i] for i in reached], **look).set_gid(gid)


def _draw_impossible(sheet: Sheet, axes: Axes, table: MaximumView) -> None:
    (x0, x1), (y0, y1) = axes.get_xlim(), axes.get_ylim()
    (left, right), (low, high) = table.allowed
    boxes = [(x0, y0, left, y1)] if left > x0 else []
    boxes += [(right, y0, x1, y1)] if right < x1 else []
    a, b = max(left, x0), min(right, x1)
    boxes += [(a, y0, b, low)] if low > y0 else []
    sheet.impossible(axes, boxes + ([(a, high, b, y1)] if high < y1 else []))


def _draw_moving(axes: Axes, theme: Theme, animated: bool) -> None:
    moving: dict[str, Any] = {"animated": animated}
    dashes = {"color": theme.wald, "linewidth": 1.2, "linestyle": (0, (2, 2)), "zorder": 2.9}
    dots = {"color": theme.ink, "linewidth": 1.0, "marker": "o", "markersize": 4.0}
    stroke(axes, [], [], **_level_look(theme), **moving, zorder=2.8, gid="parabola")
    stroke(axes, [], [], **dashes, **moving, gid="aim-line")
    stroke(axes, [], [], **dots, **moving, zorder=3.0, gid="path")
    stroke(axes, [], [], **aim_look(theme), **moving, zorder=3.9, gid="aim")
    stroke(axes, [], [], **start_look(theme), **moving, zorder=4.2, gid="start")
    point = optimum_look(theme) | {"markersize": 8.5}
    stroke(axes, [], [], **point, **moving, zorder=4.0, gid="point")


def _set(axes: Axes, gid: str, x: ArrayLike, y: ArrayLike) -> None:
    for line in axes.lines:
        if line.get_gid() == gid:
            line.set_data(np.asarray(x), np.asarray(y))
