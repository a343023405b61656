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

from mixedwidgets.lmm.crossproducts import white_forms
from mixedwidgets.lmm.design import Design
from mixedwidgets.lmm.estimate import Estimate
from mixedwidgets.lmm.linalg import Array
from mixedwidgets.lmm.ranef import fixed_part
from mixedwidgets.lmm.rows import Rows

Kept = Sequence[NDArray[np.bool_]]


def predicted_mean(rows: Rows, design: Design, estimate: Estimate, kept: Kept) -> Array:
    """The linear predictor of complete rows.

    Parameters
    ----------
    rows : Rows
        Without missing values.
    design, estimate
        The fit.
    kept : sequence of (k,) arrays of bool
        For each block, which random effects are at their conditional modes; the others, and those
        of levels that the fit does not have, are zero.

    Returns
    -------
    (n,) array
    """
    moments = estimate.moments
    constant, out = fixed_part(rows.X, estimate)
    for number, (keep, modes, f) in enumerate(
        zip(kept, estimate.solved.modes, moments.factors, strict=True)
    ):
        if not keep.any():
            continue
        white = white_forms(design, number, np.where(keep, rows.columns[number], 0.0))
        known = rows.codes[f] < moments.levels[f]
        level = np.where(known, rows.codes[f], 0)
        for z, effect in zip(white, modes, strict=True):
            out += np.where(known, z * effect[level], 0.0)
    return constant + out + rows.offset


def mean_variance(rows: Rows, design: Design, estimate: Estimate, kept: Kept) -> Array:
    """Variance of the error of ``predicted_mean``, given theta and sigma.

    Parameters
    ----------
    rows, design, estimate, kept
        As there. Random effects that are kept but belong to a level that the fit does not have
        add their whole variance; effects that are not kept add none.

    Returns
    -------
    (n,) array
        In squared units of the response.
    """
    moments, solved = estimate.moments, estimate.solved
    white = _whitened(rows, design, kept)
    codes = tuple(
        np.where(level < m, level, -1) for level, m in zip(rows.codes, moments.levels, strict=True)
    )
    t = moments.basis.forms(rows.X)
    for columns, B, f in zip(moments.layout.slices, solved.B, moments.factors, strict=True):
        known = np.flatnonzero(codes[f] >= 0)
        Sz = white[known, columns] @ solved.S[columns, columns]
        for a, effect in enumerate(B):
            t[:, known] -= effect[:, codes[f][known]] * Sz[:, a]
    half = solved.root @ t
    fixed = np.einsum("pn,pn->n", half, half)
    return np.asarray(estimate.sigma**2 * (solved.row_variances(white, codes) + fixed))


def response_variance(rows: Rows, design: Design, estimate: Estimate, kept: Kept) -> Array:
    """Variance of new responses around their mean: residuals and the effects that are not kept.

    Parameters
    ----------
    rows, design, estimate, kept
        As for ``predicted_mean``.

    Returns
    -------
    (n,) array
        ``sigma^2 / w + z' Sigma z`` with z the columns that are not kept and Sigma the covariance
        of the random effects.
    """
    white = _whitened(rows, design, [~keep for keep in kept])
    spread = np.einsum("na,ab,nb->n", white, estimate.solved.S, white)
    return np.asarray(estimate.sigma**2 * (1.0 / rows.weights + spread))


def _whitened(rows: Rows, design: Design, kept: Kept) -> Array:
    """Random-effects columns in whitened coordinates, zero for what is not kept, (n, K)."""
    parts = [
        white_forms(design, number, np.where(keep, columns, 0.0))
        for number, (columns, keep) in enumerate(zip(rows.columns, kept, strict=True))
    ]
    return np.concatenate(parts).T
