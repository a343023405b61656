"""Small dense linear algebra that the design and the likelihood share."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.linalg.lapack import dpotrf

from mixedwidgets.lmm.small import inverse_upper

Array = NDArray[np.float64]

DEPENDENT = 1e-11  # part of a column that tells nothing, where its values are not rounded
ROUNDING = 32.0 * np.finfo(float).eps  # of the values of a column, and of what they are sums of
SOLID = 0.03  # part of a column not explained by earlier ones that cross-products tell well
PIECE = 4096  # rows that are worked on at a time, at least
NUMBERS = 32768  # values, where the rows are short


def pieces(n: int, width: int) -> Iterator[slice]:
    """Cut n rows of ``width`` values into pieces that stay in a processor's cache."""
    step = rows_at_a_time(width)
    return (slice(low, low + step) for low in range(0, n, step))


def rows_at_a_time(width: int) -> int:
    """How many rows of ``width`` values to work on at a time."""
    return max(PIECE, NUMBERS // max(width, 4))  # long sums lose digits


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
    constant : int
        Which of the kept columns is the constant one that means are multiples of; -1 for none.
    level : float
        The value of that column.
    polish : (r, r) array or None
        What Q is multiplied by at last, where the columns are nearly dependent and what rounding
        leaves of them is not orthogonal.
    """

    R: Array
    kept: NDArray[np.intp]
    logdet: float
    means: Array
    inverse: Array
    constant: int = -1
    level: float = 1.0
    polish: Array | None = None

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
        if self.polish is not None:
            out = self.polish.T @ out
        return out if sqrt_weights is None else out * sqrt_weights

    def forms(self, matrix: Array) -> Array:
        """Coordinates of any linear forms in the coefficients: ``R^-T @ matrix.T``.

        As ``rows``, but for combinations that need not have the constant column's value; nothing
        cancels where they have it.

        Parameters
        ----------
        matrix : (n, r) array

        Returns
        -------
        (r, n) array
        """
        if self.constant >= 0:
            matrix = matrix - matrix[:, self.constant, None] / self.level * self.means
        out = self.inverse.T @ matrix.T
        return np.asarray(out if self.polish is None else self.polish.T @ out)

    def change_from(self, other: Basis) -> Array:
        """``R @ inv(other.R)`` (r, r) for another basis of the same columns, other rows or weights.

        It turns coordinates in the other basis into those in this one; large means cancel before
        they cost digits.
        """
        if self.constant < 0 or self.constant != other.constant:
            return np.asarray(self.R @ np.linalg.inv(other.R))
        back = np.eye(len(self.means))
        back[self.constant] += (self.means - other.means) / self.level
        change = np.linalg.solve(self.inverse, back @ other.inverse)
        if self.polish is not None:
            change = np.linalg.solve(self.polish, change)
        return np.asarray(change if other.polish is None else change @ other.polish)


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
    constants = constant_columns(matrix)
    first = int(constants[0]) if len(constants) else -1
    means = np.zeros(p)
    if first >= 0:
        means = _means(matrix, sqrt_weights)
        means[constants] = matrix[0, constants]
        means[first] = 0.0
    gram = _gram(matrix, means, sqrt_weights)
    norms = _lengths(gram)
    r = _solid_cholesky(gram / (norms[:, None] * norms))
    if r is None and first >= 0:
        return _dependent_basis(matrix, np.where(kept > first, means, 0.0), first, sqrt_weights)
    if r is None:
        return _dependent_basis(matrix, means, first, sqrt_weights)
    return _basis(r * norms, kept, means, first, matrix[0, first])


def constant_columns(matrix: Array) -> NDArray[np.intp]:
    """Which columns of a matrix have one value everywhere that is not zero."""
    first = matrix[0]
    candidates = np.flatnonzero((first != 0.0) & (matrix[-1] == first))
    alike = [j for j in candidates.tolist() if (matrix[:, j] == first[j]).all()]
    return np.array(alike, dtype=np.intp)


def _means(matrix: Array, sqrt_weights: Array | None) -> Array:
    if sqrt_weights is None:
        return np.asarray(matrix.sum(axis=0) / len(matrix))
    return np.asarray(np.average(matrix, axis=0, weights=sqrt_weights**2))


def places_in(matrix: Array, part: Array) -> list[int] | None:
    """Which columns of a matrix a view of it shows; None where it is no such view."""
    step = matrix.strides[1]
    if part.strides[0] != matrix.strides[0] or len(part) != len(matrix) or step <= 0:
        return None
    start = part.__array_interface__["data"][0] - matrix.__array_interface__["data"][0]
    stride = part.strides[1] if part.shape[1] > 1 else step
    places = [(start + stride * j) // step for j in range(part.shape[1])]
    inside = all(0 <= place < matrix.shape[1] for place in places)
    return places if inside and start % step == stride % step == 0 else None


def basis_of_part(basis: Basis, places: list[int]) -> tuple[Basis, Array] | None:
    """A basis of some of the columns that another was made of, without looking at their rows.

    Parameters
    ----------
    basis : Basis
        Of the whole matrix, all of whose columns it kept.
    places : list of int
        Which columns.

    Returns
    -------
    Basis and (k, p) array, or None
        The basis, and its rows as combinations of those of the other: ``Q_part' = mix @ Q'``.
        None where cross-products do not tell them well.
    """
    if basis.polish is not None:
        return None
    first = places.index(basis.constant) if basis.constant in places else -1
    inside = (inverse_upper(basis.inverse) if first >= 0 else basis.R)[:, places]
    gram = inside.T @ inside
    norms = _lengths(gram)
    r = _solid_cholesky(gram / (norms[:, None] * norms))
    if r is None:
        return None
    means = basis.means[places] if first >= 0 else np.zeros(len(places))
    part = _basis(r * norms, np.arange(len(places)), means, first, basis.level)
    return part, part.inverse.T @ inside.T


def _basis(scaled: Array, kept: NDArray[np.intp], means: Array, first: int, level: float) -> Basis:
    """A basis from R of the kept columns without their means, multiples of the constant column."""
    R, constant = scaled, kept.tolist().index(first) if first in kept.tolist() else -1
    if constant >= 0:
        R = scaled + scaled[:, constant, None] * (means[kept] / level)
    logdet = float(np.log(np.abs(scaled.diagonal())).sum())
    return Basis(R, kept, logdet, means[kept], inverse_upper(scaled), constant, float(level))


def _polished(basis: Basis, matrix: Array, sqrt_weights: Array | None) -> Basis:
    """Make the rows of Q orthonormal as they come out."""
    r = np.linalg.qr(basis.rows(matrix[:, basis.kept], sqrt_weights).T, mode="r")
    change = float(np.log(np.abs(np.diag(r))).sum())
    polish = np.asarray(np.linalg.inv(r))
    return replace(basis, R=r @ basis.R, logdet=basis.logdet + change, polish=polish)


def _lengths(gram: Array) -> Array:
    """Lengths of columns from their cross-products, 1 for a column of zeros."""
    lengths = np.sqrt(gram.diagonal())
    lengths[lengths == 0.0] = 1.0
    return lengths


def _dependent_basis(matrix: Array, means: Array, first: int, sqrt_weights: Array | None) -> Basis:
    """A basis of columns that are nearly dependent, some of them perhaps altogether.

    Only columns after the constant one are without their means, so that which columns depend on
    earlier ones stays as it is.
    """
    norms = _lengths(_gram(matrix, means, sqrt_weights))
    raw = _lengths(_gram(matrix, np.zeros_like(means), sqrt_weights))
    weak = np.clip(ROUNDING * raw / norms, DEPENDENT, SOLID)
    columns = (matrix - means) / norms
    if sqrt_weights is not None:
        columns *= sqrt_weights[:, None]
    kept, r = _qr_of_independent(columns, weak)
    if first >= 0 and first not in kept and means.any():
        return _dependent_basis(matrix, np.zeros_like(means), first, sqrt_weights)
    basis = _basis(r * norms[kept], kept, means, first, matrix[0, first])
    return _polished(basis, matrix, sqrt_weights)


def _gram(matrix: Array, means: Array, sqrt_weights: Array | None) -> Array:
    """Cross-products of centred and weighted columns, a few rows at a time."""
    n, p = matrix.shape
    out = np.zeros((p, p))
    for rows in pieces(n, p):
        piece = matrix[rows] - means
        if sqrt_weights is not None:
            piece *= sqrt_weights[rows, None]
        out += piece.T @ piece
    return out


def _solid_cholesky(gram: Array) -> Array | None:
    """Upper Cholesky factor of scaled cross-products; None where columns are nearly dependent."""
    factor, failed = dpotrf(gram, lower=0, clean=1)
    return np.ascontiguousarray(factor) if not failed and factor.diagonal().min() > SOLID else None


def _qr_of_independent(columns: Array, weak: Array) -> tuple[NDArray[np.intp], Array]:
    """Which columns do not depend on earlier ones, and R of their QR decomposition.

    Parameters
    ----------
    columns : (n, p) array
        Of length 1 or 0.
    weak : (p,) array
        For each column, up to which part it counts as dependent where that alone is left of it.
    """
    n, p = columns.shape
    kept = np.arange(p)
    while True:
        r = np.linalg.qr(columns[:, kept], mode="r")
        left = np.abs(np.diag(r))
        lost = np.flatnonzero(left < weak[kept[: len(left)]])
        if len(kept) > n:
            lost = np.append(lost, n)
        if len(lost) == 0:
            return kept, np.asarray(r)
        kept = np.delete(kept, lost[0])


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
