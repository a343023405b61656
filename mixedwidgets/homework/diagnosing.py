"""What probably happened where an answer is wrong."""

from __future__ import annotations

import math
from collections.abc import Iterable
from decimal import Decimal

from mixedwidgets.homework.keys import SLACK, Key, accepts, coordinates, distance, matches, rough
from mixedwidgets.homework.record import Value
from mixedwidgets.homework.sheet import Part

SURE = 0.01  # of the tolerance: an answer so near to a mistake is that mistake in all its digits
COARSE = 0.1  # of an answer: if half a unit of its last digit is more, it is no rounded number
TOO_FEW_DIGITS = (
    "As far as its digits go this is the right answer; give as many digits as are asked for."
)


def diagnose(part: Part, given: Value, key: Key, others: Iterable[tuple[str, Value]] = ()) -> str:
    """Say what probably happened where an answer is wrong.

    Parameters
    ----------
    part : Part
    given : float, str or (float, float)
    key : Key
    others : iterable of (str, value)
        Words for what else it may be, such as ``"the answer for another student's data"``, and the
        answer that would make it so; looked at last.

    Returns
    -------
    str
        A sentence; empty where nothing is known, or the answer is right.
    """
    kind = part.kind
    if accepts(kind, given, key):
        return ""
    if kind == "choice":
        return next((m.sentence for m in key.mistakes if m.value == given), "")
    numbers = coordinates(kind, given)
    if numbers is None:
        return "This is no answer of the kind that is asked for."
    near = [(_off(kind, numbers, m.value, key), m.sentence) for m in key.mistakes]
    best = min(near, default=(math.inf, ""))
    if best[0] > SURE and kind == "number" and _is_rounded_too_far(numbers[0], key):
        return TOO_FEW_DIGITS
    if best[0] <= 1.0:
        return best[1]
    other = (w for w, v in others if matches(kind, given, v, key.tolerance, key.widths))
    return _slip(kind, numbers, key) or next((f"This is {words}." for words in other), "")


def half_of_last_digit(number: float) -> float:
    """Return half a unit of the last digit that a number was given with; 0.5 of whole numbers."""
    digits = Decimal(repr(float(number))).normalize().as_tuple().exponent
    return 0.5 * 10.0 ** min(digits, 0) if isinstance(digits, int) else 0.0


def _is_rounded_too_far(given: float, key: Key) -> bool:
    """Whether an answer is the key, rounded by more than the tolerance."""
    half = half_of_last_digit(given)
    at = coordinates("number", key.value) or (math.inf,)
    is_coarse = key.tolerance < half <= COARSE * abs(given)
    return is_coarse and abs(given - at[0]) <= half * (1.0 + SLACK)


def _off(kind: str, numbers: tuple[float, ...], value: Value, key: Key) -> float:
    at = coordinates(kind, value)
    return math.inf if at is None else distance(numbers, at, rough(kind, at, key))


def _slip(kind: str, numbers: tuple[float, ...], key: Key) -> str:
    """What may go wrong with any answer: order, sign, percent, decimal point."""
    at = coordinates(kind, key.value) or ()
    if kind != "number":
        swapped = (numbers[1], numbers[0])
        words = (
            "The limits are in the wrong order: the lower one comes first."
            if kind == "interval"
            else "The two coordinates are exchanged."
        )
        return words if accepts(kind, swapped, key) else ""
    turned = {
        -1.0: "The sign is the wrong way round.",
        100.0: "This is 100 times the answer: it looks like percent where a proportion is asked.",
        0.01: "This is a hundredth of the answer: look at the units and the decimal point.",
        10.0: "This is ten times the answer: look at the decimal point.",
        0.1: "This is a tenth of the answer: look at the decimal point.",
        1000.0: "This is 1000 times the answer: look at the units and the decimal point.",
        0.001: "This is a thousandth of the answer: look at the units and the decimal point.",
    }
    near = [(_off(kind, numbers, factor * at[0], key), words) for factor, words in turned.items()]
    best = min(near)
    return best[1] if best[0] <= 1.0 and at[0] != 0.0 else ""
