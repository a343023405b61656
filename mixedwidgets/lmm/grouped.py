"""Cross-products of one grouping factor, taken once.

Within each group the random-effects columns are put through an orthonormal basis Q_j (modified
Gram-Schmidt), Z_j = Q_j R_j.

With S the relative covariance in whitened coordinates, the marginal covariance of a group is
``sigma^2 (I + Q_j R_j S R_j' Q_j')``. Its inverse acts as ``(I + R_j S R_j')^-1`` on Q_j and as the
identity on the rest, so a likelihood needs only R_j, Q_j'[X, y] and the cross-products of what is
left over: sums of nonnegative parts, without cancellation.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from mixedwidgets.lmm.crossproducts import Coordinates, Moments
from mixedwidgets.lmm.linalg import Array, rows_at_a_time
from mixedwidgets.lmm.lines import Lines

FEW = 8  # rows whose products are quicker taken one by one than by a matrix product
NEGLIGIBLE = 1e-18  # squared length, relative, below which a column adds nothing within a group


@dataclass(frozen=True)
class GroupedMoments(Moments):
    """Cross-products of a model with one grouping factor of m levels.

    Attributes
    ----------
    R : (K, K, m) array
        ``R[:, :, j]`` is the upper-triangular factor of the whitened random-effects columns.
    C : (K, p + 1, m) array
        Coordinates in Q_j of the fixed-effects basis and, last, of the least-squares residual.
    within : (p + 1, p + 1) array
        Cross-products of the same columns after projecting out Q_j, summed over groups.
    """

    R: Array
    C: Array
    within: Array

    def typical_squares(self) -> tuple[Array, ...]:
        """Mean cross-products Z_j' Z_j of a level, (k, k) for each block."""
        M = self.squares.mean(axis=2)
        return tuple(M[c, c] for c in self.layout.slices)

    @cached_property
    def squares(self) -> Array:
        """Z_j' Z_j of each level, (K, K, m)."""
        return np.asarray(np.einsum("iaj,ibj->abj", self.R, self.R))

    @cached_property
    def square_pairs(self) -> Array:
        """Products of two elements of Z_j' Z_j summed over levels, (K, K, K, K)."""
        flat = self.squares.reshape(-1, self.ngroups)
        return np.asarray((flat @ flat.T).reshape(self.squares.shape[:2] * 2))

    @cached_property
    def two_forms(self) -> Array:
        """For two effects: what (S_11, S_12, S_22, det S) give, (4, 3 m).

        A_12, A_11 - 1 and det(A) - 1 of A_j = I + R_j S R_j' are linear in these four.
        """
        r11, r12, r22 = self.R[0, 0], self.R[0, 1], self.R[1, 1]
        out = np.zeros((4, 3, self.ngroups))
        across, first, determinant = out[:, 0], out[:, 1], out[:, 2]
        across[1], across[2] = r11 * r22, r12 * r22
        first[0], first[1], first[2] = r11 * r11, 2.0 * r11 * r12, r12 * r12
        determinant[:3] = first[:3]
        determinant[2] += r22 * r22
        determinant[3] = across[1] * across[1]
        return out.reshape(4, -1)

    @cached_property
    def stacked(self) -> Array:
        """R and C by columns, (K + p + 1, K, m)."""
        both = np.concatenate((self.R, self.C), axis=1)
        return np.ascontiguousarray(both.transpose(1, 0, 2))

    def transformed(self, change: Array, ols: Array) -> GroupedMoments:
        """The same data with other fixed-effects coordinates: ``[X, r] @ change``."""
        return replace(
            self,
            C=np.ascontiguousarray(np.matmul(change.T, self.C)),
            within=change.T @ self.within @ change,
            ols=ols,
        )


def grouped_moments(columns: Coordinates) -> GroupedMoments:
    """Take the cross-products of a design with one grouping factor.

    Parameters
    ----------
    columns : Coordinates
        Of a design with all random-effects terms over the same grouping factor.

    Returns
    -------
    GroupedMoments
    """
    grouping = columns.design.groupings[0]
    R, C, within = _by_groups(columns, grouping.codes, len(grouping.levels))
    return GroupedMoments(**columns.shared.fields(), R=R, C=C, within=within)


def _by_groups(
    columns: Coordinates, codes: NDArray[np.intp], ngroups: int
) -> tuple[Array, Array, Array]:
    """Cross-products of whole groups, a few groups at a time; see ``GroupedMoments``."""
    lines = Lines.of(columns)
    width, t = lines.white.shape
    ends, order = _sorted_groups(codes, ngroups)
    counts = ends.copy()
    counts[1:] -= ends[:-1]
    step = rows_at_a_time(t)
    length, along = np.empty((width, ngroups)), np.empty((width, t, ngroups))
    rest = np.zeros((t, t))
    first = 0
    while first < ngroups:
        low = int(ends[first] - counts[first])
        last = max(int(np.searchsorted(ends, low + step, side="right")), first + 1)
        rows = slice(low, int(ends[last - 1])) if order is None else order[low : ends[last - 1]]
        these = slice(first, last)
        left = _take_out(lines, lines(rows), counts[these], length[:, these], along[:, :, these])
        rest += _gram(left)
        first = last
    R, C = np.matmul(lines.white, along), np.matmul(lines.fixed, along)
    if lines.first:
        root = np.copysign(np.sqrt(counts), lines.white_level[0])
        R[0] += lines.white_level[:, None] * root
        C[0] += lines.fixed_level[:, None] * root
    for i in range(width):
        R[i, i], R[i + 1 :, i] = length[i], 0.0
    return R, C, lines.fixed @ rest @ lines.fixed.T


