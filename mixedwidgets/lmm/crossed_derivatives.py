"""The derivatives of the likelihood with several grouping factors.

Written with M = Z' V^-1 Z between all levels, as in ``crossed_deviance``: its block of the
eliminated factor is sparse plus low rank, its block of the others block-diagonal.
"""

from __future__ import annotations

import numpy as np

from mixedwidgets.lmm.blockdiag import BlockDiagonal
from mixedwidgets.lmm.crossed import CrossedMoments
from mixedwidgets.lmm.crossed_deviance import SolvedCrossed, bands_of, sandwich, times
from mixedwidgets.lmm.linalg import Array
from mixedwidgets.lmm.solved import Blocks, Derivatives


def differentiate_crossed(solved: SolvedCrossed, reml: bool, exact: bool = True) -> Derivatives:
    """First and second derivatives of ``logdet`` and ``q`` in S.

    The formulas are those of ``differentiate_groups``, with M between all levels.

    Parameters
    ----------
    solved : SolvedCrossed
        From ``solve_crossed`` with the same ``reml``.
    reml : bool
        Restricted likelihood.
    exact : bool
        With False, the second derivative of ``logdet`` is that of the average
        information (Gilmour, Thompson and Cullis 1995, Biometrics 51, 1440-1450).

    Returns
    -------
    Derivatives
    """
    layout = solved.moments.layout
    K = layout.width
    inverse = solved.inverse_factor
    full = M22(solved, inverse) if exact or inverse is None else None
    logdet1, q1 = _logdet_gradient(solved, full, inverse), np.zeros((K, K))
    for columns, u in zip(layout.slices, solved.u, strict=True):
        q1[columns, columns] = -u @ u.T
    u_pairs, where = _pairs(solved, tuple(u[:, None] for u in solved.u))
    q2 = 2.0 * _quadratic(solved, u_pairs, where)
    scaled = tuple(np.einsum("rp,kpm->krm", solved.root, B) for B in solved.B)
    if len(solved.root):
        g = _against(solved, scaled)
        q2 = q2 - 2.0 * g.T @ g
    if exact:
        assert full is not None
        logdet2 = _logdet_hessian(solved, full, inverse)
    else:
        logdet2 = -0.5 * (solved.N / solved.q) * q2
    if reml and len(solved.root):
        for columns, B in zip(layout.slices, scaled, strict=True):
            logdet1[columns, columns] -= np.einsum("apj,bpj->ab", B, B)
        if exact:
            pairs, where = _pairs(solved, scaled)
            logdet2 = logdet2 + 2.0 * _quadratic(solved, pairs, where)
            P = _spread(solved, scaled)
            left = P.reshape(K * K, -1)
            logdet2 = logdet2 - left @ P.transpose(0, 1, 3, 2).reshape(K * K, -1).T
    return Derivatives(logdet1, q1, logdet2, q2)


def M22(solved: SolvedCrossed, inverse: Array | None) -> BlockDiagonal:
    """Z_2' V^-1 Z_2 = Lambda^-T (I - A) Lambda^-1."""
    if solved.A is None:
        return solved.G
    if inverse is None:
        return solved.G - (solved.G @ solved.U) @ solved.G
    return sandwich(solved.A.complement(), bands_of(inverse, solved.moments))


def _logdet_gradient(
    solved: SolvedCrossed, full: BlockDiagonal | None, inverse: Array | None
) -> Array:
    """Sums of M over the levels of each factor, (K, K)."""
    moments = solved.moments
    K = moments.layout.width
    out = np.zeros((K, K))
    leading = moments.leading
    own = np.einsum("iaj,ibj->ab", solved.H, solved.H)
    if solved.A is not None:
        own -= solved.coupled.sum(axis=2)
    out[np.ix_(leading, leading)] = own
    for columns in moments.layout.slices:
        numbers = list(range(columns.start, columns.stop))
        if columns.start not in moments.places:
            continue
        if full is not None:
            out[columns, columns] = _level_sums(full, numbers, moments)
        else:
            assert solved.A is not None
            assert inverse is not None
            size = len(moments.places[columns.start])
            left = size * np.eye(len(numbers)) - _level_sums(solved.A, numbers, moments)
            out[columns, columns] = inverse[columns, columns].T @ left @ inverse[columns, columns]
    return out


def _level_sums(matrix: BlockDiagonal, numbers: list[int], moments: CrossedMoments) -> Array:
    """Sum of a matrix's diagonal (k, k) blocks over the levels of one term of another factor."""
    k = len(numbers)
    out = np.empty((k, k))
    for offset in range(1 - k, k):
        line = matrix.diagonal(offset)
        for a, c in enumerate(numbers):
            if 0 <= a + offset < k:
                out[a, a + offset] = line[moments.places[c]].sum()
    return out


def _pairs(solved: SolvedCrossed, x: Blocks) -> tuple[Blocks, list[tuple[int, int]]]:
    """Vectors that hold effect a of a block in the place of effect b, for all pairs (a, b).

    Each comes t times in turn, once for every vector in x; the pairs are numbered among the K.
    """
    layout = solved.moments.layout
    names = [
        (a, b)
        for columns in layout.slices
        for a in range(columns.start, columns.stop)
        for b in range(columns.start, columns.stop)
    ]
    t = x[0].shape[1]
    out = tuple(np.zeros((len(b), len(names) * t, b.shape[2])) for b in x)
    at = 0
    for columns, block, place in zip(layout.slices, x, out, strict=True):
        k = columns.stop - columns.start
        for a in range(k):
            for b in range(k):
                place[b, at : at + t] = block[a]
                at += t
    return out, names


