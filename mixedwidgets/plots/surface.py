"""The likelihood surface of two parameters, with the curve along each of them beside it."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.path import Path
from numpy.typing import NDArray

from mixedwidgets.lmm.tables import Surface
from mixedwidgets.plots.numbers import number, resolution, significant
from mixedwidgets.plots.sheet import MARGIN, Mark, Sheet, stroke, tick_room
from mixedwidgets.plots.slices import (
    FAR,
    ONE_PARAMETER,
    Span,
    draw_slices,
    maximum_look,
    point_look,
    section_look,
    span,
)
from mixedwidgets.plots.style import Theme, crosshair_look, wald_look
from mixedwidgets.plots.surface_point import clamp, drop_at, place, say, step

__all__ = ["clamp", "describe", "draw", "drop_at", "place", "say", "step", "view"]

CONFIDENCES = (0.50, 0.80, 0.95, 0.99)
_APART = (34.0, 17.0)  # two labels of contours need one of these distances
LEVELS = tuple(-2.0 * math.log(1.0 - p) for p in CONFIDENCES)  # chi-square, 2 degrees of freedom


def draw(
    figure: Figure, table: Surface, *, theme: str | Theme = "light", animated: bool = True
) -> None:
    """Draw the surface and its two curves into an empty figure.

    The artists that follow a hand are ``point``, ``crosshair-x``, ``crosshair-y`` (on the
    surface) and, on the two curves, ``section-x``, ``section-y``, ``slice-point-x``,
    ``slice-point-y`` and, twice, ``slice-crosshair``; :func:`place` moves them. The maximum stays
    marked by ``optimum`` and, on the curves, ``slice-optimum``.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        Empty; made for 8.2 by 4.3 inches, readable from 6 by 3.4.
    table : Surface
        What to draw.
    theme : str or Theme
        ``"light"``, ``"dark"`` or a theme of one's own.
    animated : bool
        Whether the artists that move are left to the browser; False draws them too.
    """
    sheet = Sheet(figure, theme)
    sheet.title(f"{_curve(table)}, {table.criterion}", _others(table))
    sheet.key(_marks(sheet.theme, table, animated))
    xlim, ylim = view(table)
    top, bottom, split = 76.0, sheet.height - 48, round(0.62 * sheet.width)
    left = MARGIN + tick_room(*ylim, bottom - top, 45) + 6
    axes = sheet.panel((left, top, split, bottom), xlim, ylim)
    sheet.scale(axes, "x", label=table.labels[0], every=55)
    sheet.scale(axes, "y", label=table.labels[1], every=45)
    _draw_regions(sheet, axes, table)
    _draw_moving(sheet, axes, table, animated)
    draw_slices(sheet, table, (split + 62.0, top, sheet.width - MARGIN - 30, bottom), animated)


def describe(table: Surface) -> str:
    """Say in numbers what the picture shows.

    Parameters
    ----------
    table : Surface
        The table that is drawn.

    Returns
    -------
    str
        Three sentences: which curve and where its maximum is, the joint 95% region, and the
        95% interval of each parameter.
    """
    (a, b), (x, y) = table.labels, table.optimum
    regions = [
        f"{label} {_words(_joint_span(table, i), table.allowed[i])}"
        for i, label in enumerate(table.labels)
    ]
    curves = [
        f"{curve.label} {_words(span(curve.x, curve.drop, ONE_PARAMETER), table.allowed[i])}"
        for i, curve in enumerate(table.slices)
    ]
    wald = " The Wald region reaches impossible values." if _wald_crosses(table) else ""
    return (
        f"{_curve(table)} ({table.criterion}; {_others(table)}) of {a} and {b}, largest at "
        f"{significant(x)} and {significant(y)}. "
        f"The joint 95% confidence region: {'; '.join(regions)}.{wald} "
        f"Alone, at 95%: {'; '.join(curves)}."
    )


def view(table: Surface) -> tuple[Span, Span]:
    """Return the limits of the two axes: the grid, and beyond it where a boundary is near.

    Parameters
    ----------
    table : Surface
        The table that is drawn.
    """
    return _axis_view(table, 0), _axis_view(table, 1)


def _joint_span(table: Surface, axis: int) -> Span:
    """Return the range of one parameter over the joint 95% region."""
    deep = np.where(np.isfinite(table.drop), table.drop, np.inf)
    grid = (table.x, table.y)[axis]
    return span(grid, deep.min(axis=axis), LEVELS[2])


def _words(range_: Span, allowed: Span) -> str:
    """Put a range in words; an open end is the boundary or, without one, beyond the grid."""
    step = resolution(*range_)
    lower, upper = range_
    if math.isnan(lower):
        return "is not resolved by the grid"
    start = f"from {number(lower, step)}" if math.isfinite(lower) else ""
    stop = f"to {number(upper, step)}" if math.isfinite(upper) else ""
    if not start:
        bound = math.isfinite(allowed[0])
        start = f"from the boundary {number(allowed[0], step)}" if bound else "from below the grid"
    if not stop:
        bound = math.isfinite(allowed[1])
        stop = f"to the boundary {number(allowed[1], step)}" if bound else "to above the grid"
    return f"{start} {stop}"


def _curve(table: Surface) -> str:
    profile = table.kind == "profile"
    return "Profile log-likelihood" if profile else "Slice of the log-likelihood"


def _others(table: Surface) -> str:
    profile = table.kind == "profile"
    return f"other parameters {'re-optimised at every point' if profile else 'held fixed'}"


def _wald_crosses(table: Surface) -> bool:
    if table.ellipse is None:
        return False
    return any(
        table.ellipse[:, i].min() < lower or table.ellipse[:, i].max() > upper
        for i, (lower, upper) in enumerate(table.allowed)
    )


def _marks(theme: Theme, table: Surface, animated: bool) -> list[Mark]:
    names = "  ".join(f"{100 * p:.0f}" for p in reversed(CONFIDENCES))
    marks = [
        Mark("maximum", marker=maximum_look(theme) | {"markersize": 8.0}),
        Mark(f"{names}% joint confidence", f"{names}% joint", fill=theme.shades),
    ]
    if table.ellipse is not None:
        marks.append(Mark("Wald 95%", line=wald_look(theme)))
    xlim, ylim = view(table)
    if _impossible(table, xlim, ylim):
        marks.append(Mark("impossible: regions end there", "impossible", hatched=True))
    if animated:
        marks.append(Mark("through the point", "section", line=section_look(theme)))
    if len(table.path) > 1:
        marks.append(Mark("optimiser's path", "path", line=_path_look(theme)))
    return marks


def _path_look(theme: Theme) -> dict[str, Any]:
    return {"color": theme.muted, "linewidth": 0.9, "linestyle": (0, (1, 1.6))}


def _axis_view(table: Surface, axis: int) -> Span:
    grid = (table.x, table.y)[axis]
    lower, upper = float(grid[0]), float(grid[-1])
    if not upper > lower:
        width = abs(lower) or 1.0
        return lower - width, upper + width
    width = upper - lower
    reach = (lower, upper)
    if table.ellipse is not None and np.isfinite(table.ellipse[:, axis]).all():
        reach = (float(table.ellipse[:, axis].min()), float(table.ellipse[:, axis].max()))
    at_lower, at_upper = table.allowed[axis]
    if lower <= at_lower + 0.02 * width:
        lower = min(at_lower - 0.05 * width, max(reach[0] - 0.03 * width, at_lower - 0.3 * width))
    if upper >= at_upper - 0.02 * width:
        upper = max(at_upper + 0.05 * width, min(reach[1] + 0.03 * width, at_upper + 0.3 * width))
    return lower, upper


def _impossible(table: Surface, xlim: Span, ylim: Span) -> list[tuple[float, float, float, float]]:
    """Return the impossible parts of the view as boxes that do not overlap."""
    (left, right), (low, high) = table.allowed
    boxes = []
    if left > xlim[0]:
        boxes.append((xlim[0], ylim[0], left, ylim[1]))
    if right < xlim[1]:
        boxes.append((right, ylim[0], xlim[1], ylim[1]))
    inner = (max(left, xlim[0]), min(right, xlim[1]))
    if low > ylim[0]:
        boxes.append((inner[0], ylim[0], inner[1], low))
    if high < ylim[1]:
        boxes.append((inner[0], high, inner[1], ylim[1]))
    return boxes


def _inside(grid: NDArray[np.float64], allowed: Span) -> NDArray[np.bool_]:
    slack = 1e-9 * (abs(grid[0]) + abs(grid[-1]))
    return np.logical_and(grid >= allowed[0] - slack, grid <= allowed[1] + slack)


def _draw_regions(sheet: Sheet, axes: Axes, table: Surface) -> None:
    theme = sheet.theme
    columns, rows = _inside(table.x, table.allowed[0]), _inside(table.y, table.allowed[1])
    x, y, drop = table.x[columns], table.y[rows], table.drop[np.ix_(rows, columns)]
    drop = np.ma.masked_invalid(np.where(np.isposinf(drop), FAR, np.clip(drop, 0.0, FAR)))
    if min(drop.shape) > 1 and drop.count() and drop.min() < LEVELS[-1]:
        filled = axes.contourf(x, y, drop, (0.0, *LEVELS), colors=theme.shades[::-1], zorder=0.8)
        filled.set_gid("regions")
        reached = [level for level in LEVELS if drop.min() < level < drop.max()]
        if reached:
            widths = [1.7 if level == LEVELS[2] else 0.8 for level in reached]
            lines = axes.contour(
                x, y, drop, reached, colors=theme.likelihood, linewidths=widths, zorder=1.5
            )
            lines.set_gid("contours")
            _label_contours(sheet, axes, table.optimum, reached, list(lines.get_paths()))
    sheet.impossible(axes, _impossible(table, axes.get_xlim(), axes.get_ylim()))
    if table.ellipse is not None:
        stroke(axes, *table.ellipse.T, **wald_look(theme), zorder=2.6)
    if len(table.path) > 1:
        stroke(
            axes,
            *table.path.T,
            **_path_look(theme),
            marker=".",
            markersize=4,
            zorder=2.5,
            gid="path",
        )


def _label_contours(
    sheet: Sheet, axes: Axes, optimum: tuple[float, float], levels: list[float], paths: list[Path]
) -> None:
    """Write each confidence on its contour, where a ray from the optimum meets the contours.

    Of 48 rays the one is taken on which the labels stand furthest apart inside the panel.
    """
    left, top, right, bottom = sheet.box(axes)
    (x0, x1), (y0, y1) = axes.get_xlim(), axes.get_ylim()
    scale, origin = np.array([(right - left) / (x1 - x0), (bottom - top) / (y1 - y0)]), (x0, y0)
    centre = np.subtract(optimum, origin) * scale
    angles = np.linspace(0.0, 2 * np.pi, 48, endpoint=False) + 0.03
    rays = np.stack((np.cos(angles), np.sin(angles)))
    reach = np.array([_reach((_pieces(path) - optimum) * scale, rays) for path in paths])
    hits = centre + reach[:, :, None] * rays.T  # contour, ray, coordinate
    room = np.array([right - left - 20, bottom - top - 10])
    inside = ((hits > np.array([20, 10])) & (hits < room)).all(axis=2)
    steps = np.abs(np.diff(hits, axis=0)) / _APART
    both = inside[:-1] & inside[1:]
    apart = np.where(both, np.nan_to_num(steps.max(axis=2)), 1.6).min(axis=0, initial=1.6)
    best = int(np.argmax(inside.sum(axis=0) * apart))
    last = np.full(2, -np.inf)
    for level, (x, y), shown in zip(levels, hits[:, best], inside[:, best], strict=True):
        if shown and (np.abs(last - (x, y)) >= _APART).any():
            i, last = LEVELS.index(level), np.array([x, y])
            sheet.write(
                x / scale[0] + x0,
                y / scale[1] + y0,
                f"{100 * CONFIDENCES[i]:.0f}%",
                align="center",
                halo=sheet.theme.shades[3 - i],
                transform=axes.transData,
            )


def _pieces(path: Path) -> NDArray[np.float64]:
    """Return the vertices of a contour, a row of ``nan`` between its pieces.

    ``Path.to_polygons`` would leave out points of open pieces that are close in units of pixels,
    and these are data.
    """
    vertices = np.asarray(path.vertices, dtype=np.float64)
    codes = np.empty(0) if path.codes is None else np.asarray(path.codes)
    begins = np.flatnonzero(codes == Path.MOVETO)
    return np.insert(vertices, begins, np.nan, axis=0)


def _reach(outline: NDArray[np.float64], rays: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return how far along each ray from the origin an outline is first met; ``nan`` if never."""
    along, across = outline @ rays, outline @ np.stack((-rays[1], rays[0]))
    met = (across[:-1] * across[1:] <= 0) & (across[:-1] != across[1:])
    part = across[:-1] / np.where(met, across[:-1] - across[1:], 1.0)
    at = along[:-1] + part * (along[1:] - along[:-1])
    first = np.where(met & (at > 0), at, np.inf).min(axis=0)
    return np.where(np.isfinite(first), first, np.nan)


def _draw_moving(sheet: Sheet, axes: Axes, table: Surface, animated: bool) -> None:
    (x, y), xlim, ylim = table.optimum, axes.get_xlim(), axes.get_ylim()
    thin = crosshair_look(sheet.theme) | {"animated": animated}
    stroke(axes, [x, x], ylim, **thin, gid="crosshair-x")
    stroke(axes, xlim, [y, y], **thin, gid="crosshair-y")
    stroke(axes, [x], [y], **maximum_look(sheet.theme), zorder=3.8, gid="optimum")
    look = point_look(sheet.theme) | {"animated": animated}
    stroke(axes, [x], [y], **look, zorder=4.0, gid="point")
