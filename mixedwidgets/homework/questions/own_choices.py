"""What a teacher gives of a question of their own, read or refused in one sentence."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from mixedwidgets.errors import DataError, brief, listed
from mixedwidgets.homework.questions.question import is_number

PICTURES = {"interval": ("curve",), "point": ("surface", "groups")}
"""Kinds of answers that are given on a picture, and the kinds of pictures for each."""

Options = tuple[tuple[str, str], ...]


def read_options(given: Any) -> Options:
    """Return name and words of each option.

    Raises
    ------
    DataError
        They are no list, there is only one, or two have one name.
    """
    pairs = given.items() if isinstance(given, Mapping) else given
    if isinstance(given, str) or not isinstance(pairs, Iterable):
        raise DataError(
            f"OwnQuestion: options is {brief(given)}; give a list such as ['yes', 'no']."
        )
    found = tuple((str(o[0]), str(o[1])) if _is_pair(o) else (str(o), str(o)) for o in pairs)
    names = [name for name, _ in found]
    if len(found) == 1 or len(set(names)) < len(names):
        raise DataError(
            f"OwnQuestion: options are {listed(names)}; give at least two different ones."
        )
    return found


def check_kind(kind: str, options: Options, picture: object) -> None:
    """Refuse a choice without options, a place without a picture, and the reverse.

    Raises
    ------
    DataError
    """
    if (kind == "choice") != bool(options):
        raise DataError(
            f"OwnQuestion: kind is {kind!r} with {len(options)} options; a choice has "
            "options=['yes', 'no'] or the like, and other kinds have none."
        )
    if (kind in PICTURES) != callable(picture):
        raise DataError(
            f"OwnQuestion: kind is {kind!r} and picture is {brief(picture)}; an interval and a "
            "point need a function of the data that gives what they are drawn on, and other kinds "
            "have none."
        )


def check_tolerance(kind: str, decimals: Any, tolerance: Any) -> float:
    """Return how far off an answer may be.

    Raises
    ------
    DataError
        Neither is given, one of them is no such number, or a right answer rounded to the decimals
        may be further off than the tolerance.
    """
    if decimals is not None and not (
        isinstance(decimals, int) and not isinstance(decimals, bool) and 0 <= decimals <= 12
    ):
        raise DataError(
            f"OwnQuestion: decimals is {brief(decimals)}; give a whole number from 0 to 12."
        )
    if tolerance is not None and not (is_number(tolerance) and tolerance >= 0.0):
        raise DataError(
            f"OwnQuestion: tolerance is {brief(tolerance)}; give a number of at least 0."
        )
    if kind == "choice":
        return 0.0
    if kind == "point" and not tolerance:
        raise DataError("OwnQuestion: a point needs a tolerance above 0, such as tolerance=0.03.")
    if tolerance is None and decimals is None:
        raise DataError(
            "OwnQuestion: how exact must the answer be? Give tolerance=0.01, or decimals=2 for a "
            "number, or the like."
        )
    half = 0.0 if decimals is None or kind == "point" else 0.5 * 10.0**-decimals
    if tolerance is not None and tolerance < half * (1.0 - 1e-9):
        raise DataError(
            f"OwnQuestion: an answer rounded to {decimals} decimals may be further off than "
            f"tolerance={brief(tolerance)}; make it larger, or ask for more decimals."
        )
    return half if tolerance is None else float(tolerance)


def check_limits(limits: Any) -> None:
    """Refuse what is no range.

    Raises
    ------
    DataError
    """
    if limits is None:
        return
    if not (_is_pair(limits) and all(v is None or is_number(v) for v in limits)):
        raise DataError(
            f"OwnQuestion: limits is {brief(limits)}; give two numbers, either of them None where "
            "there is no limit."
        )


def _is_pair(given: Any) -> bool:
    return isinstance(given, (tuple, list)) and len(given) == 2
