"""solve(S, moments) -> Solved: the likelihood of a linear mixed model and its derivatives.

Notation, per group j, in units of sigma: V_j = I + Z_j S Z_j', r = y - X beta with beta the
generalised least-squares estimate for S, and

    M_j = Z_j' V_j^-1 Z_j,   B_j = Z_j' V_j^-1 X_j,   u_j = Z_j' V_j^-1 r_j.

With ``logdet = sum_j log |V_j|`` (REML: ``+ log |X' V^-1 X|``), ``q = r' V^-1 r`` and N = n
(REML: n - p), minus twice the log-likelihood is

    d(S, sigma) = logdet + N log(2 pi sigma^2) + q / sigma^2 - sum log w,

and, at the best sigma^2 = q / N, ``logdet + N (1 + log(2 pi q / N)) - sum log w`` (Bates et al.
2015, sections 3.4 and 3.5, in the marginal instead of the penalised form). Derivatives in S follow
from d V^-1 = -V^-1 dV V^-1; they are derived in the docstrings below.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mixedwidgets.lmm.linalg import Array
from mixedwidgets.lmm.moments import Moments


@dataclass(frozen=True)
class Solved:
    """The likelihood at one relative covariance S, in whitened coordinates.

    Attributes
    ----------
    N : int
        n, or n - p for REML: the degrees of freedom that sigma^2 = q / N divides by.
    logdet : float
        log |V|, with log |X' V^-1 X| added for REML.
    q : float
        Generalised residual sum of squares r' V^-1 r.
    constant : float
        - sum log w, which minus twice the log-likelihood carries.
    delta : (p,) array
        Generalised least-squares coefficients of the least-squares residual, in basis coordinates.
    root : (p, p) array
        L^-1 with L the Cholesky factor of X' V^-1 X in basis coordinates.
    H : (K, K, m) array
        L_j^-1 R_j, with L_j the Cholesky factor of I + R_j S R_j'.
    D : (K, p, m) array
        L_j^-1 Q_j' X_j.
    d : (K, m) array
        L_j^-1 Q_j' r_j.
    """

    N: int
    logdet: float
    q: float
    constant: float
    delta: Array
    root: Array
    H: Array
    D: Array
    d: Array

    @property
    def deviance(self) -> float:
        """Minus twice the (restricted) log-likelihood, sigma profiled out."""
        return self.at_sigma2(self.q / self.N)

    def at_sigma2(self, sigma2: float) -> float:
        """Minus twice the (restricted) log-likelihood at a given residual variance."""
        return float(
            self.logdet + self.N * np.log(2.0 * np.pi * sigma2) + self.q / sigma2 + self.constant
        )

    @property
    def u(self) -> Array:
        """Z_j' V_j^-1 r_j of every group, (K, m)."""
        return np.asarray(np.einsum("iaj,ij->aj", self.H, self.d))


@dataclass(frozen=True)
class Derivatives:
    """First and second derivatives of ``logdet`` and ``q`` in the symmetric matrix S.

    For symmetric directions E, F: ``d f[E] = sum(f1 * E)`` and
    ``d2 f[E, F] = vec(E)' f2 vec(F)``, vec by rows.

    Attributes
    ----------
    logdet1, q1 : (K, K) arrays
        Gradients.
    logdet2, q2 : (K * K, K * K) arrays
        Hessians.
    """

    logdet1: Array
    q1: Array
    logdet2: Array
    q2: Array


def solve(S: Array, moments: Moments, reml: bool) -> Solved:
    """Evaluate the likelihood at one relative covariance.

    Parameters
    ----------
    S : (K, K) array
        Positive semidefinite relative covariance in whitened coordinates.
    moments : Moments
        Cross-products.
    reml : bool
        Restricted likelihood.

    Returns
    -------
    Solved
    """
    R, C = moments.R, moments.C
    p = moments.ncoef
    diagonal, rows = _eliminate(R, C, S)
    H, D = rows[:, : R.shape[1]], rows[:, R.shape[1] :]
    flat = D.transpose(1, 0, 2).reshape(p + 1, -1)
    gram = moments.within + flat @ flat.T
    logdet = 2.0 * float(np.log(diagonal).sum())
    if p:
        root = np.linalg.inv(np.linalg.cholesky(gram[:p, :p]))
        half = root @ gram[:p, p]
        delta = half @ root
        q = float(gram[p, p] - half @ half)
        if reml:
            logdet += 2.0 * (moments.basis.logdet - float(np.log(np.diag(root)).sum()))
        d = D[:, p] - np.matmul(delta, D[:, :p])
    else:
        root, delta, q, d = np.empty((0, 0)), np.empty(0), float(gram[p, p]), D[:, p]
    N = moments.nobs - p if reml else moments.nobs
    return Solved(N, logdet, q, -moments.sum_log_weights, delta, root, H, D[:, :p], d)


