"""Profiles two at a time: traces, and the likelihood over both, on two scales."""

from __future__ import annotations

from itertools import combinations

import numpy as np
from scipy.interpolate import PchipInterpolator

from mixedwidgets.lmm.design import Design
from mixedwidgets.lmm.estimate import Estimate
from mixedwidgets.lmm.linalg import Array
from mixedwidgets.lmm.parameters import Parameter, compatible
from mixedwidgets.lmm.surface import drops
from mixedwidgets.lmm.tables import PairsTable, ProfileCurve, ProfilePair, ProfileTable

POINTS = 81  # of a trace


def profile_pairs(
    design: Design, estimate: Estimate, chosen: tuple[Parameter, ...], profiles: ProfileTable
) -> PairsTable:
    """Put profiles together, each two of them.

    lme4 interpolates joint regions between the four points where their outlines cross the traces
    (Bates and Watts 1988, Nonlinear Regression Analysis and Its Applications, appendix A6). Beside
    a boundary that can be off by several units of deviance, so the likelihood over the two
    parameters is computed here: constrained optima at 12 x 12 points, and a spline.

    Parameters
    ----------
    design : Design
        Names.
    estimate : Estimate
        The estimates by the criterion profiled.
    chosen : tuple of Parameter
        The parameters of the profiles.
    profiles : ProfileTable
        Their profiles.

    Returns
    -------
    PairsTable
        Without two correlations of four different random effects of one term, which cannot be held
        together.
    """
    both = [
        (p, q)
        for p, q in combinations(zip(chosen, profiles.curves, strict=True), 2)
        if compatible((p[0], q[0]))
    ]
    found = []
    for (one, a), (two, b) in both:
        x, y, drop = drops(design, estimate, one, two)
        columns, rows = _within(a, x), _within(b, y)
        x, y = x[columns], y[rows]
        traces = (
            _trace(a, b, profiles.names.index(b.name)),
            _trace(b, a, profiles.names.index(a.name))[:, :, ::-1],
        )
        grid = drop[np.ix_(rows, columns)]
        found.append(ProfilePair((a.name, b.name), traces, x, y, _zeta(a, x), _zeta(b, y), grid))
    return PairsTable(profiles, tuple(found))


def _trace(along: ProfileCurve, other: ProfileCurve, column: int) -> Array:
    """The best value of another parameter along a profile, (f, 2, 2), on both scales."""
    zeta = np.linspace(along.zeta[0], along.zeta[-1], POINTS)
    value = PchipInterpolator(along.zeta, along.value)(zeta)
    best = PchipInterpolator(along.zeta, along.path[:, column])(zeta)
    out = np.empty((POINTS, 2, 2))
    out[:, 0, 0], out[:, 0, 1] = value, best
    out[:, 1, 0], out[:, 1, 1] = zeta, _zeta(other, best)
    return out


def _within(curve: ProfileCurve, value: Array) -> Array:
    """Which values were profiled."""
    low, high = curve.line[[0, -1], 0]
    slack = 1e-9 * (high - low)
    return np.asarray((value > low - slack) & (value < high + slack))


def _zeta(curve: ProfileCurve, value: Array) -> Array:
    """Zetas of values; NaN beyond what was profiled."""
    clipped = np.clip(value, curve.line[0, 0], curve.line[-1, 0])
    found = PchipInterpolator(*curve.line.T)(clipped)
    return np.where(_within(curve, value), found, np.nan)
