"""What is drawn for an answer given by hand, as plain JSON; no answer key in it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

DIGITS = 4  # significant digits of what is drawn: finer than a pixel
JOINT = (1.386, 3.219, 5.991, 9.210)
"""Drops in twice the log-likelihood at 50, 80, 95 and 99 % joint confidence for two parameters."""


def curve(
    x: Iterable[float],
    y: Iterable[float],
    *,
    xlabel: str,
    ylabel: str,
    xlim: tuple[float, float],
    ylim: tuple[float, float],
    cut: float | None = None,
    marks: Sequence[tuple[float, str]] = (),
) -> dict[str, Any]:
    """Return the picture of a curve, on which an interval of x is drawn.

    Parameters
    ----------
    x, y : n finite numbers each
        Points of the curve from left to right.
    xlabel, ylabel : str
    xlim, ylim : (float, float)
        Ends of the axes.
    cut : float, optional
        Height of a horizontal line.
    marks : sequence of (float, str)
        Places on the x axis and what is written there.

    Returns
    -------
    dict
        ``kind`` (``"curve"``), ``x``, ``y``, ``xlabel``, ``ylabel``, ``xlim``, ``ylim``, ``cut``
        and ``marks``, a list of ``[x, text]``.
    """
    return {
        "kind": "curve",
        "x": _rounded(x),
        "y": _rounded(y),
        "xlabel": xlabel,
        "ylabel": ylabel,
        "xlim": _rounded(xlim),
        "ylim": _rounded(ylim),
        "cut": None if cut is None else _round(cut),
        "marks": [[_round(place), text] for place, text in marks],
    }


def surface(
    x: Iterable[float],
    y: Iterable[float],
    drop: Iterable[Iterable[float]],
    *,
    labels: tuple[str, str],
    levels: Sequence[float] = JOINT,
) -> dict[str, Any]:
    """Return the picture of a likelihood surface, on which a point is placed.

    Parameters
    ----------
    x : nx numbers, y : ny numbers
        Both axes, rising; they end at the first and the last of them.
    drop : ny rows of nx numbers, at least 0
        Twice the log-likelihood below its maximum.
    labels : (str, str)
        Of the x and of the y axis.
    levels : sequence of float
        Drops at which contours are drawn.

    Returns
    -------
    dict
        ``kind`` (``"surface"``), ``x``, ``y``, ``drop``, ``levels`` and ``labels``.
    """
    return {
        "kind": "surface",
        "x": _rounded(x),
        "y": _rounded(y),
        "drop": [[float(f"{v:.3g}") for v in row] for row in drop],
        "levels": _rounded(levels),
        "labels": list(labels),
    }


def groups(
    names: Sequence[str],
    means: Iterable[float],
    sizes: Iterable[int],
    *,
    grand: float,
    pick: str,
    xlabel: str,
    xlim: tuple[float, float],
) -> dict[str, Any]:
    """Return the picture of groups, one row each, on which a place is chosen for one of them.

    The point that is answered is ``(value, row)``; only the value counts.

    Parameters
    ----------
    names : sequence of str
        From the lowest row, number 0, upwards.
    means : m numbers, sizes : m whole numbers
        Mean of each group's observations, and how many they are.
    grand : float
        Mean of all.
    pick : str
        The group asked about, one of ``names``.
    xlabel : str
    xlim : (float, float)
        Ends of the axis of values.

    Returns
    -------
    dict
        ``kind`` (``"groups"``), ``names``, ``means``, ``sizes``, ``grand``, ``pick``, ``xlabel``
        and ``xlim``.
    """
    return {
        "kind": "groups",
        "names": list(names),
        "means": _rounded(means),
        "sizes": [int(size) for size in sizes],
        "grand": _round(grand, DIGITS + 2),
        "pick": pick,
        "xlabel": xlabel,
        "xlim": _rounded(xlim),
    }


def _rounded(values: Iterable[float], digits: int = DIGITS) -> list[float]:
    """Round to digits of what the values span, so that steps between them stay even."""
    given = [float(v) for v in values]
    span = max(given) - min(given) if len(given) > 1 else 0.0
    span = span or max((abs(v) for v in given), default=0.0)
    if span == 0.0:
        return given
    places = digits - 1 - math.floor(math.log10(span))
    return [round(v, max(places, 0)) for v in given]


def _round(value: float, digits: int = DIGITS + 1) -> float:
    return _rounded([value], digits)[0]
