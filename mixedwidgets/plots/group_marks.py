"""What pictures with a mark for each group share: marks that move fast, and the one picked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.transforms import ScaledTranslation
from numpy.typing import ArrayLike, NDArray

from mixedwidgets.lmm.tables import Floats
from mixedwidgets.plots.lettering import Label, Lettering, elide, text_width
from mixedwidgets.plots.sheet import Sheet
from mixedwidgets.plots.style import SMALL, Theme, picked_look

_BESIDE, _ABOVE = 9.0, 13.0  # points from a mark to the name beside or above it


class Segments(LineCollection):
    """Line segments, one a group, that move without being made anew.

    ``LineCollection.set_segments`` takes 3 ms for 684; here the paths are views of one array.

    Parameters
    ----------
    ends : array_like, shape (m, g, 2)
        Both ends of each segment in data coordinates, or all points of a line that bends;
        ``nan`` for one that is not drawn.
    **look
        Keywords of ``LineCollection``.
    """

    def __init__(self, ends: ArrayLike, **look: Any):
        self.ends = np.array(ends, dtype=np.float64)
        super().__init__(list(self.ends), **look)

    def move(self, ends: ArrayLike) -> None:
        """Give every segment new ends, of the same shape."""
        self.ends[...] = ends
        self.stale = True


class Highlight(Line2D):
    """The ring or the line of the level that is picked, with its name beside it.

    Parameters
    ----------
    axes : matplotlib.axes.Axes
        The panel it stands in, limits set.
    theme : Theme
        Its colours.
    order : ndarray of int, shape (m,), optional
        The level of each place, where the picture has sorted them.
    animated : bool
        Whether it is left to the browser.
    **look
        Keywords of ``Line2D`` that differ from ``picked_look``.

    Attributes
    ----------
    level : int or None
        Which level is picked.
    order, place : ndarray of int, shape (m,), or None
        The level of each place, and the place of each level.
    """

    def __init__(
        self,
        axes: Axes,
        theme: Theme,
        order: NDArray[np.intp] | None = None,
        animated: bool = True,
        **look: Any,
    ):
        nothing = [np.nan, np.nan]
        super().__init__(nothing, nothing, **(picked_look(theme) | look))
        self.level: int | None = None
        self.order = order
        self.place = None if order is None else np.argsort(order)
        self.name = Lettering()
        self._color, self._halo = theme.ink, theme.panel
        for artist, gid, zorder in ((self, "picked", self.zorder), (self.name, "picked-name", 9.0)):
            artist.set_gid(gid)
            artist.set_animated(animated)
            artist.set_zorder(zorder)
            axes.add_artist(artist)

    def clear(self) -> None:
        """Pick no level."""
        self.level = None
        self.set_data([np.nan, np.nan], [np.nan, np.nan])
        self.name.labels = []

    def mark(self, x: ArrayLike, y: ArrayLike, name: str) -> None:
        """Mark a level along some points, its name at the right of them, else left, else above."""
        xs, ys = np.asarray(x, float), np.asarray(y, float)
        self.set_data(xs, ys)
        axes = self.axes
        figure = None if axes is None else axes.get_figure(root=True)
        assert axes is not None
        assert figure is not None
        (left, right), (low, high) = axes.get_xlim(), axes.get_ylim()
        room = float(figure.get_size_inches()[0]) * 100 * axes.get_position().width
        text = elide(name, 0.45 * room, SMALL, bold=True)
        needed = (text_width(text, SMALL, True) + 14) * (right - left) / room
        first, last = int(np.nanargmin(xs)), int(np.nanargmax(xs))
        behind, before = right - xs[last] > needed, xs[first] - left > needed
        end = first if before and not behind else last
        dx, dy = (_BESIDE, 0.0) if behind else (-_BESIDE, 0.0) if before else (0.0, _ABOVE)
        shift = ScaledTranslation(dx / 72, dy / 72, figure.dpi_scale_trans)
        self.name.labels = [
            Label(
                float(np.clip(xs[end], left, right)),
                float(np.clip(ys[end], low, high)),
                text,
                self._color,
                SMALL,
                True,
                "left" if behind else "right",
                "center",
                axes.transData + shift,
                self._halo,
            )
        ]


def parts(figure: Figure) -> dict[str, Any]:
    """Return the artists of the panels of a figure that have a gid, by gid: the last of each."""
    return {
        gid: artist
        for axes in figure.axes
        for artist in axes.get_children()
        if (gid := artist.get_gid()) is not None
    }


def highlights(figure: Figure) -> list[Highlight]:
    """Return the marks of the level picked, one a panel, in the order of the panels."""
    found: list[Artist] = [a for axes in figure.axes for a in axes.get_children()]
    return [a for a in found if isinstance(a, Highlight)]


def name_rows(sheet: Sheet, axes: Axes, names: Sequence[str], sides: int, width: float) -> None:
    """Write a name beside each row, the rows in turn at the left and the right of two sides.

    Parameters
    ----------
    sheet : Sheet
    axes : matplotlib.axes.Axes
        Row i is at y = i.
    names : sequence of str
    sides : {1, 2}
    width : float
        Room for a name on the sheet.
    """
    left, top, right, bottom = sheet.box(axes)
    xlim, (low, high) = axes.get_xlim(), axes.get_ylim()
    guides = [[(xlim[0], i), (xlim[1], i)] for i in range(len(names))]
    faint = sheet.theme.faint
    axes.add_collection(
        LineCollection(guides, colors=faint, linewidths=0.7, zorder=0.4), autolim=False
    )
    for i, name in enumerate(names):
        y = bottom - (i - low) / (high - low) * (bottom - top)
        at_left = sides == 1 or i % 2 == 0
        x, align = (left - 8, "right") if at_left else (right + 8, "left")
        sheet.write(x, y, name, color=sheet.theme.muted, align=align, width=width)


def finite(values: Floats) -> Floats:
    """Return the numbers of an array that are finite, in one dimension."""
    return np.asarray(values[np.isfinite(values)])
