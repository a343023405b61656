"""Small dense matrices, by LAPACK itself.

Around matrices of a few rows the checks of ``numpy.linalg`` take several times as long as the work,
and a search takes dozens of such steps.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.linalg.lapack import dgelss, dgesv, dpotrf, dsyevd, dtrtri

Array = NDArray[np.float64]


def lower_cholesky(matrix: Array) -> Array:
    """Lower Cholesky factor of a small positive definite matrix."""
    factor, failed = dpotrf(matrix, lower=1, clean=1)
    if failed:
        raise np.linalg.LinAlgError("not positive definite")
    return np.ascontiguousarray(factor)


def inverse_cholesky(matrix: Array) -> Array:
    """Inverse of the lower Cholesky factor of a positive definite matrix.

    Raises
    ------
    numpy.linalg.LinAlgError
        The matrix is not positive definite.
    """
    found, singular = dtrtri(lower_cholesky(matrix), lower=1)
    if singular:
        raise np.linalg.LinAlgError("singular")
    return np.ascontiguousarray(found)


def inverse(matrix: Array) -> Array:
    """Inverse of a small square matrix."""
    if matrix.size == 0:
        return matrix.copy()
    _, _, found, singular = dgesv(matrix, np.eye(len(matrix)))
    if singular:
        raise np.linalg.LinAlgError("singular")
    return np.ascontiguousarray(found)


def inverse_upper(matrix: Array) -> Array:
    """Inverse of an upper triangular matrix."""
    if matrix.size == 0:
        return matrix.copy()
    found, singular = dtrtri(matrix)
    if singular:
        raise np.linalg.LinAlgError("singular")
    return np.ascontiguousarray(found)


def least_squares(matrix: Array, right: Array, share: float | None = None) -> Array:
    """Shortest least-squares solution (k,) of a small system, as ``numpy.linalg.lstsq``.

    Parameters
    ----------
    matrix : (m, k) array
    right : (m,) array
    share : float, optional
        Singular values below this part of the largest count as zero; rounding by default.
    """
    m, k = matrix.shape
    share = float(np.finfo(float).eps) * max(m, k) if share is None else share
    _, found, _, _, _, failed = dgelss(matrix, right, cond=share)
    if failed:
        raise np.linalg.LinAlgError("singular values did not converge")
    return np.asarray(found[:k])


def eigen(matrix: Array) -> tuple[Array, Array]:
    """Eigenvalues, increasing, and eigenvectors of a symmetric matrix, as ``numpy.linalg.eigh``."""
    values, vectors, failed = dsyevd(matrix, lower=1)
    if failed:
        raise np.linalg.LinAlgError("eigenvalues did not converge")
    return values, vectors
