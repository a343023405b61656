"""Five intervals for a probability on one axis, as rows under a likelihood curve."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection

from mixedwidgets.likelihood.tables import BinomialConstruction, BinomialCurve
from mixedwidgets.plots.numbers import number
from mixedwidgets.plots.sheet import MARGIN, Sheet, stroke
from mixedwidgets.plots.style import NORMAL, Theme

PREFIX = "method-"


def draw_rows(
    sheet: Sheet,
    axes: Axes,
    table: BinomialCurve,
    beside: BinomialCurve | None,
    selected: BinomialConstruction,
    animated: bool,
) -> None:
    """Draw a bar for each method, the selected one marked, a second data set's beneath each.

    Parameters
    ----------
    sheet : Sheet
        Where the panel is.
    axes : matplotlib.axes.Axes
        The panel, a row for each method from 0 down.
    table, beside : BinomialCurve, the second optional
        Whose intervals.
    selected : BinomialConstruction
        The one that is marked.
    animated : bool
        Whether the bars are left to the browser.
    """
    theme = sheet.theme
    left, top, right, bottom = sheet.box(axes)
    height = (bottom - top) / len(table.methods)
    look = {"color": theme.ink, "linewidth": 1.0, "linestyle": (0, (5, 3)), "zorder": 2.6}
    stroke(axes, [table.mle, table.mle], axes.get_ylim(), **look, gid="estimate")
    for i, method in enumerate(table.methods):
        y, chosen = top + (i + 0.5) * height, method.key == selected.key
        if chosen:
            box = (MARGIN - 6, y - height / 2, sheet.width - 2 * MARGIN + 12, height)
            sheet.rectangle(*box, facecolor=theme.faint, zorder=-1)
            axes.axhspan(i - 0.5, i + 0.5, facecolor=theme.faint, linewidth=0, zorder=0.2)
            drop_lines(axes, method, i, -0.5, color_of(theme, method.key))
        sheet.write(left - 10, y, method.label, size=NORMAL, bold=chosen, align="right")
        sheet.write(right + 10, y, words(method), color=theme.ink)
        shift = 0.0 if beside is None else -0.17
        _draw_bar(axes, method, i + shift, color_of(theme, method.key), 5.5, animated)
        if beside is not None:
            _draw_bar(axes, beside.by(method.key), i + 0.22, theme.pooled, 3.5, animated)


def hit(
    table: BinomialCurve, gid: str | None, index: int | None = None, y: float | None = None
) -> str | None:
    """Return the key of the method that a pointer event means, or None.

    Parameters
    ----------
    table : BinomialCurve
        The table that is drawn.
    gid : str or None
        Of the artist hit.
    index : int, optional
        Not needed: every artist belongs to one method.
    y : float, optional
        Where no artist was hit: height in the axes ``ROWS``; anywhere in a row means its method.
    """
    keys = [method.key for method in table.methods]
    if gid is not None and gid.removeprefix(PREFIX) in keys:
        return gid.removeprefix(PREFIX)
    if y is not None and -0.5 <= y < len(keys) - 0.5:
        return keys[round(y)]
    return None


def _draw_bar(
    axes: Axes, method: BinomialConstruction, y: float, color: str, width: float, animated: bool
) -> None:
    """Draw one interval: its impossible part thin, an arrow head where it leaves the picture."""
    common = {"animated": animated, "gid": PREFIX + method.key, "color": color}
    xlim = axes.get_xlim()
    lower, upper = np.clip((method.lower, method.upper), *xlim)
    look: dict[str, Any] = {"linewidth": 1.6, "zorder": 3.0, "solid_capstyle": "butt"}
    limits = (method.lower, method.upper)
    x, up = [lower, upper], [y, y]
    for end, limit, head in zip((lower, upper), limits, "<>", strict=True):
        if xlim[0] <= limit <= xlim[1]:
            x, up = [*x, np.nan, end, end], [*up, np.nan, y - 0.2, y + 0.2]
        else:
            mark = {"marker": head, "markersize": 8, "linestyle": "none", "clip_on": False}
            stroke(axes, [end], [y], **mark, zorder=3.2, **common)
    stroke(axes, x, up, **look, **common)
    inside = np.clip((lower, upper), 0.0, 1.0)
    stroke(axes, inside, [y, y], **look | {"linewidth": width, "zorder": 3.1}, **common)


def drop_lines(
    axes: Axes, method: BinomialConstruction, top: float, bottom: float, color: str
) -> None:
    """Draw thin dashed lines down (or up) from both limits of an interval."""
    x0, x1 = axes.get_xlim()
    lines = [[(x, top), (x, bottom)] for x in (method.lower, method.upper) if x0 <= x <= x1]
    look: dict[str, Any] = {"colors": color, "linewidths": 1.0, "linestyles": [(0, (2, 2))]}
    axes.add_collection(LineCollection(lines, **look, zorder=2.3, gid="drop-lines"), autolim=False)


def words(method: BinomialConstruction) -> str:
    """Return an interval as it is printed."""
    width = method.upper - method.lower
    step = max(width / 100, 1e-5) if width else 1e-3
    return f"{number(method.lower, step, 4)} to {number(method.upper, step, 4)}"


def color_of(theme: Theme, key: str) -> str:
    """Return the colour of a method, the same in every picture."""
    if key.startswith("wald"):
        return theme.wald
    return theme.likelihood if key == "likelihood-ratio" else theme.ink
