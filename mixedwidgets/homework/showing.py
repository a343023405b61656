"""Answers as they are shown: in a cell of a table, and in words."""

from __future__ import annotations

from mixedwidgets.homework.reading import shown
from mixedwidgets.homework.record import Value
from mixedwidgets.homework.sheet import Part

GIVEN_DIGITS = 10  # of an answer: it is the student's own
KEY_DIGITS = 6


def as_cell(part: Part, value: Value | None) -> float | str | None:
    """Return an answer as a table holds it: a number where it is one, else text.

    Parameters
    ----------
    part : Part
        What was asked for.
    value : float, str, (float, float) or None
        An answer or a key; from a file it may be of another type than was asked for.
    """
    if value is None or isinstance(value, float):
        return value
    return in_words(part, value, GIVEN_DIGITS)


def in_words(part: Part, value: Value, digits: int) -> str:
    """Return an answer in words, without units.

    Parameters
    ----------
    part : Part
    value : float, str or (float, float)
    digits : int
        Significant digits of numbers.
    """
    if isinstance(value, str):
        return dict(part.options).get(value, shown(value))
    if isinstance(value, tuple):
        low, high = (f"{number:.{digits}g}" for number in value)
        return f"({low}, {high})" if part.kind == "point" else f"[{low}, {high}]"
    return f"{value:.{digits}g}"


def with_units(part: Part, value: Value, digits: int) -> str:
    """Return an answer in words, as a sentence has it.

    Parameters
    ----------
    part : Part
    value : float, str or (float, float)
    digits : int
    """
    words = in_words(part, value, digits)
    return words if isinstance(value, str) or not part.units else f"{words} {part.units}"
