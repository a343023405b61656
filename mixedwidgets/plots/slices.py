"""The log-likelihood along each of two parameters, with its quadratic approximation."""

from __future__ import annotations

import math
from typing import Any, TypeAlias

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from mixedwidgets.lmm.tables import Slice, Surface
from mixedwidgets.plots.sheet import Sheet, stroke
from mixedwidgets.plots.style import NORMAL, Theme, crosshair_look, optimum_look, wald_look

ONE_PARAMETER = 3.841458820694124  # chi-square, 1 degree of freedom, 95%
FAR = 75.0  # a drop that stands for minus infinity between two points of a grid
_DEPTH = 6.5  # how far below its maximum a log-likelihood is shown

Span: TypeAlias = tuple[float, float]


def maximum_look(theme: Theme) -> dict[str, Any]:
    """Return how a maximum looks that stays where it is: a ring around the point at rest."""
    return optimum_look(theme) | {
        "markersize": 11.0,
        "markerfacecolor": "none",
        "markeredgecolor": theme.likelihood,
        "markeredgewidth": 1.3,
    }


def point_look(theme: Theme) -> dict[str, Any]:
    """Return how the point looks that a hand may move."""
    return optimum_look(theme) | {"markersize": 8.0}


def section_look(theme: Theme) -> dict[str, Any]:
    """Return how the section of the surface through that point looks."""
    return {"color": theme.ink, "linewidth": 1.3, "linestyle": (0, (1, 1.2))}


def draw_slices(
    sheet: Sheet, table: Surface, box: tuple[float, float, float, float], animated: bool
) -> None:
    """Draw the two curves of a surface, one above the other.

    Parameters
    ----------
    sheet : Sheet
        Where to draw.
    table : Surface
        Whose curves.
    box : (left, top, right, bottom)
        Where the panels are on the sheet; numbers and names stand outside.
    animated : bool
        Whether the artists that move are left to the browser.
    """
    left, top, right, bottom = box
    sheet.write(left - 27, top - 11, "log-likelihood − max", size=NORMAL)
    half = (bottom - top - 48) / 2
    for name, curve, allowed, start in zip(
        "xy", table.slices, table.allowed, (top, bottom - half), strict=True
    ):
        axes = sheet.panel(
            (left, start, right, start + half), _view(curve, allowed), (-_DEPTH, 0.5)
        )
        sheet.scale(axes, "x", label=curve.label, every=40, reach=(32.0, 40.0))
        sheet.scale(axes, "y", every=28)
        _draw_slice(sheet, axes, curve, allowed)
        _draw_moving(sheet.theme, axes, name, curve.estimate, animated)


def span(x: NDArray[np.float64], drop: NDArray[np.float64], level: float) -> Span:
    """Return the range of ``x`` where a curve lies within ``level`` of its maximum.

    Parameters
    ----------
    x, drop : ndarray, shape (g,)
        The curve; ``drop`` may be ``inf`` or ``nan``.
    level : float
        Such as 3.84.

    Returns
    -------
    tuple of two float
        Where the curve crosses the level, linear between points; ``-inf`` or ``inf`` where it
        has not crossed at the end of the curve, ``nan`` where it is nowhere within the level.
    """
    deep = np.where(np.isfinite(drop), drop, FAR)
    inside = np.flatnonzero(deep <= level)
    if not len(inside):
        return math.nan, math.nan
    first, last = int(inside[0]), int(inside[-1])
    lower = _crossing(x, deep, first - 1, first, level) if first > 0 else -math.inf
    upper = _crossing(x, deep, last + 1, last, level) if last + 1 < len(x) else math.inf
    return lower, upper


def _crossing(
    x: NDArray[np.float64], drop: NDArray[np.float64], outer: int, inner: int, level: float
) -> float:
    part = (level - drop[inner]) / (drop[outer] - drop[inner])
    return float(x[inner] + part * (x[outer] - x[inner]))


def _view(curve: Slice, allowed: Span) -> Span:
    """Return the limits of the axis: the curve's, and beyond a boundary where it ends there."""
    lower, upper = float(curve.x[0]), float(curve.x[-1])
    if not upper > lower:
        return lower - (abs(lower) or 1.0), upper + (abs(upper) or 1.0)
    pad = 0.05 * (upper - lower)
    if lower < allowed[0] + 0.4 * pad:
        lower = min(lower, allowed[0] - pad)
    if upper > allowed[1] - 0.4 * pad:
        upper = max(upper, allowed[1] + pad)
    return lower, upper


def _draw_slice(sheet: Sheet, axes: Axes, curve: Slice, allowed: Span) -> None:
    theme, xlim, ylim = sheet.theme, axes.get_xlim(), axes.get_ylim()
    beyond = [(xlim[0], ylim[0], allowed[0], ylim[1])] if allowed[0] > xlim[0] else []
    if allowed[1] < xlim[1]:
        beyond.append((allowed[1], ylim[0], xlim[1], ylim[1]))
    sheet.impossible(axes, beyond)
    cut = -ONE_PARAMETER / 2
    ends = np.clip(np.clip(span(curve.x, curve.drop, ONE_PARAMETER), *allowed), *xlim)
    curve_look = {"color": theme.likelihood, "linewidth": 1.8, "zorder": 2.5, "gid": "curve"}
    band_look = {"linewidth": 4.0, "alpha": 0.45, "solid_capstyle": "butt", "gid": "interval"}
    stroke(axes, xlim, [cut, cut], color=theme.muted, linewidth=0.8, zorder=1.0, gid="cut")
    stroke(axes, ends, [cut, cut], color=theme.likelihood, zorder=2.4, **band_look)
    stroke(axes, curve.x, _shown(curve.drop), **curve_look)
    stroke(axes, curve.x, _shown(curve.wald), **wald_look(theme), zorder=2.6)
    look = maximum_look(theme) | {"markersize": 9.0}
    stroke(axes, [curve.estimate], [0], **look, zorder=3.8, gid="slice-optimum")
    sheet.write(1.02, cut, "95%", color=theme.muted, transform=axes.get_yaxis_transform())


def _draw_moving(theme: Theme, axes: Axes, name: str, x: float, animated: bool) -> None:
    """Draw what follows a hand, at rest: no section yet, the point at the maximum."""
    moving = {"animated": animated}
    thin = crosshair_look(theme) | moving
    stroke(axes, [x, x], axes.get_ylim(), **thin, gid="slice-crosshair")
    stroke(axes, [], [], **section_look(theme), **moving, zorder=3.2, gid=f"section-{name}")
    look = point_look(theme) | {"markersize": 6.0} | moving
    stroke(axes, [x], [0], **look, zorder=4.0, gid=f"slice-point-{name}")


def _shown(drop: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return half a drop as a log-likelihood, without the far depths."""
    return np.where(drop < 8 * _DEPTH, -drop / 2, np.nan)
