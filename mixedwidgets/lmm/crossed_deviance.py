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
from mixedwidgets.lmm.crossed import CrossedMoments, gram
from mixedwidgets.lmm.grouped_deviance import eliminate
from mixedwidgets.lmm.linalg import Array, lower_triangle, semidefinite_root
from mixedwidgets.lmm.solved import Blocks, Derivatives, Solved

SMALL = 300  # columns of the other factors up to which exact second derivatives cost little
CHUNK = 4_000_000  # elements of one dense piece of a sparse product
Matrix = Array | csr_array


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
    halves : list of K1 (m, q) matrices
        L_j^-1 Q_j' Z_2, row by row.
    inverse_root : (K1, K1, m) array
        L_j^-1.
    factor : (K, K) array
        Lower-triangular factor of S.
    G : BlockDiagonal (q, q)
        Z_2' V_1^-1 Z_2.
    U, A : BlockDiagonal (q, q)
        Lambda A Lambda' with A = (I + Lambda' G Lambda)^-1.
    X2, r2 : (q, p), (q,) arrays
        Z_2' V_1^-1 of X and of r.
    """

    moments: CrossedMoments
    H: Array
    D: Array
    d: Array
    halves: list[Matrix]
    inverse_root: Array
    factor: Array
    G: BlockDiagonal
    U: BlockDiagonal
    A: BlockDiagonal
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
        first = self.d - np.stack([h @ second[:, 0] for h in self.halves])
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
        along = np.einsum("iaj,atj->itj", self.H, first)
        along += np.stack([(h @ second).T for h in self.halves])
        rest = self.moments.rest22.dot(second)
        for half, line in zip(self.halves, along, strict=True):
            rest += half.T @ line.T
        return along, rest

    def _inverse(self, along: Array, rest: Array) -> tuple[Array, Array]:
        """Z_1' V^-1 v, (K1, t, m), and Z_2' V^-1 v, (q, t), from the same without Z_2's effects."""
        Us = self.U.dot(rest)
        inner = along - np.stack([(h @ Us).T for h in self.halves])
        return np.einsum("iaj,itj->atj", self.H, inner), rest - self.G.dot(Us)

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
    def P(self) -> list[Matrix]:
        """H_j' L_j^-1 Q_j' Z_2, one (m, q) matrix for each of the leading columns."""
        weights = np.einsum("iaj,ibj->abj", self.H, self.inverse_root)
        return self.moments.coupling.scaled(weights)

    @cached_property
    def coupled(self) -> Array:
        """P_j U P_j' for each level, (K1, K1, m)."""
        P, m = self.P, self.moments.R.shape[2]
        out = np.empty((len(P), len(P), m))
        for a, left in enumerate(P):
            for b in range(a, len(P)):
                out[a, b] = out[b, a] = _row_products(left, self.U, P[b])
        return out

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
        moments = self.moments
        T = semidefinite_root(self.S[np.ix_(moments.leading, moments.leading)])
        RT = np.einsum("iaj,ab->jib", moments.R, T)
        inner = np.linalg.inv(np.einsum("jia,jib->jab", RT, RT) + np.eye(len(T)))
        return np.asarray(np.einsum("ac,jcd,bd->jab", T, inner, T))

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
        return np.asarray(out + _row_products(w, self.U, w))


def _row_products(left: Matrix, U: BlockDiagonal, right: Matrix) -> Array:
    """The diagonal of ``left U right'``, row by row."""
    if len(U.parts) > 1 or len(U.parts[0]) > 1:
        product = csr_array(left) @ U.sparse()
        return np.asarray(product.multiply(csr_array(right)).sum(axis=1)).reshape(-1)
    m, q = left.shape
    out = np.empty(m)
    step = max(1, CHUNK // max(q, 1))
    dense = U.parts[0][0]
    for low in range(0, m, step):
        piece = left[low : low + step] @ dense
        other = right[low : low + step]
        if isinstance(other, np.ndarray):
            out[low : low + step] = np.einsum("ij,ij->i", piece, other)
        else:
            out[low : low + step] = other.multiply(piece).sum(axis=1)
    return out


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
    halves = moments.coupling.scaled(inverse_root)
    G, G2x = moments.rest22, moments.rest2x
    for half, line in zip(halves, D, strict=True):
        G = G + gram(half, half, G.partition)
        G2x = G2x + half.T @ line.T
    factor = _factor(S, moments)
    bands = _bands(factor, moments)
    inner = _times(_times(G, bands).T, bands)
    A, logdet2 = _plus_identity(inner).positive_inverse()
    U = _times(_times(A, bands, transposed=True).T, bands, transposed=True)
    flat = D.transpose(1, 0, 2).reshape(p + 1, -1)
    whole = moments.within + flat @ flat.T - G2x.T @ U.dot(G2x)
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
        halves=halves,
        inverse_root=inverse_root,
        factor=factor,
        G=G,
        U=U,
        A=A,
        X2=G2x[:, :p],
        r2=G2x[:, p] - G2x[:, :p] @ delta,
    )


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
        With False and many columns, the second derivative of ``logdet`` is that of the average
        information (Gilmour, Thompson and Cullis 1995, Biometrics 51, 1440-1450).

    Returns
    -------
    Derivatives
    """
    layout = solved.moments.layout
    exact = exact or solved.moments.rest22.partition.size <= SMALL
    K = layout.width
    full = M22(solved) if exact or not _regular(solved) else None
    logdet1, q1 = _logdet_gradient(solved, full), np.zeros((K, K))
    for columns, u in zip(layout.slices, solved.u, strict=True):
        q1[columns, columns] = -u @ u.T
    u_pairs, where = _pairs(solved, tuple(u[:, None] for u in solved.u))
    q2 = 2.0 * _quadratic(solved, u_pairs, where)
    scaled = tuple(np.einsum("rp,kpm->krm", solved.root, B) for B in solved.B)
    if len(solved.root):
        g = _against(solved, scaled)
        q2 = q2 - 2.0 * g.T @ g
    if exact:
        logdet2 = _logdet_hessian(solved, M22(solved) if full is None else full)
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


def _regular(solved: SolvedCrossed) -> bool:
    """Whether every block of the factor is far enough from singular to be divided by."""
    diagonal = np.abs(np.diag(solved.factor))
    return bool(np.all(diagonal > 1e-4 * np.abs(solved.factor).max(axis=1)) and diagonal.all())


def _alone(solved: SolvedCrossed) -> bool:
    """Whether the other factors' effects have no variance."""
    return not solved.factor[:, list(solved.moments.places)].any()


