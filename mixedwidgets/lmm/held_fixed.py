"""The likelihood at many points with nothing re-optimised: slices through the optimum.

At a point some parameters have new values and all others their estimates: standard deviations,
correlations, sigma and coefficients; in a term of which an element of theta is changed, the other
elements of theta, as ``slice_factor`` says. By REML, which is not a function of the coefficients,
they are profiled out.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mixedwidgets.lmm.deviance import solve
from mixedwidgets.lmm.estimate import Estimate
from mixedwidgets.lmm.grouped import GroupedMoments
from mixedwidgets.lmm.linalg import Array
from mixedwidgets.lmm.moments import AnyMoments
from mixedwidgets.lmm.parameters import Parameter
from mixedwidgets.lmm.slice_factor import changed_factor, implied_sigma
from mixedwidgets.lmm.theta import standard_deviations

PIECE = 250_000  # numbers worked on at once
IMPOSSIBLE = -1e-10  # smallest eigenvalue of a correlation matrix that rounding may give


def all_at_once(moments: AnyMoments) -> bool:
    """Whether thousands of points take a fraction of a second; else each is a whole solution."""
    return isinstance(moments, GroupedMoments) and moments.layout.width <= 2


def rises(estimate: Estimate, held: tuple[Parameter, ...], points: Array) -> Array:
    """Rise of the deviance at points, every parameter that is not held at its estimate.

    Parameters
    ----------
    estimate : Estimate
        The fit.
    held : tuple of h Parameter
        The parameters that change.
    points : (t, h) array
        Their values.

    Returns
    -------
    (t,) array
        Infinite where the point is impossible.
    """
    moments = estimate.moments
    which = [n for n, p in enumerate(held) if p.kind != "fixed"]
    varying, inverse = np.unique(points[:, which], axis=0, return_inverse=True)
    back = inverse.reshape(-1)
    S, sigma, possible = _relative(estimate, tuple(held[n] for n in which), varying)
    if all_at_once(moments):
        assert isinstance(moments, GroupedMoments)
        logdet, gram = grouped_grams(S, moments, _vectors(estimate, held, points))
    else:
        logdet, gram = _solved_grams(S, moments)
    p = moments.ncoef
    N = moments.nobs - p if estimate.reml else moments.nobs
    log_sigma2 = N * np.log(2.0 * np.pi * sigma**2) - moments.sum_log_weights
    if estimate.reml:
        q, extra = profiled(gram, moments)
        value = (logdet + extra + log_sigma2 + q / sigma**2)[back]
    else:
        q = _quadratic(gram, back, _vectors(estimate, held, points))
        value = (logdet + log_sigma2)[back] + q / sigma[back] ** 2
    value = np.where(possible[back], value, np.inf)
    return np.maximum(value - estimate.optimum.value, 0.0)


def _vectors(estimate: Estimate, held: tuple[Parameter, ...], points: Array) -> Array:
    """For each point ``(-delta, 1)``, by which the residual is made of [X, r]; one row if constant.

    By REML all products are needed, so there are none.
    """
    moments = estimate.moments
    if estimate.reml:
        return np.empty((0, moments.ncoef + 1))
    fixed = [n for n, p in enumerate(held) if p.kind == "fixed"]
    beta = np.tile(estimate.beta, (len(points) if fixed else 1, 1))
    for n in fixed:
        beta[:, held[n].i] = points[:, n]
    delta = (beta - moments.origin) @ moments.basis.R.T - moments.ols
    return np.column_stack((-delta, np.ones(len(delta))))


def _relative(
    estimate: Estimate, held: tuple[Parameter, ...], points: Array
) -> tuple[Array, Array, NDArray[np.bool_]]:
    """Relative covariances (t, K, K) in whitened coordinates, sigmas (t,), which are possible."""
    moments, count = estimate.moments, len(points)
    layout = moments.layout
    sigma = np.full(count, estimate.sigma)
    for p, values in zip(held, points.T, strict=True):
        if p.kind == "sigma":
            sigma = values
    sigma, possible = implied_sigma(held, points, sigma)
    out = np.zeros((count, layout.width, layout.width))
    for number, (columns, covariance) in enumerate(
        zip(layout.slices, estimate.covariances, strict=True)
    ):
        inside = [(p, v) for p, v in zip(held, points.T, strict=True) if p.block == number]
        if any(p.kind == "theta" for p, _ in inside):
            now = estimate.factor[columns, columns] / estimate.sigma
            factor, allowed = changed_factor(now, inside, sigma)
            possible &= allowed
            block = factor @ factor.transpose(0, 2, 1)
        else:
            sd, corr = standard_deviations(covariance)
            sds, corrs = np.tile(sd, (count, 1)), np.tile(np.nan_to_num(corr), (count, 1, 1))
            for p, values in inside:
                if p.kind == "sd":
                    sds[:, p.i] = values
                else:
                    corrs[:, p.i, p.j] = corrs[:, p.j, p.i] = values
            if any(p.kind == "cor" for p, _ in inside):
                possible &= np.linalg.eigvalsh(corrs)[:, 0] > IMPOSSIBLE
            block = sds[:, :, None] * corrs * sds[:, None, :] / sigma[:, None, None] ** 2
        W = moments.whitening[columns, columns]
        out[:, columns, columns] = W @ block @ W.T
    return out, sigma, possible


@dataclass(frozen=True)
class _Features:
    """Products by which ``(S^-1 + G_j)^-1`` of one or two random effects is linear in S.

    ``det(I + S G)`` is 1 + sum of ``terms * dets``, and the inverse the sum of ``terms`` times
    matrices divided by it, with the terms S11, or S11, S12, S22 and det S.

    Attributes
    ----------
    dets : (f, m) array
        Coefficients of each term in the determinant.
    products : (f, m, ...) array
        W_j' (matrix of the term) W_j with W_j = R_j' C_j.
    """

    dets: Array
    products: Array


def _features(moments: GroupedMoments, W: Array) -> _Features:
    """The features for cross-products W, (K, t, m): of all pairs of t if not one."""
    R = moments.R
    G = np.einsum("iaj,ibj->abj", R, R)

    def pair(a: int, b: int) -> Array:
        if W.shape[1] == 1:
            return np.asarray(W[a, 0] * W[b, 0])
        both = W[a][:, None] * W[b][None]
        return np.asarray(0.5 * (both + both.transpose(1, 0, 2))).transpose(2, 0, 1)

    def weighted(g: Array, product: Array) -> Array:
        return np.asarray(g.reshape(-1, *([1] * (product.ndim - 1))) * product)

    if len(G) == 1:
        return _Features(G[0], pair(0, 0)[None])
    across = pair(0, 1)
    adjugate = (
        weighted(G[1, 1], pair(0, 0))
        - 2.0 * weighted(G[0, 1], across)
        + weighted(G[0, 0], pair(1, 1))
    )
    determinant = np.maximum(G[0, 0] * G[1, 1] - G[0, 1] ** 2, 0.0)
    return _Features(
        np.stack((G[0, 0], 2.0 * G[0, 1], G[1, 1], determinant)),
        np.stack((pair(0, 0), 2.0 * across, pair(1, 1), adjugate)),
    )


def _terms(S: Array) -> Array:
    """The terms of S that features belong to, (t, f)."""
    if S.shape[1] == 1:
        return S[:, 0]
    determinant = np.maximum(S[:, 0, 0] * S[:, 1, 1] - S[:, 0, 1] ** 2, 0.0)
    return np.column_stack((S[:, 0, 0], S[:, 0, 1], S[:, 1, 1], determinant))


def grouped_grams(S: Array, moments: GroupedMoments, vectors: Array) -> tuple[Array, Array]:
    """Return log |V| (t,) and [X, r]' V^-1 [X, r] for one or two random effects of one factor.

    ``[X, r]' V^-1 [X, r]`` is that without random effects minus ``sum W_j' (S^-1 + G_j)^-1 W_j``.
    It is (t, p + 1, p + 1), or (t, 1, 1) in the direction of the vector where there is only one.
    """
    C: Array = moments.C
    total = moments.within + np.einsum("iaj,ibj->ab", C, C)
    if len(vectors) == 1:
        C = np.einsum("iaj,a->ij", C, vectors[0])[:, None]
        total = (vectors[0] @ total @ vectors[0]).reshape(1, 1)
    W = np.einsum("iaj,itj->atj", moments.R, C)
    features = _features(moments, W)
    dets = features.dets.reshape(-1, moments.R.shape[2])
    count = W.shape[1] ** 2
    products = features.products.reshape(len(dets), dets.shape[1], count)
    flat = np.ascontiguousarray(products.transpose(1, 0, 2)).reshape(dets.shape[1], -1)
    terms = _terms(S)
    logdet, gram = np.empty(len(S)), np.empty((len(S), count))
    step = max(PIECE // dets.shape[1], 1)
    for low in range(0, len(S), step):
        rows = slice(low, low + step)
        inner = terms[rows] @ dets
        inner += 1.0
        logdet[rows] = _log_products(inner)
        np.divide(1.0, inner, out=inner)
        parts = (inner @ flat).reshape(-1, len(dets), count)
        gram[rows] = np.einsum("tf,tfc->tc", terms[rows], parts)
    return logdet, total - gram.reshape(-1, *total.shape)


def _log_products(factors: Array) -> Array:
    """Sum of logarithms of each row, (t,); of products of four, because logarithms cost most."""
    for _ in range(2):
        half = factors.shape[1] // 2
        rest = factors[:, 2 * half :]
        factors = np.concatenate((factors[:, :half] * factors[:, half : 2 * half], rest), axis=1)
    return np.asarray(np.log(factors).sum(axis=1))


def _solved_grams(S: Array, moments: AnyMoments) -> tuple[Array, Array]:
    """The same for any model, one whole solution after another; infinite where there is none."""
    p = moments.ncoef
    logdet, gram = np.full(len(S), np.inf), np.zeros((len(S), p + 1, p + 1))
    gram[:] = np.eye(p + 1)
    for n, covariance in enumerate(S):
        try:
            solved = solve(covariance, moments, False)
        except np.linalg.LinAlgError:
            continue
        half = np.linalg.inv(solved.root) if p else solved.root
        logdet[n] = solved.logdet
        gram[n, :p, :p] = half @ half.T
        gram[n, :p, p] = gram[n, p, :p] = gram[n, :p, :p] @ solved.delta
        gram[n, p, p] = solved.q + solved.delta @ gram[n, :p, p]
    return logdet, gram


def _quadratic(gram: Array, at: NDArray[np.intp], vectors: Array) -> Array:
    """Residual sums of squares r' V^-1 r at points, (t,)."""
    if gram.shape[1] == 1:
        return np.asarray(gram[at, 0, 0])
    if len(vectors) == 1:
        return np.einsum("a,tab,b->t", vectors[0], gram, vectors[0])[at]
    return np.einsum("ta,tab,tb->t", vectors, gram[at], vectors)


def profiled(gram: Array, moments: AnyMoments) -> tuple[Array, Array]:
    """The least r' V^-1 r over the coefficients, and log |X' V^-1 X|, for the restricted one."""
    p = moments.ncoef
    if not p:
        return gram[:, 0, 0], np.zeros(len(gram))
    lower = np.linalg.cholesky(gram[:, :p, :p])
    half = np.linalg.solve(lower, gram[:, :p, p, None])[:, :, 0]
    diagonal = np.diagonal(lower, axis1=1, axis2=2)
    extra = 2.0 * (moments.basis.logdet + np.log(diagonal).sum(axis=1))
    return gram[:, p, p] - np.sum(half**2, axis=1), extra
