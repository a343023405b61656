"""Whether data will do for a homework: every question has a clear answer."""

from __future__ import annotations

import math

from mixedwidgets.homework.fits import Fits
from mixedwidgets.homework.rows import Rows, spread
from mixedwidgets.homework.scenario import Scenario
from mixedwidgets.lmm.fit import Fit

FEWEST = 5  # rows with outcome 1, and with outcome 0, or a fifth of all if that is less
CLEARLY = 1.3  # ratio of mean squares from which tau is hardly ever estimated as zero
BOTH_WAYS = 0.01  # relative difference of tau by ML and by REML
STRAIGHT = 0.95  # correlation of intercepts and slopes beyond which it is nearly one
VISIBLE = 1.0  # shrinkage of a typical group, in steps of the last decimal

NO_RANGE = "values lie outside of what the scenario allows"
ONE_OUTCOME = "nearly all outcomes are the same"
NO_TAU = "the groups hardly differ"
NO_SLOPES = "the slopes hardly differ between groups"
SOME_TAU = "the groups differ too much for tau to be estimated as zero"
SAME_TAU = "ML and REML give nearly the same tau"
UNMOVED = "the means of groups are hardly shrunken"


def flaw_of_rows(scenario: Scenario, rows: Rows, boundary: bool) -> str | None:
    """Say what speaks against rows before anything is fitted, or None.

    Parameters
    ----------
    scenario : Scenario
    rows : Rows
    boundary : bool
        Whether tau is to be estimated as zero, rather than not.
    """
    low, high = scenario.limits
    if min(rows.response) < low or max(rows.response) > high:
        return NO_RANGE
    ones, n = sum(rows.outcome), len(rows.outcome)
    if min(ones, n - ones) < min(FEWEST, n // 5):
        return ONE_OUTCOME
    found = spread(rows)
    if boundary:
        return SOME_TAU if found.between >= found.within else None
    if found.between <= CLEARLY * found.within:
        return NO_TAU
    return NO_SLOPES if found.slopes <= CLEARLY else None


def flaw_of_fits(fits: Fits, boundary: bool) -> str | None:
    """Say what speaks against data when models are fitted to them, or None.

    Parameters
    ----------
    fits : Fits
    boundary : bool
    """
    null, reml = fits.fit("null", False), fits.fit("null", True)
    if boundary:
        return None if _tau(null) == _tau(reml) == 0.0 else SOME_TAU
    slope = fits.fit("slope", False)
    if not _inside(slope) or abs(_correlation(slope)) > STRAIGHT:
        return NO_SLOPES
    if not (_inside(null) and _inside(reml) and _inside(fits.fit("intercept", False))):
        return NO_TAU
    if _tau(reml) / _tau(null) - 1.0 <= BOTH_WAYS:
        return SAME_TAU
    moved = fits.shrinkage.values()
    typical = math.sqrt(sum(by**2 for by in moved) / len(moved))
    return UNMOVED if typical < VISIBLE * 10.0**-fits.scenario.decimals else None


def _inside(fit: Fit) -> bool:
    optimum = fit.estimate.optimum
    return bool(optimum.converged and not optimum.boundary)


def _tau(fit: Fit) -> float:
    return abs(float(fit.estimate.factor[0, 0]))


def _correlation(fit: Fit) -> float:
    covariance = fit.estimate.covariances[0]
    return float(covariance[0, 1]) / math.sqrt(float(covariance[0, 0] * covariance[1, 1]))
