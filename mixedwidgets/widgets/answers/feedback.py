"""What is said of an answer: in the range, right or wrong, or the key itself."""

from __future__ import annotations

from mixedwidgets.homework.record import Value
from mixedwidgets.homework.seals import is_right, revealed
from mixedwidgets.homework.sheet import Asked, Part
from mixedwidgets.widgets.answers.typed import shown
from mixedwidgets.widgets.answers.words import value_words


def out_of_range(part: Part, value: Value) -> str:
    """Say that an answer is outside the range of sensible ones; nothing where it is not."""
    if part.limits is None or isinstance(value, str):
        return ""
    low, high = part.limits
    numbers = value if isinstance(value, tuple) else (value,)
    for number in numbers[:1] if part.kind == "point" else numbers:
        if low is not None and number < low:
            return _range_words(number, "below", low, part.units)
        if high is not None and number > high:
            return _range_words(number, "above", high, part.units)
    return ""


def _range_words(number: float, where: str, limit: float, units: str) -> str:
    after = f" {units}" if units else ""
    return (
        f"{shown(number)}{after} is {where} {shown(limit)}{after}, where no sensible answer is: "
        "look at the units and the formula again. It is recorded all the same."
    )


def right_or_wrong(part: Part, value: Value) -> str:
    """Say whether an answer is right, without the key."""
    if is_right(part, value):
        return "✓ Right."
    return "✗ Not right."


def with_key(part: Part, value: Value) -> str:
    """Say what the key is, and whether the answer is near enough."""
    key = revealed(part)
    sign, verdict = ("✓", "right") if is_right(part, value) else ("✗", "not right")
    return f"{sign} Your answer is {verdict}. The key: {key_words(part, key)}."


def key_words(part: Part, key: Value) -> str:
    """Return the key in words, to six digits."""
    if isinstance(key, tuple):
        key = (float(f"{key[0]:.6g}"), float(f"{key[1]:.6g}"))
    elif not isinstance(key, str):
        key = float(f"{key:.6g}")
    return value_words(part, key)


def tries_words(asked: Asked, tries: int) -> str:
    """Say how often an answer was checked, and when right or wrong is told."""
    if asked.tries <= 1:
        return ""
    left = asked.tries - tries
    if left <= 0:
        return f"Checked {tries} times."
    return f"Right or wrong is told at check {asked.tries}; {left} to go."
