"""What the second derivatives at the bottom of a search say about the parameters."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mixedwidgets.likelihood.derivatives import Array
from mixedwidgets.likelihood.search import Bottom, Problem
from mixedwidgets.likelihood.userfunction import OutOfCalls

FLAT = 1e-6  # curvature, relative to what the search expected, that counts as none
PROBE = 1e-4  # predicted change of a function, about 0.01 standard errors away
HIGHER = 3.0  # times that change: beyond, the function is no square even there
INVOLVED = 1e-4  # share in a direction, relative to 1 + |parameter|, that counts


@dataclass(frozen=True)
class Curvature:
    """Hessian and its inverse, with NaN where there is none.

    Attributes
    ----------
    hessian : (p, p) array
        Of the function minimised; NaN in the rows and columns of parameters on a bound, and
        everywhere where second derivatives do not exist.
    vcov : (p, p) array
        Inverse of the Hessian of the parameters that are not on a bound; NaN also for those that a
        flat or falling direction moves.
    flat, falling : tuple of tuple of int
        Parameters that each direction moves along which the function is level, or falls.
    higher : tuple of tuple of int
        The same of directions along which it rises, but its second derivative is zero.
    """

    hessian: Array
    vcov: Array
    flat: tuple[tuple[int, ...], ...] = ()
    falling: tuple[tuple[int, ...], ...] = ()
    higher: tuple[tuple[int, ...], ...] = ()


def curvature(bottom: Bottom, problem: Problem) -> Curvature:
    """Turn derivatives along the directions of the search into those in the parameters.

    Parameters
    ----------
    bottom : Bottom
    problem : Problem
        Of which it is the bottom.

    Returns
    -------
    Curvature
    """
    p = len(bottom.x)
    nothing = np.full((p, p), np.nan)
    found, free = bottom.derivatives, np.flatnonzero(~bottom.pinned)
    if found is None or not len(free) or bottom.status == "rough":
        return Curvature(nothing, nothing)
    back = np.linalg.inv(bottom.axes[free])
    hessian, vcov = nothing.copy(), nothing.copy()
    inner = back.T @ found.hessian @ back
    hessian[np.ix_(free, free)] = 0.5 * (inner + inner.T)
    values, vectors = np.linalg.eigh(found.hessian)
    error = np.where(np.isfinite(found.error), found.error, 0.0)
    noise = max(FLAT * float(np.abs(values).max()), 10.0 * float(error.max()))
    directions = bottom.axes @ vectors
    good = values > noise
    kept = directions[free][:, good]
    kept = kept / np.sqrt(values[good])
    vcov[np.ix_(free, free)] = kept @ kept.T
    flat: list[tuple[int, ...]] = []
    falling: list[tuple[int, ...]] = []
    higher: list[tuple[int, ...]] = []
    for i in range(len(values)):
        if good[i] and not _is_higher(problem, bottom, directions[:, i] / np.sqrt(values[i])):
            continue
        share = np.abs(directions[:, i]) / (1.0 + np.abs(bottom.x))
        moved = tuple(np.flatnonzero(share > INVOLVED * share.max()).tolist())
        (higher if good[i] else flat if values[i] >= -noise else falling).append(moved)
        vcov[list(moved), :] = vcov[:, list(moved)] = np.nan
    return Curvature(hessian, vcov, tuple(flat), tuple(falling), tuple(higher))


def _is_higher(problem: Problem, bottom: Bottom, unit: Array) -> bool:
    """Whether the function rises much more than half a square along a direction of one error."""
    predicted = PROBE * max(1.0, 1e-4 * abs(bottom.value))
    step = np.sqrt(2.0 * predicted) * unit
    try:
        ends = [problem(bottom.x + step), problem(bottom.x - step)]
    except OutOfCalls:
        return False
    rise = 0.5 * (ends[0] + ends[1]) - bottom.value
    return bool(np.isfinite(rise) and rise > HIGHER * predicted)
