"""What all cross-products of a model share, and the columns they are taken of.

The fixed effects go through the orthonormal basis of the weighted model matrix, the response
through its least-squares residual, and the random effects through whitened columns, so that no
digits are lost to large means, small units or large variance ratios.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np

from mixedwidgets.lmm.design import Design
from mixedwidgets.lmm.fixed_rows import FixedRows, Rows
from mixedwidgets.lmm.linalg import Array, Basis
from mixedwidgets.lmm.small import inverse
from mixedwidgets.lmm.theta import Layout
from mixedwidgets.lmm.whitening import Whitener, whitener_of


@dataclass(frozen=True)
class Moments:
    """Cross-products from which every likelihood quantity follows.

    Attributes
    ----------
    nobs : int
        Number of rows n.
    layout : Layout
        Blocks of the random effects, K columns in all.
    factors : tuple of int
        Which grouping factor each block varies over.
    levels : tuple of int
        Number of levels of each grouping factor.
    basis : Basis
        Orthonormal basis of the weighted fixed-effects model matrix.
    origin : (p,) array
        Coefficients taken out of the response beforehand: its mean, on a constant column.
    ols : (p,) array
        Coordinates of what is left of the weighted response in that basis.
    whitening : (K, K) array
        Block-diagonal W with ``Z = Z_white @ W``, hence ``S = W Lambda Lambda' W'``.
    sum_log_weights : float
        Sum of log prior weights.
    """

    nobs: int
    layout: Layout
    factors: tuple[int, ...]
    levels: tuple[int, ...]
    basis: Basis
    origin: Array
    ols: Array
    whitening: Array
    sum_log_weights: float

    @property
    def ncoef(self) -> int:
        """Number of fixed-effects coefficients p."""
        return len(self.ols)

    @property
    def ngroups(self) -> int:
        """Number of levels of the grouping factor that has the most."""
        return max(self.levels)

    @property
    def costly(self) -> bool:
        """Whether exact second derivatives cost much more than first ones."""
        return False

    def coefficients(self, delta: Array | float) -> Array:
        """Coefficients (p,) that are ``delta`` (in basis coordinates) from least squares."""
        return np.asarray(self.origin + inverse(self.basis.R) @ (self.ols + delta))

    def fields(self) -> dict[str, Any]:
        """The fields that all cross-products share, by name."""
        return {f.name: getattr(self, f.name) for f in fields(Moments)}

    def columns_of(self, factor: int) -> list[int]:
        """Which of the K columns vary over a grouping factor."""
        return [
            c
            for f, columns in zip(self.factors, self.layout.slices, strict=True)
            if f == factor
            for c in range(columns.start, columns.stop)
        ]


@dataclass(frozen=True)
class Coordinates:
    """A design in the coordinates that cross-products are taken in, a few rows at a time.

    Attributes
    ----------
    shared : Moments
        What all cross-products share.
    design : Design
    Q : FixedRows
        Orthonormal basis of the fixed effects.
    response : _Response
    whiteners : tuple of Whitener
        One for each block.
    """

    shared: Moments
    design: Design
    Q: FixedRows
    response: _Response
    whiteners: tuple[Whitener, ...]

    def white(self, rows: Rows) -> Array:
        """Whitened random-effects columns of some rows, multiplied by sqrt(w), (K, c)."""
        root = self.Q.root_of(rows)
        terms = zip(self.design.blocks, self.whiteners, strict=True)
        return np.concatenate([how.rows(block.columns[rows], root) for block, how in terms])

    def fixed(self, rows: Rows) -> Array:
        """Fixed-effects basis and least-squares residual of some rows, (p + 1, c)."""
        Q = self.Q.of(rows)
        return np.concatenate([Q, self.residual(rows, Q)[None, :]])

    def residual(self, rows: Rows, Q: Array) -> Array:
        """Least-squares residual of some rows, (c,), given the basis there, (p, c)."""
        return self.response.residual(rows, self.Q.root_of(rows), Q, self.response.fitted)

    def of_response(self, design: Design) -> Coordinates:
        """The same for a design that differs in its response alone."""
        response = _Response.of(design, self.Q)
        shared = replace(self.shared, origin=response.origin, ols=response.ols)
        return replace(self, design=design, shared=shared, response=response)


def coordinates_of(design: Design) -> Coordinates:
    """Find the coordinates in which the cross-products of a design are taken."""
    root = None if design.weights is None else np.sqrt(design.weights)
    Q = FixedRows(design.X, design.basis, root)
    response = _Response.of(design, Q)
    whiteners = tuple(whitener_of(design, number, root) for number in range(len(design.blocks)))
    layout = Layout(tuple(len(b.names) for b in design.blocks))
    whitening = np.zeros((layout.width, layout.width))
    for at, how in zip(layout.slices, whiteners, strict=True):
        whitening[at, at] = how.back
    shared = Moments(
        nobs=len(design.y),
        layout=layout,
        factors=tuple(b.grouping for b in design.blocks),
        levels=tuple(len(g.levels) for g in design.groupings),
        basis=design.basis,
        origin=response.origin,
        ols=response.ols,
        whitening=whitening,
        sum_log_weights=0.0 if design.weights is None else float(np.log(design.weights).sum()),
    )
    return Coordinates(shared, design, Q, response, whiteners)


def white_forms(design: Design, number: int, columns: Array) -> Array:
    """Rows of one random-effects term in whitened coordinates, whatever rows they are.

    Parameters
    ----------
    design : Design
        By whose columns the coordinates are chosen.
    number : int
        Which of its terms.
    columns : (n, k) array
        The rows in the user's units, not multiplied by sqrt(w); or any linear forms in the effects.

    Returns
    -------
    (k, n) array
        ``W^-T @ columns.T`` with W the whitening of the term; large means cancel before they cost
        digits.
    """
    root = None if design.weights is None else np.sqrt(design.weights)
    return whitener_of(design, number, root).forms(columns)


@dataclass(frozen=True)
class _Response:
    """The response of a design in the coordinates of its fixed effects.

    The mean is projected by itself: where a constant lies in the column space, a large mean must
    not leave its rounding in the residual, nor, where it is a column, in other coefficients.

    Attributes
    ----------
    target : (n,) array
        The response without its offset and its mean.
    along : (p,) array
        Coordinates of the target in the fixed-effects basis.
    constant : float
        Part of the mean that the fixed effects do not explain by themselves.
    level : (p,) array
        Coordinates of a constant in that basis, where ``constant`` is not zero.
    origin, ols : (p,) arrays
        As in ``Moments``.
    """

    target: Array
    along: Array
    constant: float
    level: Array
    origin: Array
    ols: Array

    @classmethod
    def of(cls, design: Design, Q: FixedRows) -> _Response:
        target = design.y if design.offset is None else design.y - design.offset
        mean = float(target.mean())
        target = target - mean
        p = design.X.shape[1]
        along = Q.projections(target)
        origin, level = np.zeros(p), np.zeros(p)
        if Q.basis.constant >= 0:
            origin[Q.basis.constant] = mean / Q.basis.level
            return cls(target, along, 0.0, level, origin, along)
        level = Q.projections(np.ones(len(target)))
        constant = 0.0 if Q.span_constant(level) else mean
        return cls(target, along, constant, level, origin, along + mean * level)

    @property
    def fitted(self) -> Array:
        """Coordinates of what is taken out of the target and the constant, (p,)."""
        return self.along + self.constant * self.level

    def residual(self, rows: Rows, root: Array | None, lines: Array, along: Array) -> Array:
        """Least-squares residual of some rows, (c,).

        Parameters
        ----------
        rows, root
            The rows and the roots of their weights.
        lines : (., c) array
            The fixed-effects basis there, or rows of which its rows are combinations.
        along : (.,) array
            ``fitted`` as a combination of these.
        """
        target = self.target[rows]
        out = target if root is None else target * root
        if self.constant:
            out = out + (self.constant if root is None else self.constant * root)
        return np.asarray(out - along @ lines)
