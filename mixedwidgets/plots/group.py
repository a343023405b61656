"""One group: its raw data with its three fitted lines, among the lines of all groups."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from mixedwidgets.lmm.group_tables import GroupTable
from mixedwidgets.plots.group_marks import Highlight, Segments, highlights, parts
from mixedwidgets.plots.lettering import Label, Lettering, elide
from mixedwidgets.plots.numbers import number, resolution, significant
from mixedwidgets.plots.sheet import MARGIN, Mark, Sheet, stroke, tick_room
from mixedwidgets.plots.style import NORMAL, Theme

HINT = "Pick a group in any picture to see its data and its three lines."
_TOP, _FEW = 98.0, 60
_POOLINGS = ("no", "partial", "complete")


def draw(
    figure: Figure, table: GroupTable, *, theme: str | Theme = "light", animated: bool = True
) -> None:
    """Draw one group among all into an empty figure; without one picked, the lines of all.

    The artists that follow a hand are ``groups`` (the lines of all groups), ``data``,
    ``no-pooling``, ``partial-pooling`` and ``complete-pooling`` (the lines of the group picked),
    ``caption`` (its name and size), and ``picked`` with ``picked-name``.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        Empty; made for 5.6 to 9 by 4.2 inches.
    table : GroupTable
        What to draw.
    theme : str or Theme
        ``"light"``, ``"dark"`` or a theme of one's own.
    animated : bool
        Whether the artists that move are left to the browser; False draws them too.
    """
    sheet = Sheet(figure, theme)
    theme = sheet.theme
    held = f"lines with {table.held}" if table.held else f"{len(table.levels)} groups"
    sheet.title(f"One {table.group}, {table.criterion}", held)
    sheet.key(_marks(theme))
    xlim, ylim = (_padded(span) for span in table.limits)
    bottom = sheet.height - 48
    left = MARGIN + tick_room(*ylim, bottom - _TOP, 45) + 6
    axes = sheet.panel((left, _TOP, sheet.width - MARGIN - 4, bottom), xlim, ylim)
    one = (axes.bbox.width / figure.dpi * 100) / (xlim[1] - xlim[0])
    sheet.scale(axes, "x", label=table.labels[0], every=max(80.0, one) if table.by_row else 80.0)
    sheet.scale(axes, "y", label=table.labels[1], every=45, reach=(left - MARGIN, 0.0))
    few = len(table.levels) <= _FEW
    lines = Segments(
        np.stack((table.lines_x, table.lines_y), axis=2),
        colors=theme.pooled,
        linewidths=1.0 if few else 0.5,
        alpha=0.32 if few else 0.09,
        zorder=1.5,
        animated=animated,
        gid="groups",
    )
    axes.add_collection(lines, autolim=False)
    stroke(axes, [], [], **_data_look(theme), animated=animated, gid="data")
    for pooling in _POOLINGS:
        look = _line_look(theme, pooling) | {"animated": animated}
        stroke(axes, table.grid, table.grid, **look, gid=f"{pooling}-pooling")
    caption = Lettering()
    caption.set_gid("caption")
    caption.set_animated(animated)
    caption.labels = [
        Label(
            *(MARGIN, 61.0, "", theme.ink, NORMAL, False, "left", "center"),
            sheet.transform,
            None,
        )
    ]
    axes.add_artist(caption)
    Highlight(axes, theme, None, animated, marker="", linewidth=5.5, alpha=0.3, zorder=2.0)
    follow(figure, table)


def describe(table: GroupTable) -> str:
    """Say in numbers what the picture shows.

    Parameters
    ----------
    table : GroupTable
        The table that is drawn.

    Returns
    -------
    str
        The level picked, its size, its coefficients with no, partial and complete pooling, and
        its contribution to the log-likelihood where that is known.
    """
    held = f" The lines hold {table.held}." if table.held else ""
    lines = f"Fitted lines of {len(table.levels)} groups ({table.group}; {table.criterion}): "
    axes = f"{table.labels[1]} against {table.labels[0]}."
    if table.index is None:
        return f"{lines}{axes} No group is picked.{held}"
    parts_ = []
    for k, name in enumerate(table.names):
        three = [float(v[k]) for v in (table.no_pooling, table.partial_pooling)]
        three.append(float(table.complete_pooling[k]))
        step = resolution(*three)
        no, partial, complete = (number(v, step) for v in three)
        no = "not determined" if np.isnan(three[0]) else no
        parts_.append(f"{name} {no} with no, {partial} with partial, {complete} with complete")
    return (
        f"{table.group} {table.level} among the lines of {len(table.levels)} groups, {axes} "
        f"{_caption(table)}. Coefficients: {'; '.join(parts_)} pooling.{held}"
    )


def hit(table: GroupTable, gid: str | None, index: int) -> int | None:
    """Return which level a pointer means: that of the line in ``groups``; else None."""
    return int(index) if gid == "groups" and 0 <= index < len(table.levels) else None


def pick(figure: Figure, table: GroupTable, index: int | None) -> None:
    """Mark the line of one level, without its data; :func:`follow` with its table shows those.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        Drawn by :func:`draw`.
    table : GroupTable
        Drawn in it, or one that followed.
    index : int or None
        The level's place in ``table.levels``; None for none.
    """
    (mark,) = highlights(figure)
    if index is None:
        mark.clear()
        return
    mark.level = index
    x, y = parts(figure)["groups"].ends[index].T
    mark.mark(x, y, table.levels[index])


def follow(figure: Figure, table: GroupTable) -> None:
    """Put another level, or other lines of the same, into a figure that is drawn.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        Drawn by :func:`draw`.
    table : GroupTable
        Of the same levels.
    """
    artists = parts(figure)
    artists["groups"].move(np.stack((table.lines_x, table.lines_y), axis=2))
    artists["data"].set_data(table.x, table.y)
    for pooling, height in zip(_POOLINGS, table.lines, strict=True):
        artists[f"{pooling}-pooling"].set_data(table.grid, height)
    caption = artists["caption"]
    room = 100 * float(figure.get_size_inches()[0]) - 2 * MARGIN
    text = HINT if table.index is None else f"{table.group} {table.level}: {_caption(table)}"
    caption.labels = [replace(caption.labels[0], text=elide(text, room, NORMAL))]
    pick(figure, table, table.index)


def _caption(table: GroupTable) -> str:
    count = len(table.x)
    words = [f"{count} observation{'s' * (count != 1)}"]
    if table.contribution is not None:
        words.append(f"log-likelihood {significant(table.contribution)}")
    if np.isnan(table.no_pooling).any():
        words.append("too few to estimate it alone")
    return ", ".join(words)


def _padded(span: tuple[float, float]) -> tuple[float, float]:
    low, high = span
    pad = 0.05 * (high - low) or abs(low) / 10 or 1.0
    return low - pad, high + pad


def _data_look(theme: Theme) -> dict[str, Any]:
    return {
        "linestyle": "none",
        "marker": "o",
        "markersize": 3.6,
        "color": theme.ink,
        "markeredgewidth": 0.0,
        "alpha": 0.85,
        "zorder": 3.0,
    }


def _line_look(theme: Theme, pooling: str) -> dict[str, Any]:
    if pooling == "complete":
        return {"color": theme.ink, "linewidth": 1.4, "linestyle": (0, (5, 3)), "zorder": 3.8}
    hollow = pooling == "no"
    return {
        "color": theme.muted if hollow else theme.pooled,
        "linewidth": 1.4 if hollow else 2.4,
        "marker": "o",
        "markevery": [0, -1],
        "markersize": 7.5,
        "markeredgecolor": theme.muted if hollow else theme.panel,
        "markerfacecolor": theme.panel if hollow else theme.pooled,
        "markeredgewidth": 1.2 if hollow else 0.8,
        "zorder": 3.4 if hollow else 3.6,
    }


def _marks(theme: Theme) -> list[Mark]:
    data = _data_look(theme) | {"markersize": 5.0}
    out = [Mark("data", marker={k: v for k, v in data.items() if k != "zorder"})]
    for pooling in _POOLINGS:
        look = _line_look(theme, pooling)
        line = {k: v for k, v in look.items() if k in ("color", "linewidth", "linestyle")}
        marker = {
            k: v for k, v in look.items() if k.startswith("marker") and k != "markevery"
        } or None
        out.append(Mark(f"{pooling} pooling", pooling, line=line, marker=marker))
    faint = {"color": theme.pooled, "linewidth": 1.0, "alpha": 0.45}
    return [*out, Mark("all groups", "all", line=faint)]
