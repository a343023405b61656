"""Design -> Moments: the cross-products of one grouping factor, taken once.

Everything is expressed in orthonormal coordinates, so that no digits are lost to large means,
small units or large variance ratios:

- the fixed effects through the orthonormal basis of the weighted model matrix,
- the response through its least-squares residual,
- the random effects through whitened columns, and within each group through an orthonormal basis
  Q_j of their columns (modified Gram-Schmidt), Z_j = Q_j R_j.

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
from mixedwidgets.lmm.design import Design, RandomBlock
from mixedwidgets.lmm.linalg import Array, Basis, orthonormal_basis
from mixedwidgets.lmm.theta import Layout

INSEPARABLE = 1e-12  # smallest eigenvalue of the scaled cross-products of variance parameters
NOTHING = 1e-30  # sum of squares, relative, that is rounding error only
NEGLIGIBLE = 1e-18  # squared length, relative, below which a column adds nothing within a group


@dataclass(frozen=True)
class Moments:
    """Cross-products from which every likelihood quantity follows.

    Attributes
    ----------
    nobs : int
        Number of rows n.
    layout : Layout
        Blocks of the random effects (K columns in all, one grouping factor of m levels).
    R : (K, K, m) array
        ``R[:, :, j]`` is the upper-triangular factor of the whitened random-effects columns.
    C : (K, p + 1, m) array
        Coordinates in Q_j of the fixed-effects basis and, last, of the least-squares residual.
    within : (p + 1, p + 1) array
        Cross-products of the same columns after projecting out Q_j, summed over groups.
    basis : Basis
        Orthonormal basis of the weighted fixed-effects model matrix.
    origin : (p,) array
        Coefficients taken out of the response beforehand: its mean, on a constant column.
    ols : (p,) array
        Coordinates of what is left of the weighted response in that basis.
    whitening : (K, K) array
        Block-diagonal W with ``Z = Z_white @ W``, hence ``S = W Lambda Lambda' W'``.
    sum_log_weights : float
        Sum of log prior weights.
    """

    nobs: int
    layout: Layout
    R: Array
    C: Array
    within: Array
    basis: Basis
    origin: Array
    ols: Array
    whitening: Array
    sum_log_weights: float

    @property
    def ncoef(self) -> int:
        """Number of fixed-effects coefficients p."""
        return int(self.C.shape[1] - 1)

    @property
    def ngroups(self) -> int:
        """Number of levels m."""
        return int(self.C.shape[2])

    def coefficients(self, delta: Array | float) -> Array:
        """Coefficients (p,) that are ``delta`` (in basis coordinates) from least squares."""
        return np.asarray(self.origin + np.linalg.inv(self.basis.R) @ (self.ols + delta))


def moments(design: Design) -> Moments:
    """Take the cross-products of a design with one grouping factor.

    Parameters
    ----------
    design : Design
        Rows used, with all random-effects terms over the same grouping factor.

    Returns
    -------
    Moments

    Raises
    ------
    ModelError
        The model reproduces the response without error, so the likelihood has no maximum.
    """
    weights = design.weights
    root = None if weights is None else np.sqrt(weights)
    target = design.y if design.offset is None else design.y - design.offset
    origin, ols, residual = _least_squares(design.X, design.basis, target, root)
    white, whitening = _whiten(design.blocks, root)
    columns = np.vstack([white.T, design.basis.Q.T, residual[None, :]])
    grouping = design.groupings[0]
    R, C, within = _within_groups(columns, grouping.codes, len(grouping.levels), white.shape[1])
    layout = Layout(tuple(len(b.names) for b in design.blocks))
    _refuse_inseparable(R, layout, design)
    _refuse_exact_fit(columns, within, C, design)
    return Moments(
        nobs=len(design.y),
        layout=layout,
        R=R,
        C=C,
        within=within,
        basis=design.basis,
        origin=origin,
        ols=ols,
        whitening=whitening,
        sum_log_weights=0.0 if weights is None else float(np.log(weights).sum()),
    )


def replace_fixed(source: Moments, held: list[tuple[int, float]]) -> Moments:
    """The same data with some coefficients held at given values, by algebra on the cross-products.

    The held part of the linear predictor moves to the response; what is left of the fixed effects
    is the orthogonal complement of the held directions in basis coordinates.

    Parameters
    ----------
    source : Moments
        Of the whole model.
    held : list of (int, float)
        Index and value of each held coefficient.

    Returns
    -------
    Moments
        With p - len(held) coefficients, in coordinates that have no names.
    """
    p = source.ncoef
    indices = [i for i, _ in held]
    rows = np.linalg.inv(source.basis.R)[indices]
    values = np.array([v for _, v in held])
    shift = np.linalg.pinv(rows) @ (values - source.coefficients(0.0)[indices])
    complete, _ = np.linalg.qr(rows.T, mode="complete")
    free = complete[:, len(held) :]
    change = np.zeros((p + 1, free.shape[1] + 1))
    change[:p, :-1], change[:p, -1], change[p, -1] = free, -shift, 1.0
    return replace(
        source,
        C=np.ascontiguousarray(np.matmul(change.T, source.C)),
        within=change.T @ source.within @ change,
        ols=free.T @ (source.ols + shift),
    )


def _refuse_inseparable(R: Array, layout: Layout, design: Design) -> None:
    """Refuse random effects whose variances and covariances the data cannot tell apart.

    Each element of S adds a matrix Z E Z' to the covariance of the response. They are told apart
    if these matrices are linearly independent: if their cross-products tr(E M F M), summed over
    groups, are not singular.
    """
    M = np.einsum("iaj,ibj->abj", R, R)
    rows, cols = layout.position
    names = [name for block in design.blocks for name in block.names]
    group = design.groupings[0].name
    gram = np.sum(
        M[np.ix_(rows, rows)] * M[np.ix_(cols, cols)]
        + M[np.ix_(rows, cols)] * M[np.ix_(cols, rows)],
        axis=2,
    )
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


def _refuse_exact_fit(columns: Array, within: Array, C: Array, design: Design) -> None:
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
    left = columns[width:-1]
    last = columns[-1] - solution @ left
    grouping = design.groupings[0]
    R, _, again = _within_groups(
        np.vstack([columns[:width], last]), grouping.codes, len(grouping.levels), width
    )
    used = np.count_nonzero(R[np.arange(width), np.arange(width)]) + rank
    if used < len(last) and float(again[-1, -1]) <= rounding:
        raise ModelError(
            f"The fixed effects and the random effects of {grouping.name!r} reproduce {response} "
            "exactly, so nothing is left for the residual variance and the likelihood has no "
            "maximum; use fewer random effects, or a response that varies within groups."
        )


def _least_squares(
    X: Array, basis: Basis, target: Array, root: Array | None
) -> tuple[Array, Array, Array]:
    """Coefficients of the mean, coordinates of the rest of the weighted response, and its residual.

    The mean is projected by itself: where a constant lies in the column space, a large mean must
    not leave its rounding in the residual, nor, where it is a column, in other coefficients.
    """
    ones = np.ones(len(target)) if root is None else root
    mean = float(target.mean())
    spread = (target - mean) * ones
    coordinates = basis.Q.T @ spread
    residual = spread - basis.Q @ coordinates
    origin = np.zeros(X.shape[1])
    intercepts = np.flatnonzero((np.ptp(X, axis=0) == 0.0) & (X[0] != 0.0))
    if len(intercepts):
        origin[intercepts[0]] = mean / X[0, intercepts[0]]
    else:
        level = basis.Q.T @ ones
        constant = ones - basis.Q @ level
        if np.abs(constant).max(initial=0.0) > 1e-10 * np.abs(ones).max(initial=0.0):
            residual = residual + mean * constant
        coordinates = coordinates + mean * level
    correction = basis.Q.T @ residual
    return origin, coordinates + correction, residual - basis.Q @ correction


def _whiten(blocks: tuple[RandomBlock, ...], root: Array | None) -> tuple[Array, Array]:
    """Columns of all blocks, orthogonal within a block and of mean square 1, and the way back."""
    width = sum(len(b.names) for b in blocks)
    whitening = np.zeros((width, width))
    parts = []
    at = 0
    for block in blocks:
        k = len(block.names)
        columns, back = _whiten_block(block.columns, root)
        parts.append(columns)
        whitening[at : at + k, at : at + k] = back
        at += k
    return np.hstack(parts), whitening


def _whiten_block(columns: Array, root: Array | None) -> tuple[Array, Array]:
    n, k = columns.shape
    if k > 1:
        basis = orthonormal_basis(columns, root)
        if len(basis.kept) == k:
            return basis.Q * np.sqrt(n), basis.R / np.sqrt(n)
    weighted = columns if root is None else columns * root[:, None]
    scale = np.sqrt(np.einsum("ij,ij->j", weighted, weighted) / n)
    scale[scale == 0.0] = 1.0
    return weighted / scale, np.diag(scale)


def _within_groups(
    columns: Array, codes: NDArray[np.intp], ngroups: int, width: int
) -> tuple[Array, Array, Array]:
    """Modified Gram-Schmidt within every group at once; ``columns`` is (K + p + 1, n)."""
    if np.any(codes[1:] < codes[:-1]):
        order = np.argsort(codes, kind="stable")
        columns, codes = columns[:, order], codes[order]
    counts = np.bincount(codes, minlength=ngroups)
    starts = np.concatenate(([0], np.cumsum(counts[:-1])))
    total = columns.shape[0]
    coordinates = np.zeros((width, total, ngroups))
    rest = np.ascontiguousarray(columns)
    original = np.add.reduceat(rest[:width] ** 2, starts, axis=1)
    for i in range(width):
        direction, rest = rest[0], rest[1:]
        square = np.add.reduceat(direction * direction, starts)
        used = square > NEGLIGIBLE * original[i]
        length = np.sqrt(square)
        inverse = np.divide(1.0, length, out=np.zeros_like(length), where=used)
        along = np.add.reduceat(rest * direction, starts, axis=1) * inverse
        coordinates[i, i] = np.where(used, length, 0.0)
        coordinates[i, i + 1 :] = along
        rest = rest - np.repeat(along * inverse, counts, axis=1) * direction
    return (
        np.ascontiguousarray(coordinates[:, :width]),
        np.ascontiguousarray(coordinates[:, width:]),
        rest @ rest.T,
    )
