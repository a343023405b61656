"""Profiles two at a time: traces, and the likelihood over both, on two scales."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import PchipInterpolator

from mixedwidgets.lmm.design import Design
from mixedwidgets.lmm.estimate import Estimate
from mixedwidgets.lmm.linalg import Array
from mixedwidgets.lmm.parameters import Parameter, compatible
from mixedwidgets.lmm.surface import drops
from mixedwidgets.lmm.tables import PairsTable, ProfileCurve, ProfilePair, ProfileTable

POINTS = 81  # of a trace
LEVEL = 1e-6  # of the range of zeta, or of 1: a smaller rise is none


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
    *_, whole = (PairsTable(profiles, ()), *pair_steps(design, estimate, chosen, profiles))
    return whole


def pair_steps(
    design: Design, estimate: Estimate, chosen: tuple[Parameter, ...], profiles: ProfileTable
) -> Iterator[PairsTable]:
    """Put profiles together pair after pair; see ``profile_pairs``.

    Yields
    ------
    PairsTable
        With the pairs put together so far.
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
        yield PairsTable(profiles, tuple(found))


def _trace(along: ProfileCurve, other: ProfileCurve, column: int) -> Array:
    """The best value of another parameter along a profile, (f, 2, 2), on both scales.

    Rows are NaN where there is no best value: where a standard deviation is zero, a correlation has
    none.
    """
    zeta = np.linspace(along.zeta[0], along.zeta[-1], POINTS)
    path = along.path[:, column]
    out = np.full((POINTS, 2, 2), np.nan)
    risen = _rising(along.zeta, np.isfinite(path))
    if len(risen) < 2:
        return out
    known = along.zeta[risen]
    inside = (zeta >= known[0]) & (zeta <= known[-1])
    out[inside, 0, 0] = PchipInterpolator(known, along.value[risen])(zeta[inside])
    out[inside, 0, 1] = PchipInterpolator(known, path[risen])(zeta[inside])
    out[inside, 1, 0], out[inside, 1, 1] = zeta[inside], _zeta(other, out[inside, 0, 1])
    return out


def _rising(x: Array, known: NDArray[np.bool_]) -> NDArray[np.intp]:
    """Places of a strictly increasing part of x, from its zero outwards while it is known.

    Along a stretch where the deviance is level, zeta stands still but for rounding error.
    """
    middle = int(np.argmin(np.abs(x)))
    clear = LEVEL * max(float(x[-1] - x[0]), 1.0)
    sides: list[list[int]] = []
    for places, sign in ((range(middle - 1, -1, -1), -1.0), (range(middle + 1, len(x)), 1.0)):
        kept, last = [], float(x[middle])
        for i in places:
            if not known[i]:
                break
            if sign * (x[i] - last) > clear:
                kept.append(i)
                last = float(x[i])
        sides.append(kept)
    centre = [middle] if known[middle] else []
    return np.array([*sides[0][::-1], *centre, *sides[1]], dtype=np.intp)


def _within(curve: ProfileCurve, value: Array) -> Array:
    """Which values were profiled."""
    low, high = curve.line[[0, -1], 0]
    slack = 1e-9 * (high - low)
    return np.asarray((value > low - slack) & (value < high + slack))


def _zeta(curve: ProfileCurve, value: Array) -> Array:
    """Zetas of values; NaN beyond what was profiled."""
    clipped = np.clip(value, curve.line[0, 0], curve.line[-1, 0])
    values, zetas = curve.line.T
    first = np.append(True, np.diff(values) > 0.0)
    if np.count_nonzero(first) < 2:
        return np.where(_within(curve, value), zetas[0], np.nan)
    found = PchipInterpolator(values[first], zetas[first])(clipped)
    return np.where(_within(curve, value), found, np.nan)
