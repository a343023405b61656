"""What the right answer is, which mistakes are known, and whether an answer is right."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import overload

from mixedwidgets.homework.record import Value

Widths = tuple[float, float]

SLACK = 1e-9  # relative: what computing with floating-point numbers may lose
CLEAR = 1.3  # tolerances that a named mistake is away from the key: not right when rounded, either
APART = 0.6  # tolerances between two mistakes: told apart when rounded, too
ROUNDED = 0.25  # of the tolerance: a small number may be rounded as the answer is to be


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


class Mistakes(Sequence[Mistake]):
    """Mistakes that are worked out when they are first looked at: for a right answer, never.

    Parameters
    ----------
    find : callable
        Returns them.
    """

    def __init__(self, find: Callable[[], tuple[Mistake, ...]]):
        self._find = find

    @cached_property
    def _found(self) -> tuple[Mistake, ...]:
        return self._find()

    @overload
    def __getitem__(self, place: int) -> Mistake: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[Mistake]: ...
    def __getitem__(self, place: int | slice) -> Mistake | Sequence[Mistake]:
        return self._found[place]

    def __len__(self) -> int:
        return len(self._found)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and self._found == tuple(other)

    def __hash__(self) -> int:
        return hash(self._found)

    def __repr__(self) -> str:
        return repr(self._found)


@dataclass(frozen=True)
class Key:
    """The answer to one part.

    Attributes
    ----------
    value : float, str or (float, float)
    tolerance : float
        As ``sheet.Part.tolerance``.
    mistakes : sequence of Mistake
        None of them within the tolerance of ``value``.
    working : str
        How the answer comes about, in Markdown.
    widths : (float, float) or None
        Of a point: the widths of both axes, which the tolerance is in parts of; infinite where a
        coordinate does not count.
    """

    value: Value
    tolerance: float = 0.0
    mistakes: Sequence[Mistake] = ()
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
    numbers, at = coordinates(kind, given), coordinates(kind, key)
    if numbers is None or at is None:
        return False
    return distance(numbers, at, _allowed(kind, at, tolerance, widths)) <= 1.0


def coordinates(kind: str, value: object) -> tuple[float, ...] | None:
    """Return an answer as numbers, or None where it is none of that kind."""
    found = (value,) if kind == "number" else value
    if not isinstance(found, tuple) or len(found) != (1 if kind == "number" else 2):
        return None
    for v in found:
        if not isinstance(v, (int, float)) or isinstance(v, bool) or not math.isfinite(v):
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
    return _allowed(kind, coordinates(kind, key) or (), tolerance, widths)


def _allowed(
    kind: str, at: tuple[float, ...], tolerance: float, widths: Widths | None
) -> tuple[float, ...]:
    if kind != "point":
        return tuple(tolerance + SLACK * max(abs(v), tolerance) for v in at)
    if widths is None:
        raise ValueError("a point is compared in parts of the widths of its axes: give widths")
    return tuple(
        math.inf if math.isinf(width) else tolerance * width + SLACK * abs(v)
        for v, width in zip(at, widths, strict=True)
    )


def distance(a: tuple[float, ...], b: tuple[float, ...], allowed: tuple[float, ...]) -> float:
    """Largest distance of two answers, in what is allowed."""
    largest = 0.0
    for x, y, r in zip(a, b, allowed, strict=True):
        if x != y and r != math.inf:
            largest = max(largest, abs(x - y) / r if r > 0.0 else math.inf)
    return largest


def _apart(a: tuple[float, ...], b: tuple[float, ...], allowed: tuple[float, ...]) -> bool:
    """Whether two answers are further from each other than is allowed; quicker than a distance."""
    return any(abs(x - y) > r for x, y, r in zip(a, b, allowed, strict=True))


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
    if kind == "choice":
        for value, sentence in found:
            if value is not None and value not in (key, *(m.value for m in kept)):
                kept.append(Mistake(value, sentence))
        return tuple(kept)
    whole = Key(key, tolerance, widths=widths)
    clear = tuple(CLEAR * r for r in reach(kind, key, tolerance, widths))
    others = [(coordinates(kind, key) or (), clear)]
    for value, sentence in found:
        numbers = coordinates(kind, value)
        if value is None or numbers is None:
            continue
        if all(_apart(numbers, other, allowed) for other, allowed in others):
            kept.append(Mistake(value, sentence))
            others.append((numbers, tuple(APART * r for r in rough(kind, numbers, whole))))
    return tuple(kept)


def rough(kind: str, at: tuple[float, ...], key: Key) -> tuple[float, ...]:
    """How far an answer may be from another value than the key and still be recognised as it.

    Numbers of another size, such as percent or a variance, are given to as many digits.
    """
    allowed = _allowed(kind, at, key.tolerance, key.widths)
    if kind != "number" or not isinstance(key.value, float) or key.value == 0.0:
        return allowed
    return (allowed[0] * max(abs(at[0] / key.value), ROUNDED),)
