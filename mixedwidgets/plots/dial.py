"""The pooling dial: what it costs to pool more or less than the estimate does."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mixedwidgets.lmm.group_tables import CUT, DialTable
from mixedwidgets.lmm.tables import Floats
from mixedwidgets.plots.group_marks import parts
from mixedwidgets.plots.lettering import Label, Lettering, text_width
from mixedwidgets.plots.numbers import number, significant
from mixedwidgets.plots.sheet import MARGIN, Mark, Sheet, stroke
from mixedwidgets.plots.style import NORMAL, SMALL, Theme, crosshair_look, optimum_look

_TALL = 300.0  # of the figure, in hundredths of an inch; a lower one has no key
_CEILING, _CEILING_LOW, _FLOOR = 13.4, 7.6, -0.13  # of the cost shown; the floor is its share
_EDGE = 7.0  # how far below the upper edge the marker stays
_ACROSS = (-0.02, 1.02)
_ENDS = ("← complete pooling", "no pooling →")
_POINTS = 401
_APART = 26.0  # between the middles of two numbers below the axis, besides their widths


def draw(
    figure: Figure, table: DialTable, *, theme: str | Theme = "light", animated: bool = True
) -> None:
    """Draw the cost over the dial into an empty figure.

    The artists that follow a hand are ``dial`` (the marker on the curve), ``dial-line`` and
    ``dial-text``; :func:`place` moves them. They start at the estimate.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        Empty; made for 5.6 to 9 by 4.2 inches.
    table : DialTable
        What to draw.
    theme : str or Theme
        ``"light"``, ``"dark"`` or a theme of one's own.
    animated : bool
        Whether the artists that move are left to the browser; False draws them too.
    """
    sheet = Sheet(figure, theme)
    theme = sheet.theme
    proportion = "; effects in proportion" if len(table.names) > 1 else ""
    remark = f"{table.group}; others {_others(table)}{proportion}"
    sheet.title(f"Pooling dial, {table.criterion}", remark)
    tall = sheet.height >= _TALL
    if tall:
        sheet.key(_key(theme))
    left, right, top = MARGIN + 30, sheet.width - MARGIN - 30, 78.0 if tall else 58.0
    one_line = _names_width(table) <= sheet.width - 2 * MARGIN
    bottom = sheet.height - (44.0 if one_line else 64.0)
    ceiling = _CEILING if tall else _CEILING_LOW
    axes = sheet.panel((left, top, right, bottom), _ACROSS, (_FLOOR * ceiling, ceiling))
    sheet.scale(axes, "y", label="cost: rise in deviance", every=40 if tall else 25, reach=(30, 0))
    _scale(sheet, axes, table, one_line)
    _draw_cost(sheet, axes, table)
    thin = crosshair_look(theme) | {"animated": animated}
    stroke(axes, [0.0, 0.0], axes.get_ylim(), **thin, gid="dial-line")
    look = optimum_look(theme) | {"markersize": 11.0, "markerfacecolor": theme.pooled}
    stroke(axes, [0.0], [0.0], **look, zorder=5.0, animated=animated, gid="dial")
    text = Lettering()
    text.set_gid("dial-text")
    text.set_animated(animated)
    text.set_zorder(6.0)
    right_end = sheet.width - MARGIN
    text.labels = [
        Label(
            *(right_end, top - 11, "", theme.ink, NORMAL, True, "right", "center"),
            sheet.transform,
            None,
        )
    ]
    axes.add_artist(text)
    place(figure, table, table.home)


def place(figure: Figure, table: DialTable, u: float) -> None:
    """Turn the dial of a figure that is drawn to a position.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        Drawn by :func:`draw`.
    table : DialTable
        Drawn in it.
    u : float
        From 0 (complete pooling) to 1 (no pooling). Where the cost is beyond the panel the marker
        stays at its upper edge.
    """
    artists = parts(figure)
    cost = table.drop_at(u)
    axes = artists["dial"].axes
    low, high = axes.get_ylim()
    room = float(figure.get_size_inches()[1]) * 100 * axes.get_position().height
    artists["dial"].set_data([u], [min(cost, high - _EDGE / room * (high - low))])
    artists["dial-line"].set_xdata([u, u])
    text = artists["dial-text"]
    text.labels = [replace(text.labels[0], text=words(table, u))]


def words(table: DialTable, u: float) -> str:
    """Return where the dial stands and what that costs, in words."""
    tau, cost = table.tau_at(u), table.drop_at(u)
    if u == 0.0:
        where = "complete pooling, τ = 0"
    elif u == 1.0:
        where = "no pooling, τ = ∞"
    else:
        where = f"τ = {significant(tau)}"
    if u == table.home:
        return f"{where}, the estimate"
    return f"{where}: cost {'∞' if math.isinf(cost) else number(cost, 0.01)}"


def describe(table: DialTable, u: float | None = None) -> str:
    """Say in numbers what the picture shows.

    Parameters
    ----------
    table : DialTable
        The table that is drawn.
    u : float, optional
        Where the dial stands; by default at the estimate.

    Returns
    -------
    str
        Where the dial stands and its cost, the estimate, the range of tau within 3.84, and the
        cost of complete pooling.
    """
    low, high = interval(table)
    start = f"from {significant(low)}" if low > 0.0 else "from 0"
    stop = f"to {significant(high)}" if math.isfinite(high) else "without end"
    return (
        f"Pooling dial of {table.group} ({table.criterion}; other variances {_others(table)}) at "
        f"{words(table, table.home if u is None else u)}. {table.label}: estimate "
        f"{significant(table.estimate)}; the deviance rises by less than 3.84 {start} {stop}. "
        f"Complete pooling costs {number(float(table.drop[0]), 0.01)}; "
        "no pooling has no likelihood."
    )


def _others(table: DialTable) -> str:
    return "re-optimised" if table.kind == "profile" else "held"


def interval(table: DialTable) -> tuple[float, float]:
    """Return the range of tau within which the cost is at most 3.84, by the curve drawn.

    It is 0 or infinite at an end where the cost stays below.
    """
    u, cost = _curve(table)
    inside = np.flatnonzero(cost <= CUT)
    if not len(inside):
        return table.estimate, table.estimate
    first, last = int(inside[0]), int(inside[-1])
    ends = [0.0, 1.0]
    if first > 0:
        ends[0] = float(np.interp(CUT, cost[[first, first - 1]], u[[first, first - 1]]))
    if last + 1 < len(u):
        ends[1] = float(np.interp(CUT, cost[[last, last + 1]], u[[last, last + 1]]))
    return table.tau_at(ends[0]), table.tau_at(ends[1])


def marks(table: DialTable, room: float) -> list[tuple[float, str]]:
    """Choose round values of tau for the axis: positions and texts, the two ends first.

    Parameters
    ----------
    table : DialTable
    room : float
        Length of the axis in hundredths of an inch.
    """
    chosen = [(0.0, "0"), (1.0, "∞")]
    middle = math.floor(math.log10(table.scale))
    values = [m * 10.0**power for power in range(middle - 3, middle + 4) for m in (1, 2, 5)]
    for tau in sorted(values, key=lambda value: abs(math.log(value / table.scale))):
        u, text = table.position(tau), number(tau, tau)
        apart = [abs(u - v) * room - _width(text, other) for v, other in chosen]
        if min(apart) >= _APART:
            chosen.append((u, text))
    return chosen


def _width(one: str, other: str) -> float:
    return (text_width(one, SMALL) + text_width(other, SMALL)) / 2


def _curve(table: DialTable) -> tuple[Floats, Floats]:
    u = np.union1d(np.linspace(0.0, 1.0, _POINTS)[:-1], table.u[:-1])
    return u, table.drops(u)


def _key(theme: Theme) -> list[Mark]:
    cost = {"color": theme.likelihood, "linewidth": 1.8}
    cut = {"color": theme.muted, "linewidth": 0.9}
    band = {"color": theme.likelihood, "linewidth": 4.0, "alpha": 0.45}
    hand = optimum_look(theme) | {"markersize": 9.0, "markerfacecolor": theme.pooled}
    return [
        Mark("cost", line=cost),
        Mark("estimate", marker=optimum_look(theme)),
        Mark("the dial", "dial", marker=hand),
        Mark("95% cut, 3.84", "95%", line=cut),
        Mark("95% interval of τ", "interval", line=band),
    ]


def _names_width(table: DialTable) -> float:
    """Room that the names of both ends and of the axis take in one line."""
    sides = text_width(_ENDS[0], SMALL), text_width(_ENDS[1], SMALL)
    return text_width(table.label, NORMAL) + 2 * max(sides) + 40


def _scale(sheet: Sheet, axes: Axes, table: DialTable, one_line: bool) -> None:
    """Write values of tau below the panel, what the two ends mean, and the axis' name."""
    left, _, right, bottom = sheet.box(axes)
    muted: dict[str, Any] = {"color": sheet.theme.muted}
    for u, text in marks(table, right - left):
        x = left + (u - _ACROSS[0]) / (_ACROSS[1] - _ACROSS[0]) * (right - left)
        sheet.write(x, bottom + 12, text, align="center", **muted)
        stroke(axes, [u, u], axes.get_ylim(), color=sheet.theme.faint, linewidth=0.7, zorder=0.5)
    half = sheet.width / 2 - MARGIN
    sheet.write(MARGIN, bottom + 30, _ENDS[0], width=half, **muted)
    sheet.write(sheet.width - MARGIN, bottom + 30, _ENDS[1], align="right", width=half, **muted)
    y = bottom + (30 if one_line else 49)
    room = sheet.width - 2 * MARGIN
    sheet.write(sheet.width / 2, y, table.label, size=NORMAL, align="center", width=room)


def _draw_cost(sheet: Sheet, axes: Axes, table: DialTable) -> None:
    theme = sheet.theme
    u, cost = _curve(table)
    near = cost <= 1.5 * _CEILING
    shown = np.where(near | np.roll(near, 1) | np.roll(near, -1), cost, np.nan)
    ends = [table.position(tau) for tau in interval(table)]
    stroke(axes, _ACROSS, [CUT, CUT], color=theme.muted, linewidth=0.9, zorder=1.0, gid="cut")
    stroke(
        axes,
        ends,
        [CUT, CUT],
        color=theme.likelihood,
        linewidth=4.0,
        alpha=0.45,
        solid_capstyle="butt",
        zorder=2.0,
        gid="interval",
    )
    stroke(axes, u, shown, color=theme.likelihood, linewidth=1.8, zorder=2.5, gid="cost")
    home = table.home
    stroke(axes, [home], [0.0], **optimum_look(theme), zorder=4.0, gid="estimate")
    left, _, right, _ = sheet.box(axes)
    beside = 1.0 + 6.0 / (right - left)
    sheet.write(beside, CUT, "95%", color=theme.muted, transform=axes.get_yaxis_transform())
