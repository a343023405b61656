"""The likelihood and its derivatives with several grouping factors.

The eliminated factor's levels j are independent given the other factors' effects:
V_1 = I + Z_1 S_1 Z_1' is inverted level by level. With G = Z_2' V_1^-1 Z_2 and Lambda Lambda' the
relative covariance of the other effects, the rest is dense or block-diagonal algebra on

    U = Lambda (I + Lambda' G Lambda)^-1 Lambda',
    V^-1 = V_1^-1 - V_1^-1 Z_2 U Z_2' V_1^-1

(Bates et al. 2015, section 3.2, with the first factor's block of the Cholesky factor diagonal).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from mixedwidgets.lmm.blockdiag import BlockDiagonal
from mixedwidgets.lmm.coupling import Matrix, product, row_products
from mixedwidgets.lmm.crossed import CrossedMoments
from mixedwidgets.lmm.grouped_deviance import conditional_covariances, eliminate
from mixedwidgets.lmm.linalg import Array, lower_triangle, semidefinite_root
from mixedwidgets.lmm.solved import Blocks, Derivatives, Solved

SEEN = 1e-4  # relative variance times information below which it is not divided by
REGULAR = 1e-4  # smallest diagonal element, relative to its row, of a factor to divide by


@dataclass(frozen=True)
class SolvedCrossed(Solved):
    """The likelihood at one S with several grouping factors.

    Attributes
    ----------
    moments : CrossedMoments
    H : (K1, K1, m) array
        L_j^-1 R_j, with L_j the Cholesky factor of I + R_j S_1 R_j'.
    D, d : (K1, p, m), (K1, m) arrays
        L_j^-1 Q_j' of X and of r.
    inverse_root : (K1, K1, m) array
        L_j^-1.
    factor : (K, K) array
        Lower-triangular factor of S.
    G : BlockDiagonal (q, q)
        Z_2' V_1^-1 Z_2.
    U, A : BlockDiagonal (q, q)
        Lambda A Lambda' with A = (I + Lambda' G Lambda)^-1; A is None where Lambda is zero.
    X2, r2 : (q, p), (q,) arrays
        Z_2' V_1^-1 of X and of r.
    """

    moments: CrossedMoments
    H: Array
    D: Array
    d: Array
    inverse_root: Array
    factor: Array
    G: BlockDiagonal
    U: BlockDiagonal
    A: BlockDiagonal | None
    X2: Array
    r2: Array

    @cached_property
    def u(self) -> Blocks:
        """Z' V^-1 r, (k, m) for each block."""
        first, second = self._inverse(self.d[:, None], self.r2[:, None])
        return tuple(b[:, 0] for b in self._split(first, second))

    @cached_property
    def B(self) -> Blocks:
        """Z' V^-1 X, (k, p, m) for each block."""
        return self._split(*self._inverse(self.D, self.X2))

    @cached_property
    def modes(self) -> Blocks:
        """Conditional modes in whitened coordinates, (k, m) for each block."""
        second = self.U.dot(self.r2[:, None])
        first = self.d - self._half(second)[:, 0]
        leading = self.moments.leading
        S1 = self.S[np.ix_(leading, leading)]
        modes = S1 @ np.einsum("iaj,ij->aj", self.H, first)
        return tuple(b[:, 0] for b in self._split(modes[:, None], second))

    def apply(self, x: Blocks) -> Blocks:
        """M x for vectors x, (k, t, m) for each block."""
        along, rest = self._along(x)
        return self._split(*self._inverse(along, rest))

    def _along(self, x: Blocks) -> tuple[Array, Array]:
        """L_j^-1 Q_j' Z x, (K1, t, m), and Z_2' V_1^-1 Z x, (q, t)."""
        first, second = self._join(x)
        along = np.einsum("iaj,atj->itj", self.H, first) + self._half(second)
        return along, self.moments.rest22.dot(second) + self._up(along)

    def _half(self, x: Array) -> Array:
        """L_j^-1 C_j x, (K1, t, m), for a (q, t) matrix."""
        return np.einsum("abj,btj->atj", self.inverse_root, self.moments.coupling.down(x))

    def _up(self, y: Array) -> Array:
        """Sum of C_j' L_j^-T y_j, (q, t), for a (K1, t, m) array."""
        return self.moments.coupling.up(np.einsum("abj,atj->btj", self.inverse_root, y))

    def _inverse(self, along: Array, rest: Array) -> tuple[Array, Array]:
        """Z_1' V^-1 v, (K1, t, m), and Z_2' V^-1 v, (q, t), from the same without Z_2's effects."""
        Us = self.U.dot(rest)
        first = np.einsum("iaj,itj->atj", self.H, along - self._half(Us))
        inverses, moments = self.inverses, self.moments
        second = np.empty_like(Us) if self.inverse_factor is not None else rest - self.G.dot(Us)
        for columns, inverse in inverses.items():  # S^-1 U: no difference of what is nearly equal
            where = np.stack([moments.places[c] for c in columns])
            half = np.einsum("ab,bmt->amt", inverse, Us[where])
            second[where] = np.einsum("ba,bmt->amt", inverse, half)
        return first, second

    @cached_property
    def inverses(self) -> dict[range, Array]:
        """Inverse factor (k, k) of S for each term of other factors that may be divided by.

        Dividing must cost few digits; the keys are the term's columns.
        """
        moments, out = self.moments, dict[range, Array]()
        diagonal = self.G.diagonal(0)
        for c in moments.layout.slices:
            if c.start not in moments.places:
                continue
            columns, block = range(c.start, c.stop), self.factor[c, c]
            sizes = np.abs(np.diag(block))
            information = np.array([diagonal[moments.places[i]].mean() for i in columns])
            regular = sizes > REGULAR * np.abs(block).max(axis=1)
            if np.all(regular & (sizes**2 * information > SEEN)):
                out[columns] = np.asarray(np.linalg.inv(block), dtype=np.float64)
        return out

    @cached_property
    def inverse_factor(self) -> Array | None:
        """The same as one (K, K) matrix, zero for the eliminated factor; None if any is missing."""
        if sum(map(len, self.inverses)) < len(self.moments.places):
            return None
        out = np.zeros_like(self.factor)
        for columns, inverse in self.inverses.items():
            out[np.ix_(columns, columns)] = inverse
        return out

    def products(self, x: Blocks, y: Blocks) -> Array:
        """Products ``x' M y`` of vectors x and y, (s, t)."""
        Mx = self.apply(x)
        return sum(
            (np.einsum("asj,atj->st", a, b) for a, b in zip(Mx, y, strict=True)),
            np.zeros((x[0].shape[1], y[0].shape[1])),
        )

    def _split(self, first: Array, second: Array) -> Blocks:
        """From (K1, t, m) and (q, t) arrays to blocks (k, t, m)."""
        moments = self.moments
        row = {int(c): i for i, c in enumerate(moments.leading)}
        out = []
        for columns in moments.layout.slices:
            numbers = range(columns.start, columns.stop)
            if columns.start in row:
                out.append(first[[row[c] for c in numbers]])
            else:
                out.append(np.stack([second[moments.places[c]].T for c in numbers]))
        return tuple(out)

    def _join(self, x: Blocks) -> tuple[Array, Array]:
        moments = self.moments
        row = {int(c): i for i, c in enumerate(moments.leading)}
        t = x[0].shape[1]
        first = np.zeros((len(moments.leading), t, moments.R.shape[2]))
        second = np.zeros((moments.rest22.partition.size, t))
        for columns, block in zip(moments.layout.slices, x, strict=True):
            for c, part in zip(range(columns.start, columns.stop), block, strict=True):
                if c in row:
                    first[row[c]] = part
                else:
                    second[moments.places[c]] = part.T
        return first, second

    @cached_property
    def weights(self) -> Array:
        """H_j' L_j^-1, (K1, K1, m): Z_1' V_1^-1 Z_2 is this times C_j."""
        return np.einsum("iaj,ibj->abj", self.H, self.inverse_root)

    @cached_property
    def P(self) -> list[Matrix]:
        """Z_1' V_1^-1 Z_2, one (m, q) matrix for each of the leading columns."""
        return self.moments.coupling.scaled(self.weights)

    @cached_property
    def coupled(self) -> Array:
        """P_j U P_j' for each level, (K1, K1, m)."""
        inner = self.moments.coupling.quadratic(self.U)
        return np.einsum("acj,cdj,bdj->abj", self.weights, inner, self.weights, optimize=True)

    def cross(self, a: int, b: int) -> BlockDiagonal:
        """P_a' P_b, (q, q)."""
        coupling = self.moments.coupling
        if len(self.weights) == 1:
            return coupling.gram(self.weights**2)
        return product([self.P[a]], [self.P[b]], coupling.partition)

    def covariances(self, factor: int) -> Array:
        """Conditional covariances of the effects of each level of a factor; see ``Solved``."""
        moments = self.moments
        if factor != moments.eliminated:
            columns = moments.columns_of(factor)
            first = moments.places[columns[0]]
            out = np.empty((len(first), len(columns), len(columns)))
            for a, c in enumerate(columns):
                for b in range(len(columns)):
                    out[:, a, b] = self.U.diagonal(b - a)[moments.places[c]]
            return out
        S1 = self.S[np.ix_(moments.leading, moments.leading)]
        correction = np.einsum("ac,cdj,db->jab", S1, self.coupled, S1)
        return self._alone + correction

    @cached_property
    def _alone(self) -> Array:
        """Conditional covariance of the leading effects given the others, (m, K1, K1)."""
        leading = self.moments.leading
        return conditional_covariances(self.S[np.ix_(leading, leading)], self.moments.R)

    def row_variances(self, columns: Array, codes: tuple[NDArray[np.intp], ...]) -> Array:
        """Conditional variance of z' b for rows z; see ``Solved``."""
        moments = self.moments
        n, q = len(columns), moments.rest22.partition.size
        z1, group = columns[:, moments.leading], codes[moments.eliminated]
        S1 = self.S[np.ix_(moments.leading, moments.leading)]
        known = group >= 0
        out = np.einsum("na,ab,nb->n", z1, S1, z1)
        out[known] = np.einsum("na,nab,nb->n", z1[known], self._alone[group[known]], z1[known])
        weights = z1 @ S1
        row, column, value = [], [], []
        for f in range(len(moments.levels)):
            if f == moments.eliminated:
                continue
            numbers = moments.columns_of(f)
            there = np.flatnonzero(codes[f] >= 0)
            new = codes[f] < 0
            block = columns[:, numbers]
            Sf = self.S[np.ix_(numbers, numbers)]
            out[new] += np.einsum("na,ab,nb->n", block[new], Sf, block[new])
            for c in numbers:
                row.append(there)
                column.append(moments.places[c][codes[f][there]])
                value.append(columns[there, c])
        w = csr_array(
            (np.concatenate(value), (np.concatenate(row), np.concatenate(column))), shape=(n, q)
        )
        where = np.flatnonzero(known)
        for a, P in enumerate(self.P):
            rows = csr_array(P)[group[known]]
            scale = csr_array((weights[known, a], (where, np.arange(len(where)))), (n, len(where)))
            w = w - scale @ rows
        return np.asarray(out + row_products(w, self.U, w))


