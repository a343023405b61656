"""What all cross-products of a model share, and the columns they are taken of.

The fixed effects go through the orthonormal basis of the weighted model matrix, the response
through its least-squares residual, and the random effects through whitened columns, so that no
digits are lost to large means, small units or large variance ratios.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from mixedwidgets.lmm.design import Design, RandomBlock
from mixedwidgets.lmm.linalg import Array, Basis, orthonormal_basis
from mixedwidgets.lmm.theta import Layout


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

    def columns_of(self, factor: int) -> list[int]:
        """Which of the K columns vary over a grouping factor."""
        return [
            c
            for f, columns in zip(self.factors, self.layout.slices, strict=True)
            if f == factor
            for c in range(columns.start, columns.stop)
        ]


@dataclass(frozen=True)
class Columns:
    """The columns of a design in the coordinates that cross-products are taken in.

    Attributes
    ----------
    white : (n, K) array
        Whitened random-effects columns, rows multiplied by sqrt(w).
    fixed : (p + 1, n) array
        Fixed-effects basis and, last, the least-squares residual of the response.
    shared : Moments
        What all cross-products share.
    """

    white: Array
    fixed: Array
    shared: Moments

    def fields(self) -> dict[str, Any]:
        """The fields of ``shared``, by name."""
        return {f.name: getattr(self.shared, f.name) for f in fields(self.shared)}


def columns_of(design: Design) -> Columns:
    """Bring a design into whitened and orthonormal coordinates."""
    weights = design.weights
    root = None if weights is None else np.sqrt(weights)
    target = design.y if design.offset is None else design.y - design.offset
    origin, ols, residual = _least_squares(design.X, design.basis, target, root)
    white, whitening = _whiten(design.blocks, root)
    shared = Moments(
        nobs=len(design.y),
        layout=Layout(tuple(len(b.names) for b in design.blocks)),
        factors=tuple(b.grouping for b in design.blocks),
        levels=tuple(len(g.levels) for g in design.groupings),
        basis=design.basis,
        origin=origin,
        ols=ols,
        whitening=whitening,
        sum_log_weights=0.0 if weights is None else float(np.log(weights).sum()),
    )
    return Columns(white, np.vstack([design.basis.Q.T, residual[None, :]]), shared)


def _least_squares(
    X: Array, basis: Basis, target: Array, root: Array | None
) -> tuple[Array, Array, Array]:
    """Coefficients of the mean, coordinates of the rest of the weighted response, and its residual.

    The mean is projected by itself: where a constant lies in the column space, a large mean must
    not leave its rounding in the residual, nor, where it is a column, in other coefficients.
    """
    ones = np.ones(len(target)) if root is None else root
    mean = float(target.mean())
    spread = (target - mean) * ones
    coordinates = basis.Q.T @ spread
    residual = spread - basis.Q @ coordinates
    origin = np.zeros(X.shape[1])
    intercepts = np.flatnonzero((np.ptp(X, axis=0) == 0.0) & (X[0] != 0.0))
    if len(intercepts):
        origin[intercepts[0]] = mean / X[0, intercepts[0]]
    else:
        level = basis.Q.T @ ones
        constant = ones - basis.Q @ level
        if np.abs(constant).max(initial=0.0) > 1e-10 * np.abs(ones).max(initial=0.0):
            residual = residual + mean * constant
        coordinates = coordinates + mean * level
    correction = basis.Q.T @ residual
    return origin, coordinates + correction, residual - basis.Q @ correction


def _whiten(blocks: tuple[RandomBlock, ...], root: Array | None) -> tuple[Array, Array]:
    """Columns of all blocks, orthogonal within a block and of mean square 1, and the way back."""
    width = sum(len(b.names) for b in blocks)
    whitening = np.zeros((width, width))
    parts = []
    at = 0
    for block in blocks:
        k = len(block.names)
        columns, back = _whiten_block(block.columns, root)
        parts.append(columns)
        whitening[at : at + k, at : at + k] = back
        at += k
    return np.hstack(parts), whitening


def _whiten_block(columns: Array, root: Array | None) -> tuple[Array, Array]:
    n, k = columns.shape
    if k > 1:
        basis = orthonormal_basis(columns, root)
        if len(basis.kept) == k:
            return basis.Q * np.sqrt(n), basis.R / np.sqrt(n)
    weighted = columns if root is None else columns * root[:, None]
    scale = np.sqrt(np.einsum("ij,ij->j", weighted, weighted) / n)
    scale[scale == 0.0] = 1.0
    return weighted / scale, np.diag(scale)
