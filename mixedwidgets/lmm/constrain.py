"""Choose the coordinates in which some parameters of a model can be held."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mixedwidgets.errors import ModelError
from mixedwidgets.lmm.constrained import Constraint
from mixedwidgets.lmm.implied import LEAST, Implied
from mixedwidgets.lmm.linalg import Array
from mixedwidgets.lmm.moments import AnyMoments
from mixedwidgets.lmm.objective import Factor
from mixedwidgets.lmm.parameters import Parameter, unheld
from mixedwidgets.lmm.polar import Part, Polar, Positive, Spherical
from mixedwidgets.lmm.rays import Linked, Ray


def constrain(
    moments: AnyMoments, held: tuple[Parameter, ...], reml: bool, natural: bool = False
) -> Constraint:
    """Hold some parameters of a model.

    Parameters
    ----------
    moments : Moments
        Cross-products of the model.
    held : tuple of Parameter
        Any two different ones; see ``parameters.unheld`` for more.
    reml : bool
        Restricted likelihood; then no coefficient can be held.
    natural : bool
        Use the user's units and order for every term, also where nothing of it is held.

    Returns
    -------
    Constraint

    Raises
    ------
    ModelError
        A coefficient under REML, or parameters that cannot be held together.
    """
    if reml and any(p.kind == "fixed" for p in held):
        raise ModelError(
            "The REML criterion does not depend on the fixed effects: fit with REML=False to see "
            "the likelihood of a coefficient."
        )
    reason = unheld(held)
    if reason:
        raise ModelError(f"{' and '.join(repr(p.name) for p in held)} {reason}.")
    layout = moments.layout
    A, into = np.eye(layout.width), moments.whitening.copy()
    relative = np.zeros(layout.ntheta, dtype=bool)
    curved: list[Part] = []
    for number, columns in enumerate(layout.slices):
        inside = tuple(p for p in held if p.block == number)
        if not inside and not natural:
            continue
        k, begin = layout.sizes[number], _first_element(layout.sizes, number)
        first = _leading(inside, k)
        own = [*first, *(c for c in range(k) if c not in first)] if natural else first
        A[columns, columns], into[columns, columns] = _leading_coordinates(
            moments.whitening[columns, columns], own
        )
        term = _Term(inside, first, k, begin)
        relative[begin : begin + k * (k + 1) // 2] = term.relative()
        curved.extend(term.parts())
    implied = {n: p for n, p in enumerate(held) if p.kind == "theta" and _is_implied(p, held)}
    places = tuple(
        -1 if n in implied else _coordinate(p, held, layout.sizes, layout.ntheta)
        for n, p in enumerate(held)
    )
    parts = moments, held, reml, Factor(layout, A), into, tuple(curved), relative, places
    if not implied:
        return Constraint(*parts)
    elements, least, sizes = [], [], []
    for p in implied.values():
        begin, k = _first_element(layout.sizes, p.block), layout.sizes[p.block]
        elements.append(begin + _element(p.i, p.j, k))
        size = begin + _element(p.i, 0, k)
        sizes.append(-1 if size in places else size)
        column = moments.whitening[:, layout.starts[p.block] + p.i]
        least.append(LEAST / float(np.linalg.norm(column)))
    return Implied(*parts, tuple(elements), tuple(implied), tuple(least), tuple(sizes))


def _leading_coordinates(whitening: Array, first: Sequence[int]) -> tuple[Array, Array]:
    """Coordinates of a term's effects that begin with some of them, in the user's units.

    The others are the whitened effects at right angles to these, so that a column far from zero
    costs no digits.

    Parameters
    ----------
    whitening : (k, k) array
        From the user's units to whitened effects.
    first : sequence of int
        The effects that come first.

    Returns
    -------
    A, into : (k, k) arrays
        From the coordinates to whitened effects, and from the user's units to the coordinates.
    """
    k, count = len(whitening), len(first)
    own = np.eye(k)[list(first)]
    if count == k:
        return whitening[:, list(first)], own
    read = np.linalg.solve(whitening.T, own.T)
    directions, _ = np.linalg.qr(read, mode="complete")
    rest = directions[:, count:].T
    A = np.linalg.inv(np.vstack([read.T, rest]))
    return A, np.vstack([own, rest @ whitening])


def _leading(inside: tuple[Parameter, ...], k: int) -> list[int]:
    """Columns that come first in a term of k, of whose parameters these are held.

    Of two correlations the column that they share comes before the others. Elements of theta are
    what they are in the user's order only.
    """
    if any(p.kind == "theta" for p in inside):
        return list(range(k))
    correlations = [(p.i, p.j) for p in inside if p.kind == "cor"]
    columns = [c for pair in correlations for c in pair]
    shared_first = sorted(columns, key=lambda c: -columns.count(c))
    return list(dict.fromkeys([*shared_first, *(p.i for p in inside if p.kind == "sd")]))


def _is_implied(theta: Parameter, held: tuple[Parameter, ...]) -> bool:
    """Whether an element of theta is in a row of which something else is held."""
    return any(p.block == theta.block and p.kind != "theta" and theta.i in (p.i, p.j) for p in held)


@dataclass(frozen=True)
class _Term:
    """A term of k effects, the columns in ``first`` leading, its elements from ``begin`` on."""

    inside: tuple[Parameter, ...]
    first: list[int]
    k: int
    begin: int

    def of(self, kind: str) -> list[Parameter]:
        """The parameters held of one kind."""
        return [p for p in self.inside if p.kind == kind]

    def row(self, r: int) -> tuple[int, ...]:
        """Indices of the elements of a row."""
        return tuple(self.begin + _element(r, c, self.k) for c in range(r + 1))

    def relative(self) -> NDArray[np.bool_]:
        """Which elements are divided by sigma: where theta is held, all rows of no fixed size."""
        out = np.zeros(self.k * (self.k + 1) // 2, dtype=bool)
        if self.of("theta"):
            sized = {p.i for p in self.of("sd")}
            for r in set(range(self.k)) - sized:
                out[[_element(r, c, self.k) for c in range(r + 1)]] = True
        return out

    def parts(self) -> list[Part]:
        """Rows that must be curved, and elements that must not change sign."""
        return self._beside_theta() if self.of("theta") else self._leading_rows()

    def _leading_rows(self) -> list[Part]:
        out: list[Part] = []
        correlated = {self.first.index(c) for p in self.of("cor") for c in (p.i, p.j)}
        count, done = len(self.first), 1
        if count > 1:
            two, three = self.row(1)
            out.append(Polar(self.row(0)[0], two, three, bool(correlated)))
            done = 2
        if len(correlated) == 4:
            out.append(Linked(self.row(2), self.row(3)))
            done = 4
        elif count > 2:
            one, two, three = self.row(2)
            out.append(Spherical(one, two, three, 2 in correlated))
            done = 3
        return [*out, *(Ray(self.row(r), False) for r in range(done, count))]

    def _beside_theta(self) -> list[Part]:
        """Rows in the user's order; the sign of an element of theta is that of its column."""
        theta = self.of("theta")
        upright = {p.j for p in theta if p.i != p.j}
        out: list[Part] = []
        curved = {p.i for p in self.of("sd")}
        for p in self.of("cor"):
            out.append(Linked(self.row(p.i), self.row(p.j), p.i in upright, p.j in upright))
            curved |= {p.i, p.j}
        linked = {r for p in self.of("cor") for r in (p.i, p.j)}
        out.extend(Ray(self.row(r), r in upright) for r in sorted(curved - linked) if r > 0)
        known = {p.i for p in theta if p.i == p.j}
        return [*out, *(Positive(self.row(r)[-1]) for r in sorted(upright - curved - known))]


def _first_element(sizes: tuple[int, ...], block: int) -> int:
    return sum(k * (k + 1) // 2 for k in sizes[:block])


def _element(row: int, column: int, k: int) -> int:
    """Index of an element of a lower triangle of k rows, column by column."""
    return column * k - column * (column - 1) // 2 + row - column


def _coordinate(
    parameter: Parameter, held: tuple[Parameter, ...], sizes: tuple[int, ...], ntheta: int
) -> int:
    if parameter.kind == "fixed":
        return -1
    if parameter.kind == "sigma":
        return ntheta
    begin, k = _first_element(sizes, parameter.block), sizes[parameter.block]
    if parameter.kind == "theta":
        return begin + _element(parameter.i, parameter.j, k)
    first = _leading(tuple(p for p in held if p.block == parameter.block), k)
    at = first.index(parameter.i)
    if parameter.kind == "sd":
        return begin + at
    return begin + _element(max(at, first.index(parameter.j)), 1, k)
