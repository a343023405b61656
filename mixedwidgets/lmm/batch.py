"""The likelihood of many responses of one design at once, each at its own relative covariance.

For one grouping factor. The formulas are those of ``grouped_deviance``, with a leading axis for
replicates: what the random-effects and fixed-effects columns contribute is shared, what depends on
the response is not. Every number of a replicate comes from operations on that replicate alone, so
it does not depend on which others are worked on beside it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from mixedwidgets.lmm.grouped import GroupedMoments
from mixedwidgets.lmm.linalg import Array


@dataclass(frozen=True)
class Batch:
    """Cross-products of B responses with the columns of one design.

    Attributes
    ----------
    shared : GroupedMoments
        The design's; of its own response nothing is used. K random-effects columns, p
        coefficients, m levels.
    c : (B, K, m) array
        Coordinates in Q_j of each response, less what ``origin`` explains.
    g : (B, p) array
        Cross-products of the fixed-effects basis and the response, both with Q_j projected out.
    s : (B,) array
        Sum of squares of the response with Q_j projected out.
    origin : (p,) array
        Coefficients taken out of every response.
    """

    shared: GroupedMoments
    c: Array
    g: Array
    s: Array
    origin: Array

    def __len__(self) -> int:
        return len(self.s)

    def some(self, chosen: NDArray[np.intp]) -> Batch:
        """Some of the responses."""
        return replace(self, c=self.c[chosen], g=self.g[chosen], s=self.s[chosen])

    def moments(self, i: int) -> GroupedMoments:
        """The cross-products of one response, for a search of its own."""
        p = self.shared.ncoef
        C, within = self.shared.C.copy(), self.shared.within.copy()
        C[:, p] = self.c[i]
        within[:p, p] = within[p, :p] = self.g[i]
        within[p, p] = self.s[i]
        return replace(self.shared, C=C, within=within, origin=self.origin, ols=np.zeros(p))


@dataclass(frozen=True)
class BatchSolved:
    """The likelihood of each response, at its own S; B replicates.

    Attributes
    ----------
    value : (B,) array
        Minus twice the (restricted) log-likelihood, sigma profiled out; infinite where it has no
        value.
    q : (B,) array
        Generalised residual sums of squares.
    N : int
        Their divisor.
    delta : (B, p) array
        Generalised least-squares coefficients in basis coordinates.
    root : (B, p, p) array
        L^-1 with L the Cholesky factor of X' V^-1 X.
    rows : (B, K + p + 1, K, m) array
        L_j^-1 applied to the coordinates of Z, X and the residual.
    """

    value: Array
    q: Array
    N: int
    delta: Array
    root: Array
    rows: Array


def solve_batch(T: Array, batch: Batch, reml: bool) -> BatchSolved:
    """Evaluate the likelihood of every response.

    Parameters
    ----------
    T : (B, K, K) array
        A factor of S = T T' for each.
    batch : Batch
    reml : bool
        Restricted likelihood.
    """
    shared = batch.shared
    K, p, m = shared.layout.width, shared.ncoef, shared.ngroups
    B = len(batch)
    diagonal, rows = _eliminate(T @ T.transpose(0, 2, 1), batch)
    flat = rows[:, K:].reshape(B, p + 1, K * m)
    gram = np.matmul(flat, flat.transpose(0, 2, 1))
    gram[:, :p, :p] += shared.within[:p, :p]
    gram[:, :p, p] += batch.g
    q = gram[:, p, p] + batch.s
    logdet = 2.0 * np.log(diagonal).reshape(B, -1).sum(axis=1)
    delta, root = np.zeros((B, p)), np.zeros((B, p, p))
    if p:
        root = _inverse_roots(gram[:, :p, :p])
        half = np.einsum("bik,bk->bi", root, gram[:, :p, p])
        delta = np.einsum("bk,bki->bi", half, root)
        q = q - np.einsum("bk,bk->b", half, half)
        rows[:, -1] -= np.einsum("bp,bpim->bim", delta, rows[:, K:-1])
        if reml:
            entries = np.einsum("bii->bi", root)
            logdet += 2.0 * (shared.basis.logdet - np.log(entries).sum(axis=1))
    N = shared.nobs - p if reml else shared.nobs
    with np.errstate(invalid="ignore", divide="ignore"):
        value = logdet + N * (1.0 + np.log(2.0 * np.pi * q / N)) - shared.sum_log_weights
    value = np.where((q > 0.0) & np.isfinite(value), value, np.inf)
    return BatchSolved(value, q, N, delta, root, rows)


def _inverse_roots(gram: Array) -> Array:
    """L^-1 with gram = L L', (B, p, p); NaN where there is no such factor."""
    try:
        return np.asarray(np.linalg.inv(np.linalg.cholesky(gram)))
    except np.linalg.LinAlgError:
        if len(gram) == 1:
            return np.full_like(gram, np.nan)
        return np.concatenate([_inverse_roots(one[None]) for one in gram])


