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

from mixedwidgets.errors import ModelError
from mixedwidgets.lmm.crossproducts import Coordinates, Moments, coordinates_of
from mixedwidgets.lmm.design import Design
from mixedwidgets.lmm.linalg import PIECE, Array
from mixedwidgets.lmm.theta import Layout

INSEPARABLE = 1e-12  # smallest eigenvalue of the scaled cross-products of variance parameters
NOTHING = 1e-30  # sum of squares, relative, that is rounding error only
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


def grouped_moments(design: Design) -> GroupedMoments:
    """Take the cross-products of a design with one grouping factor.

    Parameters
    ----------
    design : Design
        Rows used, with all random-effects terms over the same grouping factor.

    Returns
    -------
    GroupedMoments

    Raises
    ------
    ModelError
        The model reproduces the response without error, so the likelihood has no maximum, or two
        random effects cannot be told apart.
    """
    columns = coordinates_of(design)
    grouping = design.groupings[0]
    R, C, within = _by_groups(columns, grouping.codes, len(grouping.levels))
    _refuse_inseparable(R, columns.shared.layout, design)
    refuse_exact_fit(columns, within, C, design)
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


def _refuse_inseparable(R: Array, layout: Layout, design: Design) -> None:
    """Refuse random effects whose variances and covariances the data cannot tell apart.

    Each element of S adds a matrix Z E Z' to the covariance of the response. They are told apart
    if these matrices are linearly independent: if their cross-products tr(E M F M), summed over
    groups, are not singular.
    """
    K = layout.width
    M = np.einsum("iaj,ibj->abj", R, R).reshape(K * K, -1)
    pairs = (M @ M.T).reshape(K, K, K, K)
    rows, cols = layout.position
    a, b = rows[:, None], cols[:, None]
    gram = pairs[a, rows, b, cols] + pairs[a, cols, b, rows]
    names = [name for block in design.blocks for name in block.names]
    group = design.groupings[0].name
    size = np.sqrt(np.diag(gram))
    if not size.all():
        name = names[rows[np.flatnonzero(size == 0.0)[0]]]
        raise ModelError(
            f"The column {name!r} is 0 in all rows used, so its effect cannot vary between levels "
            f"of {group!r}; leave it out of the random effects."
        )
    values, vectors = np.linalg.eigh(gram / np.outer(size, size))
    if values[0] > INSEPARABLE:
        return
    elements = np.abs(vectors[:, 0]) > 1e-4
    involved = sorted({*rows[elements], *cols[elements]})
    raise ModelError(
        f"The random effects {' and '.join(names[i] for i in involved)} of {group!r} cannot be "
        "told apart, because their columns are multiples or combinations of each other; leave one "
        "of them out."
    )


def refuse_exact_fit(columns: Coordinates, within: Array, C: Array, design: Design) -> None:
    """Refuse a response that the columns of X, or of X and Z, reproduce up to rounding.

    Only where rows are left over: a saturated model reproduces every response, and its restricted
    likelihood can still have a maximum.
    """
    p, width = C.shape[1] - 1, C.shape[0]
    around_X = float(within[p, p] + np.sum(C[:, p] ** 2))
    weights = 1.0 if design.weights is None else design.weights
    rounding = NOTHING * float(np.sum(weights * design.y**2))
    response = design.spec.display.split("~")[0].strip()
    if around_X <= rounding:
        raise ModelError(
            f"The fixed effects reproduce {response} exactly, so no variance is left to estimate; "
            "check whether the response was computed from them."
        )
    solution, _, rank, _ = np.linalg.lstsq(within[:p, :p], within[:p, p], rcond=1e-10)
    around_both = float(within[p, p] - within[:p, p] @ solution)
    if around_both > 1e-10 * within[p, p] > rounding:
        return
    everything = slice(None)
    fixed = columns.fixed(everything)
    last = fixed[-1] - solution @ fixed[:-1]
    grouping = design.groupings[0]
    again = orthogonalise_rows(
        np.concatenate([columns.white(everything), last[None]]),
        grouping.codes,
        len(grouping.levels),
        width,
    )
    used = np.count_nonzero(again.R[np.arange(width), np.arange(width)]) + rank
    if used < len(last) and float(np.sum(again.rest**2)) <= rounding:
        raise ModelError(
            f"The fixed effects and the random effects of {grouping.name!r} reproduce {response} "
            "exactly, so nothing is left for the residual variance and the likelihood has no "
            "maximum; use fewer random effects, or a response that varies within groups."
        )


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
