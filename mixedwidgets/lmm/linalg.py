"""Small dense linear algebra that the design and the likelihood share."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

RANK_TOLERANCE = 1e-7  # the tolerance of R's qr() for linear models
SOLID = 0.03  # part of a column not explained by earlier ones that cross-products tell well
PIECE = 4096  # rows that are worked on at a time


@dataclass(frozen=True)
class Basis:
    """Coordinates in which the columns of a matrix, rows scaled by sqrt(w), are orthonormal.

    ``sqrt(w)[:, None] * M[:, kept] == Q @ R`` up to rounding, with Q given by ``rows``. Q itself is
    not kept: its rows are as quickly computed as read.

    Attributes
    ----------
    R : (r, r) array
        Coordinates of the kept columns in Q; not triangular in general.
    kept : (r,) array of int
        Which columns of M are kept; the others are linear combinations of earlier ones.
    logdet : float
        log |det R|.
    means : (r,) array
        What is subtracted from the kept columns first.
    inverse : (r, r) array
        ``Q = sqrt(w)[:, None] * (M[:, kept] - means) @ inverse``.
    """

    R: Array
    kept: NDArray[np.intp]
    logdet: float
    means: Array
    inverse: Array

    def rows(self, matrix: Array, sqrt_weights: Array | None = None) -> Array:
        """The rows of Q, transposed.

        Parameters
        ----------
        matrix : (n, r) array
            Rows of the kept columns of M.
        sqrt_weights : (n,) array, optional
            Square roots of their weights.

        Returns
        -------
        (r, n) array
        """
        out = self.inverse.T @ (matrix - self.means).T
        return out if sqrt_weights is None else out * sqrt_weights


def orthonormal_basis(matrix: Array, sqrt_weights: Array | None = None) -> Basis:
    """Orthonormalise the columns of a matrix, dropping those that depend on earlier ones.

    Columns are centred (where the matrix has a constant column) and scaled, so neither a large
    mean nor a small unit costs digits. Where they are far from dependent, the Cholesky factor of
    their cross-products serves, which needs no memory; else a QR decomposition.

    Parameters
    ----------
    matrix : (n, p) array
        Columns to orthonormalise.
    sqrt_weights : (n,) array, optional
        Square roots of the prior weights; rows are multiplied by them.

    Returns
    -------
    Basis
    """
    p = matrix.shape[1]
    kept = np.arange(p)
    if p == 0:
        return Basis(np.empty((0, 0)), kept, 0.0, np.empty(0), np.empty((0, 0)))
    lowest, highest = matrix.min(axis=0), matrix.max(axis=0)
    constants = np.flatnonzero((lowest == highest) & (lowest != 0.0))
    means = np.zeros(p)
    if len(constants):
        weights = None if sqrt_weights is None else sqrt_weights**2
        means = np.average(matrix, axis=0, weights=weights)
        means[constants[0]] = 0.0
    gram = _gram(matrix, means, sqrt_weights)
    norms = np.sqrt(np.diag(gram))
    norms[norms == 0.0] = 1.0
    r = _solid_cholesky(gram / np.outer(norms, norms))
    if r is None:
        kept, r = _qr_of_independent(matrix, means, norms, sqrt_weights)
    scaled = r * norms[kept]
    R = scaled.copy()
    if len(constants) and constants[0] in kept:
        column = int(np.flatnonzero(kept == constants[0])[0])
        R += np.outer(scaled[:, column], means[kept] / lowest[constants[0]])
    logdet = float(np.log(np.abs(np.diag(scaled))).sum())
    return Basis(R, kept, logdet, means[kept], np.asarray(np.linalg.inv(scaled)))


def _gram(matrix: Array, means: Array, sqrt_weights: Array | None) -> Array:
    """Cross-products of centred and weighted columns, a few rows at a time."""
    n, p = matrix.shape
    out = np.zeros((p, p))
    for low in range(0, n, PIECE):
        piece = matrix[low : low + PIECE] - means
        if sqrt_weights is not None:
            piece *= sqrt_weights[low : low + PIECE, None]
        out += piece.T @ piece
    return out


def _solid_cholesky(gram: Array) -> Array | None:
    """Upper Cholesky factor of scaled cross-products; None where columns are nearly dependent."""
    try:
        r = np.linalg.cholesky(gram).T
    except np.linalg.LinAlgError:
        return None
    return np.ascontiguousarray(r) if np.diag(r).min() > SOLID else None


def _qr_of_independent(
    matrix: Array, means: Array, norms: Array, sqrt_weights: Array | None
) -> tuple[NDArray[np.intp], Array]:
    """The columns that do not depend on earlier ones, and R of their QR decomposition."""
    n, p = matrix.shape
    columns = (matrix - means) / norms
    if sqrt_weights is not None:
        columns *= sqrt_weights[:, None]
    kept = np.arange(p)
    while True:
        r = np.linalg.qr(columns[:, kept], mode="r")
        weak = np.flatnonzero(np.abs(np.diag(r)) < RANK_TOLERANCE)
        if len(kept) > n:
            weak = np.append(weak, n)
        if len(weak) == 0:
            return kept, np.asarray(r)
        kept = np.delete(kept, weak[0])


def lower_triangle(matrix: Array) -> Array:
    """Rotate the columns of a square matrix so that it is lower triangular.

    Returns L with ``L @ L.T == matrix @ matrix.T`` and a nonnegative diagonal; exact zeros in
    trailing columns of the argument stay exact zeros.
    """
    k = matrix.shape[0]
    if k == 1:
        return np.abs(matrix)
    if k == 2:
        return _lower_triangle_of_two(matrix)
    nonzero = np.flatnonzero(np.any(matrix != 0.0, axis=0))
    out = np.zeros((k, k))
    if len(nonzero) == 0:
        return out
    _, r = np.linalg.qr(matrix[:, nonzero].T, mode="complete")
    rank = min(len(nonzero), k)
    lower = np.tril(r[:rank].T)
    signs = np.where(np.diag(lower) < 0.0, -1.0, 1.0)
    out[:, :rank] = lower * signs
    return out


def _lower_triangle_of_two(matrix: Array) -> Array:
    (a, b), (c, d) = matrix.tolist()
    first = math.hypot(a, b)
    if first == 0.0:
        return np.array([[0.0, 0.0], [math.hypot(c, d), 0.0]])
    return np.array(
        [[first, 0.0], [(a / first) * c + (b / first) * d, abs((a / first) * d - (b / first) * c)]]
    )


def semidefinite_root(S: Array) -> Array:
    """Return T with ``T @ T.T == S`` for a symmetric positive semidefinite S."""
    values, vectors = np.linalg.eigh(S)
    return np.asarray(vectors * np.sqrt(np.maximum(values, 0.0)))
