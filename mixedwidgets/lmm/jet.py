"""Vectors with their first and second derivatives, put together by sums and products."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mixedwidgets.lmm.linalg import Array


@dataclass(frozen=True)
class Jet:
    """A vector function of n variables at a point (Griewank and Walther 2008, chapter 13).

    Attributes
    ----------
    value : (d,) array
        The vector.
    first : (d, n) array
        Its Jacobian.
    second : (d, n, n) array
        Its second derivatives.
    """

    value: Array
    first: Array
    second: Array

    def __add__(self, other: Jet) -> Jet:
        return Jet(self.value + other.value, self.first + other.first, self.second + other.second)

    def __neg__(self) -> Jet:
        return Jet(-self.value, -self.first, -self.second)

    def times(self, vector: Jet) -> Jet:
        """The product of a number, this, and a vector."""
        value, slope = self.value[0], self.first[0]
        cross = vector.first[:, :, None] * slope
        return Jet(
            value * vector.value,
            value * vector.first + vector.value[:, None] * slope,
            value * vector.second
            + cross
            + cross.transpose(0, 2, 1)
            + vector.value[:, None, None] * self.second[0],
        )


def constant(value: Array, n: int) -> Jet:
    """A vector that depends on none of n variables."""
    d = len(value)
    return Jet(value, np.zeros((d, n)), np.zeros((d, n, n)))


def variable(at: int, n: int, value: float, slope: float, bend: float) -> Jet:
    """A number that depends on one of n variables alone, with its two derivatives."""
    first, second = np.zeros((1, n)), np.zeros((1, n, n))
    first[0, at], second[0, at, at] = slope, bend
    return Jet(np.array([value]), first, second)


def stack(*parts: Jet) -> Jet:
    """Vectors one below the other."""
    return Jet(
        np.concatenate([p.value for p in parts]),
        np.concatenate([p.first for p in parts]),
        np.concatenate([p.second for p in parts]),
    )
