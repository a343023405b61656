"""A log-likelihood written by a user, and a search for its maximum step by step."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from mixedwidgets.likelihood.tables import MaximumView, SearchStep
from mixedwidgets.plots.maximum_curve import draw_curve, follow_curve
from mixedwidgets.plots.maximum_surface import draw_surface, follow_surface
from mixedwidgets.plots.numbers import number, significant
from mixedwidgets.plots.sheet import Sheet
from mixedwidgets.plots.style import Theme

MAIN = 0  # number of the axes with the curve or the surface
STRIDE = 1 / 50  # of an axis, by shift and an arrow key


def draw(
    figure: Figure, table: MaximumView, *, theme: str | Theme = "light", animated: bool = True
) -> None:
    """Draw what stands: the curve and its slope, or the surface.

    What moves are the artists ``start``, ``point``, ``path``, ``aim``, ``aim-line`` and
    ``parabola``; of a curve also ``tangent``, ``slope-point`` and ``slope-tangent``.
    :func:`follow` moves them.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        Empty; made for 6.4 to 10 by 5.2 inches.
    table : MaximumView
        What to draw.
    theme : str or Theme
        ``"light"``, ``"dark"`` or a theme of one's own.
    animated : bool
        Whether what moves is left to the browser; False draws it too.
    """
    sheet = Sheet(figure, theme)
    held = f"; {table.fixed}" if table.fixed else ""
    name = f" {table.label}" if table.label.isidentifier() else ""
    sheet.title(f"Log-likelihood{name}", f"of {' and '.join(table.names)}{held}")
    if len(table.names) == 1:
        draw_curve(sheet, table, animated)
    else:
        draw_surface(sheet, table, animated)


def follow(figure: Figure, table: MaximumView, steps: Sequence[SearchStep], index: int) -> None:
    """Move everything that depends on the step.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        In which :func:`draw` drew this table.
    table : MaximumView
        The table.
    steps : sequence of SearchStep
        The search.
    index : int
        The step to show.
    """
    if len(table.names) == 1:
        follow_curve(figure, table, steps, index)
    else:
        follow_surface(figure, table, steps, index)


def describe(table: MaximumView) -> str:
    """Say in numbers what the picture shows, whichever step it is at.

    Parameters
    ----------
    table : MaximumView
        The table that is drawn.
    """
    best = ", ".join(
        f"{name} = {_value(float(table.best[i]))}"
        for name, i in zip(table.names, table.axes, strict=True)
    )
    held = f" ({table.fixed})" if table.fixed else ""
    kind = "Curve" if len(table.names) == 1 else "Surface"
    return (
        f"{kind} of the log-likelihood {table.label} over {' and '.join(table.names)}{held}, "
        f"largest at {best} with value {_log(table.top)}."
    )


def say(names: Sequence[str], steps: Sequence[SearchStep], index: int, top: float) -> str:
    """Say what one step does.

    Parameters
    ----------
    names : sequence of p str
        All parameters.
    steps : sequence of SearchStep
        The search.
    index : int
        Which step.
    top : float
        The largest log-likelihood.
    """
    step = steps[index]
    place = ", ".join(f"{n} = {_value(float(v))}" for n, v in zip(names, step.x, strict=True))
    below = top - step.value
    depth = f", {significant(below, 3)} below the maximum" if below > 1e-8 * (1 + abs(top)) else ""
    head = f"Step {index} of {len(steps) - 1}: {place}; log-likelihood {_log(step.value)}{depth}"
    return f"{head}{_slope(names, step)}. {step.words}"


def _slope(names: Sequence[str], step: SearchStep) -> str:
    """Slope and, of one parameter, curvature; nothing where they are not known."""
    if not np.isfinite(step.gradient).all():
        return ""
    slopes = ", ".join(_small(float(g), step) for g in step.gradient)
    if len(names) == 1:
        bend = float(step.hessian[0, 0])
        flat = abs(bend) < 1e-7 * abs(float(step.gradient[0]))
        return f"; slope {slopes}, curvature {'0' if flat else significant(bend, 5)}"
    return f"; slopes {slopes}"


def _small(gradient: float, step: SearchStep) -> str:
    """A slope; one that is zero but for rounding as zero."""
    size = math.sqrt(float(np.abs(np.diag(step.hessian)).max()) + 1e-300)
    return "0" if abs(gradient) < 1e-5 * size else significant(gradient, 4)


def _value(value: float) -> str:
    return f"{value:.6g}".replace("-", "−")


def _log(value: float) -> str:
    return number(value, 1e-4 if abs(value) < 1e4 else 1e-2)
