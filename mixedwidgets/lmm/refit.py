"""Cross-products for other responses of one design, from what does not depend on the response.

The basis Q_j of each group and what the projection on it leaves of the fixed-effects columns are
taken once; a response then costs its least-squares residual, its coordinates in Q_j, and the
products of what is left of it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mixedwidgets.lmm.crossed import CrossedMoments
from mixedwidgets.lmm.crossproducts import Coordinates, Rows, coordinates_of
from mixedwidgets.lmm.design import Design
from mixedwidgets.lmm.grouped import GroupedMoments, orthogonalise
from mixedwidgets.lmm.identify import refuse_exact_fit
from mixedwidgets.lmm.linalg import Array
from mixedwidgets.lmm.moments import AnyMoments

Ints = NDArray[np.intp]


@dataclass(frozen=True)
class Responses:
    """What the cross-products of a design have in common for all responses.

    Rows are sorted by the grouping factor that is eliminated first (with one factor, by that).

    Attributes
    ----------
    design : Design
    moments : Moments
        The cross-products of its own response.
    coordinates : Coordinates
    order : slice or (n,) array of int
        The rows of the design in sorted order.
    counts : (m,) array of int
        Number of rows of each group.
    X : (p, n) array
        Fixed-effects basis.
    Q : (K1, n) array
        Orthonormal basis of the leading random-effects columns of each group.
    rest : (p, n) array
        What is left of X beside Q.
    others : tuple of ((n,) array, (n,) array of int)
        For each of the other random-effects columns its value in each row, and its place in Z2.
    """

    design: Design
    moments: AnyMoments
    coordinates: Coordinates
    order: Rows
    counts: Ints
    X: Array
    Q: Array
    rest: Array
    others: tuple[tuple[Array, Ints], ...]

    @classmethod
    def of(cls, design: Design, moments: AnyMoments) -> Responses:
        """Take what a design's cross-products have in common for all responses."""
        factor, leading, places = 0, np.arange(moments.layout.width), dict[int, Ints]()
        if isinstance(moments, CrossedMoments):
            factor, leading, places = moments.eliminated, moments.leading, moments.places
        coordinates = coordinates_of(design)
        codes = design.groupings[factor].codes
        increasing = bool(np.all(codes[1:] >= codes[:-1]))
        order: Rows = slice(None) if increasing else np.argsort(codes, kind="stable")
        white, X = coordinates.white(order), coordinates.fixed(order)[:-1]
        counts = np.bincount(codes, minlength=moments.levels[factor])
        parts = orthogonalise(np.concatenate([white[leading], X]), counts, len(leading))
        others = []
        for column, place in places.items():
            level = design.groupings[_factor_of(moments, column)].codes[order]
            others.append((white[column], place[level]))
        return cls(
            design, moments, coordinates, order, counts, X, parts.Q, parts.rest, tuple(others)
        )

    def moments_of(self, y: Array) -> tuple[Design, AnyMoments]:
        """The design and the cross-products with another response.

        Parameters
        ----------
        y : (n,) array
            In the order of the design's rows.

        Raises
        ------
        ModelError
            The model reproduces the response without error.
        """
        design = replace(self.design, y=y)
        coordinates = self.coordinates.of_response(design)
        C, left = self._split(coordinates.residual(self.order, self.X))
        p = len(self.X)
        within = self.moments.within.copy()
        within[p, :p] = within[:p, p] = self.rest @ left
        within[p, p] = left @ left
        whole = self.moments.C.copy()
        whole[:, p] = C
        shared: dict[str, Any] = {
            "origin": coordinates.shared.origin,
            "ols": coordinates.shared.ols,
            "C": whole,
            "within": within,
        }
        found: AnyMoments
        if isinstance(self.moments, GroupedMoments):
            found = replace(self.moments, **shared)
        else:
            rest2x = self.moments.rest2x.copy()
            rest2x[:, p] = 0.0
            for effect, places in self.others:
                rest2x[:, p] += np.bincount(places, weights=effect * left, minlength=len(rest2x))
            rest2x[self.moments.rest22.diagonal(0) == 0.0, p] = 0.0
            found = replace(self.moments, **shared, rest2x=rest2x)
        refuse_exact_fit(found, coordinates)
        return design, found

    def _split(self, residual: Array) -> tuple[Array, Array]:
        """Coordinates of sorted rows in each group's Q, (K1, m), and what is left, (n,)."""
        starts = np.cumsum(self.counts) - self.counts
        C = np.empty((len(self.Q), len(self.counts)))
        for along, direction in zip(C, self.Q, strict=True):
            along[:] = np.add.reduceat(residual * direction, starts)
            residual = residual - np.repeat(along, self.counts) * direction
        return C, residual


def _factor_of(moments: AnyMoments, column: int) -> int:
    """The grouping factor that one of the K columns varies over."""
    slices = zip(moments.factors, moments.layout.slices, strict=True)
    return next(f for f, block in slices if block.start <= column < block.stop)