def _eliminate(R: Array, C: Array, S: Array) -> tuple[Array, Array]:
    """Cholesky of I + R_j S R_j' for all groups at once, applied to [R_j, C_j].

    Returns the diagonals (K, m) of the factors and L_j^-1 [R_j, C_j] of shape (K, K + p + 1, m).
    """
    width, m = R.shape[0], R.shape[2]
    rows = np.concatenate((R, C), axis=1)
    if not S.any():
        return np.ones((width, m)), rows
    RS = np.matmul(S, R)
    factor = np.empty((width, width, m))
    for j in range(width):
        for i in range(j, width):
            entry = np.einsum("am,am->m", RS[i], R[j])
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
            rows[j] -= factor[j, k] * rows[k]
        rows[j] /= factor[j, j]
    return factor[np.arange(width), np.arange(width)], rows


def differentiate(solved: Solved, reml: bool) -> Derivatives:
    """First and second derivatives of ``logdet`` and ``q`` in S.

    From d V^-1 [E] = -V^-1 Z E Z' V^-1:

    - log |V|: gradient sum M, second derivative -sum tr(M E M F);
    - q: gradient -sum u u' (beta is at its optimum), second derivative
      2 sum u' E M F u - 2 g_E' P^-1 g_F with g_E = sum B' E u and P = X' V^-1 X;
    - log |P|: gradient -sum B P^-1 B', second derivative
      2 sum tr(P^-1 B' E M F B) - tr(P^-1 P_E P^-1 P_F) with P_E = sum B' E B.

    Parameters
    ----------
    solved : Solved
        From ``solve`` with the same ``reml``.
    reml : bool
        Restricted likelihood.

    Returns
    -------
    Derivatives
    """
    H, d = solved.H, solved.d
    width, m = H.shape[1], H.shape[2]
    p = solved.D.shape[1]
    M = np.einsum("iaj,ibj->abj", H, H)
    u = np.einsum("iaj,ij->aj", H, d)
    uu = u[:, None] * u[None, :]
    M_flat = M.reshape(width * width, m)
    logdet1, q1 = M.sum(axis=2), -uu.sum(axis=2)
    pair_M = _reorder(M_flat @ M_flat.T, width)
    pair_u = _reorder(uu.reshape(width * width, m) @ M_flat.T, width)
    logdet2, q2 = -pair_M, 2.0 * pair_u
    if p:
        B = np.einsum("iaj,ipj->paj", H, solved.D)
        g = solved.root @ np.matmul(B.reshape(p * width, m), u.T).reshape(p, width * width)
        q2 = q2 - 2.0 * g.T @ g
        if reml:
            B = (solved.root @ B.reshape(p, -1)).reshape(B.shape)
            flat = B.transpose(1, 0, 2).reshape(width, p, m)
            BB = np.einsum("paj,pbj->abj", B, B)
            logdet1 = logdet1 - BB.sum(axis=2)
            weighted = _reorder(BB.reshape(width * width, m) @ M_flat.T, width)
            rows = flat.reshape(width * p, m)
            P = (rows @ rows.T).reshape(width, p, width, p).transpose(0, 2, 1, 3)
            left = P.reshape(width * width, p * p)
            right = P.transpose(0, 1, 3, 2).reshape(width * width, p * p)
            logdet2 = logdet2 + 2.0 * weighted - left @ right.T
    return Derivatives(logdet1, q1, logdet2, q2)


def _reorder(pairs: Array, width: int) -> Array:
    """From sum_j W_ad M_bc, indexed [ad, bc], to the form [ab, cd] that acts on vec(E), vec(F)."""
    four = pairs.reshape(width, width, width, width)
    return np.ascontiguousarray(four.transpose(0, 2, 3, 1)).reshape(width**2, width**2)
