"""The estimates of a model without some of its rows.

With one grouping factor the cross-products of the levels that lose no row are kept as they are,
and only those of the others are taken again. With several, the design is cut and read anew.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from mixedwidgets.errors import ModelError
from mixedwidgets.lmm.crossproducts import coordinates_of
from mixedwidgets.lmm.design import Design, Grouping, RandomBlock
from mixedwidgets.lmm.deviance import AnySolved, solve
from mixedwidgets.lmm.estimate import Estimate
from mixedwidgets.lmm.grouped import GroupedMoments, Orthogonal, orthogonalise_rows
from mixedwidgets.lmm.leverage import left_over, row_terms
from mixedwidgets.lmm.linalg import Array, orthonormal_basis
from mixedwidgets.lmm.moments import AnyMoments, moments
from mixedwidgets.lmm.optimize import optimise, whitened_factor
from mixedwidgets.lmm.residuals import residuals

Ints = NDArray[np.intp]

LOST = 1e-10  # part of a coefficient's information that is nothing but rounding
UNDETERMINED = "Without it a coefficient cannot be estimated."
NO_OPTIMUM = "Without it no optimum was found."
NO_RESIDUAL = "Without it no row is left to estimate sigma from."


@dataclass(frozen=True)
class Deletions:
    """The estimates without each of D sets of rows.

    Attributes
    ----------
    theta : (D, ntheta) array
        Relative covariance parameters.
    sigma : (D,) array
    beta : (D, p) array
    vcov : (D, p, p) array
        Covariance of the coefficients.
    moved : (D, p) array
        ``L^-1`` times the change of the coefficients, ``L L'`` their covariance from all rows.
    relative_vcov : (D, p, p) array
        ``L^-1 vcov L^-T``.
    notes : dict of int to str
        What is wrong with the estimates without a set, a sentence; what does not exist is NaN.
    """

    theta: Array
    sigma: Array
    beta: Array
    vcov: Array
    moved: Array
    relative_vcov: Array
    notes: dict[int, str]


def delete_sets(design: Design, full: Estimate, sets: Sequence[Ints], held: bool) -> Deletions:
    """Estimate a model again without each of several sets of rows.

    Parameters
    ----------
    design, full
        The fit, from whose theta each search starts.
    sets : sequence of arrays of int
        Rows to leave out, as positions.
    held : bool
        Keep theta as it is and estimate the coefficients and sigma only.

    Returns
    -------
    Deletions
    """
    count, p, theta = len(sets), len(full.beta), full.optimum.theta
    out = Deletions(
        theta=np.full((count, len(theta)), np.nan),
        sigma=np.full(count, np.nan),
        beta=np.full((count, p), np.nan),
        vcov=np.full((count, p, p), np.nan),
        moved=np.full((count, p), np.nan),
        relative_vcov=np.full((count, p, p), np.nan),
        notes={},
    )
    without = _deleter(design, full)
    again = _given_theta if held else _searched
    for d, rows in enumerate(sets):
        if len(rows) >= full.solved.N:
            out.notes[d] = NO_RESIDUAL
            continue
        try:
            left = without(rows)
            out.theta[d], solved, found = again(left, full.reml, theta)
            _record(out, d, full, left, solved)
        except ModelError as error:
            out.notes[d] = str(error)
        except np.linalg.LinAlgError:
            out.notes[d] = NO_OPTIMUM
        else:
            if not found:
                out.notes[d] = NO_OPTIMUM
    return out


def delete_rows(design: Design, full: Estimate) -> Deletions:
    """Estimate a model without each single row, theta held, in closed form.

    With h the leverage of a row, e its residual given the random effects, and c its row of
    ``V^-1 X`` in coordinates in which ``X' V^-1 X`` is the identity, leaving it out changes the
    coefficients there by ``-c e / (1 - h)``, their covariance by ``c c' / (1 - h)`` and
    ``r' V^-1 r`` by ``-e^2 / (1 - h)`` (Christensen, Pearson and Johnson 1992, Technometrics 34,
    38-45; Demidenko and Stukel 2005, Statistics in Medicine 24, 893-909).

    Parameters
    ----------
    design, full
        The fit.

    Returns
    -------
    Deletions
    """
    terms = row_terms(design, full)
    e = residuals(design, full, "pearson")
    left = left_over(terms.leverages)
    solved = full.solved
    half = np.linalg.inv(full.moments.basis.R) @ solved.root.T
    notes = dict.fromkeys(np.flatnonzero(np.isnan(left)).tolist(), UNDETERMINED)
    if solved.N > 1:
        sigma2 = (solved.q - e**2 / left) / (solved.N - 1)
    else:
        sigma2 = np.full(len(e), np.nan)
        notes = dict.fromkeys(range(len(e)), NO_RESIDUAL) | notes
    along = half @ terms.fixed
    inner = half @ half.T + np.einsum("an,bn->nab", along / left, along)
    relative = np.eye(len(half)) + np.einsum("an,bn->nab", terms.fixed / left, terms.fixed)
    return Deletions(
        theta=np.tile(full.optimum.theta, (len(e), 1)),
        sigma=np.sqrt(np.maximum(sigma2, 0.0)),
        beta=full.beta - (along * (e / left)).T,
        vcov=sigma2[:, None, None] * inner,
        moved=-(terms.fixed * (e / left)).T / full.sigma,
        relative_vcov=(sigma2 / full.sigma**2)[:, None, None] * relative,
        notes=notes,
    )


def _searched(of: AnyMoments, reml: bool, theta: Array) -> tuple[Array, AnySolved, bool]:
    found = optimise(of, reml, theta)
    return found.theta, found.solved, found.converged


def _given_theta(of: AnyMoments, reml: bool, theta: Array) -> tuple[Array, AnySolved, bool]:
    T = whitened_factor(theta, of)
    return theta, solve(T @ T.T, of, reml), True


def _record(out: Deletions, d: int, full: Estimate, left: AnyMoments, solved: AnySolved) -> None:
    """Write down the estimates without one set of rows.

    They are compared in coordinates of the basis of all rows, where large means cancel.
    """
    sigma2 = solved.q / solved.N
    half = np.linalg.inv(left.basis.R) @ solved.root.T
    out.sigma[d] = np.sqrt(sigma2)
    out.beta[d] = left.coefficients(solved.delta)
    out.vcov[d] = sigma2 * (half @ half.T)
    whole = full.moments
    along, root = left.ols + solved.delta, solved.root.T
    if left.basis is not whole.basis:
        change = whole.basis.change_from(left.basis)
        along = change @ along + whole.basis.R @ (left.origin - whole.origin)
        root = change @ root
    back = np.linalg.inv(full.solved.root.T) / full.sigma
    relative = np.sqrt(sigma2) * (back @ root)
    out.moved[d] = back @ (along - whole.ols - full.solved.delta)
    out.relative_vcov[d] = relative @ relative.T


def _deleter(design: Design, full: Estimate) -> Callable[[Ints], AnyMoments]:
    if isinstance(full.moments, GroupedMoments):
        return _OneFactor(design, full.moments).without
    return lambda rows: _read_again(design, rows)


def _read_again(design: Design, rows: Ints) -> AnyMoments:
    """Cross-products of a design without some rows."""
    keep = np.ones(len(design.y), dtype=bool)
    keep[rows] = False
    return moments(_cut(design, keep))


def _cut(design: Design, keep: NDArray[np.bool_]) -> Design:
    """A design with some of its rows, and the levels that these have."""
    weights = None if design.weights is None else design.weights[keep]
    X = design.X[keep]
    groupings = []
    for grouping in design.groupings:
        levels, codes = np.unique(grouping.codes[keep], return_inverse=True)
        groupings.append(Grouping(grouping.name, codes, grouping.levels[levels]))
    blocks = tuple(RandomBlock(b.grouping, b.names, b.columns[keep]) for b in design.blocks)
    _refuse_unidentifiable(
        [len(groupings[b.grouping].levels) for b in blocks], [len(b.names) for b in blocks], len(X)
    )
    basis = orthonormal_basis(X, None if weights is None else np.sqrt(weights))
    if len(basis.kept) < X.shape[1]:
        raise ModelError(UNDETERMINED)
    return replace(
        design,
        y=design.y[keep],
        offset=None if design.offset is None else design.offset[keep],
        weights=weights,
        X=X,
        basis=basis,
        blocks=blocks,
        groupings=tuple(groupings),
        index=design.index[keep],
        padding=None,
        rows=None,
    )


def _refuse_unidentifiable(levels: Sequence[int], sizes: Sequence[int], n: int) -> None:
    if min(levels) < 2:
        raise ModelError("Without it a grouping factor has a single level.")
    if max(m * k for m, k in zip(levels, sizes, strict=True)) >= n:
        raise ModelError("Without it there are as many random effects as observations.")


@dataclass(frozen=True)
class _OneFactor:
    """Cross-products of a design with one grouping factor, without some of its rows."""

    design: Design
    whole: GroupedMoments

    @cached_property
    def columns(self) -> Array:
        """Whitened random-effects columns, fixed-effects basis and residual, (K + p + 1, n)."""
        columns, everything = coordinates_of(self.design), slice(None)
        return np.concatenate([columns.white(everything), columns.fixed(everything)])

    @cached_property
    def sorted(self) -> Orthogonal:
        """The whole design, level by level."""
        grouping = self.design.groupings[0]
        width = self.whole.layout.width
        return orthogonalise_rows(self.columns, grouping.codes, len(grouping.levels), width)

    @cached_property
    def within(self) -> Array:
        """What each level adds to the cross-products within, (m, p + 1, p + 1)."""
        counts = np.bincount(self.design.groupings[0].codes)
        starts = np.cumsum(counts) - counts
        rest = self.sorted.rest
        return np.stack([np.add.reduceat(line * rest, starts, axis=1).T for line in rest], axis=2)

    @cached_property
    def members(self) -> list[Ints]:
        """The rows of each level."""
        codes = self.design.groupings[0].codes
        return np.split(np.argsort(codes, kind="stable"), np.cumsum(np.bincount(codes))[:-1])

    def without(self, rows: Ints) -> GroupedMoments:
        """Cross-products without some rows; the basis and the whitening stay those of all rows."""
        whole, width = self.whole, self.whole.layout.width
        codes = self.design.groupings[0].codes
        touched = np.unique(codes[rows])
        intact = np.ones(whole.levels[0], dtype=bool)
        intact[touched] = False
        R, C = [whole.R[:, :, intact]], [whole.C[:, :, intact]]
        within = self.within[intact].sum(axis=0)
        left = np.setdiff1d(np.concatenate([self.members[j] for j in touched]), rows)
        if len(left):
            levels, relabelled = np.unique(codes[left], return_inverse=True)
            parts = orthogonalise_rows(self.columns[:, left], relabelled, len(levels), width)
            within = within + parts.rest @ parts.rest.T
            R.append(parts.R)
            C.append(parts.C)
        m, n = sum(r.shape[2] for r in R), whole.nobs - len(rows)
        sizes = whole.layout.sizes
        _refuse_unidentifiable([m] * len(sizes), sizes, n)
        lost = self.columns[width:-1, rows]
        if len(lost) and np.linalg.eigvalsh(np.eye(len(lost)) - lost @ lost.T)[0] < LOST:
            raise ModelError(UNDETERMINED)
        weights = self.design.weights
        lost_weight = 0.0 if weights is None else float(np.log(weights[rows]).sum())
        return replace(
            whole,
            nobs=n,
            levels=(m,),
            sum_log_weights=whole.sum_log_weights - lost_weight,
            R=np.concatenate(R, axis=2),
            C=np.concatenate(C, axis=2),
            within=within,
        )
