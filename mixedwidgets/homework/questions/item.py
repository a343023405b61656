"""One part of a question beside its key, and in what words it is asked for."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from mixedwidgets.homework.keys import Key, Mistakes, Widths, known_mistakes
from mixedwidgets.homework.record import Value
from mixedwidgets.homework.sheet import Part

Found = Iterable[tuple[Value | None, str]]
Limits = tuple[float | None, float | None]

_COUNTS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight")


@dataclass(frozen=True)
class Item:
    """A part and its key.

    Attributes
    ----------
    part : Part
        Without picture and seal.
    key : Key
    wish : str
        What is to be given, in Markdown.
    """

    part: Part
    key: Key
    wish: str


@dataclass(frozen=True)
class Precision:
    """How exactly a number is asked for.

    Attributes
    ----------
    decimals : int
        Of the answer.
    tolerance : float
        How far off it may be; at least half a unit of the last of them.
    """

    decimals: int
    tolerance: float

    @property
    def words(self) -> str:
        """As a question says it."""
        off = f"(up to {plain(self.tolerance)} off is right)"
        if self.decimals == 0:
            return f"to a whole number {off}"
        count = _COUNTS[self.decimals] if self.decimals < len(_COUNTS) else str(self.decimals)
        return f"to {count} decimal{'s' * (self.decimals != 1)} {off}"


def plain(value: float) -> str:
    """Write a number without an exponent: 0.00005."""
    return f"{value:.12f}".rstrip("0").rstrip(".")


def precision(scale: float, digits: int = 4) -> Precision:
    """Return the precision for numbers of a size.

    Parameters
    ----------
    scale : float
        About the smallest value that the answer has; above 0.
    digits : int
        Digits of such a value that are asked for; five units of the last of them are forgiven, so
        0.05 to 0.5 % of ``scale`` for four digits.
    """
    decimals = max(digits - 1 - math.floor(math.log10(scale)), 0)
    return Precision(decimals, 5.0 * 10.0**-decimals)


def number(
    name: str,
    label: str,
    value: float,
    exactly: Precision,
    *,
    units: str = "",
    limits: Limits | None = None,
    mistakes: Found = (),
    working: str = "",
) -> Item:
    """Return a part that is answered by a number.

    Parameters
    ----------
    name, label, units, limits
        See ``sheet.Part``.
    value : float
        The answer.
    exactly : Precision
    mistakes : iterable of (value, sentence)
        See ``keys.known_mistakes``; not gone through before they are needed.
    working : str
        See ``keys.Key``.
    """
    tolerance = exactly.tolerance
    known = Mistakes(lambda: known_mistakes("number", value, tolerance, mistakes))
    in_units = f", in {units}" if units else ""
    return Item(
        Part(name, "number", label, units, tolerance, limits),
        Key(float(value), tolerance, known, working),
        f"**{label}**{in_units}, {exactly.words}",
    )


def choice(
    name: str,
    label: str,
    value: str,
    options: Iterable[tuple[str, str]],
    *,
    mistakes: Found = (),
    working: str = "",
) -> Item:
    """Return a part that is answered by one of some options, each of them a name and words."""
    known = Mistakes(lambda: known_mistakes("choice", value, 0.0, mistakes))
    return Item(
        Part(name, "choice", label, options=tuple(options)),
        Key(value, 0.0, known, working),
        f"**{label}**",
    )


def interval(
    name: str,
    label: str,
    value: tuple[float, float],
    tolerance: float,
    *,
    units: str = "",
    limits: Limits | None = None,
    mistakes: Found = (),
    working: str = "",
) -> Item:
    """Return a part that is answered by an interval, each limit within the tolerance."""
    known = Mistakes(lambda: known_mistakes("interval", value, tolerance, mistakes))
    return Item(
        Part(name, "interval", label, units, tolerance, limits),
        Key(value, tolerance, known, working),
        f"**{label}** (each limit may be up to {plain(tolerance)} off)",
    )


def point(
    name: str,
    label: str,
    value: tuple[float, float],
    tolerance: float,
    widths: Widths,
    *,
    units: str = "",
    mistakes: Found = (),
    working: str = "",
    wish: str = "",
) -> Item:
    """Return a part that is answered by a place on a picture; see ``keys.Key`` for the widths."""
    known = Mistakes(lambda: known_mistakes("point", value, tolerance, mistakes, widths))
    return Item(
        Part(name, "point", label, units, tolerance),
        Key(value, tolerance, known, working, widths),
        wish
        or f"**{label}** (up to {100.0 * tolerance:.3g} % of the width of each axis off is right)",
    )
