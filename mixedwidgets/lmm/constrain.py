"""Choose the coordinates in which some parameters of a model can be held."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mixedwidgets.errors import ModelError
from mixedwidgets.lmm.constrained import Constraint
from mixedwidgets.lmm.linalg import Array
from mixedwidgets.lmm.moments import AnyMoments
from mixedwidgets.lmm.objective import Factor
from mixedwidgets.lmm.parameters import Parameter, unheld
from mixedwidgets.lmm.polar import Part, Polar, Positive, Spherical


def constrain(
    moments: AnyMoments, held: tuple[Parameter, ...], reml: bool, natural: bool = False
) -> Constraint:
    """Hold some parameters of a model.

    Parameters
    ----------
    moments : Moments
        Cross-products of the model.
    held : tuple of Parameter
        Of any one term at most three columns, or elements of theta; see ``parameters.unheld``.
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
        first = _leading(inside)
        own = natural or any(p.kind == "theta" for p in inside)
        A[columns, columns], into[columns, columns] = _leading_coordinates(
            moments.whitening[columns, columns],
            [*first, *(c for c in range(k) if c not in first)] if own else first,
        )
        relative[begin : begin + k * (k + 1) // 2] = any(p.kind == "theta" for p in inside)
        curved.extend(_parts(inside, first, k, begin))
    places = tuple(_coordinate(p, held, layout.sizes, layout.ntheta) for p in held)
    return Constraint(moments, held, reml, Factor(layout, A), into, tuple(curved), relative, places)


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


def _leading(inside: tuple[Parameter, ...]) -> list[int]:
    """Columns that come first in a term, of whose parameters these are held.

    Of two correlations the column that they share comes before the others.
    """
    correlations = [(p.i, p.j) for p in inside if p.kind == "cor"]
    columns = [c for pair in correlations for c in pair]
    shared_first = sorted(columns, key=lambda c: -columns.count(c))
    return list(dict.fromkeys([*shared_first, *(p.i for p in inside if p.kind == "sd")]))


def _parts(inside: tuple[Parameter, ...], first: list[int], k: int, begin: int) -> list[Part]:
    """Rows of a term that must be curved, and elements that must not change sign."""
    if any(p.kind == "theta" for p in inside):
        diagonal = {begin + _element(p.j, p.j, k) for p in inside if p.i != p.j}
        held = {begin + _element(p.i, p.j, k) for p in inside}
        return [Positive(place) for place in sorted(diagonal - held)]
    out: list[Part] = []
    correlated = [first.index(c) for p in inside if p.kind == "cor" for c in (p.i, p.j)]
    places = [begin + _element(r, c, k) for r in range(min(k, 3)) for c in range(r + 1)]
    if len(first) > 1:
        out.append(Polar(places[0], places[1], places[2], bool(correlated)))
    if len(first) > 2:
        out.append(Spherical(places[3], places[4], places[5], 2 in correlated))
    return out


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
    first = _leading(tuple(p for p in held if p.block == parameter.block))
    at = first.index(parameter.i)
    if parameter.kind == "sd":
        return begin + at
    second = max(at, first.index(parameter.j))
    return begin + (k if second == 1 else k + 1)
