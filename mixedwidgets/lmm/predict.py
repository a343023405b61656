"""Predictions: the conditional mean of new rows, its error, and the spread of responses around it.

A row with fixed-effects columns x and random-effects columns z has the mean x' beta + z' b. With
theta and sigma taken as known, the error of its prediction has the variance (Henderson 1975,
Biometrics 31, 423-447; the quadratic form of (x, z) in the inverse of his mixed model equations)

    sigma^2 (z' C z + t' P^-1 t),   t = x - B' S z,

with C = S - S M S the conditional covariance of the random effects given beta, P = X' V^-1 X and,
for each level, B = Z' V^-1 X. For a level that the fit does not have, C is S and B is zero.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from mixedwidgets.lmm.estimate import Estimate
from mixedwidgets.lmm.linalg import Array
from mixedwidgets.lmm.ranef import block_modes
from mixedwidgets.lmm.rows import Rows

Kept = Sequence[NDArray[np.bool_]]


def predicted_mean(rows: Rows, estimate: Estimate, kept: Kept) -> Array:
    """The linear predictor of complete rows.

    Parameters
    ----------
    rows : Rows
        Without missing values.
    estimate : Estimate
    kept : sequence of (k,) arrays of bool
        For each block, which random effects are at their conditional modes; the others, and those
        of levels that the fit does not have, are zero.

    Returns
    -------
    (n,) array
    """
    moments = estimate.moments
    out = rows.X @ estimate.beta + rows.offset
    for columns, keep, modes, f in zip(
        rows.columns, kept, block_modes(estimate), moments.factors, strict=True
    ):
        known = rows.codes[f] < moments.levels[f]
        level = np.where(known, rows.codes[f], 0)
        for a in np.flatnonzero(keep):
            out += np.where(known, columns[:, a] * modes[level, a], 0.0)
    return out


def mean_variance(rows: Rows, estimate: Estimate, kept: Kept) -> Array:
    """Variance of the error of ``predicted_mean``, given theta and sigma.

    Parameters
    ----------
    rows, estimate, kept
        As there. Random effects that are kept but belong to a level that the fit does not have
        add their whole variance; effects that are not kept add none.

    Returns
    -------
    (n,) array
        In squared units of the response.
    """
    moments, solved = estimate.moments, estimate.solved
    user = np.hstack(
        [np.where(keep, columns, 0.0) for columns, keep in zip(rows.columns, kept, strict=True)]
    )
    white = np.linalg.solve(moments.whitening.T, user.T).T
    codes = tuple(
        np.where(level < m, level, -1) for level, m in zip(rows.codes, moments.levels, strict=True)
    )
    t = np.linalg.solve(moments.basis.R.T, rows.X.T)
    for columns, B, f in zip(moments.layout.slices, solved.B, moments.factors, strict=True):
        known = np.flatnonzero(codes[f] >= 0)
        Sz = white[known, columns] @ solved.S[columns, columns]
        for a, effect in enumerate(B):
            t[:, known] -= effect[:, codes[f][known]] * Sz[:, a]
    half = solved.root @ t
    fixed = np.einsum("pn,pn->n", half, half)
    return np.asarray(estimate.sigma**2 * (solved.row_variances(white, codes) + fixed))


def response_variance(rows: Rows, estimate: Estimate, kept: Kept) -> Array:
    """Variance of new responses around their mean: residuals and the effects that are not kept.

    Parameters
    ----------
    rows, estimate, kept
        As for ``predicted_mean``.

    Returns
    -------
    (n,) array
        ``sigma^2 / w + z' Sigma z`` with z the columns that are not kept and Sigma the covariance
        of the random effects.
    """
    out = estimate.sigma**2 / rows.weights
    for columns, keep, Sigma in zip(rows.columns, kept, estimate.covariances, strict=True):
        z = np.where(keep, 0.0, columns)
        out = out + np.einsum("na,ab,nb->n", z, Sigma, z)
    return out
