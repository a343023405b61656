"""Whose data an answer would be right for: the keys of a class, searched by bisection."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Mapping

from mixedwidgets.homework.diagnosing import half_of_last_digit
from mixedwidgets.homework.keys import Key
from mixedwidgets.homework.record import Value

KeysOf = Mapping[str, Mapping[str, Mapping[str, Key]]]

SAME = 1e-6  # relative: two computers agree in this much of an estimate
WIDER = 20  # an answer tells nothing where keys lie so close that this many times its width has two
CROWD = 1
MOST = 40  # keys that are looked at for one answer; where there are more, it tells nothing


class Others:
    """The keys of all students of a class.

    Parameters
    ----------
    keys : dict of str to dict of str to dict of str to Key
        By student, question and part.
    """

    def __init__(self, keys: KeysOf):
        self._keys = keys
        self._ordered: dict[tuple[str, str], list[tuple[float, float, str]]] = {}

    def key(self, student: str, question: str, part: str) -> Key | None:
        """Return the key of a student to a part, if there is one."""
        return self._keys.get(student, {}).get(question, {}).get(part)

    def with_answer(self, student: str, question: str, part: str, given: Value) -> list[str]:
        """Return the other students whose key is what was given, to all digits it was given with.

        In a class of hundreds most numbers within the tolerance are near somebody's key. So the
        answer must agree in all its digits, and keys must lie so thinly there that to agree by
        chance is unlikely (less than about 1 in 20).

        Parameters
        ----------
        student, question, part : str
        given : float, str or (float, float)
            Of choices nothing can be told.
        """
        if isinstance(given, str):
            return []
        first, second = given if isinstance(given, tuple) else (given, given)
        reach = (_reach(first), _reach(second))
        ordered = self._in_order(question, part)
        low = bisect_left(ordered, (first - WIDER * reach[0],))
        high = bisect_right(ordered, (first + WIDER * reach[0], float("inf")))
        if high - low > MOST:
            return []
        around = [
            (abs(a - first) <= reach[0] and abs(b - second) <= reach[1], other)
            for a, b, other in ordered[low:high]
            if other != student and abs(b - second) <= WIDER * reach[1]
        ]
        hits = [other for is_hit, other in around if is_hit]
        return hits if len(around) - len(hits) <= CROWD else []

    def _in_order(self, question: str, part: str) -> list[tuple[float, float, str]]:
        if (question, part) not in self._ordered:
            values = (
                (student, of[question][part].value)
                for student, of in self._keys.items()
                if part in of.get(question, {})
            )
            pairs = (
                (student, value if isinstance(value, tuple) else (value, value))
                for student, value in values
                if not isinstance(value, str)
            )
            self._ordered[question, part] = sorted((*pair, student) for student, pair in pairs)
        return self._ordered[question, part]


def _reach(number: float) -> float:
    """How far a key may be from an answer that is the same to all its digits."""
    return max(half_of_last_digit(number), SAME * abs(number))
