"""A likelihood surface, its maximum not marked, on which a student places a point."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray
from scipy.interpolate import RectBivariateSpline

from mixedwidgets.plots.answer_marks import (
    NOT_YET,
    answer_marks,
    hand_look,
    key_look,
    lines_of,
    put,
    rounded,
)
from mixedwidgets.plots.numbers import number, resolution, significant
from mixedwidgets.plots.sheet import MARGIN, Mark, Sheet, stroke, tick_room
from mixedwidgets.plots.style import Theme, crosshair_look

Place: TypeAlias = tuple[float, float]

FAR = 60.0  # a drop beyond is as far away, whatever its size
FINE = 121  # points of each axis through which contours go
STEP, STRIDE = 1 / 100, 1 / 10  # of the length of an axis, by an arrow key
_ARROWS = {"ArrowLeft": (-1, 0), "ArrowRight": (1, 0), "ArrowDown": (0, -1), "ArrowUp": (0, 1)}


@dataclass(frozen=True)
class AnswerSurface:
    """What is drawn.

    Attributes
    ----------
    x, y : ndarray, shapes (nx,) and (ny,)
        The grid, increasing.
    drop : ndarray, shape (ny, nx)
        Twice the log-likelihood at its maximum minus that at the point.
    levels : tuple of float
        Drops at which contours are drawn, increasing.
    labels : (str, str)
        Names of the two parameters, with units.
    """

    x: NDArray[np.float64]
    y: NDArray[np.float64]
    drop: NDArray[np.float64]
    levels: tuple[float, ...]
    labels: tuple[str, str]

    @classmethod
    def of(cls, picture: Mapping[str, Any]) -> AnswerSurface:
        """Read the picture of a part; see ``homework.pictures``."""
        return cls(
            x=np.array(picture["x"], dtype=np.float64),
            y=np.array(picture["y"], dtype=np.float64),
            drop=np.array(picture["drop"], dtype=np.float64),
            levels=tuple(sorted(float(level) for level in picture["levels"])),
            labels=(str(picture["labels"][0]), str(picture["labels"][1])),
        )

    @property
    def start(self) -> Place:
        """Where the point waits for the first answer."""
        return float(self.x[0] + 0.1 * np.ptp(self.x)), float(self.y[0] + 0.1 * np.ptp(self.y))

    def clamp(self, x: float, y: float) -> Place:
        """Return the nearest place on the grid."""
        return (
            float(min(max(x, self.x[0]), self.x[-1])),
            float(min(max(y, self.y[0]), self.y[-1])),
        )

    def rounded(self, x: float, y: float) -> Place:
        """Round a place of a hand to what can be told apart on the axes."""
        return rounded(x, float(np.ptp(self.x))), rounded(y, float(np.ptp(self.y)))

    def drop_at(self, x: float, y: float) -> float:
        """Return the drop at a place of the grid, by a bicubic spline through its points."""
        at = self.clamp(x, y)
        return float(self.over(np.array([at[0]]), np.array([at[1]]))[0, 0])

    def over(self, x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the drop on another grid, shape (ny, nx)."""
        squeezed = np.clip(self._spline(y, x), 0.0, 0.99 * FAR)
        return np.asarray(squeezed / (1.0 - squeezed / FAR))

    @cached_property
    def _spline(self) -> RectBivariateSpline:
        """Through drops that were squeezed, so that great ones far away make no waves."""
        most = [min(3, len(grid) - 1) for grid in (self.y, self.x)]
        squeezed = self.drop / (1.0 + self.drop / FAR)
        return RectBivariateSpline(self.y, self.x, squeezed, kx=most[0], ky=most[1])


