"""Profile densities: how the probability of the normal distribution of zeta lies on parameters."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mixedwidgets.lmm.tables import ProfileCurve, ProfileTable
from mixedwidgets.plots.lattice import MOST, boxes, hatch, height, left_out, touches, view
from mixedwidgets.plots.numbers import number, resolution, significant
from mixedwidgets.plots.sheet import Mark, Sheet, stroke
from mixedwidgets.plots.style import Theme, optimum_look, wald_look

__all__ = ["describe", "draw", "height"]

_ROOM = 1.18  # height of a panel in units of the density's highest point
_LEAST = 0.005  # a probability at a boundary that is worth a bar


def draw(
    figure: Figure, table: ProfileTable, *, theme: str | Theme = "light", animated: bool = True
) -> None:
    """Draw the density of every parameter profiled into an empty figure.

    The density is the derivative of the normal distribution function of zeta in the parameter.
    What lies beyond a boundary is a bar there, with its probability, not part of the curve.

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
    sheet.title(f"Profile densities, {table.criterion}", "each scaled to its highest point")
    sheet.key(_marks(sheet.theme, table))
    for curve, box in zip(table.curves, boxes(sheet, table), strict=False):
        left, top, right, bottom = box
        axes = sheet.panel((left - 20, top, right, bottom), view(curve), (0.0, _ROOM))
        sheet.scale(axes, "x", label=curve.label, every=46, reach=(10.0, 8.0), lines=2)
        _draw_density(sheet, axes, curve)


def describe(table: ProfileTable) -> str:
    """Say in numbers what the picture shows.

    Parameters
    ----------
    table : ProfileTable
        The table that is drawn.

    Returns
    -------
    str
        A sentence a parameter: where its density is highest, which half of the probability is in
        the middle, and how much lies at a boundary.
    """
    words = [f"Profile densities ({table.criterion}) of {len(table.curves)} parameters."]
    words += [_sentence(curve) for curve in table.curves[:MOST]]
    if left_out(table):
        words.append(f"There are {left_out(table)}.")
    return " ".join(words)


def _sentence(curve: ProfileCurve) -> str:
    value, zeta = curve.line.T
    lower, upper = (float(np.interp(q, zeta, value)) for q in (-0.6744897501960817, 0.674489750196))
    step = resolution(lower, upper)
    peak = _peak(curve)
    at = "" if peak is None else f" highest at {significant(float(value[peak]))},"
    mass = "".join(
        f", {100 * m:.2g}% at the boundary {number(bound, 1.0)}"
        for m, bound in zip(curve.mass, curve.allowed, strict=True)
        if m > _LEAST
    )
    return (
        f"{curve.label}:{at} half of it from {number(lower, step)} to {number(upper, step)}{mass}."
    )


def _peak(curve: ProfileCurve) -> int | None:
    """Return where the density is highest, not counting one that grows beyond bounds at an end."""
    inside = np.where(np.isfinite(curve.density), curve.density, -1.0)
    if inside.max(initial=-1.0) <= 0.0:
        return None
    near = np.abs(curve.line[:, 1]) < 2.0
    return int(np.argmax(np.where(near, inside, -1.0) if near.any() else inside))


def _marks(theme: Theme, table: ProfileTable) -> list[Mark]:
    marks = [
        Mark("profile density", "profile", line={"color": theme.likelihood, "linewidth": 1.8}),
        Mark("normal density of Wald", "Wald", line=wald_look(theme)),
        Mark("estimate", marker=optimum_look(theme)),
    ]
    shown = table.curves[:MOST]
    if any(m > _LEAST for c in shown for m in c.mass):
        bar = {"color": theme.likelihood, "linewidth": 5.0, "solid_capstyle": "butt"}
        marks.append(Mark("probability at the boundary", "at the boundary", line=bar))
    if any(touches(c) for c in shown):
        marks.append(Mark("impossible", hatched=True))
    return marks


def _draw_density(sheet: Sheet, axes: Axes, curve: ProfileCurve) -> None:
    theme, peak = sheet.theme, _peak(curve)
    hatch(sheet, axes, curve)
    scale = 1.0 if peak is None else float(curve.density[peak])
    value = curve.line[:, 0]
    if peak is not None:
        shown = np.where(curve.density < 1.15 * scale, curve.density / scale, np.nan)
        under = np.nan_to_num(shown)
        area = axes.fill_between(value, under, color=theme.shades[1], linewidth=0.0, zorder=0.9)
        area.set_gid("area")
        look: dict[str, Any] = {"color": theme.likelihood, "linewidth": 1.8}
        stroke(axes, value, shown, **look, zorder=2.5, gid="density")
    if math.isfinite(curve.se):
        x = np.linspace(*axes.get_xlim(), 121)
        z = (x - curve.estimate) / curve.se
        normal = np.exp(-0.5 * z**2) / (math.sqrt(2.0 * math.pi) * curve.se * scale)
        stroke(axes, x, np.where(normal < _ROOM, normal, np.nan), **wald_look(theme), zorder=2.6)
    for bound, mass in zip(curve.allowed, curve.mass, strict=True):
        if mass > _LEAST:
            _draw_mass(sheet, axes, bound, mass)
    look = optimum_look(theme) | {"markersize": 6.0}
    stroke(axes, [curve.estimate], [0], **look, zorder=4.0, gid="estimate", clip_on=False)


def _draw_mass(sheet: Sheet, axes: Axes, bound: float, mass: float) -> None:
    """Draw the bar of a probability at a boundary, as high as it is probable, and its number."""
    theme = sheet.theme
    look: dict[str, Any] = {"linewidth": 5.0, "solid_capstyle": "butt", "color": theme.likelihood}
    stroke(axes, [bound, bound], [0.0, mass], **look, zorder=3.0, gid="mass")
    left, right = axes.get_xlim()
    inward = 1.0 if bound < 0.5 * (left + right) else -1.0
    sheet.write(
        bound + inward * 0.03 * (right - left),
        mass + 0.08,
        f"{100 * mass:.2g}%",
        align="left" if inward > 0 else "right",
        halo=theme.panel,
        transform=axes.transData,
    )