def solve_crossed(S: Array, moments: CrossedMoments, reml: bool) -> SolvedCrossed:
    """Evaluate the likelihood at one relative covariance.

    Parameters
    ----------
    S : (K, K) array
        Positive semidefinite relative covariance in whitened coordinates.
    moments : CrossedMoments
        Cross-products.
    reml : bool
        Restricted likelihood.

    Returns
    -------
    SolvedCrossed
    """
    leading, p = moments.leading, moments.ncoef
    width, m = len(leading), moments.R.shape[2]
    identity = np.broadcast_to(np.eye(width)[:, :, None], (width, width, m))
    diagonal, rows = eliminate(
        moments.R, np.concatenate((moments.C, identity), axis=1), S[np.ix_(leading, leading)]
    )
    H, D, inverse_root = rows[:, :width], rows[:, width:-width], rows[:, -width:]
    coupling = moments.coupling
    inverse = np.einsum("caj,cbj->abj", inverse_root, inverse_root)
    G = coupling.gram(inverse).plus(moments.rest22)
    G2x = moments.rest2x + coupling.up(np.einsum("abj,atj->btj", inverse_root, D))
    factor = _factor(S, moments)
    U, A, logdet2, half2x = _others_inverse(G, factor, moments, G2x)
    flat = D.transpose(1, 0, 2).reshape(p + 1, -1)
    whole = moments.within + flat @ flat.T - half2x.T @ half2x
    logdet = 2.0 * float(np.log(diagonal).sum()) + logdet2
    root = np.linalg.inv(np.linalg.cholesky(whole[:p, :p])) if p else np.empty((0, 0))
    half = root @ whole[:p, p]
    delta = half @ root
    if reml and p:
        logdet += 2.0 * (moments.basis.logdet - float(np.log(np.diag(root)).sum()))
    return SolvedCrossed(
        N=moments.nobs - p if reml else moments.nobs,
        logdet=logdet,
        q=float(whole[p, p] - half @ half),
        constant=-moments.sum_log_weights,
        delta=delta,
        root=root,
        S=S,
        moments=moments,
        H=H,
        D=D[:, :p],
        d=D[:, p] - np.matmul(delta, D[:, :p]),
        inverse_root=inverse_root,
        factor=factor,
        G=G,
        U=U,
        A=A,
        X2=G2x[:, :p],
        r2=G2x[:, p] - G2x[:, :p] @ delta,
    )