def _eliminate(S: Array, batch: Batch) -> tuple[Array, Array]:
    """Cholesky factors of I + R_j S R_j': diagonals (B, K, m), and L_j^-1 [R_j, C_j, c_j].

    As ``grouped_deviance.eliminate``, with columns before coordinates: (B, K + p + 1, K, m).
    """
    R, C = batch.shared.R, batch.shared.C
    K, _, m = R.shape
    B = len(S)
    RS = np.matmul(S[:, None], R[None])
    rows = np.empty((B, K + C.shape[1], K, m))
    rows[:, :K] = R.transpose(1, 0, 2)
    rows[:, K:-1] = C[:, :-1].transpose(1, 0, 2)
    rows[:, -1] = batch.c
    factor = np.empty((K, K, B, m))
    for j in range(K):
        for i in range(j, K):
            entry = RS[:, i, j] * R[j, j]
            for a in range(j + 1, K):
                entry += RS[:, i, a] * R[j, a]
            for k in range(j):
                entry -= factor[i, k] * factor[j, k]
            if i == j:
                entry += 1.0
                np.maximum(entry, 1.0, out=entry)  # as in exact arithmetic; rounding may lose it
                np.sqrt(entry, out=entry)
            else:
                entry /= factor[j, j]
            factor[i, j] = entry
        for k in range(j):
            rows[:, :, j] -= factor[j, k][:, None] * rows[:, :, k]
        rows[:, :, j] /= factor[j, j][:, None]
    return factor[np.arange(K), np.arange(K)].transpose(1, 0, 2), rows


def differentiate_batch(solved: BatchSolved, reml: bool) -> tuple[Array, Array]:
    """First (B, K, K) and second (B, K^2, K^2) derivatives in S of ``logdet + N log q``.

    See ``grouped_deviance.differentiate_groups`` for the formulas.
    """
    rows = solved.rows
    B, _, K, m = rows.shape
    p = solved.delta.shape[1]
    products = np.einsum("bcim,baim->bcam", rows, rows[:, :K])
    M = products[:, :K].reshape(B, K * K, m)
    u = products[:, -1]
    uu = (u[:, :, None] * u[:, None]).reshape(B, K * K, m)
    M_last = np.ascontiguousarray(M.transpose(0, 2, 1))
    first = M.sum(axis=2)
    slope = -uu.sum(axis=2)
    second = -_reorder(np.matmul(M, M_last), K)
    curved = 2.0 * _reorder(np.matmul(uu, M_last), K)
    if p:
        flat = products[:, K:-1].reshape(B, p * K, m)
        g = np.matmul(flat, u.transpose(0, 2, 1)).reshape(B, p, K * K)
        g = np.matmul(solved.root, g)
        curved -= 2.0 * np.matmul(g.transpose(0, 2, 1), g)
        if reml:
            fixed = np.matmul(solved.root, flat.reshape(B, p, K * m)).reshape(B, p, K, m)
            both = np.einsum("bpim,bpkm->bikm", fixed, fixed).reshape(B, K * K, m)
            first -= both.sum(axis=2)
            second += 2.0 * _reorder(np.matmul(both, M_last), K)
            lines = fixed.transpose(0, 2, 1, 3).reshape(B, K * p, m)
            P = np.matmul(lines, lines.transpose(0, 2, 1)).reshape(B, K, p, K, p)
            P = P.transpose(0, 1, 3, 2, 4)
            left = P.reshape(B, K * K, p * p)
            right = P.transpose(0, 1, 2, 4, 3).reshape(B, K * K, p * p)
            second -= np.matmul(left, right.transpose(0, 2, 1))
    scale = (solved.N / solved.q)[:, None]
    per = (scale / solved.q[:, None])[:, :, None]
    second += scale[:, :, None] * curved - per * (slope[:, :, None] * slope[:, None])
    return (first + scale * slope).reshape(B, K, K), second


def _reorder(pairs: Array, K: int) -> Array:
    """As ``grouped_deviance._reorder``, (B, K^2, K^2)."""
    six = pairs.reshape(-1, K, K, K, K)
    return np.ascontiguousarray(six.transpose(0, 1, 3, 4, 2)).reshape(-1, K * K, K * K)
