"""The likelihood with several grouping factors.

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
from mixedwidgets.lmm.solved import Blocks, Solved

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
    bands = bands_of(factor, moments)
    if not any(band.any() for band in bands):
        return G.partition.zeros(), None, 0.0, np.zeros_like(G2x)
    right = G2x * bands[0][:, None]
    for offset, band in enumerate(bands[1:], start=1):
        right[:-offset] += band[:-offset, None] * G2x[offset:]
    A, logdet, half = _plus_identity(sandwich(G, bands)).positive_inverse(right)
    if len(bands) == 1:
        return A.scaled(bands[0], bands[0]), A, logdet, half
    U = times(times(A, bands, transposed=True).T, bands, transposed=True)
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


def bands_of(factor: Array, moments: CrossedMoments) -> list[Array]:
    """Lambda's diagonals: band o holds element (c + o, c) for each column c of Z_2."""
    kind = moments.kind
    bands = [np.diag(factor)[kind]]
    widest = max(moments.layout.sizes)
    for offset in range(1, widest):
        below = np.zeros(factor.shape[0] + offset)
        below[: len(factor) - offset] = np.diagonal(factor, -offset)
        bands.append(below[kind])
    return bands


def times(matrix: BlockDiagonal, bands: list[Array], transposed: bool = False) -> BlockDiagonal:
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


def sandwich(matrix: BlockDiagonal, bands: list[Array]) -> BlockDiagonal:
    """``Lambda' @ matrix @ Lambda`` for a symmetric matrix."""
    if len(bands) == 1:
        return matrix.scaled(bands[0], bands[0])
    return times(times(matrix, bands).T, bands)


def _plus_identity(matrix: BlockDiagonal) -> BlockDiagonal:
    for part in matrix.parts:
        np.einsum("cii->ci", part)[:] += 1.0
    return matrix
