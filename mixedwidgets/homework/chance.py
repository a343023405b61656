"""Draws that come out the same under every version of Python, NumPy and pandas."""

from __future__ import annotations

import random
from collections.abc import Sequence
from statistics import NormalDist
from typing import TypeVar

_NORMAL = NormalDist()
_SMALLEST = 2.0**-54  # half the step of random(): stands for a 0, whose normal quantile is infinite

T = TypeVar("T")


class Chance:
    """A stream of random draws.

    Everything is made of ``random.Random(seed).random()``, the one method of which Python promises
    the same sequence for the same seed in all versions; NumPy promises that of no distribution.

    Parameters
    ----------
    seed : int
        The same seed gives the same draws, in the order in which they are asked for.
    """

    def __init__(self, seed: int):
        self._random = random.Random(seed).random

    def uniform(self, low: float, high: float) -> float:
        """Return a number between two limits."""
        return low + (high - low) * self._random()

    def normal(self, mean: float = 0.0, sd: float = 1.0) -> float:
        """Return a normal number, as the quantile of a uniform one."""
        return mean + sd * _NORMAL.inv_cdf(self._random() or _SMALLEST)

    def integer(self, low: int, high: int) -> int:
        """Return a whole number from low to high, both included."""
        return low + int(self._random() * (high - low + 1))

    def chosen(self, values: Sequence[T]) -> T:
        """Return one of the values."""
        return values[self.integer(0, len(values) - 1)]

    def shuffled(self, values: Sequence[T]) -> list[T]:
        """Return the values in random order (Fisher and Yates)."""
        left = list(values)
        for last in range(len(left) - 1, 0, -1):
            other = self.integer(0, last)
            left[last], left[other] = left[other], left[last]
        return left
