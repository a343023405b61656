"""Rows of a covariance factor of any length as a size and a direction, alone or two correlated."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from mixedwidgets.lmm.jet import Jet, constant, stack, variable
from mixedwidgets.lmm.linalg import Array
from mixedwidgets.lmm.polar import BEYOND, TINY

STEEPEST = 1e6  # tangent of an angle that must stay below a right one


class Rows:
    """What the parts of this file share: elements and derivatives from one ``Jet``."""

    @property
    def places(self) -> list[int]:
        """Indices of the elements, and of the coordinates in their place."""
        raise NotImplementedError

    def jet(self, z: Array) -> Jet:
        """The elements with their derivatives in the coordinates in their place."""
        at = z[self.places]
        key = at.tobytes()
        if key not in self._last:
            self._last.clear()
            self._last[key] = self._elements(at)
        return self._last[key]

    def fill(self, z: Array, elements: Array, jacobian: Array) -> None:
        """Write the elements and the Jacobian of them in the coordinates."""
        jet = self.jet(z)
        elements[self.places] = jet.value
        jacobian[np.ix_(self.places, self.places)] = jet.first

    def bend(self, z: Array, gradient: Array, hessian: Array) -> None:
        """Add the second derivatives of the elements, weighted by the gradient in them."""
        weights = gradient[self.places]
        hessian[np.ix_(self.places, self.places)] += np.tensordot(weights, self.jet(z).second, 1)

    def _elements(self, at: Array) -> Jet:
        raise NotImplementedError

    @cached_property
    def _last(self) -> dict[bytes, Jet]:
        """The last point asked for: elements, Jacobian and bend are asked one after another."""
        return {}


@dataclass(frozen=True)
class Ray(Rows):
    """A row as its length, a standard deviation, and the angles of its direction.

    Attributes
    ----------
    row : tuple of int
        Indices of its elements.
    upright : bool
        Whether its last element must stay positive.
    """

    row: tuple[int, ...]
    upright: bool

    @property
    def logarithms(self) -> tuple[int, ...]:
        """Coordinates that are logarithms: none."""
        return ()

    @property
    def places(self) -> list[int]:
        """Indices of the elements, and of the length and the angles."""
        return list(self.row)

    def coordinates(self, elements: Array) -> Array:
        """Elements of a factor, the length and the angles in place of some of them."""
        out, row = elements.copy(), elements[self.places]
        out[self.row[0]] = np.linalg.norm(row)
        out[self.places[1:]] = _angles(row, self.upright)
        return out

    def _elements(self, at: Array) -> Jet:
        n = len(at)
        tails = _tails(_turns(at, range(1, n), self.upright), n)
        return variable(0, n, at[0], 1.0, 0.0).times(tails[0])


@dataclass(frozen=True)
class Linked(Rows):
    """Two rows whose correlation is a coordinate.

    The first is its logarithmic length and the angles of its direction u; the second its
    logarithmic length, the arcsine phi of the correlation, and the angles of a direction w at right
    angles to u: ``exp(length) (u sin phi + w cos phi)``. The derivatives of u in its angles, scaled
    to unit length, and the axes beyond the first row's end are the frame of w.

    Attributes
    ----------
    one, two : tuple of int
        Indices of the elements of the first row, and of the second, which is longer.
    upright_one, upright_two : bool
        Whether their last elements must stay positive.
    """

    one: tuple[int, ...]
    two: tuple[int, ...]
    upright_one: bool = False
    upright_two: bool = False

    @property
    def logarithms(self) -> tuple[int, ...]:
        """Coordinates that are logarithms."""
        return self.one[0], self.two[0]

    @property
    def places(self) -> list[int]:
        """Indices of the elements, and of the coordinates: first row, then second."""
        return [*self.one, *self.two]

    def coordinates(self, elements: Array) -> Array:
        """Elements of a factor, sizes, angles and the correlation in place of some of them."""
        out = elements.copy()
        one, two = elements[list(self.one)], elements[list(self.two)]
        smallest = 1e-4 * max(float(np.abs(elements).max()), TINY)
        for row, place in ((one, self.one[0]), (two, self.two[0])):
            out[place] = np.log(max(float(np.linalg.norm(row)), smallest))
        out[list(self.one[1:])] = _angles(one, self.upright_one)
        n = len(one)
        turns = _turns(out[list(self.one)], range(1, n), self.upright_one)
        tails = _tails(turns, n)
        frame = np.array([e.value for e in self._frame(turns, tails, n)]).reshape(-1, len(two))
        along, across = float(two[:n] @ tails[0].value), frame @ two
        out[self.two[1]] = np.arctan2(along, np.linalg.norm(across))
        out[list(self.two[2:])] = _angles(across, self.upright_two)
        return out

    def _frame(self, turns: list[tuple[Jet, Jet]], tails: list[Jet], n: int) -> list[Jet]:
        """Vectors at right angles to the first row's direction, of the second row's length."""
        size, beyond = len(self.two), len(self.two) - len(self.one)
        out = [
            stack(
                constant(np.zeros(i), n),
                cosine,
                (-sine).times(tails[i + 1]),
                constant(np.zeros(beyond), n),
            )
            for i, (sine, cosine) in enumerate(turns)
        ]
        return out + [constant(axis, n) for axis in np.eye(size)[size - beyond :]]

    def _elements(self, at: Array) -> Jet:
        n, m = len(at), len(self.one)
        turns = _turns(at, range(1, m), self.upright_one)
        tails = _tails(turns, n)
        direction = _tails(_turns(at, range(m + 2, n), self.upright_two), n)[0]
        ((sine, cosine),) = _turns(at, range(m + 1, m + 2), False)
        across = constant(np.zeros(len(self.two)), n)
        for i, vector in enumerate(self._frame(turns, tails, n)):
            part = Jet(direction.value[[i]], direction.first[[i]], direction.second[[i]])
            across += part.times(vector)
        along = stack(tails[0], constant(np.zeros(len(self.two) - m), n))
        second = sine.times(along) + cosine.times(across)
        return stack(_size(at, 0).times(tails[0]), _size(at, m).times(second))


def _size(at: Array, place: int) -> Jet:
    size = np.exp(min(at[place], BEYOND))
    return variable(place, len(at), size, size, size)


def _turns(at: Array, places: range, upright: bool) -> list[tuple[Jet, Jet]]:
    """Sine and cosine of each angle; upright, of that whose sine is the coordinate's tanh."""
    out = []
    for place in places:
        x, n = at[place], len(at)
        if upright:
            s, c = np.tanh(x), 1.0 / np.cosh(np.clip(x, -BEYOND, BEYOND))
            sine = variable(place, n, s, c * c, -2.0 * s * c * c)
            cosine = variable(place, n, c, -s * c, c * (s * s - c * c))
        else:
            s, c = np.sin(x), np.cos(x)
            sine, cosine = variable(place, n, s, c, -s), variable(place, n, c, -s, -c)
        out.append((sine, cosine))
    return out


def _tails(turns: list[tuple[Jet, Jet]], n: int) -> list[Jet]:
    """Unit vectors by the angles from each on: ``(sin a, cos a sin b, cos a cos b)`` by a, b."""
    out = [constant(np.ones(1), n)]
    for sine, cosine in reversed(turns):
        out.insert(0, stack(sine, cosine.times(out[0])))
    return out


def _angles(vector: Array, upright: bool) -> Array:
    """The angles of a vector's direction, (d - 1,)."""
    if len(vector) < 2:
        return np.empty(0)
    rest = np.sqrt(np.cumsum(vector[::-1] ** 2)[::-1][1:])
    rest[-1] = abs(vector[-1]) if upright else vector[-1]
    angles = np.arctan2(vector[:-1], rest)
    return np.arcsinh(np.clip(np.tan(angles), -STEEPEST, STEEPEST)) if upright else angles