def draw(
    figure: Figure,
    table: AnswerSurface,
    *,
    title: str = "",
    theme: str | Theme = "light",
    animated: bool = True,
    key: Place | None = None,
) -> None:
    """Draw the surface with a point; :func:`place` puts it where it belongs.

    What moves is named ``point``, ``crosshair-x`` and ``crosshair-y``.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        Empty; made for 5.6 to 9 by 4 inches.
    table : AnswerSurface
        What to draw.
    title : str
        What is asked for.
    theme : str or Theme
        ``"light"``, ``"dark"`` or a theme of one's own.
    animated : bool
        Whether what moves is left to the browser; False draws it too.
    key : (float, float), optional
        The right place, once it may be seen.
    """
    sheet = Sheet(figure, theme)
    sheet.title(title, "click, drag the point, or type" if key is None else "")
    sheet.key(_marks(sheet.theme, table, key))
    top, bottom = 78.0, sheet.height - 46.0
    xlim, ylim = (float(table.x[0]), float(table.x[-1])), (float(table.y[0]), float(table.y[-1]))
    left = MARGIN + tick_room(*ylim, bottom - top, 40) + 6
    axes = sheet.panel((left, top, sheet.width - MARGIN - 14, bottom), xlim, ylim)
    sheet.scale(axes, "x", label=table.labels[0], every=60)
    sheet.scale(axes, "y", label=table.labels[1], every=40)
    _draw_contours(sheet.theme, axes, table)
    if key is not None:
        stroke(axes, [key[0]], [key[1]], **key_look(sheet.theme), zorder=3.9, gid="key")
    thin = crosshair_look(sheet.theme) | {"animated": animated}
    for name in ("crosshair-x", "crosshair-y"):
        stroke(axes, [], [], **thin, gid=name)
    stroke(axes, [], [], **hand_look(sheet.theme), animated=animated, zorder=4.0, gid="point")
    place(figure, table, table.start, given=False)


def place(figure: Figure, table: AnswerSurface, at: Place, given: bool = True) -> None:
    """Move the point of a drawn surface.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        In which :func:`draw` drew this table.
    table : AnswerSurface
        The table.
    at : (float, float)
        Where to; what is outside the grid is drawn at its edge.
    given : bool
        Whether it is an answer; where there is none yet the point is hollow.
    """
    axes = figure.axes[0]
    x, y = table.clamp(*at)
    lines = lines_of(figure)
    lines["crosshair-x"].set_data([x, x], axes.get_ylim())
    lines["crosshair-y"].set_data(axes.get_xlim(), [y, y])
    put(lines["point"], axes, x, y, given)


def describe(table: AnswerSurface) -> str:
    """Say what the picture shows, without where its maximum is."""
    spans = []
    for label, grid in zip(table.labels, (table.x, table.y), strict=True):
        first, last = (number(float(end), resolution(*grid)) for end in (grid[0], grid[-1]))
        spans.append(f"{label} from {first} to {last}")
    levels = ", ".join(significant(level, 3) for level in table.levels)
    return (
        f"The log-likelihood over {spans[0]} and {spans[1]}; "
        f"contours where twice the log-likelihood is {levels} below its maximum."
    )


def say(table: AnswerSurface, at: Place, given: bool = True) -> str:
    """Say where the point is and how far below the maximum."""
    values = "; ".join(
        f"{label} = {number(value, resolution(*grid) / 10)}"
        for label, value, grid in zip(table.labels, at, (table.x, table.y), strict=True)
    )
    height = significant(table.drop_at(*at) / 2, 2)
    end = "" if given else NOT_YET
    return f"The point: {values}. The log-likelihood there is {height} below its maximum.{end}"


def step(table: AnswerSurface, key: str, shift: bool, at: Place) -> Place | None:
    """Return where a key takes the point; None for a key that takes it nowhere."""
    if key not in _ARROWS:
        return None
    share = STRIDE if shift else STEP
    dx, dy = (
        way * share * float(np.ptp(grid))
        for way, grid in zip(_ARROWS[key], (table.x, table.y), strict=True)
    )
    return table.clamp(at[0] + dx, at[1] + dy)


def _marks(theme: Theme, table: AnswerSurface, key: Place | None) -> list[Mark]:
    deepest = significant(table.levels[-1], 3) if table.levels else ""
    drop = f"drop of twice the log-likelihood, to {deepest}"
    right = None if key is None else {"marker": key_look(theme) | {"markersize": 8.0}}
    return [
        Mark(drop, "drop", fill=theme.shades[::-1]),
        *answer_marks(theme, "your point", right),
    ]


def _draw_contours(theme: Theme, axes: Axes, table: AnswerSurface) -> None:
    x, y = (np.linspace(grid[0], grid[-1], FINE) for grid in (table.x, table.y))
    drop = table.over(x, y)
    reached = [level for level in table.levels if drop.min() < level < drop.max()]
    if not reached:
        return
    shades = [theme.shades[max(3 - i, 0)] for i in range(len(reached))]
    bounds = (0.0, *reached)
    axes.contourf(x, y, drop, bounds, colors=shades, zorder=0.8).set_gid("regions")
    lines = axes.contour(x, y, drop, reached, colors=theme.likelihood, linewidths=0.9, zorder=1.5)
    lines.set_gid("contours")
