"""Where the search for the optimum starts: second moments equated with their expectations."""

from __future__ import annotations

import numpy as np

from mixedwidgets.lmm.deviance import differentiate, solve
from mixedwidgets.lmm.grouped import GroupedMoments
from mixedwidgets.lmm.linalg import Array
from mixedwidgets.lmm.moments import AnyMoments, CrossedMoments
from mixedwidgets.lmm.small import eigen, least_squares, lower_cholesky
from mixedwidgets.lmm.theta import Layout


def moment_start(moments: AnyMoments, reml: bool) -> Array:
    """A positive definite start, (K, K) lower triangular in blocks.

    Minimum norm quadratic estimation around S = 0 (Rao 1971, Journal of Multivariate Analysis 1,
    257-275).

    Parameters
    ----------
    moments : Moments
        Cross-products.
    reml : bool
        Restricted likelihood.

    Returns
    -------
    (K, K) array
    """
    if isinstance(moments, GroupedMoments):
        return _grouped_start(moments, reml)
    return _crossed_start(moments)


def _grouped_start(moments: GroupedMoments, reml: bool) -> Array:
    """Equate sum_j R_j' (c_j c_j' - sigma^2 I) R_j with its expectation.

    c_j are the coordinates of the least-squares residual in Q_j; sigma^2 comes from what varies
    within groups.
    """
    layout = moments.layout
    width = layout.width
    p = moments.ncoef
    around_X = float(moments.within[p, p] + np.sum(moments.C[:, p] ** 2))
    used = sum(int(np.count_nonzero(moments.R[i, i])) for i in range(width))
    spare = moments.nobs - used
    sigma2 = around_X / (moments.nobs - p if reml else moments.nobs)
    if spare > 0 and moments.within[-1, -1] > 0.0:
        sigma2 = min(sigma2, float(moments.within[-1, -1]) / spare)
    pairs = moments.square_pairs
    u = np.einsum("iaj,ij->aj", moments.R, moments.C[:, -1])
    total = moments.squares.sum(axis=2)
    excess = (u @ u.T) / sigma2 - total
    block = np.zeros((width, width))
    for columns in layout.slices:
        k = columns.stop - columns.start
        system = pairs[columns, columns, columns, columns].transpose(0, 2, 1, 3)
        system = system.reshape(k * k, k * k)
        estimate = least_squares(system, excess[columns, columns].reshape(-1)).reshape(k, k)
        values, vectors = eigen(0.5 * (estimate + estimate.T))
        typical = np.trace(total[columns, columns]) / (k * moments.ngroups)
        floor = max(0.1 / max(typical, 1e-12), 1e-3 * float(values.max()))
        values = np.maximum(values, floor)
        block[columns, columns] = lower_cholesky((vectors * values) @ vectors.T)
    return block


def _crossed_start(moments: CrossedMoments) -> Array:
    """Equate Z' r r' Z and r' r with their expectations, linear in the covariances and sigma^2."""
    layout = moments.layout
    K = layout.width
    at_zero = solve(np.zeros((K, K)), moments, True)
    derivatives = differentiate(at_zero, True)
    directions = layout.directions.reshape(layout.ntheta, -1)
    system = np.zeros((len(directions) + 1, len(directions) + 1))
    system[:-1, :-1] = -directions @ derivatives.logdet2 @ directions.T
    system[-1, :-1] = system[:-1, -1] = directions @ derivatives.logdet1.reshape(-1)
    system[-1, -1] = moments.nobs - moments.ncoef
    right = np.append(-directions @ derivatives.q1.reshape(-1), at_zero.q)
    diagonal = np.diag(system).copy()
    scale = 1.0 / np.sqrt(np.where(diagonal > 0.0, diagonal, 1.0))
    found = scale * np.linalg.lstsq(system * np.outer(scale, scale), right * scale, rcond=None)[0]
    sigma2 = found[-1] if found[-1] > 0.05 * at_zero.q / at_zero.N else at_zero.q / at_zero.N
    covariance = directions.T @ (found[:-1] / sigma2)
    return _positive(covariance.reshape(K, K), moments)


def _positive(covariance: Array, moments: CrossedMoments) -> Array:
    """A factor of a covariance made positive definite block by block."""
    out = np.zeros_like(covariance)
    squares = moments.typical_squares()
    for columns, square in zip(moments.layout.slices, squares, strict=True):
        block = covariance[columns, columns]
        values, vectors = np.linalg.eigh(0.5 * (block + block.T))
        typical = np.trace(square) / len(block)
        floor = max(0.1 / max(float(typical), 1e-12), 1e-3 * float(values.max()))
        values = np.maximum(values, floor)
        out[columns, columns] = np.linalg.cholesky((vectors * values) @ vectors.T)
    return out


def scattered(layout: Layout, count: int) -> list[Array]:
    """Starts that depend on no data: factors of random size and direction.

    The same ones every time: sizes of 1/30 to 30 residual standard deviations, uniform on the
    logarithmic scale.

    Parameters
    ----------
    layout : Layout
        Blocks of the factor.
    count : int
        How many.

    Returns
    -------
    list of (K, K) arrays
        Lower triangular in blocks, in whitened coordinates.
    """
    if count < 1:
        return []  # a generator takes as long to make as a step of the search
    random = np.random.default_rng(20260)
    out = []
    for _ in range(count):
        size = 30.0 ** random.uniform(-1.0, 1.0, layout.width)
        out.append(size[:, None] * layout.matrix(random.normal(size=layout.ntheta)))
    return out
