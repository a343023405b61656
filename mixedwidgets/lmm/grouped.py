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

import numpy as np
from numpy.typing import NDArray

from mixedwidgets.lmm.crossproducts import Coordinates, Moments
from mixedwidgets.lmm.linalg import PIECE, Array

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
        M = np.einsum("iaj,ibj->ab", self.R, self.R) / self.ngroups
        return tuple(M[c, c] for c in self.layout.slices)

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
    width, p = columns.shared.layout.width, columns.shared.ncoef
    counts = np.bincount(codes, minlength=ngroups)
    ends = np.cumsum(counts)
    order = None if _increasing(codes) else np.argsort(codes, kind="stable")
    R, C = np.empty((width, width, ngroups)), np.empty((width, p + 1, ngroups))
    within = np.zeros((p + 1, p + 1))
    first = 0
    while first < ngroups:
        low = int(ends[first] - counts[first])
        last = max(int(np.searchsorted(ends, low + PIECE, side="right")), first + 1)
        rows = slice(low, int(ends[last - 1])) if order is None else order[low : ends[last - 1]]
        part = orthogonalise(
            np.concatenate([columns.white(rows), columns.fixed(rows)]), counts[first:last], width
        )
        R[:, :, first:last], C[:, :, first:last] = part.R, part.C
        within += part.rest @ part.rest.T
        first = last
    return R, C, within


def _increasing(codes: NDArray[np.intp]) -> bool:
    return bool(np.all(codes[1:] >= codes[:-1]))


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
