"""Answers as they are shown: in a cell of a table, and in words."""

from __future__ import annotations

import math

from mixedwidgets.homework.keys import Widths
from mixedwidgets.homework.reading import shown
from mixedwidgets.homework.record import Value
from mixedwidgets.homework.sheet import Part

GIVEN_DIGITS = 10  # of an answer: it is the student's own
KEY_DIGITS = 6


def as_cell(part: Part, value: Value | None, widths: Widths | None) -> float | str | None:
    """Return an answer as a table holds it: a number where it is one, else text.

    Parameters
    ----------
    part : Part
        What was asked for.
    value : float, str, (float, float) or None
        An answer or a key; from a file it may be of another type than was asked for.
    widths : (float, float) or None
        Of a point; see ``keys.Key``.
    """
    if value is None or isinstance(value, float):
        return value
    return in_words(part, value, GIVEN_DIGITS, widths)


def in_words(part: Part, value: Value, digits: int, widths: Widths | None) -> str:
    """Return an answer in words, without units.

    Parameters
    ----------
    part : Part
    value : float, str or (float, float)
    digits : int
        Significant digits of numbers.
    widths : (float, float) or None
        Of a point; a coordinate that does not count is left out.
    """
    if isinstance(value, str):
        return dict(part.options).get(value, shown(value))
    if isinstance(value, tuple):
        if part.kind == "point" and widths is not None:
            counting = zip(value, widths, strict=True)
            told = [f"{number:.{digits}g}" for number, width in counting if math.isfinite(width)]
            return told[0] if len(told) == 1 else f"({', '.join(told)})"
        return f"[{value[0]:.{digits}g}, {value[1]:.{digits}g}]"
    return f"{value:.{digits}g}"


def with_units(part: Part, value: Value, digits: int, widths: Widths | None) -> str:
    """Return an answer in words, as a sentence has it.

    Parameters
    ----------
    part : Part
    value : float, str or (float, float)
    digits : int
    widths : (float, float) or None
    """
    words = in_words(part, value, digits, widths)
    return words if isinstance(value, str) or not part.units else f"{words} {part.units}"
