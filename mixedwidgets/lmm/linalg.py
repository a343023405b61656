"""Small dense linear algebra that the design and the likelihood share."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import lapack

Array = NDArray[np.float64]

RANK_TOLERANCE = 1e-7  # the tolerance of R's qr() for linear models


@dataclass(frozen=True)
class Basis:
    """An orthonormal basis of the column space of a matrix with rows scaled by sqrt(weights).

    ``sqrt(w)[:, None] * M[:, kept] == Q @ R`` up to rounding.

    Attributes
    ----------
    Q : (n, r) array
        Orthonormal columns.
    R : (r, r) array
        Coordinates of the kept columns in Q; not triangular in general.
    kept : (r,) array of int
        Which columns of M are kept; the others are linear combinations of earlier ones.
    logdet : float
        log |det R|.
    """

    Q: Array
    R: Array
    kept: NDArray[np.intp]
    logdet: float


def orthonormal_basis(matrix: Array, sqrt_weights: Array | None = None) -> Basis:
    """Orthonormalise the columns of a matrix, dropping those that depend on earlier ones.

    Columns are centred (where the matrix has a constant column) and scaled before the QR
    decomposition, so neither a large mean nor a small unit costs digits.

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
    n, p = matrix.shape
    kept = np.arange(p)
    if p == 0:
        return Basis(np.empty((n, 0)), np.empty((0, 0)), kept, 0.0)
    lowest, highest = matrix.min(axis=0), matrix.max(axis=0)
    constant = np.flatnonzero((lowest == highest) & (lowest != 0.0))
    columns, back = _standardise(matrix, sqrt_weights, int(constant[0]) if len(constant) else None)
    while True:
        q, r = _thin_qr(columns[:, kept])
        weak = np.flatnonzero(np.abs(np.diag(r)) < RANK_TOLERANCE)
        if len(kept) > n:
            weak = np.append(weak, n)
        if len(weak) == 0:
            break
        kept = np.delete(kept, weak[0])
    full = r @ back[np.ix_(kept, kept)]
    logdet = float(np.linalg.slogdet(full)[1]) if len(kept) else 0.0
    return Basis(q, full, kept, logdet)


def _thin_qr(columns: Array) -> tuple[Array, Array]:
    """Return Q (n, p) and R (p, p) by LAPACK itself: the wrappers cost more than the work."""
    n, p = columns.shape
    if p == 0 or p > n:
        q, r = np.linalg.qr(columns)
        return q, r
    geqrf, orgqr = lapack.dgeqrf, lapack.dorgqr
    factored, tau, _, _ = geqrf(columns, overwrite_a=False)
    r = np.triu(factored[:p])
    q, _, _ = orgqr(factored, tau, overwrite_a=True)
    return q, r


def _standardise(
    matrix: Array, sqrt_weights: Array | None, constant: int | None
) -> tuple[Array, Array]:
    """Centre on the constant column and scale to unit length: ``weighted matrix = out @ back``."""
    p = matrix.shape[1]
    out = np.array(matrix, dtype=np.float64, order="F")
    back = np.eye(p)
    if constant is not None:
        weights = None if sqrt_weights is None else sqrt_weights**2
        means = np.average(out, axis=0, weights=weights)
        means[constant] = 0.0
        out -= means
        back[constant] += means / matrix[0, constant]
    if sqrt_weights is not None:
        out *= sqrt_weights[:, None]
    norms = np.sqrt(np.einsum("ij,ij->j", out, out))
    norms[norms == 0.0] = 1.0
    out /= norms
    return out, norms[:, None] * back


def lower_triangle(matrix: Array) -> Array:
    """Rotate the columns of a square matrix so that it is lower triangular.

    Returns L with ``L @ L.T == matrix @ matrix.T`` and a nonnegative diagonal; exact zeros in
    trailing columns of the argument stay exact zeros.
    """
    nonzero = np.flatnonzero(np.any(matrix != 0.0, axis=0))
    k = matrix.shape[0]
    out = np.zeros((k, k))
    if len(nonzero) == 0:
        return out
    _, r = np.linalg.qr(matrix[:, nonzero].T, mode="complete")
    rank = min(len(nonzero), k)
    lower = np.tril(r[:rank].T)
    signs = np.where(np.diag(lower) < 0.0, -1.0, 1.0)
    out[:, :rank] = lower * signs
    return out


def semidefinite_root(S: Array) -> Array:
    """Return T with ``T @ T.T == S`` for a symmetric positive semidefinite S."""
    values, vectors = np.linalg.eigh(S)
    return np.asarray(vectors * np.sqrt(np.maximum(values, 0.0)))