def M22(solved: SolvedCrossed) -> BlockDiagonal:
    """Z_2' V^-1 Z_2."""
    if _alone(solved):
        return solved.G
    return solved.G - (solved.G @ solved.U) @ solved.G


def _logdet_gradient(solved: SolvedCrossed, full: BlockDiagonal | None) -> Array:
    """Sums of M over the levels of each factor, (K, K)."""
    moments = solved.moments
    K = moments.layout.width
    out = np.zeros((K, K))
    leading = moments.leading
    partition = solved.G.partition
    own = np.einsum("iaj,ibj->ab", solved.H, solved.H)
    for a, left in enumerate(solved.P):
        for b in range(a, len(leading)):
            if not _alone(solved):
                own[a, b] -= solved.U.inner(gram(left, solved.P[b], partition))
                own[b, a] = own[a, b]
    out[np.ix_(leading, leading)] = own
    for columns in moments.layout.slices:
        numbers = range(columns.start, columns.stop)
        if columns.start in moments.places:
            out[columns, columns] = _level_sums(solved, full, list(numbers))
    return out


def _level_sums(solved: SolvedCrossed, full: BlockDiagonal | None, numbers: list[int]) -> Array:
    """Sum of M over the levels of one block of another factor, (k, k)."""
    k, places = len(numbers), solved.moments.places
    out = np.empty((k, k))
    if full is not None:
        for a, c in enumerate(numbers):
            for b in range(k):
                out[a, b] = full.diagonal(b - a)[places[c]].sum()
        return out
    scaled = _times(solved.G, _bands(solved.factor, solved.moments)).T
    for offset in range(1 - k, k):
        line = scaled.column_products(solved.A.shifted(0, offset))
        for a, c in enumerate(numbers):
            if 0 <= a + offset < k:
                out[a, a + offset] = line[places[c]].sum()
    block = solved.factor[numbers[0] : numbers[-1] + 1, numbers[0] : numbers[-1] + 1]
    return np.asarray(np.linalg.solve(block.T, out.T).T)


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


def _logdet_hessian(solved: SolvedCrossed, full: BlockDiagonal) -> Array:
    """Second derivative of log |V|: minus the sums of M_bc M_da over pairs of levels."""
    moments = solved.moments
    K = moments.layout.width
    out = np.zeros((K, K, K, K))
    _among_others(out, full, moments)
    _among_leading(out, solved)
    _across(out, solved)
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


def _among_leading(out: Array, solved: SolvedCrossed) -> None:
    leading, partition = solved.moments.leading, solved.G.partition
    width = len(leading)
    W = np.einsum("iaj,ibj->abj", solved.H, solved.H)
    own = np.einsum("bcj,daj->abcd", W, W)
    if not _alone(solved):
        V = solved.coupled
        own -= np.einsum("bcj,daj->abcd", W, V) + np.einsum("bcj,daj->abcd", V, W)
        UK = {
            (a, b): solved.U @ gram(solved.P[a], solved.P[b], partition)
            for a in range(width)
            for b in range(width)
        }
        for a, b, c, d in np.ndindex(width, width, width, width):
            own[a, b, c, d] += UK[c, d].inner(UK[a, b].T)
    out[np.ix_(leading, leading, leading, leading)] = -own


def _across(out: Array, solved: SolvedCrossed) -> None:
    moments, partition = solved.moments, solved.G.partition
    leading = moments.leading
    alone = _alone(solved)
    if not alone:
        F = _plus_identity(_negative(solved.U @ solved.G))
    blocks = [range(c.start, c.stop) for c in moments.layout.slices if c.start in moments.places]
    widest = max(len(b) for b in blocks)
    for a, left in enumerate(solved.P):
        for b, other in enumerate(solved.P):
            K_ba = gram(other, left, partition)
            KF = K_ba if alone else K_ba @ F
            for offset in range(1 - widest, widest):
                line = KF.diagonal(offset) if alone else F.column_products(KF.shifted(0, offset))
                for block in blocks:
                    for c in block:
                        if c + offset in block:
                            value = -line[moments.places[c]].sum()
                            out[leading[a], leading[b], c, c + offset] = value
                            out[c, c + offset, leading[a], leading[b]] = value


def _negative(matrix: BlockDiagonal) -> BlockDiagonal:
    return BlockDiagonal(matrix.partition, tuple(-a for a in matrix.parts))
