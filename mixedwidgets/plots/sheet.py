"""The sheet that a picture's panels, labels and key are placed on.

Positions on a sheet are in hundredths of an inch from the top left corner of the figure, which
are CSS pixels where a figure of 8.2 by 4.3 inches is shown in a box of 820 by 430.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import PathPatch, Rectangle
from matplotlib.path import Path
from matplotlib.transforms import Affine2D, Transform
from numpy.typing import ArrayLike

from mixedwidgets.plots.lettering import Label, Lettering, elide, text_width, wrap
from mixedwidgets.plots.numbers import ticks
from mixedwidgets.plots.paper import bare_axes
from mixedwidgets.plots.style import LARGE, NORMAL, SMALL, Theme, theme_of

MARGIN = 12.0  # around everything
HATCH = "/////"


@dataclass(frozen=True)
class Mark:
    """An entry of a key: a sample of how something is drawn, and what it is.

    ``short`` is what it is called where room is scarce. ``line`` and ``marker`` take the keywords
    of ``Line2D`` for a stroke through the sample and a marker in its middle; ``fill`` gives
    swatches of colour side by side; ``hatched`` a hatched one.
    """

    text: str
    short: str = ""
    line: dict[str, Any] | None = None
    marker: dict[str, Any] | None = None
    fill: tuple[str, ...] = ()
    hatched: bool = False

    @property
    def width(self) -> float:
        """Width of the sample and the space after it."""
        if self.fill:
            return 14.0 * len(self.fill) + 6
        if self.line is not None:
            return 32.0
        return 18.0 if self.marker is not None or self.hatched else 0.0


class Sheet:
    """A figure in one theme, with one artist for all its lettering.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        An empty figure; its size decides the layout.
    theme : str or Theme
        ``"light"``, ``"dark"`` or a theme of one's own.

    Attributes
    ----------
    width, height : float
        Size of the figure in hundredths of an inch.
    transform : matplotlib.transforms.Transform
        From sheet positions to display coordinates.
    """

    def __init__(self, figure: Figure, theme: str | Theme):
        self.figure = figure
        self.theme = theme_of(theme)
        inches = figure.get_size_inches()
        self.width, self.height = 100.0 * float(inches[0]), 100.0 * float(inches[1])
        flip = Affine2D().scale(0.01, -0.01).translate(0.0, self.height / 100.0)
        self.transform: Transform = flip + figure.dpi_scale_trans
        figure.set_facecolor(self.theme.paper)
        self.lettering = Lettering()
        self.lettering.set_zorder(10)
        self.lettering.set_gid("lettering")
        figure.add_artist(self.lettering)

    def write(
        self,
        x: float,
        y: float,
        text: str,
        *,
        color: str | None = None,
        size: float = SMALL,
        bold: bool = False,
        align: str = "left",
        rise: str = "center",
        halo: str | None = None,
        transform: Transform | None = None,
        width: float | None = None,
    ) -> float:
        """Write one text and return its width.

        Parameters
        ----------
        x, y : float
            Anchor on the sheet, or in the coordinates of ``transform``.
        text : str
            One line.
        color : str, optional
            ``#rrggbb``; the theme's ink unless told.
        size, bold : float, bool
            Font size in points, and weight.
        align : {"left", "center", "right"}
            What of the text is at ``x``.
        rise : {"baseline", "center", "top"}
            What of the capitals is at ``y``.
        halo : str, optional
            A colour to surround the letters with, where they stand on lines.
        transform : matplotlib.transforms.Transform, optional
            Coordinates of the anchor.
        width : float, optional
            The text is shortened with "…" to this width.
        """
        if width is not None:
            text = elide(text, width, size, bold)
        self.lettering.add(
            Label(
                x,
                y,
                text,
                color or self.theme.ink,
                size,
                bold,
                align,
                rise,
                self.transform if transform is None else transform,
                halo,
            )
        )
        return text_width(text, size, bold)

    def title(self, title: str, remark: str) -> None:
        """Write the first line: a title in bold and, after it, a remark while there is room."""
        room = self.width - 2 * MARGIN
        used = self.write(MARGIN, 16, title, size=LARGE, bold=True, width=room)
        if room - used > 60:
            x = MARGIN + used + 10
            width = room - used - 10
            self.write(x, 16, remark, size=NORMAL, color=self.theme.muted, width=width)

    def key(self, marks: Sequence[Mark], y: float = 38.0) -> None:
        """Draw the key in one line, with short names where the long ones find no room.

        Entries that find no room even so are left out from the end.
        """
        names = [mark.text for mark in marks]
        if self._key_ends(marks, names)[-1:] > [self.width - MARGIN]:
            names = [mark.short or mark.text for mark in marks]
        x = MARGIN
        for mark, name, end in zip(marks, names, self._key_ends(marks, names), strict=True):
            if end > self.width - MARGIN:
                return
            self._sample(mark, x, y)
            self.write(x + mark.width, y, name, color=self.theme.muted)
            x = end + 18

    def _key_ends(self, marks: Sequence[Mark], names: Sequence[str]) -> list[float]:
        widths = [m.width + text_width(n, SMALL) for m, n in zip(marks, names, strict=True)]
        return [MARGIN + sum(widths[: i + 1]) + 18 * i for i in range(len(widths))]

    def _sample(self, mark: Mark, x: float, y: float) -> None:
        for i, color in enumerate(mark.fill):
            self.rectangle(x + 14 * i, y - 5, 14, 10, facecolor=color)
        if mark.hatched:
            self.rectangle(
                x,
                y - 5,
                12,
                10,
                facecolor=self.theme.panel,
                hatch=HATCH,
                edgecolor=self.theme.hatch,
            )
        if mark.line is not None:
            self._stroke([x, x + mark.width - 6], [y, y], marker="", **mark.line)
        if mark.marker is not None:
            self._stroke([x + (mark.width - 6) / 2], [y], **({"linestyle": "none"} | mark.marker))

    def _stroke(self, x: list[float], y: list[float], **look: Any) -> None:
        self.figure.add_artist(Line2D(x, y, transform=self.transform, **look), clip=False)

    def rectangle(self, x: float, y: float, width: float, height: float, **look: Any) -> None:
        """Draw a rectangle on the sheet, its top left corner at (x, y)."""
        colors: dict[str, Any] = {"edgecolor": "none", "linewidth": 0.0} | look
        patch = Rectangle((x, y), width, height, transform=self.transform, **colors)
        self.figure.add_artist(patch, clip=False)

    def panel(
        self,
        box: tuple[float, float, float, float],
        xlim: tuple[float, float],
        ylim: tuple[float, float],
    ) -> Axes:
        """Add bare axes: no spines, no ticks; see :meth:`scale` for those.

        Parameters
        ----------
        box : (left, top, right, bottom)
            Where on the sheet.
        xlim, ylim : tuple of two float
            Limits of the data.
        """
        left, top, right, bottom = box
        position = (
            left / self.width,
            1 - bottom / self.height,
            (right - left) / self.width,
            (bottom - top) / self.height,
        )
        return bare_axes(self.figure, position, xlim, ylim, self.theme.panel)

    def scale(
        self,
        axes: Axes,
        axis: str,
        *,
        label: str = "",
        every: float = 60.0,
        reach: tuple[float, float] = (0.0, 0.0),
        lines: int = 1,
    ) -> None:
        """Draw grid lines and the numbers at them, and name the axis.

        The numbers of the x axis stand below the panel and its name below them; the numbers of
        the y axis at the left and its name above the panel, where it reads without turning.

        Parameters
        ----------
        axes : matplotlib.axes.Axes
            A panel, limits set.
        axis : {"x", "y"}
            Which axis.
        label : str
            Its name.
        every : float
            The smallest distance of two numbers.
        reach : tuple of two float
            How far the name may run beyond the left and the right end of the panel.
        lines : {1, 2}
            Lines that the name of an x axis may take.
        """
        left, top, right, bottom = self.box(axes)
        horizontal = axis == "x"
        length = right - left if horizontal else bottom - top
        lower, upper = axes.get_xlim() if horizontal else axes.get_ylim()
        values, texts = _fitting_ticks(lower, upper, length, every, horizontal)
        at = (values - lower) / (upper - lower) * length
        if horizontal:
            segments = [((left + a, bottom), (left + a, top)) for a in at]
            for a, text in zip(at, texts, strict=True):
                self.write(left + a, bottom + 12, text, color=self.theme.muted, align="center")
            first, room = left - reach[0], right - left + sum(reach)
            written = wrap(label, room, NORMAL) if lines > 1 else [elide(label, room, NORMAL)]
            for n, line in enumerate(written):
                half = text_width(line, NORMAL) / 2
                x = min(max((left + right) / 2, first + half), first + room - half)
                self.write(x, bottom + 32 + 15 * n, line, size=NORMAL, align="center")
        else:
            segments = [((left, bottom - a), (right, bottom - a)) for a in at]
            for a, text in zip(at, texts, strict=True):
                self.write(left - 6, bottom - a, text, color=self.theme.muted, align="right")
            width = right - left + sum(reach)
            self.write(left - reach[0], top - 11, label, size=NORMAL, width=width)
        grid = LineCollection(segments, colors=self.theme.faint, linewidths=0.7, zorder=0.5)
        grid.set_transform(self.transform)
        axes.add_collection(grid, autolim=False)

    def box(self, axes: Axes) -> tuple[float, float, float, float]:
        """Return where a panel is: left, top, right, bottom."""
        at = axes.get_position(original=True)
        return (
            at.x0 * self.width,
            (1 - at.y1) * self.height,
            at.x1 * self.width,
            (1 - at.y0) * self.height,
        )

    def impossible(self, axes: Axes, boxes: Sequence[tuple[float, float, float, float]]) -> None:
        """Hatch parts of a panel that no parameter can reach, given as (x0, y0, x1, y1)."""
        if not boxes:
            return
        corners = [
            Path([(a, b), (c, b), (c, d), (a, d), (a, b)], closed=True) for a, b, c, d in boxes
        ]
        patch = PathPatch(
            Path.make_compound_path(*corners),
            facecolor=self.theme.paper,
            edgecolor=self.theme.hatch,
            linewidth=0.0,
            hatch=HATCH,
            zorder=2.2,
            gid="impossible",
        )
        axes.add_patch(patch)


def stroke(axes: Axes, x: ArrayLike, y: ArrayLike, **look: Any) -> Line2D:
    """Add a line or markers to a panel; ``Axes.plot`` does the same at three times the cost.

    Parameters
    ----------
    axes : matplotlib.axes.Axes
        The panel.
    x, y : array_like, shape (n,)
        The points.
    **look
        Keywords of ``Line2D``.
    """
    line = Line2D(np.asarray(x), np.asarray(y), **look)
    axes.add_artist(line)
    return line


def tick_room(lower: float, upper: float, length: float, every: float) -> float:
    """Return how wide the numbers of a y axis of this length will be."""
    _, texts = _fitting_ticks(lower, upper, length, every, horizontal=False)
    return max((text_width(text, SMALL) for text in texts), default=0.0)


def _fitting_ticks(
    lower: float, upper: float, length: float, every: float, horizontal: bool
) -> tuple[np.ndarray[Any, Any], tuple[str, ...]]:
    """Return as many round numbers as have room beside each other."""
    unit = (upper - lower) / length
    least = every * unit
    while True:
        values, texts = ticks(lower, upper, least)
        if not horizontal:
            return values, texts
        if len(values) < 2:
            return _outermost_ticks(lower, upper, least, unit) or (values, texts)
        step = float(values[1] - values[0])
        if max(text_width(text, SMALL) for text in texts) + 10 <= step / unit:
            return values, texts
        least = 1.5 * step


def _outermost_ticks(
    lower: float, upper: float, least: float, unit: float
) -> tuple[np.ndarray[Any, Any], tuple[str, ...]] | None:
    """Return two round numbers far apart, from which a scale can be read, if they have room."""
    values, texts = ticks(lower, upper, least / 2.5)
    if len(values) < 2:
        return None
    apart = float(values[-1] - values[0]) / unit
    if max(text_width(text, SMALL) for text in (texts[0], texts[-1])) + 10 > apart:
        return None
    return values[[0, -1]], (texts[0], texts[-1])
