"""Polar and spherical coordinates of rows of a covariance factor, and logarithms of elements."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from mixedwidgets.lmm.linalg import Array

TINY = 1e-150  # stands for a standard deviation of zero where its logarithm is the coordinate
BEYOND = 300.0  # log sigma where exp overflows: such points are forbidden, not errors


class Part(Protocol):
    """Some elements of a covariance factor that are given by other coordinates in their places."""

    @property
    def logarithms(self) -> tuple[int, ...]:
        """Coordinates that are logarithms."""
        ...

    def coordinates(self, elements: Array) -> Array:
        """Elements of a factor, coordinates in place of some of them."""
        ...

    def fill(self, z: Array, elements: Array, jacobian: Array) -> None:
        """Write the elements and the Jacobian of them in the coordinates."""
        ...

    def bend(self, z: Array, gradient: Array, hessian: Array) -> None:
        """Add the second derivatives of the elements, weighted by the gradient in them."""
        ...


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

    @property
    def logarithms(self) -> tuple[int, ...]:
        """Coordinates that are logarithms."""
        return (self.first, self.second) if self.logarithmic else ()

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


@dataclass(frozen=True)
class Spherical:
    """Coordinates r, phi and psi of a third row: ``r (sin phi, cos phi sin psi, cos phi cos psi)``.

    Attributes
    ----------
    first, second, third : int
        Indices of the elements (3, 1), (3, 2) and (3, 3), and of the three coordinates.
    logarithmic : bool
        Whether r is given by its logarithm.
    """

    first: int
    second: int
    third: int
    logarithmic: bool

    @property
    def logarithms(self) -> tuple[int, ...]:
        """Coordinates that are logarithms."""
        return (self.first,) if self.logarithmic else ()

    @property
    def _places(self) -> list[int]:
        return [self.first, self.second, self.third]

    def coordinates(self, elements: Array) -> Array:
        """Elements of a factor -> (r, phi, psi) in place of three of them."""
        out = elements.copy()
        x, y, w = elements[self._places]
        across = np.hypot(y, w)
        r = np.hypot(x, across)
        if self.logarithmic:
            r = np.log(max(r, 1e-4 * max(float(np.abs(elements).max()), TINY)))
        out[self._places] = r, np.arctan2(x, across), np.arctan2(y, w)
        return out

    def _direction(self, z: Array) -> tuple[float, Array, Array, Array]:
        """r, the direction, its derivatives (3, 2) and its second derivatives (3, 2, 2)."""
        r, phi, psi = z[self._places]
        if self.logarithmic:
            r = np.exp(min(r, BEYOND))
        s, c, sine, cosine = np.sin(phi), np.cos(phi), np.sin(psi), np.cos(psi)
        at = np.array([s, c * sine, c * cosine])
        first = np.array([[c, 0.0], [-s * sine, c * cosine], [-s * cosine, -c * sine]])
        second = np.array(
            [
                [[-s, 0.0], [0.0, 0.0]],
                [[-c * sine, -s * cosine], [-s * cosine, -c * sine]],
                [[-c * cosine, s * sine], [s * sine, -c * cosine]],
            ]
        )
        return float(r), at, first, second

    def fill(self, z: Array, elements: Array, jacobian: Array) -> None:
        """Write the three elements and the Jacobian of them in the coordinates."""
        r, at, first, _ = self._direction(z)
        elements[self._places] = r * at
        outward = r if self.logarithmic else 1.0
        jacobian[np.ix_(self._places, self._places)] = np.column_stack((outward * at, r * first))

    def bend(self, z: Array, gradient: Array, hessian: Array) -> None:
        """Add the second derivatives of the elements, weighted by the gradient in them."""
        r, at, first, second = self._direction(z)
        weights = gradient[self._places]
        added = np.zeros((3, 3))
        added[0, 1:] = added[1:, 0] = (r if self.logarithmic else 1.0) * (weights @ first)
        added[1:, 1:] = r * np.einsum("i,ijk->jk", weights, second)
        if self.logarithmic:
            added[0, 0] = r * float(weights @ at)
        hessian[np.ix_(self._places, self._places)] += added


@dataclass(frozen=True)
class Positive:
    """An element that must not change sign, given by its logarithm.

    Attributes
    ----------
    place : int
        Its index.
    """

    place: int

    @property
    def logarithms(self) -> tuple[int, ...]:
        """Coordinates that are logarithms."""
        return (self.place,)

    def coordinates(self, elements: Array) -> Array:
        """Elements of a factor, the logarithm in place of one of them."""
        out = elements.copy()
        smallest = 1e-4 * max(float(np.abs(elements).max()), TINY)
        out[self.place] = np.log(max(elements[self.place], smallest))
        return out

    def fill(self, z: Array, elements: Array, jacobian: Array) -> None:
        """Write the element and its derivative."""
        value = np.exp(min(z[self.place], BEYOND))
        elements[self.place] = jacobian[self.place, self.place] = value

    def bend(self, z: Array, gradient: Array, hessian: Array) -> None:
        """Add the second derivative of the element, weighted by the gradient in it."""
        value = np.exp(min(z[self.place], BEYOND))
        hessian[self.place, self.place] += value * gradient[self.place]
