"""Groups with their own means, on which a student predicts where one of them will be shrunk to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from mixedwidgets.plots.answer_marks import (
    NOT_YET,
    answer_marks,
    hand_look,
    key_look,
    lines_of,
    put,
    rounded,
)
from mixedwidgets.plots.lettering import text_width
from mixedwidgets.plots.numbers import number, resolution
from mixedwidgets.plots.sheet import MARGIN, Mark, Sheet, stroke
from mixedwidgets.plots.style import SMALL, Theme, crosshair_look

Place: TypeAlias = tuple[float, float]

STEP, STRIDE = 1 / 200, 1 / 20  # of the width of the axis, by an arrow key
ROW = 17.0  # hundredths of an inch that a row takes, where there is room
_ABOVE, _BELOW = 64.0, 46.0
_WAYS = {"ArrowLeft": -1, "ArrowRight": 1}
_NAMES = 150.0  # the widest that names of groups get


@dataclass(frozen=True)
class AnswerGroups:
    """What is drawn.

    Attributes
    ----------
    names : tuple of str
        The groups, from the lowest row upwards.
    means : ndarray, shape (groups,)
        The mean of each group's own observations.
    sizes : tuple of int
        How many observations.
    grand : float
        Where all would be if they were pooled completely.
    pick : int
        Number of the row that is asked for.
    xlabel : str
        Name of the axis, with units.
    xlim : (float, float)
        Its limits.
    """

    names: tuple[str, ...]
    means: NDArray[np.float64]
    sizes: tuple[int, ...]
    grand: float
    pick: int
    xlabel: str
    xlim: tuple[float, float]

    @classmethod
    def of(cls, picture: Mapping[str, Any]) -> AnswerGroups:
        """Read the picture of a part; see ``homework.pictures``."""
        names = tuple(str(name) for name in picture["names"])
        return cls(
            names=names,
            means=np.array(picture["means"], dtype=np.float64),
            sizes=tuple(int(size) for size in picture["sizes"]),
            grand=float(picture["grand"]),
            pick=names.index(picture["pick"]),
            xlabel=str(picture["xlabel"]),
            xlim=(float(picture["xlim"][0]), float(picture["xlim"][1])),
        )

    @property
    def start(self) -> Place:
        """Where the point waits for the first answer: at the end of the picked row."""
        low, high = self.xlim
        return low + 0.03 * (high - low), float(self.pick)

    def clamp(self, x: float, y: float) -> Place:
        """Return the nearest place on the picked row."""
        return float(min(max(x, self.xlim[0]), self.xlim[1])), float(self.pick)

    def rounded(self, x: float, y: float) -> Place:
        """Round a place of a hand to what can be told apart on the axis."""
        return rounded(x, self.xlim[1] - self.xlim[0]), float(self.pick)


def height(table: AnswerGroups) -> float:
    """Return the height of a figure in inches that the rows have room in."""
    return min(max((_ABOVE + _BELOW + 12 + ROW * len(table.names)) / 100.0, 2.6), 5.6)


def draw(
    figure: Figure,
    table: AnswerGroups,
    *,
    title: str = "",
    theme: str | Theme = "light",
    animated: bool = True,
    key: Place | None = None,
) -> None:
    """Draw a row a group with a point on the picked one; :func:`place` puts it there.

    What moves is named ``point`` and ``crosshair``.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        Empty; made for 5.6 to 9 inches by :func:`height`.
    table : AnswerGroups
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
    sheet.title(title, "click or drag along the row, or type" if key is None else "")
    sheet.key(_marks(sheet.theme, key))
    width = min(max(text_width(name, SMALL, bold=True) for name in table.names), _NAMES)
    counts = max(text_width(_size(n), SMALL) for n in table.sizes) + 8
    box = (MARGIN + width + 8, _ABOVE - 8, sheet.width - MARGIN - counts, sheet.height - _BELOW)
    axes = sheet.panel(box, table.xlim, (-0.7, len(table.names) - 0.3))
    sheet.scale(axes, "x", label=table.xlabel, every=60)
    _draw_rows(sheet, axes, table, width)
    if key is not None:
        stroke(axes, [key[0]], [table.pick], **key_look(sheet.theme), zorder=3.9, gid="key")
    thin = crosshair_look(sheet.theme) | {"animated": animated}
    stroke(axes, [], [], **thin, gid="crosshair")
    stroke(axes, [], [], **hand_look(sheet.theme), animated=animated, zorder=4.0, gid="point")
    place(figure, table, table.start, given=False)


