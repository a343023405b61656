"""A likelihood curve on which a student draws an interval by two handles."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Polygon
from numpy.typing import NDArray

from mixedwidgets.plots.answer_marks import (
    NOT_YET,
    answer_marks,
    hand_look,
    lines_of,
    put,
    rounded,
)
from mixedwidgets.plots.numbers import number, resolution, significant
from mixedwidgets.plots.sheet import MARGIN, Mark, Sheet, stroke, tick_room
from mixedwidgets.plots.style import Theme, crosshair_look

Span: TypeAlias = tuple[float, float]

HANDLES = ("lower", "upper")
STEP, STRIDE = 1 / 200, 1 / 20  # of the width of the axis, by an arrow key


@dataclass(frozen=True)
class AnswerCurve:
    """What is drawn.

    Attributes
    ----------
    x, y : ndarray, shape (n,)
        The curve, x increasing.
    xlabel, ylabel : str
        Names of the axes, with units.
    xlim, ylim : (float, float)
        Their limits.
    cut : float or None
        A height at which a line is drawn across.
    marks : tuple of (float, str)
        Places along x that have a name.
    """

    x: NDArray[np.float64]
    y: NDArray[np.float64]
    xlabel: str
    ylabel: str
    xlim: Span
    ylim: Span
    cut: float | None
    marks: tuple[tuple[float, str], ...]

    @classmethod
    def of(cls, picture: Mapping[str, Any]) -> AnswerCurve:
        """Read the picture of a part; see ``homework.pictures``."""
        return cls(
            x=np.array(picture["x"], dtype=np.float64),
            y=np.array(picture["y"], dtype=np.float64),
            xlabel=picture["xlabel"],
            ylabel=picture["ylabel"],
            xlim=(float(picture["xlim"][0]), float(picture["xlim"][1])),
            ylim=(float(picture["ylim"][0]), float(picture["ylim"][1])),
            cut=None if picture["cut"] is None else float(picture["cut"]),
            marks=tuple((float(x), str(label)) for x, label in picture["marks"]),
        )

    def height(self, x: float) -> float:
        """Return the height of the curve, within the picture, along lines between its points."""
        return float(np.clip(np.interp(x, self.x, self.y), *self.ylim))

    @property
    def start(self) -> Span:
        """Where the handles wait for the first answer: close to the ends of the axis.

        Further in they might stand on the answer: limits are often half-way to the ends.
        """
        (low, high) = self.xlim
        return low + 0.05 * (high - low), high - 0.05 * (high - low)

    def clamp(self, x: float) -> float:
        """Return the nearest place on the axis."""
        return float(min(max(x, self.xlim[0]), self.xlim[1]))

    def rounded(self, x: float) -> float:
        """Round a place of a hand to what can be told apart on the axis."""
        return rounded(x, self.xlim[1] - self.xlim[0])


def draw(
    figure: Figure,
    table: AnswerCurve,
    *,
    title: str = "",
    theme: str | Theme = "light",
    animated: bool = True,
    key: Span | None = None,
) -> None:
    """Draw the curve with two handles; :func:`place` puts them where they belong.

    What moves is named ``lower``, ``upper``, ``lower-line``, ``upper-line`` and ``band``.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        Empty; made for 5.6 to 9 by 3.4 inches.
    table : AnswerCurve
        What to draw.
    title : str
        What is asked for.
    theme : str or Theme
        ``"light"``, ``"dark"`` or a theme of one's own.
    animated : bool
        Whether what moves is left to the browser; False draws it too.
    key : (float, float), optional
        The right interval, once it may be seen.
    """
    sheet = Sheet(figure, theme)
    sheet.title(title, "drag the two handles, or type" if key is None else "")
    sheet.key(_marks(sheet.theme, table, key))
    top, bottom = 78.0, sheet.height - 46.0
    left = MARGIN + tick_room(*table.ylim, bottom - top, 34) + 6
    axes = sheet.panel((left, top, sheet.width - MARGIN - 8, bottom), table.xlim, table.ylim)
    sheet.scale(axes, "x", label=table.xlabel, every=60)
    sheet.scale(axes, "y", label=table.ylabel, every=34)
    look = {"color": sheet.theme.likelihood, "linewidth": 2.0, "zorder": 2.5}
    stroke(axes, table.x, table.y, **look, gid="curve")
    if table.cut is not None:
        across = {"color": sheet.theme.muted, "linewidth": 0.9, "zorder": 1.5}
        stroke(axes, table.xlim, [table.cut, table.cut], **across, gid="cut")
    for x, label in table.marks:
        _draw_mark(sheet, axes, x, label)
    if key is not None:
        for x in key:
            stroke(axes, [x, x], table.ylim, **_key_look(sheet.theme), zorder=2.8, gid="key")
    _draw_moving(sheet.theme, axes, animated)
    place(figure, table, table.start, given=False)


def place(figure: Figure, table: AnswerCurve, ends: Span, given: bool = True) -> None:
    """Move the handles of a drawn curve.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        In which :func:`draw` drew this table.
    table : AnswerCurve
        The table.
    ends : (float, float)
        Where to; one that is outside the axis is drawn at its end.
    given : bool
        Whether it is an answer; where there is none yet the handles are hollow.
    """
    axes, (bottom, top) = figure.axes[0], table.ylim
    inside = [table.clamp(x) for x in ends]
    lines = lines_of(figure)
    for name, x in zip(HANDLES, inside, strict=True):
        put(lines[name], axes, x, min(max(table.height(x), bottom), top), given)
        lines[f"{name}-line"].set_data([x, x], [bottom, top])
    (a, b), visible = inside, given and inside[1] > inside[0]
    corners = [(a, bottom), (b, bottom), (b, top), (a, top)] if visible else [(a, bottom)] * 3
    for patch in axes.patches:
        if isinstance(patch, Polygon):
            patch.set_xy(corners)


def describe(table: AnswerCurve) -> str:
    """Say what the picture shows, without where its maximum is."""
    step = resolution(*table.xlim)
    low, high = (number(v, step) for v in table.xlim)
    cut = f", with a line across at {significant(table.cut)}" if table.cut is not None else ""
    named = "".join(f"; {label} at {significant(x)}" for x, label in table.marks)
    return f"A curve of {table.ylabel} over {table.xlabel} from {low} to {high}{cut}{named}."


def say(table: AnswerCurve, ends: Span, given: bool = True) -> str:
    """Say where the handles are and how high the curve is there."""
    step = resolution(*table.xlim) / 10
    places = " and ".join(
        f"{number(x, step)} (the curve is at {significant(table.height(x), 3)})" for x in ends
    )
    return f"The handles are at {places}.{'' if given else NOT_YET}"


def step(table: AnswerCurve, key: str, shift: bool, x: float) -> float | None:
    """Return where a key takes a handle; None for a key that takes it nowhere."""
    ways = {"ArrowLeft": -1, "ArrowDown": -1, "ArrowRight": 1, "ArrowUp": 1}
    if key in ways:
        way = ways[key] * (STRIDE if shift else STEP)
    elif key in ("PageDown", "PageUp"):
        way = STRIDE if key == "PageUp" else -STRIDE
    else:
        return None
    return table.clamp(x + way * (table.xlim[1] - table.xlim[0]))


def _marks(theme: Theme, table: AnswerCurve, key: Span | None) -> list[Mark]:
    marks = [Mark("the curve", "curve", line={"color": theme.likelihood, "linewidth": 2.0})]
    if table.cut is not None:
        marks.append(Mark("height of the cut", "cut", line={"color": theme.muted}))
    right = None if key is None else {"line": _key_look(theme)}
    return marks + answer_marks(theme, "your interval", right)


def _key_look(theme: Theme) -> dict[str, Any]:
    return {"color": theme.pooled, "linewidth": 1.8, "linestyle": (0, (4, 2))}


def _draw_mark(sheet: Sheet, axes: Axes, x: float, label: str) -> None:
    theme, (bottom, top) = sheet.theme, axes.get_ylim()
    stroke(axes, [x, x], [bottom, top], color=theme.muted, linewidth=0.9, linestyle=":", zorder=1.4)
    height = bottom + 0.05 * (top - bottom)
    sheet.write(
        x,
        height,
        f" {label}",
        color=theme.muted,
        halo=theme.panel,
        transform=axes.transData,
    )


def _draw_moving(theme: Theme, axes: Axes, animated: bool) -> None:
    moving = {"animated": animated}
    thin = crosshair_look(theme) | {"color": theme.wald, "linewidth": 1.4, "alpha": 0.9}
    fill = {"facecolor": theme.wald, "alpha": 0.14, "edgecolor": "none", "zorder": 1.2}
    axes.add_patch(Polygon([(0.0, 0.0)] * 3, closed=True, **fill, **moving, gid="band"))
    for name in HANDLES:
        stroke(axes, [], [], **thin, **moving, gid=f"{name}-line")
    for name in HANDLES:
        stroke(axes, [], [], **hand_look(theme), **moving, zorder=4.0, gid=name)
