"""Both kinds of confidence interval of every parameter, as a table for the picture of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from mixedwidgets.lmm.design import Design
from mixedwidgets.lmm.estimate import Estimate
from mixedwidgets.lmm.labels import label
from mixedwidgets.lmm.parameters import parameters
from mixedwidgets.lmm.profile import profile_interval
from mixedwidgets.lmm.tables import IntervalTable
from mixedwidgets.lmm.wald import wald_intervals

GROUPS = {"sd": "random", "cor": "random", "sigma": "residual", "fixed": "fixed"}


def wald_table(design: Design, estimate: Estimate, level: float = 0.95) -> IntervalTable:
    """Estimates and Wald intervals of every parameter; the profile intervals are still NaN.

    Parameters
    ----------
    design, estimate
        The fit. Profile intervals use the likelihood, so give the maximum-likelihood estimate.
    level : float
        Confidence level.

    Returns
    -------
    IntervalTable
    """
    chosen = parameters(design)
    values, lower, upper = wald_intervals(estimate, chosen, level)
    unknown = np.full(len(chosen), np.nan)
    bounds = np.array([p.allowed for p in chosen]).reshape(-1, 2)
    return IntervalTable(
        names=tuple(p.name for p in chosen),
        labels=tuple(label(p, design) for p in chosen),
        groups=tuple(GROUPS[p.kind] for p in chosen),
        estimate=values,
        wald_lower=lower,
        wald_upper=upper,
        profile_lower=unknown,
        profile_upper=unknown,
        allowed_lower=bounds[:, 0],
        allowed_upper=bounds[:, 1],
        notes=("",) * len(chosen),
        level=level,
        criterion="REML" if estimate.reml else "ML",
    )


def with_profiles(
    design: Design, estimate: Estimate, table: IntervalTable
) -> Iterator[IntervalTable]:
    """Fill in the profile intervals one parameter at a time; yields the table after each."""
    for number, parameter in enumerate(parameters(design)):
        found = profile_interval(estimate, parameter, table.level)
        lower, upper = table.profile_lower.copy(), table.profile_upper.copy()
        lower[number], upper[number] = found.lower, found.upper
        notes = (*table.notes[:number], found.note, *table.notes[number + 1 :])
        table = replace(table, profile_lower=lower, profile_upper=upper, notes=notes)
        yield table