def _gram(rows: Array) -> Array:
    """``rows @ rows.T``: of a few long rows quicker one by one."""
    if len(rows) > FEW:
        return rows @ rows.T
    return np.array([rows @ row for row in rows])


def _take_out(
    lines: Lines, left: Array, counts: NDArray[np.intp], length: Array, along: Array
) -> Array:
    """Modified Gram-Schmidt with whitened columns that are combinations of rows.

    Parameters
    ----------
    lines : Lines
    left : (t, n) array
        The rows, one group after the other; used up.
    counts : (m,) array of int
        Number of rows of each group.
    length : (K, m) array
        Filled with what the columns have beside earlier ones.
    along : (K, t, m) array
        Filled with the coordinates of the rows.

    Returns
    -------
    (t, n) array
        What is left of the rows.
    """
    starts = np.cumsum(counts) - counts
    if lines.first:
        sums = np.add.reduceat(left, starts, axis=1)
        root = np.sqrt(counts)
        length[0] = abs(lines.white_level[0]) * root
        np.divide(sums, np.copysign(root, lines.white_level[0]), out=along[0])
        left -= np.repeat(sums / counts, counts, axis=1)
    for i in range(lines.first, len(length)):
        direction = lines.white[i] @ left
        square = np.add.reduceat(direction * direction, starts)
        before = np.matmul(lines.white[i], along[:i])
        square[square <= NEGLIGIBLE * (square + np.einsum("im,im->m", before, before))] = 0.0
        length[i] = np.sqrt(square)
        inverse = np.divide(1.0, length[i], out=np.zeros_like(square), where=square > 0.0)
        direction *= np.repeat(inverse, counts)
        along[i] = np.add.reduceat(left * direction, starts, axis=1)
        taken = np.repeat(along[i], counts, axis=1)
        taken *= direction
        left -= taken
    return left


def _sorted_groups(
    codes: NDArray[np.intp], ngroups: int
) -> tuple[NDArray[np.intp], NDArray[np.intp] | None]:
    """Where each group ends in the rows sorted by group, and their order where they are not."""
    if (codes[1:] >= codes[:-1]).all():
        ends = np.append(np.flatnonzero(codes[1:] != codes[:-1]) + 1, len(codes))
        if len(ends) == ngroups:
            return ends, None
    ends = np.cumsum(np.bincount(codes, minlength=ngroups))
    return ends, np.argsort(codes, kind="stable")


@dataclass(frozen=True)
class Orthogonal:
    """Columns split into what lies along each group's random effects and what is left over.

    Attributes
    ----------
    R : (K, K, m) array
        Upper-triangular factors of the first K columns.
    C : (K, t - K, m) array
        Coordinates of the other columns.
    rest : (t - K, n) array
        What is left of them.
    Q : (K, n) array
        The orthonormal columns, zero where a column adds nothing in a group.
    """

    R: Array
    C: Array
    rest: Array
    Q: Array


def orthogonalise(columns: Array, counts: NDArray[np.intp], width: int) -> Orthogonal:
    """Modified Gram-Schmidt within every group at once.

    Parameters
    ----------
    columns : (t, n) array
        Rows of one group after the other; the first ``width`` columns are orthogonalised, then
        taken out of the others. Used up.
    counts : (m,) array of int
        Number of rows of each group, at least 1.
    width : int
        Number of columns to orthogonalise.

    Returns
    -------
    Orthogonal
    """
    starts = np.cumsum(counts) - counts
    total = columns.shape[0]
    coordinates = np.zeros((width, total, len(counts)))
    original = np.add.reduceat(columns[:width] ** 2, starts, axis=1)
    for i in range(width):
        direction, rest = columns[i], columns[i + 1 :]
        square = np.add.reduceat(direction * direction, starts)
        used = square > NEGLIGIBLE * original[i]
        length = np.sqrt(square)
        inverse = np.divide(1.0, length, out=np.zeros_like(length), where=used)
        direction *= np.repeat(inverse, counts)
        along = np.add.reduceat(rest * direction, starts, axis=1)
        coordinates[i, i] = np.where(used, length, 0.0)
        coordinates[i, i + 1 :] = along
        rest -= np.repeat(along, counts, axis=1) * direction
    return Orthogonal(
        R=np.ascontiguousarray(coordinates[:, :width]),
        C=np.ascontiguousarray(coordinates[:, width:]),
        rest=columns[width:],
        Q=columns[:width],
    )


def orthogonalise_rows(
    columns: Array, codes: NDArray[np.intp], ngroups: int, width: int
) -> Orthogonal:
    """The same for rows in any order, those of the answer sorted by group; nothing is used up."""
    columns = columns[:, np.argsort(codes, kind="stable")]
    return orthogonalise(columns, np.bincount(codes, minlength=ngroups), width)
