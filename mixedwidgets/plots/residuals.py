"""Residuals against fitted values: whether anything is left that a model could have told."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mixedwidgets.lmm.diagnostic_tables import ResidualTable
from mixedwidgets.lmm.tables import Floats
from mixedwidgets.plots.cloud import (
    add_picked,
    corner,
    draw_cloud,
    nearest,
    padded,
    point_look,
    put_picked,
)
from mixedwidgets.plots.numbers import number, resolution, significant
from mixedwidgets.plots.sheet import MARGIN, Mark, Sheet, stroke, tick_room
from mixedwidgets.plots.smooth import smooth
from mixedwidgets.plots.style import Theme

_TOP = 76.0
_WIDE = 2.0  # residuals beyond so many SDs are counted; a normal distribution has 4.55 % there
_EXPECTED = 0.0455
_FROM_MEAN = math.sqrt(math.pi / 2)  # SD over mean absolute deviation, normal distribution
_FEW = 100  # with fewer rows no running SD is drawn


def draw(
    figure: Figure, table: ResidualTable, *, theme: str | Theme = "light", animated: bool = True
) -> None:
    """Draw the residuals of all rows against their fitted values into an empty figure.

    The running mean should stay near zero and the lines two running SDs from it level. Shrinkage
    alone tilts the mean upwards a little, because it leaves part of the effect of each level in
    its residuals: with H the matrix that turns the response into fitted values, the covariances of
    fitted values and residuals add up to ``sigma^2 tr(H - H^2) > 0``.

    The artists that move are ``picked`` and ``picked-name`` and, of up to 1,000 rows, ``points``.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        Empty; from 5.6 by 3.4 inches.
    table : ResidualTable
        What to draw.
    theme : str or Theme
        ``"light"``, ``"dark"`` or a theme of one's own.
    animated : bool
        Whether the artists that move are left to the browser; False draws them too.
    """
    sheet = Sheet(figure, theme)
    sheet.title(f"Residuals, {table.criterion}", _remark(table))
    mean, spread = running(table)
    sheet.key(_marks(sheet.theme, table, bool(len(spread))))
    xlim = padded(float(table.fitted.min()), float(table.fitted.max()))
    reach = float(np.abs(table.residual).max(initial=0.0))
    ylim = padded(-max(reach, 2.2), max(reach, 2.2))
    bottom = sheet.height - 48
    left = MARGIN + tick_room(*ylim, bottom - _TOP, 40) + 6
    axes = sheet.panel((left, _TOP, sheet.width - MARGIN - 4, bottom), xlim, ylim)
    sheet.scale(axes, "x", label=f"fitted value of {table.response}", every=70)
    weighted = ", weighted" if np.ptp(table.weights) > 0 else ""
    sheet.scale(axes, "y", label=f"residual / σ{weighted}", every=40)
    stroke(axes, xlim, [0, 0], color=sheet.theme.muted, linewidth=0.9, zorder=1.0, gid="zero")
    draw_cloud(axes, table.fitted, table.residual, sheet.theme, animated)
    _draw_running(axes, sheet.theme, mean, spread)
    size = max(4.5, point_look(sheet.theme, len(table.fitted))["markersize"] + 2.5)
    face = {"markerfacecolor": sheet.theme.likelihood, "markeredgewidth": 1.1}
    add_picked(axes, sheet.theme, animated, markersize=size, **face)


def describe(table: ResidualTable) -> str:
    """Say in numbers what the picture shows.

    Parameters
    ----------
    table : ResidualTable
        The table that is drawn.

    Returns
    -------
    str
        Three sentences: the largest residuals, where the running mean goes, and whether the spread
        changes along the fitted values.
    """
    r = table.residual
    far = int((np.abs(r) > _WIDE).sum())
    step = resolution(float(table.fitted.min()), float(table.fitted.max()))
    fitted = (number(float(f(table.fitted)), step) for f in (np.min, np.max))
    words = [
        f"Residuals of {len(r):,} rows ({table.criterion}), divided by σ = "
        f"{significant(table.sigma)}, against fitted values of {table.response} from "
        f"{' to '.join(fitted)}. They range from {number(float(r.min()), 0.01)} to "
        f"{number(float(r.max()), 0.01)}; {far:,} {'is' if far == 1 else 'are'} beyond ±2 "
        f"where a normal distribution has {round(_EXPECTED * len(r)):,}."
    ]
    mean, spread = running(table)
    if len(mean):
        low, high = float(mean[:, 1].min()), float(mean[:, 1].max())
        words.append(
            f"The running mean goes from {number(low, 0.01)} to {number(high, 0.01)}; shrinkage "
            "alone makes it rise a little."
        )
    if len(spread):
        first, last = float(spread[0, 1]), float(spread[-1, 1])
        words.append(
            f"The running SD is {number(first, 0.01)} at the lowest and {number(last, 0.01)} at "
            "the highest fitted values."
        )
    return " ".join(words)


def pick(figure: Figure, table: ResidualTable, index: int | None) -> None:
    """Highlight the rows of a level in a figure already drawn; None highlights nothing."""
    rows = np.flatnonzero(table.codes == index) if index is not None else np.empty(0, np.intp)
    name = "" if index is None else _row_words(table.levels[index], len(rows))
    beside = corner(figure.axes[0], top=True)
    put_picked(figure, table.fitted[rows], table.residual[rows], name, beside)


def hit(table: ResidualTable, gid: str, index: int) -> int | None:
    """Return the level of a marker of a moving artist, or None."""
    return int(table.codes[index]) if gid == "points" and index < len(table.codes) else None


def level_at(figure: Figure, table: ResidualTable, x: float, y: float) -> int | None:
    """Return the level of the row near a place of the panel, for rows that stand in the image."""
    row = nearest(figure.axes[0], table.fitted, table.residual, (x, y))
    return None if row is None else int(table.codes[row])


def running(table: ResidualTable) -> tuple[Floats, Floats]:
    """Return the running mean of the residuals and their running SD about it, (points, 2) each.

    The SD is that of a normal distribution with the running mean of the absolute deviations.
    """
    x, y = table.fitted, table.residual
    mean = smooth(x, y)
    if len(mean) == 0 or len(y) < _FEW:
        return mean, np.empty((0, 2))
    apart = smooth(x, np.abs(y - np.interp(x, *mean.T)))
    return mean, np.column_stack((apart[:, 0], _FROM_MEAN * np.maximum(apart[:, 1], 0.0)))


def _row_words(level: str, count: int) -> str:
    return f"{level}: {count} row{'s' * (count != 1)}"


def _remark(table: ResidualTable) -> str:
    far = int((np.abs(table.residual) > _WIDE).sum())
    expected = round(_EXPECTED * len(table.residual))
    return f"{len(table.residual):,} rows; {far:,} beyond ±2, normal: about {expected:,}"


def _marks(theme: Theme, table: ResidualTable, spread: bool) -> list[Mark]:
    look = point_look(theme, len(table.fitted)) | {"markersize": 5.0, "alpha": 0.8}
    line = {"color": theme.likelihood, "linewidth": 2.0}
    marks = [Mark("row", marker=look), Mark("running mean", "mean", line=line)]
    if spread:
        marks.append(Mark("± 2 running SDs", "± 2 SD", line=line | _SPREAD))
    return marks


_SPREAD = {"linewidth": 1.2, "linestyle": (0, (4, 2.5))}


def _draw_running(axes: Axes, theme: Theme, mean: Floats, spread: Floats) -> None:
    if not len(mean):
        return
    line: dict[str, Any] = {"color": theme.likelihood, "linewidth": 2.0, "zorder": 3.0}
    stroke(axes, *mean.T, **line, gid="mean")
    for sign in (-2.0, 2.0):
        if len(spread):
            y = mean[:, 1] + sign * spread[:, 1]
            stroke(axes, mean[:, 0], y, **(line | _SPREAD), gid="spread")
