"""Numbers as students type them: with a point or a comma, in plain or scientific notation."""

from __future__ import annotations

import math
import re

from mixedwidgets.errors import DataError, brief

LONGEST = 40  # characters of a number
_NUMBER = re.compile(r"[+-]?(\d+([.,]\d*)?|[.,]\d+)([eE][+-]?\d{1,3})?")


def typed(text: str, units: str = "") -> float | None:
    """Read a number as typed.

    Parameters
    ----------
    text : str
        Such as ``"3.14"``, ``"3,14"``, ``"1e-3"`` or ``"-0.5"``; blank for no answer.
    units : str
        What is said to stand after the box, for the message.

    Returns
    -------
    float or None
        None where nothing is typed.

    Raises
    ------
    DataError
        Anything else.
    """
    plain = text.strip().replace("\N{MINUS SIGN}", "-").replace("\N{NO-BREAK SPACE}", " ")
    if not plain:
        return None
    if len(plain) <= LONGEST and _NUMBER.fullmatch(plain):
        value = float(plain.replace(",", "."))
        if math.isfinite(value):
            return value
        raise DataError(f"{brief(plain)} is too large a number to be an answer.")
    raise DataError(f"{brief(text)} is no number; {_advice(plain, units)}.")


def _advice(plain: str, units: str) -> str:
    alone = "write it as 3.14, 3,14 or 1e-3"
    if plain.endswith("%"):
        return f"{alone}, without the percent sign"
    if units and plain.endswith(units):
        return f"{alone}, without the units, which stand after the box"
    if "/" in plain or "*" in plain or "^" in plain or "(" in plain:
        return f"nothing is worked out here: {alone}"
    if len(re.findall("[.,]", plain)) > 1:
        return f"{alone}, without marks between thousands"
    return alone


def shown(value: float) -> str:
    """Return a number as an answer is written: ten significant digits, as few as it needs."""
    return f"{value:.10g}"
