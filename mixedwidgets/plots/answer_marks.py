"""How an answer given by hand looks, and the key beside it, in every picture."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from mixedwidgets.plots.sheet import Mark
from mixedwidgets.plots.style import Theme

NOT_YET = " This is no answer yet."


def hand_look(theme: Theme) -> dict[str, Any]:
    """Return the marker that a hand moves, as keywords of ``Line2D``."""
    return {
        "color": theme.wald,
        "marker": "o",
        "markersize": 11.0,
        "markerfacecolor": theme.wald,
        "markeredgecolor": theme.wald,
        "markeredgewidth": 2.0,
        "linestyle": "none",
    }


def key_look(theme: Theme) -> dict[str, Any]:
    """Return the marker of the right place: a frame, since the hand's marker may be upon it."""
    return {
        "marker": "D",
        "markersize": 14.0,
        "markerfacecolor": "none",
        "markeredgecolor": theme.pooled,
        "markeredgewidth": 2.4,
        "linestyle": "none",
    }


def answer_marks(theme: Theme, what: str, key: dict[str, Any] | None) -> list[Mark]:
    """Return the entries of the key of a picture for the answer and, once seen, the right one.

    Parameters
    ----------
    theme : Theme
    what : str
        What the answer is called.
    key : dict, optional
        ``line`` or ``marker`` of the right answer, as ``Mark`` takes it; None where not seen.
    """
    marks = [Mark(what, "yours", marker=hand_look(theme) | {"markersize": 8.0})]
    return marks if key is None else [*marks, Mark("the key", "key", **key)]


def lines_of(figure: Figure) -> dict[str, Line2D]:
    """Return the lines of the first axes of a figure by their names."""
    return {str(line.get_gid()): line for line in figure.axes[0].lines}


def put(line: Line2D, axes: Axes, x: float, y: float, given: bool) -> None:
    """Move a marker; it is hollow where there is no answer yet."""
    line.set_data([x], [y])
    line.set_markerfacecolor(line.get_color() if given else axes.get_facecolor())


def rounded(x: float, width: float) -> float:
    """Round a place of a hand to about a 2000th of the width of the axis."""
    power = 10.0 ** np.floor(np.log10(width / 2000))
    return float(f"{round(x / power) * power:.10g}")
