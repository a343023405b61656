"""The likelihood and its derivatives with one grouping factor: sums over independent groups."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from mixedwidgets.lmm.grouped import GroupedMoments
from mixedwidgets.lmm.linalg import Array, semidefinite_root
from mixedwidgets.lmm.small import inverse_cholesky
from mixedwidgets.lmm.solved import Blocks, Derivatives, Solved
from mixedwidgets.lmm.two_effects import differentiate_two, eliminate_two


@dataclass(frozen=True)
class SolvedGroups(Solved):
    """The likelihood at one S with one grouping factor of m levels.

    Attributes
    ----------
    moments : GroupedMoments
        The cross-products.
    columns : (K + p, K, m) array
        L_j^-1 [R_j, Q_j' X_j] by columns, with L_j the Cholesky factor of I + R_j S R_j'.
    d : (K, m) array
        L_j^-1 Q_j' r_j.
    """

    moments: GroupedMoments
    columns: Array
    d: Array

    @property
    def H(self) -> Array:
        """L_j^-1 R_j, (K, K, m)."""
        return self.columns[: self.moments.layout.width].transpose(1, 0, 2)

    @property
    def D(self) -> Array:
        """L_j^-1 Q_j' X_j, (K, p, m)."""
        return self.columns[self.moments.layout.width :].transpose(1, 0, 2)

    @property
    def u(self) -> Blocks:
        """Z' V^-1 r, (k, m) for each block."""
        return self._split(np.einsum("iaj,ij->aj", self.H, self.d))

    @property
    def B(self) -> Blocks:
        """Z' V^-1 X, (k, p, m) for each block."""
        return self._split(np.einsum("iaj,ipj->apj", self.H, self.D))

    @property
    def modes(self) -> Blocks:
        """Conditional modes in whitened coordinates, (k, m) for each block."""
        return self._split(self.S @ np.einsum("iaj,ij->aj", self.H, self.d))

    def apply(self, x: Blocks) -> Blocks:
        """M x for vectors x, (k, t, m) for each block."""
        inner = np.einsum("iaj,atj->itj", self.H, np.concatenate(x))
        return self._split(np.einsum("iaj,itj->atj", self.H, inner))

    def covariances(self, factor: int) -> Array:
        """Conditional covariances of the effects of each level of a factor; see ``Solved``."""
        return self._conditional

    @cached_property
    def _conditional(self) -> Array:
        return conditional_covariances(self.S, self.moments.R)

    def row_variances(self, columns: Array, codes: tuple[NDArray[np.intp], ...]) -> Array:
        """Conditional variance of z' b for rows z; see ``Solved``."""
        known = codes[0] >= 0
        out = np.einsum("na,ab,nb->n", columns, self.S, columns)
        z = columns[known]
        out[known] = np.einsum("na,nab,nb->n", z, self._conditional[codes[0][known]], z)
        return np.asarray(out)

    def _split(self, whole: Array) -> Blocks:
        return tuple(whole[c] for c in self.moments.layout.slices)


def solve_groups(S: Array, moments: GroupedMoments, reml: bool) -> SolvedGroups:
    """Evaluate the likelihood at one relative covariance.

    Parameters
    ----------
    S : (K, K) array
        Positive semidefinite relative covariance in whitened coordinates.
    moments : GroupedMoments
        Cross-products.
    reml : bool
        Restricted likelihood.

    Returns
    -------
    SolvedGroups
    """
    width, p = moments.layout.width, moments.ncoef
    if width == 2:
        logdet, columns = eliminate_two(S, moments)
    else:
        diagonal, rows = eliminate(moments.R, moments.C, S)
        logdet = 2.0 * float(np.log(diagonal).sum())
        columns = np.ascontiguousarray(rows.transpose(1, 0, 2))
    flat = columns[width:].reshape(p + 1, -1)
    gram = moments.within + flat @ flat.T
    d = columns[-1]
    root, delta, q = np.empty((0, 0)), np.empty(0), float(gram[p, p])
    if p:
        root = inverse_cholesky(gram[:p, :p])
        half = root @ gram[:p, p]
        delta = half @ root
        q -= float(half @ half)
        if reml:
            logdet += 2.0 * (moments.basis.logdet - float(np.log(root.diagonal()).sum()))
        d = d - (delta @ flat[:p]).reshape(d.shape)
    N = moments.nobs - p if reml else moments.nobs
    constant = -moments.sum_log_weights
    return SolvedGroups(N, logdet, q, constant, delta, root, S, moments, columns[:-1], d)


def conditional_covariances(S: Array, R: Array) -> Array:
    """Covariance of each level's effects, given the response and all else, in units of sigma^2.

    ``T (I + T' R_j' R_j T)^-1 T'`` with S = T T': no differences of large numbers.

    Parameters
    ----------
    S : (K, K) array
        Relative covariance.
    R : (K, K, m) array
        As in ``GroupedMoments``.

    Returns
    -------
    (m, K, K) array
    """
    T = semidefinite_root(S)
    RT = np.einsum("iaj,ab->jib", R, T)
    inner = np.linalg.inv(np.einsum("jia,jib->jab", RT, RT) + np.eye(len(T)))
    return np.asarray(np.einsum("ac,jcd,bd->jab", T, inner, T))


def eliminate(R: Array, C: Array, S: Array) -> tuple[Array, Array]:
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


def differentiate_groups(solved: SolvedGroups, reml: bool) -> Derivatives:
    """First and second derivatives of ``logdet`` and ``q`` in S.

    From d V^-1 [E] = -V^-1 Z E Z' V^-1:

    - log |V|: gradient sum M, second derivative -sum tr(M E M F);
    - q: gradient -sum u u' (beta is at its optimum), second derivative
      2 sum u' E M F u - 2 g_E' P^-1 g_F with g_E = sum B' E u and P = X' V^-1 X;
    - log |P|: gradient -sum B P^-1 B', second derivative
      2 sum tr(P^-1 B' E M F B) - tr(P^-1 P_E P^-1 P_F) with P_E = sum B' E B.

    Parameters
    ----------
    solved : SolvedGroups
        From ``solve_groups`` with the same ``reml``.
    reml : bool
        Restricted likelihood.

    Returns
    -------
    Derivatives
    """
    if solved.moments.layout.width == 2:
        return differentiate_two(solved.columns, solved.d, solved.root, reml)
    return differentiate_any(solved, reml)


def differentiate_any(solved: SolvedGroups, reml: bool) -> Derivatives:
    """``differentiate_groups`` for any number of random effects a group."""
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
