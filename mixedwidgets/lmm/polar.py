"""Polar coordinates of the first two rows of a covariance factor."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mixedwidgets.lmm.linalg import Array

TINY = 1e-150  # stands for a standard deviation of zero where its logarithm is the coordinate
BEYOND = 300.0  # log sigma where exp overflows: such points are forbidden, not errors


@dataclass(frozen=True)
class Polar:
    """Coordinates of a term's first two rows: a, r and phi, or log a, log r and phi.

    Attributes
    ----------
    first, second, third : int
        Their indices; in a factor the elements (1, 1), (2, 1) and (2, 2).
    logarithmic : bool
        Whether a and r are given by their logarithms.
    """

    first: int
    second: int
    third: int
    logarithmic: bool

    def coordinates(self, elements: Array) -> Array:
        """Elements of a factor -> (a, r, phi) in place of three of them."""
        out = elements.copy()
        x, y = elements[self.second], elements[self.third]
        out[self.second], out[self.third] = np.hypot(x, y), np.arctan2(x, y)
        if self.logarithmic:
            sizes = out[[self.first, self.second]]
            smallest = 1e-4 * max(float(np.abs(elements).max()), TINY)
            out[[self.first, self.second]] = np.log(np.maximum(sizes, smallest))
        return out

    def parts(self, z: Array) -> tuple[float, float, float, float]:
        """a, r, sin phi and cos phi."""
        a, r = z[self.first], z[self.second]
        if self.logarithmic:
            a, r = np.exp(min(a, BEYOND)), np.exp(min(r, BEYOND))
        return a, r, np.sin(z[self.third]), np.cos(z[self.third])

    def fill(self, z: Array, elements: Array, jacobian: Array) -> None:
        """Write the three elements and the Jacobian of them in the coordinates."""
        a, r, sine, cosine = self.parts(z)
        outward = r if self.logarithmic else 1.0
        elements[[self.first, self.second, self.third]] = a, r * sine, r * cosine
        jacobian[self.first, self.first] = a if self.logarithmic else 1.0
        jacobian[self.second, [self.second, self.third]] = outward * sine, r * cosine
        jacobian[self.third, [self.second, self.third]] = outward * cosine, -r * sine

    def bend(self, z: Array, gradient: Array, hessian: Array) -> None:
        """Add the second derivatives of the elements, weighted by the gradient in them."""
        a, r, sine, cosine = self.parts(z)
        across, along = gradient[self.second], gradient[self.third]
        outward = r if self.logarithmic else 1.0
        mixed = outward * (across * cosine - along * sine)
        radial = across * sine + along * cosine
        hessian[self.second, self.third] += mixed
        hessian[self.third, self.second] += mixed
        hessian[self.third, self.third] -= r * radial
        if self.logarithmic:
            hessian[self.first, self.first] += a * gradient[self.first]
            hessian[self.second, self.second] += r * radial
