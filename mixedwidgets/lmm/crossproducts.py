"""What all cross-products of a model share, and the columns they are taken of.

The fixed effects go through the orthonormal basis of the weighted model matrix, the response
through its least-squares residual, and the random effects through whitened columns, so that no
digits are lost to large means, small units or large variance ratios.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mixedwidgets.lmm.design import Design, RandomBlock
from mixedwidgets.lmm.linalg import PIECE, Array, Basis, orthonormal_basis
from mixedwidgets.lmm.theta import Layout

Rows = slice | NDArray[np.intp]


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
        return np.asarray(self.origin + np.linalg.inv(self.basis.R) @ (self.ols + delta))

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
    root : (n,) array or None
        Square roots of the weights.
    response : _Response
    whiteners : tuple of Basis or (k,) array
        For each block its basis, or the scales of its columns.
    """

    shared: Moments
    design: Design
    root: Array | None
    response: _Response
    whiteners: tuple[Basis | Array, ...]

    def white(self, rows: Rows) -> Array:
        """Whitened random-effects columns of some rows, multiplied by sqrt(w), (K, c)."""
        parts = []
        root = None if self.root is None else self.root[rows]
        for block, whitener in zip(self.design.blocks, self.whiteners, strict=True):
            columns = block.columns[rows]
            if isinstance(whitener, Basis):
                parts.append(whitener.rows(columns, root) * np.sqrt(self.shared.nobs))
            else:
                scaled = (columns / whitener).T
                parts.append(scaled if root is None else scaled * root)
        return np.concatenate(parts)

    def fixed(self, rows: Rows) -> Array:
        """Fixed-effects basis and least-squares residual of some rows, (p + 1, c)."""
        root = None if self.root is None else self.root[rows]
        Q = self.shared.basis.rows(self.design.X[rows], root)
        return np.concatenate([Q, self.response.residual(rows, root, Q)[None, :]])

    def residual(self, rows: Rows, Q: Array) -> Array:
        """Least-squares residual of some rows, (c,), given the basis there, (p, c)."""
        return self.response.residual(rows, None if self.root is None else self.root[rows], Q)

    def of_response(self, design: Design) -> Coordinates:
        """The same for a design that differs in its response alone."""
        response = _Response.of(design, self.root)
        shared = replace(self.shared, origin=response.origin, ols=response.ols)
        return replace(self, design=design, shared=shared, response=response)


def coordinates_of(design: Design) -> Coordinates:
    """Find the coordinates in which the cross-products of a design are taken."""
    root = None if design.weights is None else np.sqrt(design.weights)
    response = _Response.of(design, root)
    whiteners, whitening = _whiten(design.blocks, root)
    shared = Moments(
        nobs=len(design.y),
        layout=Layout(tuple(len(b.names) for b in design.blocks)),
        factors=tuple(b.grouping for b in design.blocks),
        levels=tuple(len(g.levels) for g in design.groupings),
        basis=design.basis,
        origin=response.origin,
        ols=response.ols,
        whitening=whitening,
        sum_log_weights=0.0 if design.weights is None else float(np.log(design.weights).sum()),
    )
    return Coordinates(shared, design, root, response, whiteners)


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
    whitener, _ = _whiten_block(design.blocks[number].columns, root)
    if isinstance(whitener, Basis):
        return whitener.forms(columns) * np.sqrt(len(design.y))
    return np.asarray((columns / whitener).T)


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
    def of(cls, design: Design, root: Array | None) -> _Response:
        target = design.y if design.offset is None else design.y - design.offset
        mean = float(target.mean())
        target = target - mean
        X, p = design.X, design.X.shape[1]
        along = _projections(design, target, root)
        origin, level = np.zeros(p), np.zeros(p)
        intercepts = np.flatnonzero((np.ptp(X, axis=0) == 0.0) & (X[0] != 0.0))
        if len(intercepts):
            origin[intercepts[0]] = mean / X[0, intercepts[0]]
            return cls(target, along, 0.0, level, origin, along)
        level = _projections(design, np.ones(len(target)), root)
        constant = 0.0 if _spans_constant(design, root, level) else mean
        return cls(target, along, constant, level, origin, along + mean * level)

    def residual(self, rows: Rows, root: Array | None, Q: Array) -> Array:
        """Least-squares residual of some rows, (c,), given their roots and basis, (p, c)."""
        target = self.target[rows]
        out = (target if root is None else target * root) - self.along @ Q
        if self.constant:
            ones = np.ones(len(target)) if root is None else root
            out = out + self.constant * (ones - self.level @ Q)
        return np.asarray(out)


def _pieces(n: int) -> Iterator[slice]:
    return (slice(low, low + PIECE) for low in range(0, n, PIECE))


def _projections(design: Design, values: Array, root: Array | None) -> Array:
    """Coordinates in the fixed-effects basis of one value a row times sqrt(w), (p,)."""
    out = np.zeros(design.X.shape[1])
    for rows in _pieces(len(values)):
        part = None if root is None else root[rows]
        Q = design.basis.rows(design.X[rows], part)
        out += Q @ (values[rows] if part is None else values[rows] * part)
    return out


def _spans_constant(design: Design, root: Array | None, level: Array) -> bool:
    """Whether a constant is a combination of the fixed-effects columns."""
    furthest = 0.0
    for rows in _pieces(len(design.X)):
        part = None if root is None else root[rows]
        ones = np.ones(len(design.X[rows])) if part is None else part
        left = ones - level @ design.basis.rows(design.X[rows], part)
        furthest = max(furthest, float(np.abs(left / ones).max(initial=0.0)))
    return furthest <= 1e-10


def _whiten(
    blocks: tuple[RandomBlock, ...], root: Array | None
) -> tuple[tuple[Basis | Array, ...], Array]:
    """How to make the columns of a block orthogonal and of mean square 1, and the way back."""
    width = sum(len(b.names) for b in blocks)
    whitening = np.zeros((width, width))
    whiteners = []
    at = 0
    for block in blocks:
        k = len(block.names)
        whitener, back = _whiten_block(block.columns, root)
        whiteners.append(whitener)
        whitening[at : at + k, at : at + k] = back
        at += k
    return tuple(whiteners), whitening


def _whiten_block(columns: Array, root: Array | None) -> tuple[Basis | Array, Array]:
    n, k = columns.shape
    if k > 1:
        basis = orthonormal_basis(columns, root)
        if len(basis.kept) == k:
            return basis, basis.R / np.sqrt(n)
    squares = np.zeros(k)
    for rows in _pieces(n):
        piece = columns[rows] if root is None else columns[rows] * root[rows, None]
        squares += np.einsum("ij,ij->j", piece, piece)
    scale = np.sqrt(squares / n)
    scale[scale == 0.0] = 1.0
    return scale, np.diag(scale)
