"""A fit in miniature, for a row of a history: how far its groups spread and how far they shrink."""

from __future__ import annotations

import io
import math
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.transforms import IdentityTransform

from mixedwidgets.lmm.tables import Floats, ShrinkageTable
from mixedwidgets.plots.pooled import FEW, RADII, Span, ellipse, limits, order
from mixedwidgets.plots.style import Theme, theme_of

WIDTH, HEIGHT = 96, 64  # CSS pixels
EDGE = 4.0  # around everything


def thumbnail(
    table: ShrinkageTable, *, theme: str | Theme = "light", pixel_ratio: float = 2.0
) -> bytes:
    """Draw a fit as a picture of 96 by 64 CSS pixels without any text.

    With one random effect the groups stand side by side, sorted, each with a line from its own
    estimate to the partially pooled one, and the common value is a dashed line. With two or more
    the first two are the axes of a plane, with the 95 % ellipse of their covariance.

    Parameters
    ----------
    table : ShrinkageTable
        What to draw.
    theme : str or Theme
        ``"light"``, ``"dark"`` or a theme of one's own.
    pixel_ratio : float
        Pixels for each CSS pixel.

    Returns
    -------
    bytes
        A PNG file.
    """
    look = theme_of(theme)
    figure = Figure(figsize=(WIDTH / 100, HEIGHT / 100), dpi=100 * pixel_ratio)
    canvas = FigureCanvasAgg(figure)
    figure.set_facecolor(look.panel)
    if table.no_pooling.shape[1] == 1:
        _draw_strip(figure, look, table)
    else:
        _draw_plane(figure, look, table)
    buffer = io.BytesIO()
    canvas.print_png(buffer)
    return buffer.getvalue()


def _draw_strip(figure: Figure, theme: Theme, table: ShrinkageTable) -> None:
    rows = order(table)
    alone, pooled = table.no_pooling[rows, 0], table.partial_pooling[rows, 0]
    place = np.arange(len(rows), dtype=float)
    ends = np.array([-0.7, len(rows) - 0.3])
    to = _Room(figure, (ends[0], ends[1]), limits(table, 0))
    centre = np.full(2, table.complete_pooling[0])
    to.line(np.column_stack((ends, centre)), color=theme.muted, linewidth=0.7)
    to.pairs(theme, np.column_stack((place, alone)), np.column_stack((place, pooled)))


def _draw_plane(figure: Figure, theme: Theme, table: ShrinkageTable) -> None:
    to = _Room(figure, limits(table, 0), limits(table, 1))
    centre, covariance = table.complete_pooling[:2], table.covariance[:2, :2]
    to.pairs(theme, table.no_pooling[:, :2], table.partial_pooling[:, :2])
    if np.isfinite(covariance).all():
        outline = ellipse(centre, covariance, RADII[-1])
        to.line(outline, color=theme.likelihood, linewidth=1.2)
    to.dots(centre[None], theme.likelihood, 3.6, marker="D")


class _Room:
    """The inside of the picture and its coordinates; axes would cost more than all the rest."""

    def __init__(self, figure: Figure, xlim: Span, ylim: Span):
        self.figure = figure
        self.low = np.array([xlim[0], ylim[0]])
        size = np.array([WIDTH, HEIGHT]) - 2 * EDGE
        self.scale = size / np.array([xlim[1] - xlim[0], ylim[1] - ylim[0]])

    def pixels(self, points: Floats) -> Floats:
        """Where points, (..., 2), are in pixels of the picture."""
        inside = EDGE + (points - self.low) * self.scale
        return np.asarray(inside * self.figure.dpi / 100.0)

    def line(self, points: Floats, **look: Any) -> None:
        """Draw a line through points, (n, 2)."""
        line = Line2D(*self.pixels(points).T, transform=IdentityTransform(), **look)
        self.figure.add_artist(line)

    def dots(self, points: Floats, color: str, size: float, marker: str = "o") -> None:
        """Draw a marker at each of these points, (n, 2)."""
        look: dict[str, Any] = {"marker": marker, "markeredgewidth": 0.0, "linestyle": "none"}
        self.line(points, color=color, markersize=size, **look)

    def pairs(self, theme: Theme, alone: Floats, pooled: Floats) -> None:
        """Draw each group as a thin line from its own estimate to a dot, the pooled one."""
        few = len(alone) <= FEW
        ends = self.pixels(np.stack((alone, pooled), axis=1))
        width, alpha = (1.0, 0.75) if few else (0.5, 0.4)
        lines = LineCollection(
            list(ends),
            colors=theme.muted,
            linewidths=width,
            alpha=alpha,
            transform=IdentityTransform(),
        )
        self.figure.add_artist(lines)
        size = float(np.clip(20.0 / math.sqrt(max(len(alone), 1)), 1.6, 4.5))
        self.dots(pooled, theme.pooled, size)