def _others_inverse(
    G: BlockDiagonal, factor: Array, moments: CrossedMoments, G2x: Array
) -> tuple[BlockDiagonal, BlockDiagonal | None, float, Array]:
    """U and A, the log determinant of I + Lambda' G Lambda = L L', and L^-1 Lambda' G2x.

    Without A where Lambda is zero.
    """
    bands = _bands(factor, moments)
    if not any(band.any() for band in bands):
        return G.partition.zeros(), None, 0.0, np.zeros_like(G2x)
    right = G2x * bands[0][:, None]
    for offset, band in enumerate(bands[1:], start=1):
        right[:-offset] += band[:-offset, None] * G2x[offset:]
    A, logdet, half = _plus_identity(_sandwich(G, bands)).positive_inverse(right)
    if len(bands) == 1:
        return A.scaled(bands[0], bands[0]), A, logdet, half
    U = _times(_times(A, bands, transposed=True).T, bands, transposed=True)
    return U, A, logdet, half


def _factor(S: Array, moments: CrossedMoments) -> Array:
    out = np.zeros_like(S)
    for columns in moments.layout.slices:
        block = S[columns, columns]
        if len(block) == 1:
            out[columns, columns] = np.sqrt(block)
        else:
            out[columns, columns] = lower_triangle(semidefinite_root(block))
    return out


