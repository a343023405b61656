"""A model without some of its random effects: cross-products, null estimate, and likelihood ratios.

The cross-products of the smaller model follow from those of the larger by rotations within groups,
so a statistic under the null hypothesis comes from drawing the larger model's cross-products alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.random import SeedSequence
from numpy.typing import NDArray

from mixedwidgets.errors import ModelError
from mixedwidgets.lmm.batch import Batch, solve_batch
from mixedwidgets.lmm.control import Control
from mixedwidgets.lmm.design import Design
from mixedwidgets.lmm.deviance import solve
from mixedwidgets.lmm.draws import GroupedDraws, Truth, draws_of
from mixedwidgets.lmm.estimate import Estimate, estimate
from mixedwidgets.lmm.grouped import GroupedMoments
from mixedwidgets.lmm.linalg import Array
from mixedwidgets.lmm.moments import AnyMoments, moments
from mixedwidgets.lmm.refit import Responses
from mixedwidgets.lmm.refits import batch_size, carefully, fit_batch, full_rank_start
from mixedwidgets.lmm.theta import Layout

Kept = tuple[NDArray[np.bool_], ...]


@dataclass(frozen=True)
class Null:
    """The model without the random effects tested.

    Attributes
    ----------
    design : Design
        With the random effects that are kept; none at all is possible.
    estimate : Estimate or None
        Its estimates; None for a linear model without random effects.
    value : float
        Its criterion.
    truth : Truth
        Its estimates in the coordinates of the larger model.
    """

    design: Design
    estimate: Estimate | None
    value: float
    truth: Truth


def null_model(design: Design, fitted: Estimate, kept: Kept, control: Control) -> Null:
    """Fit the model without some random effects, by the criterion of the fit.

    Parameters
    ----------
    design, fitted
        The fit of the larger model.
    kept : tuple of (k,) arrays of bool
        For each block which random effects stay.
    control : Control
    """
    source = fitted.moments
    smaller = reduced_design(design, kept)
    K = source.layout.width
    if not smaller.blocks:
        solved = solve(np.zeros((K, K)), source, fitted.reml)
        sigma = float(np.sqrt(solved.q / solved.N))
        truth = Truth(np.zeros((K, K)), sigma, source.coefficients(solved.delta))
        return Null(smaller, None, solved.deviance, truth)
    found = estimate(reduced_moments(source, smaller, kept), fitted.reml, control=control)
    columns = np.flatnonzero(np.concatenate(kept))
    half = np.zeros((K, K))
    half[:, : len(columns)] = source.whitening[:, columns] @ found.factor / found.sigma
    return Null(smaller, found, found.optimum.value, Truth(half, found.sigma, found.beta))


def reduced_design(design: Design, kept: Kept) -> Design:
    """The design without some random effects."""
    blocks = [
        replace(b, columns=b.columns[:, keep], names=tuple(np.array(b.names)[keep].tolist()))
        for b, keep in zip(design.blocks, kept, strict=True)
        if keep.any()
    ]
    used = list(dict.fromkeys(b.grouping for b in blocks))
    return replace(
        design,
        blocks=tuple(replace(b, grouping=used.index(b.grouping)) for b in blocks),
        groupings=tuple(design.groupings[f] for f in used),
    )


def reduced_moments(source: AnyMoments, smaller: Design, kept: Kept) -> AnyMoments:
    """The cross-products of a design without some random effects."""
    if isinstance(source, GroupedMoments):
        return Reduction.of(source, kept).moments
    return moments(smaller)


@dataclass(frozen=True)
class Reduction:
    """How cross-products with one grouping factor lose some random effects.

    Attributes
    ----------
    moments : GroupedMoments
        Of the smaller model.
    rotation : (m, K, K) array
        For each group an orthogonal matrix whose first columns span the effects that are kept.
    """

    moments: GroupedMoments
    rotation: Array

    @classmethod
    def of(cls, source: GroupedMoments, kept: Kept) -> Reduction:
        """Find the rotations."""
        layout = source.layout
        K, p = layout.width, source.ncoef
        parts, sizes, factors, backs = [], [], [], []
        for keep, columns, factor in zip(kept, layout.slices, source.factors, strict=True):
            if keep.any():
                Q, back = np.linalg.qr(source.whitening[columns, columns][:, keep])
                parts.append(np.vstack([np.zeros((columns.start, Q.shape[1])), Q,
                                        np.zeros((K - columns.stop, Q.shape[1]))]))  # fmt: skip
                sizes.append(Q.shape[1])
                factors.append(factor)
                backs.append(back)
        k = sum(sizes)
        smaller = Layout(tuple(sizes))
        whitening = np.zeros((k, k))
        for columns, back in zip(smaller.slices, backs, strict=True):
            whitening[columns, columns] = back
        lines = source.R.transpose(2, 0, 1) @ np.hstack(parts)
        rotation, R = np.linalg.qr(lines, mode="complete")
        C = np.einsum("jia,icj->acj", rotation, source.C)
        lost = C[k:].transpose(1, 0, 2).reshape(p + 1, -1)
        reduced = replace(
            source,
            layout=smaller,
            factors=tuple(factors),
            whitening=whitening,
            R=np.ascontiguousarray(R[:, :k].transpose(1, 2, 0)),
            C=np.ascontiguousarray(C[:k]),
            within=source.within + lost @ lost.T,
        )
        return cls(reduced, rotation)

    def batch(self, batch: Batch) -> Batch:
        """The cross-products of responses with the smaller model."""
        k, p = self.moments.layout.width, self.moments.ncoef
        c = np.einsum("jia,bij->baj", self.rotation, batch.c)
        X = np.einsum("jia,ipj->apj", self.rotation, batch.shared.C[:, :p])
        lost = c[:, k:]
        return Batch(
            self.moments,
            np.ascontiguousarray(c[:, :k]),
            batch.g + np.einsum("baj,apj->bp", lost, X[k:]),
            batch.s + np.einsum("baj,baj->b", lost, lost),
            batch.origin,
        )


def drawn_ratios(
    design: Design,
    fitted: Estimate,
    null: Null,
    kept: Kept,
    nsim: int,
    seed: SeedSequence,
    control: Control,
) -> Iterator[Array]:
    """Likelihood ratios of responses drawn from the null model, a few at a time; NaN for failures.

    Parameters
    ----------
    design, fitted
        The fit of the larger model.
    null : Null
    kept : tuple of (k,) arrays of bool
    nsim : int
    seed : SeedSequence
    control : Control
    """
    if isinstance(fitted.moments, GroupedMoments):
        return _grouped_ratios(design, fitted, null, kept, nsim, seed, control)
    return _single_ratios(design, fitted, null, nsim, seed, control)


def _grouped_ratios(
    design: Design,
    fitted: Estimate,
    null: Null,
    kept: Kept,
    nsim: int,
    seed: SeedSequence,
    control: Control,
) -> Iterator[Array]:
    source = fitted.moments
    assert isinstance(source, GroupedMoments)
    draws, reml, size = GroupedDraws(source, null.truth, seed), fitted.reml, batch_size(source)
    start = full_rank_start(source, fitted.optimum.T)
    reduction = Reduction.of(source, kept) if null.estimate is not None else None
    for low in range(0, nsim, size):
        batch = draws.batch(range(low, min(low + size, nsim)))
        large = fit_batch(batch, design, reml, start, control).value
        if reduction is None or null.estimate is None:
            none = np.zeros((len(batch), source.layout.width, source.layout.width))
            small = solve_batch(none, batch, reml).value
        else:
            first = full_rank_start(reduction.moments, null.estimate.optimum.T)
            part = reduction.batch(batch)
            small = fit_batch(part, null.design, reml, first, control).value
        yield np.maximum(small - large, 0.0)


def _single_ratios(
    design: Design,
    fitted: Estimate,
    null: Null,
    nsim: int,
    seed: SeedSequence,
    control: Control,
) -> Iterator[Array]:
    assert null.estimate is not None  # several grouping factors, and not all are dropped
    draws = draws_of(null.design, null.estimate, seed)
    large = Responses.of(design, fitted.moments)
    small = Responses.of(null.design, null.estimate.moments)
    for i in range(nsim):
        y = draws.response(i, null.design)
        values = [_criterion(model, y, fitted.reml, control) for model in (small, large)]
        yield np.maximum(np.array([values[0] - values[1]]), 0.0)


def _criterion(responses: Responses, y: Array, reml: bool, control: Control) -> float:
    try:
        found = carefully(responses.moments_of(y)[1], reml, control)
    except ModelError:
        return float("nan")
    return float("nan") if found is None else found.optimum.value