def place(figure: Figure, table: AnswerGroups, at: Place, given: bool = True) -> None:
    """Move the point of a drawn picture along its row.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        In which :func:`draw` drew this table.
    table : AnswerGroups
        The table.
    at : (float, float)
        Where to; what is outside the axis is drawn at its end.
    given : bool
        Whether it is an answer; where there is none yet the point is hollow.
    """
    axes = figure.axes[0]
    x, y = table.clamp(*at)
    lines = lines_of(figure)
    lines["crosshair"].set_data([x, x], axes.get_ylim())
    put(lines["point"], axes, x, y, given)


def describe(table: AnswerGroups) -> str:
    """Say what the picture shows."""
    step = resolution(*table.xlim)
    name, mean = table.names[table.pick], number(float(table.means[table.pick]), step)
    return (
        f"{len(table.names)} groups with their own means of {table.xlabel}, from "
        f"{number(float(table.means.min()), step)} to {number(float(table.means.max()), step)}; "
        f"{name} with {_size(table.sizes[table.pick])} at {mean}; the overall mean is "
        f"{number(table.grand, step)}."
    )


def say(table: AnswerGroups, at: Place, given: bool = True) -> str:
    """Say where the point is."""
    where = number(at[0], resolution(*table.xlim) / 10)
    end = "" if given else NOT_YET
    return f"The point of {table.names[table.pick]} is at {where}.{end}"


def step(table: AnswerGroups, key: str, shift: bool, at: Place) -> Place | None:
    """Return where a key takes the point; None for a key that takes it nowhere."""
    if key not in _WAYS:
        return None
    way = _WAYS[key] * (STRIDE if shift else STEP)
    return table.clamp(at[0] + way * (table.xlim[1] - table.xlim[0]), at[1])


def _size(n: int) -> str:
    return f"n = {n}"


def _marks(theme: Theme, key: Place | None) -> list[Mark]:
    right = None if key is None else {"marker": key_look(theme) | {"markersize": 8.0}}
    return [
        Mark("mean of its own observations", "own mean", marker=_mean_look(theme)),
        Mark("overall mean", line=_grand_look(theme)),
        *answer_marks(theme, "your prediction", right),
    ]


def _mean_look(theme: Theme) -> dict[str, Any]:
    return {
        "marker": "o",
        "markersize": 6.0,
        "markerfacecolor": theme.panel,
        "markeredgecolor": theme.ink,
        "markeredgewidth": 1.2,
        "linestyle": "none",
    }


def _grand_look(theme: Theme) -> dict[str, Any]:
    return {"color": theme.muted, "linewidth": 1.2, "linestyle": (0, (5, 3))}


def _draw_rows(sheet: Sheet, axes: Axes, table: AnswerGroups, width: float) -> None:
    theme, (left, top, right, bottom) = sheet.theme, sheet.box(axes)
    room = (bottom - top) / (len(table.names) + 0.4)
    every = max(1, int(np.ceil(13.0 / room)))  # so that names do not run into each other
    for row, (name, size) in enumerate(zip(table.names, table.sizes, strict=True)):
        picked = row == table.pick
        if not picked and (row % every or abs(row - table.pick) * room < 13.0):
            continue
        y = bottom - (row + 0.7) * room
        color = theme.ink if picked else theme.muted
        sheet.write(left - 8, y, name, align="right", width=width, color=color, bold=picked)
        sheet.write(right + 8, y, _size(size), color=color, bold=picked)
    band = axes.axhspan(table.pick - 0.5, table.pick + 0.5, facecolor=theme.faint, zorder=0.3)
    band.set_gid("picked")
    ends = axes.get_ylim()
    stroke(axes, [table.grand] * 2, ends, **_grand_look(theme), zorder=1.5, gid="grand")
    rows = np.arange(len(table.names))
    stroke(axes, table.means, rows, **_mean_look(theme), zorder=2.5, gid="means")
