"""The multivariate normal density."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.linalg import solve_triangular

from mixedwidgets.errors import DataError, ModelError
from mixedwidgets.likelihood.inputs import Array, parameter, plain


def ldmvnorm(y: Any, mean: Any, cov: Any) -> Any:
    """Log density of the multivariate normal distribution.

    ``-(p log(2 pi) + log|cov| + (y - mean)' cov^-1 (y - mean)) / 2`` (Mardia, Kent and Bibby 1979,
    Multivariate Analysis, section 2.5), by the Cholesky factor of ``cov``: no inverse is formed,
    and the determinant of a large matrix does not underflow.

    Parameters
    ----------
    y : (p,) or (..., p) array_like
        One observation of p numbers, or many.
    mean : float or (p,) array_like
        Expected value; one number stands for p equal ones.
    cov : (p, p) array_like
        Covariance matrix, symmetric and positive definite; a number where p is 1.

    Returns
    -------
    float or (...) array

    Raises
    ------
    DataError
        Shapes that do not fit together.
    ModelError
        A matrix that is no covariance matrix.

    Examples
    --------
    >>> ldmvnorm([0.0, 0.0], 0.0, [[1.0, 0.0], [0.0, 1.0]])  # -log(2 pi)
    -1.8378770664093453
    """
    observed = np.atleast_1d(parameter(y, "y"))
    matrix = np.atleast_2d(parameter(cov, "cov"))
    p = observed.shape[-1]
    centre = parameter(mean, "mean")
    if matrix.shape != (p, p):
        raise DataError(
            f"y has {p} number{'s' * (p != 1)} and cov shape {matrix.shape}; cov needs {p} rows "
            f"and {p} columns."
        )
    if centre.shape not in ((), (1,), (p,)):
        raise DataError(f"mean has shape {centre.shape}; give one number or as many as y has, {p}.")
    root = _cholesky(matrix)
    scaled = solve_triangular(root, (observed - centre).reshape(-1, p).T, lower=True)
    distance = np.sum(scaled * scaled, axis=0).reshape(observed.shape[:-1])
    logdet = 2.0 * np.log(np.diag(root)).sum()
    return plain(-0.5 * (p * np.log(2.0 * np.pi) + logdet + distance))


def _cholesky(matrix: Array) -> Array:
    scale = np.abs(matrix).max()
    if not np.isfinite(scale) or np.abs(matrix - matrix.T).max() > 1e-10 * scale:
        raise ModelError(
            "cov must be finite and symmetric: the covariance of i with j is that of j with i."
        )
    try:
        return np.asarray(np.linalg.cholesky(matrix), dtype=np.float64)
    except np.linalg.LinAlgError:
        smallest = np.linalg.eigvalsh(matrix)[0]
        raise ModelError(
            f"cov is not positive definite (smallest eigenvalue {smallest:.3g}), so there is no "
            "density: every combination of the variables needs a variance above 0."
        ) from None
