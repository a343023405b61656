"""Normal quantile pictures of residuals, or of the effects of levels."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.figure import Figure

from mixedwidgets.lmm.diagnostic_tables import QuantileTable
from mixedwidgets.plots.cloud import (
    add_picked,
    corner,
    draw_cloud,
    nearest,
    padded,
    point_look,
    put_picked,
)
from mixedwidgets.plots.lettering import wrap
from mixedwidgets.plots.numbers import number
from mixedwidgets.plots.sheet import MARGIN, Mark, Sheet, stroke, tick_room
from mixedwidgets.plots.style import NORMAL, Theme

_TOP = 76.0
_LINE = {"linewidth": 1.2, "linestyle": (0, (5, 3))}


def draw(
    figure: Figure, table: QuantileTable, *, theme: str | Theme = "light", animated: bool = True
) -> None:
    """Draw sorted values against quantiles of the normal distribution into an empty figure.

    The values are divided by the standard deviations that they have under the model, so that they
    should lie on the line of equality. The artists that move are ``picked`` and ``picked-name``
    and, of up to 1,000 values, ``points``.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        Empty; from 5.6 by 3.4 inches.
    table : QuantileTable
        What to draw.
    theme : str or Theme
        ``"light"``, ``"dark"`` or a theme of one's own.
    animated : bool
        Whether the artists that move are left to the browser; False draws them too.
    """
    sheet = Sheet(figure, theme)
    sheet.title(f"Normal QQ, {table.criterion}", f"{table.what}; {_remark(table)}")
    sheet.key(_marks(sheet.theme, table))
    everything = np.concatenate((table.value, table.band[:, 1:].ravel(), [-1.5, 1.5]))
    ylim = padded(float(everything.min()), float(everything.max()))
    xlim = padded(table.quantile.min(initial=-1.5), table.quantile.max(initial=1.5))
    bottom = sheet.height - 48
    left = MARGIN + tick_room(*ylim, bottom - _TOP, 40) + 6
    axes = sheet.panel((left, _TOP, sheet.width - MARGIN - 4, bottom), xlim, ylim)
    sheet.scale(axes, "x", label="quantile of the standard normal distribution", every=60)
    sheet.scale(axes, "y", label=f"{_named(table)} / SD under the model", every=40)
    if table.note:
        _write_note(sheet, table.note)
    elif len(table.band):
        low, high = table.band[:, 1], table.band[:, 2]
        look: dict[str, Any] = {
            "color": sheet.theme.pooled,
            "alpha": 0.22,
            "linewidth": 0.0,
            "zorder": 0.9,
        }
        axes.fill_between(table.band[:, 0], low, high, **look).set_gid("band")
        ends = np.array([max(xlim[0], ylim[0]), min(xlim[1], ylim[1])])
        stroke(axes, ends, ends, color=sheet.theme.ink, **_LINE, zorder=1.5, gid="equality")
    draw_cloud(axes, table.quantile, table.value, sheet.theme, animated)
    size = max(5.0, point_look(sheet.theme, len(table.value))["markersize"] + 3.0)
    face = {"markerfacecolor": sheet.theme.likelihood, "markeredgewidth": 1.1}
    add_picked(axes, sheet.theme, animated, markersize=size, **face)


def describe(table: QuantileTable) -> str:
    """Say in numbers what the picture shows.

    Parameters
    ----------
    table : QuantileTable
        The table that is drawn.

    Returns
    -------
    str
        How many values, how many are outside the band, and the values at the two ends beside what
        the normal distribution has there.
    """
    head = f"Normal quantiles of the {table.what} ({table.criterion})"
    if table.note:
        return f"{head}: {table.note}."
    n = len(table.value)
    ends = "; ".join(
        f"the {which} is {number(float(table.value[i]), 0.01)} (normal: "
        f"{number(float(table.quantile[i]), 0.01)})"
        for which, i in (("smallest", 0), ("largest", -1))
    )
    missing = f" {table.left_out:,} without an SD are left out." if table.left_out else ""
    return (
        f"{head}, {n:,} values, each divided by its SD under the model; {table.outside:,} "
        f"{'is' if table.outside == 1 else 'are'} "
        f"outside the limits that hold each single one with 95%, where about {round(0.05 * n):,} "
        f"are expected; {ends}.{missing}"
    )


def pick(figure: Figure, table: QuantileTable, index: int | None) -> None:
    """Highlight the values of a level in a figure already drawn; None highlights nothing."""
    rows = np.flatnonzero(table.codes == index) if index is not None else np.empty(0, np.intp)
    name, beside = "" if index is None else table.levels[index], None
    if table.kind == "residuals":
        beside = corner(figure.axes[0], top=False)
        name = f"{name}: {len(rows)} row{'s' * (len(rows) != 1)}"
    put_picked(figure, table.quantile[rows], table.value[rows], name, beside)


def hit(table: QuantileTable, gid: str, index: int) -> int | None:
    """Return the level of a marker of a moving artist, or None."""
    return int(table.codes[index]) if gid == "points" and index < len(table.codes) else None


def level_at(figure: Figure, table: QuantileTable, x: float, y: float) -> int | None:
    """Return the level of the value near a place of the panel, for values in the image."""
    row = nearest(figure.axes[0], table.quantile, table.value, (x, y))
    return None if row is None else int(table.codes[row])


def _named(table: QuantileTable) -> str:
    return "residual" if table.kind == "residuals" else f"effect of {table.group}"


def _remark(table: QuantileTable) -> str:
    if table.note:
        return "no variation between levels"
    out = f"{table.outside:,} of {len(table.value):,} outside"
    return f"{out}, {table.left_out:,} without an SD" if table.left_out else out


def _marks(theme: Theme, table: QuantileTable) -> list[Mark]:
    look = point_look(theme, len(table.value)) | {"markersize": 5.0, "alpha": 0.8}
    what = "row" if table.kind == "residuals" else f"level of {table.group}"
    band = {"color": theme.pooled, "alpha": 0.3, "linewidth": 8.0, "solid_capstyle": "butt"}
    return [
        Mark(what, marker=look),
        Mark("normal", line={"color": theme.ink, **_LINE}),
        Mark("95% limits of each single value", "95% of each", line=band),
    ]


def _write_note(sheet: Sheet, note: str) -> None:
    middle = 0.5 * (_TOP + sheet.height - 48)
    for n, line in enumerate(wrap(note[:1].upper() + note[1:] + ".", sheet.width - 120, NORMAL)):
        sheet.write(
            sheet.width / 2,
            middle - 30 + 16 * n,
            line,
            size=NORMAL,
            align="center",
            halo=sheet.theme.panel,
        )
