"""The pooling dial: every level's estimates from complete to no pooling, ready to be turned."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from mixedwidgets.errors import ModelError, brief
from mixedwidgets.lmm.design import Design
from mixedwidgets.lmm.estimate import Estimate
from mixedwidgets.lmm.group_tables import DialTable
from mixedwidgets.lmm.grouped import GroupedMoments
from mixedwidgets.lmm.labels import label
from mixedwidgets.lmm.linalg import Array
from mixedwidgets.lmm.parameters import variance_parameters
from mixedwidgets.lmm.pooling_path import Path, direction, pooling_path, solutions, typical_sd
from mixedwidgets.lmm.ranef import shrinkage
from mixedwidgets.lmm.tables import ShrinkageTable

POSITIONS, FEWER = 61, 41  # for one grouping factor, and for several, which take longer
LEAST = 8
CLOSER, BELOW, ABOVE = 0.6, 5, 12  # steps that get smaller and smaller towards either end
OUTERMOST = 0.05  # the estimate is not drawn nearer to an end than this, unless it is 0


def dial(
    design: Design,
    estimate: Estimate,
    factor: int = 0,
    *,
    positions: int | None = None,
    kind: str | None = None,
) -> DialTable:
    """Follow the pooling path of one grouping factor for a dial; see ``pooling_path``.

    The scale of the dial is symmetric: its middle is the geometric mean of the estimate and the
    tau at which a typical level is halfway pooled, so that an estimate above the middle keeps
    more than half of what the levels say by themselves.

    Parameters
    ----------
    design, estimate
        The fit.
    factor : int
        Which grouping factor.
    positions : int, optional
        How many equal positions are computed, at least 8; by default 61, or 41 where there are
        several grouping factors and the whole model is solved at each. Seventeen more crowd
        towards the ends, where levels with very much or very little data leave the others.
    kind : {"profile", "slice"}, optional
        Whether sigma, and covariances of other grouping factors, are at their best at every
        position or held. By default at their best, but held in models so large that it would take
        long.

    Returns
    -------
    DialTable

    Raises
    ------
    ModelError
        Fewer positions than 8, or another kind.
    """
    if positions is not None and not (isinstance(positions, int) and positions >= LEAST):
        raise ModelError(f"positions is {brief(positions)}; give a whole number from {LEAST} on.")
    if kind not in (None, "profile", "slice"):
        raise ModelError(f"kind is {brief(kind)}; choose 'profile' or 'slice'.")
    single = isinstance(estimate.moments, GroupedMoments)
    kind = kind or ("slice" if estimate.moments.costly else "profile")
    L, first = direction(estimate, factor)
    columns = estimate.moments.columns_of(factor)
    fitted = float(np.linalg.norm(estimate.factor[columns[first]]))
    scale = _middle(fitted, typical_sd(estimate, factor))
    u = _positions(positions or (POSITIONS if single else FEWER), fitted / (fitted + scale))
    tau = scale * np.divide(u, 1.0 - u, out=np.full_like(u, np.inf), where=u < 1.0)
    tau[np.argmin(np.abs(u - fitted / (fitted + scale)))] = fitted
    follow = _one_factor if single else _several_factors
    tables, deviance, sigma = follow(design, estimate, factor, tau, kind == "profile")
    return DialTable(
        group=tables[0].group,
        levels=tables[0].levels,
        size=tables[0].size,
        names=tables[0].names,
        label=_label(design, factor, first),
        criterion=tables[0].criterion,
        kind=kind,
        u=u,
        drop=np.maximum(deviance - estimate.solved.deviance, 0.0),
        sigma=sigma,
        no_pooling=np.array([t.no_pooling for t in tables]),
        partial_pooling=np.array([t.partial_pooling for t in tables]),
        complete_pooling=np.array([t.complete_pooling for t in tables]),
        shape=L @ L.T,
        scale=scale,
        estimate=fitted,
    )


def _middle(fitted: float, halfway: float) -> float:
    """The tau in the middle of the dial."""
    if fitted == 0.0:
        return halfway
    reach = (1.0 - OUTERMOST) / OUTERMOST
    return float(np.clip(np.sqrt(fitted * halfway), fitted / reach, fitted * reach))


def _positions(count: int, home: float) -> Array:
    """Equal steps, finer ones at the ends; of all, the position nearest to the estimate is its."""
    equal = np.linspace(0.0, 1.0, count)
    finer = equal[1] * CLOSER ** np.arange(1, ABOVE + 1)
    u = np.unique(np.concatenate([equal, finer[:BELOW], 1.0 - finer]))
    if home > 0.0:
        u[1 + np.argmin(np.abs(u[1:-1] - home))] = home
    return u


def _one_factor(
    design: Design, estimate: Estimate, factor: int, tau: Array, profile: bool
) -> tuple[list[ShrinkageTable], Array, Array]:
    """Tables, deviance and sigma at every tau: everything in closed form."""
    path = pooling_path(estimate, factor, tau, profile)
    tables = [_table(design, estimate, factor, path, row) for row in range(len(tau))]
    return tables, path.deviance, path.sigma


def _table(design: Design, estimate: Estimate, factor: int, path: Path, row: int) -> ShrinkageTable:
    """The estimates at one tau; what a level says by itself depends on the other coefficients."""
    moments = estimate.moments
    delta = moments.basis.R @ (path.beta[row] - moments.origin) - moments.ols
    there = replace(estimate, solved=replace(estimate.solved, delta=delta), beta=path.beta[row])
    table = shrinkage(design, there, design.groupings[factor].name)
    return replace(table, partial_pooling=table.complete_pooling + path.modes[row])


def _several_factors(
    design: Design, estimate: Estimate, factor: int, tau: Array, profile: bool
) -> tuple[list[ShrinkageTable], Array, Array]:
    """The same by solving the whole model at every tau."""
    tables: list[ShrinkageTable] = []
    deviance, sigma = np.full(len(tau), np.inf), np.empty(len(tau))
    for row, solved, sigma[row] in solutions(estimate, factor, tau, profile):
        if np.isfinite(tau[row]):
            deviance[row] = solved.at_sigma2(sigma[row] ** 2)
        beta = estimate.moments.coefficients(solved.delta)
        there = replace(estimate, solved=solved, sigma=float(sigma[row]), beta=beta)
        tables.append(shrinkage(design, there, design.groupings[factor].name))
    return tables, deviance, sigma


def _label(design: Design, factor: int, first: int) -> str:
    own = [n for n, block in enumerate(design.blocks) if block.grouping == factor]
    sds = [p for p in variance_parameters(design) if p.kind == "sd" and p.block in own]
    return label(sds[first], design)
