"""What the right answer is, which mistakes are known, and what a given answer is by them."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from mixedwidgets.homework.record import Value
from mixedwidgets.homework.sheet import Part

Widths = tuple[float, float]

SLACK = 1e-9  # relative: what computing with floating-point numbers may lose
CLEAR = 1.25  # tolerances that a named mistake must be away from the key and from others
ROUGH = 5e-4  # relative: a mistake is recognised from three digits and a half


@dataclass(frozen=True)
class Mistake:
    """An answer that is wrong in a known way.

    Attributes
    ----------
    value : float, str or (float, float)
        What comes out.
    sentence : str
        What probably happened, to the student.
    """

    value: Value
    sentence: str


@dataclass(frozen=True)
class Key:
    """The answer to one part.

    Attributes
    ----------
    value : float, str or (float, float)
    tolerance : float
        As ``sheet.Part.tolerance``.
    mistakes : tuple of Mistake
        None of them within the tolerance of ``value``.
    working : str
        How the answer comes about, in Markdown.
    widths : (float, float) or None
        Of a point: the widths of both axes, which the tolerance is in parts of; infinite where a
        coordinate does not count.
    """

    value: Value
    tolerance: float = 0.0
    mistakes: tuple[Mistake, ...] = ()
    working: str = ""
    widths: Widths | None = None


def accepts(kind: str, given: Value, key: Key) -> bool:
    """Whether an answer is right: ``matches`` with what the key says."""
    return matches(kind, given, key.value, key.tolerance, key.widths)


def matches(
    kind: str, given: Value, key: Value, tolerance: float, widths: Widths | None = None
) -> bool:
    """Whether an answer is the key, or within the tolerance of it.

    Parameters
    ----------
    kind : {"number", "choice", "interval", "point"}
    given, key : float, str or (float, float)
        An answer of another kind is wrong.
    tolerance : float
        Of an interval for each limit; of a point in parts of ``widths``.
    widths : (float, float), optional
        Of a point; see ``Key``.

    Raises
    ------
    ValueError
        A point without widths.
    """
    if kind == "choice":
        return isinstance(given, str) and given == key
    numbers = coordinates(kind, given)
    if numbers is None:
        return False
    return _distance(numbers, key, reach(kind, key, tolerance, widths)) <= 1.0


def coordinates(kind: str, value: object) -> tuple[float, ...] | None:
    """Return an answer as numbers, or None where it is none of that kind."""
    many = 1 if kind == "number" else 2
    found = value if isinstance(value, tuple) else (value,)
    if len(found) != many or not all(
        isinstance(v, (int, float)) and not isinstance(v, bool) and math.isfinite(v) for v in found
    ):
        return None
    return tuple(float(v) for v in found)


def reach(
    kind: str, key: Value, tolerance: float, widths: Widths | None = None
) -> tuple[float, ...]:
    """Return how far each number of an answer may be from the key.

    Raises
    ------
    ValueError
        A point without widths.
    """
    at = coordinates(kind, key) or ()
    if kind == "point" and widths is None:
        raise ValueError("a point is compared in parts of the widths of its axes: give widths")
    scales = widths if kind == "point" and widths is not None else (1.0,) * len(at)
    return tuple(
        math.inf if math.isinf(scale) else tolerance * scale + SLACK * max(abs(v), tolerance)
        for v, scale in zip(at, scales, strict=True)
    )


def _distance(a: tuple[float, ...], b: Value, allowed: tuple[float, ...]) -> float:
    """Largest distance of two answers, in what is allowed."""
    other = b if isinstance(b, tuple) else (b,)
    return max(
        0.0 if math.isinf(r) or x == y else abs(x - float(y)) / r if r > 0.0 else math.inf
        for x, y, r in zip(a, other, allowed, strict=True)
    )


def known_mistakes(
    kind: str,
    key: Value,
    tolerance: float,
    found: Iterable[tuple[Value | None, str]],
    widths: Widths | None = None,
) -> tuple[Mistake, ...]:
    """Return the mistakes that can be told from the key and from each other.

    Parameters
    ----------
    kind, key, tolerance, widths
        As in ``matches``.
    found : iterable of (value, sentence)
        The likelier one first: of two that give the same it is kept. Values that are None or not
        finite are left out.
    """
    kept: list[Mistake] = []
    for value, sentence in found:
        if kind == "choice":
            apart = value is not None and value not in (key, *(m.value for m in kept))
        else:
            numbers = coordinates(kind, value)
            apart = numbers is not None and all(
                _distance(numbers, other, _rough(kind, other, tolerance, widths)) > CLEAR
                for other in (m.value for m in kept)
            )
            apart = (
                apart and numbers is not None and _is_clear(kind, numbers, key, tolerance, widths)
            )
        if apart and value is not None:
            kept.append(Mistake(value, sentence))
    return tuple(kept)


def _is_clear(
    kind: str, numbers: tuple[float, ...], key: Value, tolerance: float, widths: Widths | None
) -> bool:
    return _distance(numbers, key, reach(kind, key, tolerance, widths)) > CLEAR


def _rough(kind: str, value: Value, tolerance: float, widths: Widths | None) -> tuple[float, ...]:
    """How far an answer may be from a mistake's value and still be recognised."""
    at = coordinates(kind, value) or ()
    exact = reach(kind, value, tolerance, widths)
    return tuple(max(r, ROUGH * abs(v)) for v, r in zip(at, exact, strict=True))


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
    if best[0] <= 1.0:
        return best[1]
    other = (w for w, v in others if matches(kind, given, v, key.tolerance, key.widths))
    return _slip(kind, numbers, key) or next((f"This is {words}." for words in other), "")


def _off(kind: str, numbers: tuple[float, ...], value: Value, key: Key) -> float:
    return _distance(numbers, value, _rough(kind, value, key.tolerance, key.widths))


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