def _quadratic(solved: SolvedCrossed, x: Blocks, names: list[tuple[int, int]]) -> Array:
    """Sums over levels of x_a M_bc x_d for all pairs (a, b), (c, d): (K * K, K * K)."""
    K, count = solved.moments.layout.width, len(names)
    t = x[0].shape[1] // count
    products = solved.products(x, x).reshape(count, t, count, t)
    traced = np.einsum("irjr->ij", products)
    out = np.zeros((K * K, K * K))
    rows = [a * K + b for a, b in names]
    columns = [b * K + a for a, b in names]
    out[np.ix_(rows, columns)] = traced
    return out


def _against(solved: SolvedCrossed, scaled: Blocks) -> Array:
    """Sums over levels of B_a u_b within blocks, (p, K * K)."""
    K = solved.moments.layout.width
    out = np.zeros((len(solved.root), K, K))
    for columns, B, u in zip(solved.moments.layout.slices, scaled, solved.u, strict=True):
        out[:, columns, columns] = np.einsum("apj,bj->pab", B, u)
    return out.reshape(-1, K * K)


def _spread(solved: SolvedCrossed, scaled: Blocks) -> Array:
    """Sums over levels of B_a B_b' within blocks, (K, K, p, p)."""
    K, p = solved.moments.layout.width, len(solved.root)
    out = np.zeros((K, K, p, p))
    for columns, B in zip(solved.moments.layout.slices, scaled, strict=True):
        k, m = len(B), B.shape[2]
        flat = B.reshape(k * p, m)
        whole = (flat @ flat.T).reshape(k, p, k, p).transpose(0, 2, 1, 3)
        out[columns, columns] = whole
    return out


def _logdet_hessian(solved: SolvedCrossed, full: BlockDiagonal, inverse: Array | None) -> Array:
    """Second derivative of log |V|: minus the sums of M_bc M_da over pairs of levels."""
    moments = solved.moments
    K = moments.layout.width
    out = np.zeros((K, K, K, K))
    _among_others(out, full, moments)
    _leading_parts(out, solved, inverse)
    return out.reshape(K * K, K * K)


def _among_others(out: Array, full: BlockDiagonal, moments: CrossedMoments) -> None:
    K = moments.layout.width
    kinds = np.zeros((len(moments.kind), K))
    kinds[np.arange(len(moments.kind)), moments.kind] = 1.0
    blocks = [range(c.start, c.stop) for c in moments.layout.slices if c.start in moments.places]
    widest = max(len(b) for b in blocks)
    for down in range(1 - widest, widest):
        for right in range(1 - widest, widest):
            shifted = full.shifted(down, right)
            parts = tuple(a * b for a, b in zip(full.parts, shifted.parts, strict=True))
            sums = BlockDiagonal(full.partition, parts).sums(kinds)
            for left in blocks:
                for other in blocks:
                    for a in left:
                        for d in other:
                            if a + down in left and d + right in other:
                                out[a, a + down, d + right, d] = -sums[a, d]


def _leading_parts(out: Array, solved: SolvedCrossed, inverse: Array | None) -> None:
    """Pairs of levels of the eliminated factor, and pairs of it with the others."""
    moments = solved.moments
    leading, width = moments.leading, len(moments.leading)
    W = np.einsum("iaj,ibj->abj", solved.H, solved.H)
    own = np.einsum("bcj,daj->abcd", W, W)
    cross = {(a, b): solved.cross(a, b) for a, b in np.ndindex(width, width)}
    if solved.A is None:
        for (a, b), whole in cross.items():
            _across(out, solved, (a, b), whole, None)
    else:
        V = solved.coupled
        own -= np.einsum("bcj,daj->abcd", W, V) + np.einsum("bcj,daj->abcd", V, W)
        KU = {pair: whole @ solved.U for pair, whole in cross.items()}
        for a, b, c, d in np.ndindex(width, width, width, width):
            own[a, b, c, d] += KU[c, d].inner(KU[a, b].T)
        bands = None if inverse is None else bands_of(inverse, moments)
        F = _kept(solved, bands)
        for pair, whole in cross.items():
            if bands is None:
                KF = whole - KU[pair] @ solved.G
            else:
                KF = times(times(KU[pair], bands, transposed=True), bands)
            _across(out, solved, pair, KF, F)
    out[np.ix_(leading, leading, leading, leading)] = -own


def _kept(solved: SolvedCrossed, bands: list[Array] | None) -> BlockDiagonal:
    """F = I - U G = U S^-1, so that Z_1' V^-1 Z_2 = P F; S^-1 by the bands of Lambda^-1."""
    if bands is None:
        return (solved.U @ solved.G).complement()
    return times(times(solved.U, bands, transposed=True), bands)


def _across(
    out: Array,
    solved: SolvedCrossed,
    pair: tuple[int, int],
    KF: BlockDiagonal,
    F: BlockDiagonal | None,
) -> None:
    """Minus the sums over levels of F' K_ab F between effects c and d of the other factors.

    The pair (a, b) of K = P_a' P_b stands for the elements (b, a) of the eliminated factor.
    """
    moments = solved.moments
    left, right = moments.leading[pair[1]], moments.leading[pair[0]]
    blocks = [range(c.start, c.stop) for c in moments.layout.slices if c.start in moments.places]
    widest = max(len(b) for b in blocks)
    for offset in range(1 - widest, widest):
        line = KF.diagonal(offset) if F is None else F.column_products(KF.shifted(0, offset))
        for block in blocks:
            for c in block:
                if c + offset in block:
                    value = -line[moments.places[c]].sum()
                    out[left, right, c, c + offset] = value
                    out[c, c + offset, left, right] = value
