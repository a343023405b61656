"""What pictures of rows and levels share: point clouds, and what is picked among them."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from mixedwidgets.lmm.tables import Floats
from mixedwidgets.plots.group_marks import Highlight, highlights
from mixedwidgets.plots.lettering import elide, text_width
from mixedwidgets.plots.sheet import stroke
from mixedwidgets.plots.style import SMALL, Theme

MOST_MOVING = 1000  # points that a browser is sent, so that a pointer can hit them
REACH = 14.0  # how far from a point a click may be, in hundredths of an inch
# Up to so many points: diameter in points, opacity.
_LOOKS = ((100, 6.0, 0.8), (300, 5.0, 0.7), (1500, 4.0, 0.55), (5000, 3.0, 0.4))
_MANY = (2.2, 0.32)

Ints: TypeAlias = NDArray[np.intp]
Span: TypeAlias = tuple[float, float]


def point_look(theme: Theme, count: int) -> dict[str, Any]:
    """How one of so many points looks, as keywords of ``Line2D``: smaller and fainter in crowds."""
    size, alpha = next((look[1:] for look in _LOOKS if count <= look[0]), _MANY)
    return {
        "marker": "o",
        "linestyle": "none",
        "markersize": size,
        "markeredgewidth": 0.0,
        "color": theme.wald,
        "alpha": alpha,
    }


def draw_cloud(axes: Axes, x: Floats, y: Floats, theme: Theme, animated: bool) -> Line2D:
    """Draw a point for each row; a crowd of them stands, fewer move, so that they can be hit."""
    moving = animated and len(x) <= MOST_MOVING
    look = point_look(theme, len(x))
    return stroke(axes, x, y, **look, zorder=2.0, gid="points", animated=moving)


def padded(low: float, high: float, share: float = 0.04) -> Span:
    """Limits of an axis that shows values from low to high."""
    if not high - low > 1e-12 * max(abs(low), abs(high)):
        half = abs(high) / 10 or 1.0
        return low - half, high + half
    pad = share * (high - low)
    return low - pad, high + pad


def add_picked(axes: Axes, theme: Theme, animated: bool, **look: Any) -> None:
    """Add what shows the level picked, empty: ``picked`` and, beside it, ``picked-name``."""
    Highlight(axes, theme, None, animated, **({"linestyle": "none"} | look))


def put_picked(
    figure: Figure, x: Floats, y: Floats, name: str, beside: tuple[Span, float] | None = None
) -> None:
    """Put what is picked at these points, and its name beside it.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        Drawn, with the artists of :func:`add_picked`.
    x, y : ndarray, shape (k,)
        Empty to show nothing.
    name : str
        What is picked.
    beside : ((left, right), y), optional
        The name stands right of this range, or left of it where there is more room; by default
        beside the point that is farthest to the right.
    """
    (mark,) = highlights(figure)
    known = np.flatnonzero(np.isfinite(x) & np.isfinite(y))
    if not len(known):
        mark.clear()
        return
    if beside is None:
        last = known[np.argmax(x[known])]
        beside = (float(x[last]), float(x[last])), float(y[last])
    (low, high), level = beside
    left, right = figure.axes[0].get_xlim()
    unit = (right - left) / _inches(figure.axes[0])[0]
    name = elide(name, 0.45 * (right - left) / unit, SMALL, bold=True)
    room = (text_width(name, SMALL, bold=True) + 30.0) * unit
    at = high if right - high >= min(room, low - left) else low - room + 5.0 * unit
    mark.mark([at], [level], name)
    mark.set_data(x, y)


def corner(axes: Axes, top: bool) -> tuple[Span, float]:
    """Where a name stands in the upper or the lower right corner of a panel, as ``beside``."""
    (low, high), right = axes.get_ylim(), axes.get_xlim()[1]
    inset = 12.0 * (high - low) / _inches(axes)[1]
    return (right, right), high - inset if top else low + inset


def _inches(axes: Axes) -> tuple[float, float]:
    """Width and height of a panel in hundredths of an inch."""
    figure = axes.get_figure(root=True)
    assert figure is not None
    return axes.bbox.width * 100.0 / figure.dpi, axes.bbox.height * 100.0 / figure.dpi


def nearest(axes: Axes, x: Floats, y: Floats, at: tuple[float, float]) -> int | None:
    """Which point is near a place in data coordinates, None where none is."""
    wide, tall = _inches(axes)
    (left, right), (low, high) = axes.get_xlim(), axes.get_ylim()
    across = (x - at[0]) / (right - left) * wide
    down = (y - at[1]) / (high - low) * tall
    away = np.where(np.isfinite(across) & np.isfinite(down), np.hypot(across, down), np.inf)
    if not len(away):
        return None
    best = int(np.argmin(away))
    return best if away[best] <= REACH else None
