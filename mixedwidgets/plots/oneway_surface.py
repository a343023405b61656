"""The likelihood of a one-way model over sigma and tau, with a point that can be grabbed."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from mixedwidgets.likelihood.tables import OneWayData, OneWayPoint
from mixedwidgets.plots.sheet import Sheet, stroke
from mixedwidgets.plots.style import Theme, crosshair_look, optimum_look

LEVELS = tuple(-2.0 * math.log(1.0 - p) for p in (0.50, 0.80, 0.95, 0.99))
STEP, STRIDE = 1 / 50, 1 / 10  # of the surface's length, by an arrow key


def draw_surface(
    sheet: Sheet, box: tuple[float, float, float, float], table: OneWayData, animated: bool
) -> Axes:
    """Draw the joint confidence regions of sigma and tau, mu at its best, into a panel.

    Parameters
    ----------
    sheet : Sheet
        Where to draw.
    box : (left, top, right, bottom)
        The panel; numbers and names stand outside.
    table : OneWayData
        Whose surface.
    animated : bool
        Whether what moves is left to the browser.
    """
    theme = sheet.theme
    low = float(table.tau[0])
    room = 0.05 * float(table.tau[-1] - low)
    ylim = (low - room if low == 0.0 else low, float(table.tau[-1]))
    axes = sheet.panel(box, (float(table.sigma[0]), float(table.sigma[-1])), ylim)
    sheet.scale(axes, "x", label="σ, within groups", every=40)
    sheet.scale(axes, "y", label="τ, between groups", every=30)
    drop = np.clip(table.drop, 0.0, 75.0)
    axes.contourf(
        table.sigma, table.tau, drop, (0.0, *LEVELS), colors=theme.shades[::-1], zorder=0.8
    ).set_gid("regions")
    widths = [1.6 if level == LEVELS[2] else 0.8 for level in LEVELS]
    look: dict[str, Any] = {"colors": theme.likelihood, "linewidths": widths, "zorder": 1.5}
    axes.contour(table.sigma, table.tau, drop, LEVELS, **look).set_gid("contours")
    if ylim[0] < 0.0:
        sheet.impossible(axes, [(axes.get_xlim()[0], ylim[0], axes.get_xlim()[1], 0.0)])
    _mark_estimates(axes, table, theme)
    _draw_moving(axes, theme, animated)
    return axes


def follow_surface(axes: Axes, table: OneWayData, point: OneWayPoint) -> None:
    """Move the point on the surface; one that is outside stands on its edge.

    Parameters
    ----------
    axes : matplotlib.axes.Axes
        As :func:`draw_surface` returned them.
    table : OneWayData
        The table.
    point : OneWayPoint
        Where to.
    """
    x = float(np.clip(point.sigma, *axes.get_xlim()))
    y = float(np.clip(point.tau, table.tau[0], table.tau[-1]))
    shown: dict[str, Any] = {
        "point": ([x], [y]),
        "crosshair-x": ([x, x], axes.get_ylim()),
        "crosshair-y": (axes.get_xlim(), [y, y]),
    }
    for line in axes.lines:
        if line.get_gid() in shown:
            line.set_data(*shown[str(line.get_gid())])


def inside(table: OneWayData, sigma: float, tau: float) -> tuple[float, float]:
    """Return the nearest pair that is on the surface.

    Parameters
    ----------
    table : OneWayData
        The table that is drawn.
    sigma, tau : float
        Any pair.
    """
    return (
        float(np.clip(sigma, table.sigma[0], table.sigma[-1])),
        float(np.clip(tau, table.tau[0], table.tau[-1])),
    )


def step(
    table: OneWayData, key: str, shift: bool, sigma: float, tau: float
) -> tuple[float, float] | None:
    """Return where an arrow key takes the point, or None for another key.

    Parameters
    ----------
    table : OneWayData
        The table that is drawn.
    key : str
        Such as ``"ArrowLeft"``.
    shift : bool
        Whether the step is a large one.
    sigma, tau : float
        Where the point is.
    """
    ways = {"ArrowLeft": (-1, 0), "ArrowRight": (1, 0), "ArrowDown": (0, -1), "ArrowUp": (0, 1)}
    if key not in ways:
        return None
    share = STRIDE if shift else STEP
    dx, dy = ways[key]
    length = float(table.sigma[-1] - table.sigma[0]), float(table.tau[-1] - table.tau[0])
    return inside(table, sigma + dx * share * length[0], tau + dy * share * length[1])


def _mark_estimates(axes: Axes, table: OneWayData, theme: Theme) -> None:
    ring = optimum_look(theme) | {
        "markersize": 11.0,
        "markerfacecolor": "none",
        "markeredgecolor": theme.likelihood,
        "markeredgewidth": 1.3,
    }
    stroke(axes, [table.best[1]], [table.best[2]], **ring, zorder=3.8, gid="optimum")
    diamond = {"marker": "D", "markersize": 6.0, "linestyle": "none", "markeredgewidth": 1.0}
    colors = {"markerfacecolor": theme.pooled, "markeredgecolor": theme.paper}
    look: dict[str, Any] = diamond | colors | {"zorder": 3.7, "gid": "moments"}
    stroke(axes, [table.moments[1]], [table.moments[2]], **look)


def _draw_moving(axes: Axes, theme: Theme, animated: bool) -> None:
    moving = {"animated": animated}
    for gid in ("crosshair-x", "crosshair-y"):
        stroke(axes, [], [], **crosshair_look(theme), **moving, gid=gid)
    look = optimum_look(theme) | {"markersize": 8.5}
    stroke(axes, [], [], **look, **moving, zorder=4.0, gid="point")