def _bands(factor: Array, moments: CrossedMoments) -> list[Array]:
    """Lambda's diagonals: band o holds element (c + o, c) for each column c of Z_2."""
    kind = moments.kind
    bands = [np.diag(factor)[kind]]
    widest = max(moments.layout.sizes)
    for offset in range(1, widest):
        below = np.zeros(factor.shape[0] + offset)
        below[: len(factor) - offset] = np.diagonal(factor, -offset)
        bands.append(below[kind])
    return bands


def _times(matrix: BlockDiagonal, bands: list[Array], transposed: bool = False) -> BlockDiagonal:
    """``matrix @ Lambda``, or ``matrix @ Lambda'``."""
    ones = np.ones(len(bands[0]))
    out = matrix.scaled(ones, bands[0])
    for offset, band in enumerate(bands[1:], start=1):
        if not band.any():
            continue
        if transposed:
            moved = np.zeros_like(band)
            moved[offset:] = band[:-offset]
            out = out + matrix.shifted(0, -offset).scaled(ones, moved)
        else:
            out = out + matrix.shifted(0, offset).scaled(ones, band)
    return out


def _sandwich(matrix: BlockDiagonal, bands: list[Array]) -> BlockDiagonal:
    """``Lambda' @ matrix @ Lambda`` for a symmetric matrix."""
    if len(bands) == 1:
        return matrix.scaled(bands[0], bands[0])
    return _times(_times(matrix, bands).T, bands)


def _plus_identity(matrix: BlockDiagonal) -> BlockDiagonal:
    for part in matrix.parts:
        np.einsum("cii->ci", part)[:] += 1.0
    return matrix


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
    return _sandwich(solved.A.complement(), _bands(inverse, solved.moments))


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
        bands = None if inverse is None else _bands(inverse, moments)
        F = _kept(solved, bands)
        for pair, whole in cross.items():
            if bands is None:
                KF = whole - KU[pair] @ solved.G
            else:
                KF = _times(_times(KU[pair], bands, transposed=True), bands)
            _across(out, solved, pair, KF, F)
    out[np.ix_(leading, leading, leading, leading)] = -own


def _kept(solved: SolvedCrossed, bands: list[Array] | None) -> BlockDiagonal:
    """F = I - U G = U S^-1, so that Z_1' V^-1 Z_2 = P F; S^-1 by the bands of Lambda^-1."""
    if bands is None:
        return (solved.U @ solved.G).complement()
    return _times(_times(solved.U, bands, transposed=True), bands)


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
