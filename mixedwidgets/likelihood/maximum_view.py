"""A user's log-likelihood around its maximum, on a grid of one or two of its parameters."""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np
from scipy.interpolate import RectBivariateSpline

from mixedwidgets.errors import ModelError, brief, nearest
from mixedwidgets.likelihood.derivatives import Array
from mixedwidgets.likelihood.maximum import Maximum
from mixedwidgets.likelihood.search import Problem
from mixedwidgets.likelihood.tables import Floats, MaximumView, SearchStep
from mixedwidgets.likelihood.userfunction import UserFunction

BUDGET = 0.8  # seconds that the grid may take
CURVE = (31, 241)  # least and most points of a curve
SIDE = (9, 41)  # ... of each side of a surface
FINE = 61  # points of each side of a surface that is drawn
DEEP = (8.0, 5.0)  # log-likelihood below the maximum to which a curve and a surface go
JOINT = 5.991464547107979  # chi-square, 2 degrees of freedom, 95 %
_REACH = (3.2, 12.0)  # standard errors around the maximum, at least and at most


def maximum_view(
    found: Maximum, names: Sequence[str], steps: tuple[SearchStep, ...], near: bool
) -> MaximumView:
    """Return a log-likelihood over one or two parameters, the others held at the maximum.

    Parameters
    ----------
    found : Maximum
        As ``maximize`` returns it.
    names : sequence of one or two str
        Parameters for the axes.
    steps : tuple of SearchStep
        The search to be shown on it.
    near : bool
        Whether the axes end near the maximum, rather than where the search began.

    Returns
    -------
    MaximumView

    Raises
    ------
    ModelError
        Names that are no parameters, or the user's function fails.
    """
    axes = _axes(found, names)
    problem = found._problem
    best = found.par.to_numpy(dtype=np.float64)
    deep = DEEP[len(axes) - 1]
    spans = [_span(found, i, steps, near, deep) for i in axes]
    start = time.perf_counter()
    for _ in range(3):
        problem(best)
    each = max((time.perf_counter() - start) / 3, 1e-7)
    sides = _points(len(axes), BUDGET / each)
    grids = tuple(np.linspace(low, high, sides) for low, high in spans)
    if len(axes) == 1:
        grids = (np.union1d(grids[0], best[axes[0]]),)
    height = _heights(problem, best, axes, grids, found.loglik)
    if len(axes) == 2:
        grids, height = _finer(grids, height)
    function = problem.function
    return MaximumView(
        function.label if isinstance(function, UserFunction) else "the function",
        tuple(found.names[i] for i in axes),
        axes,
        _held(found, axes),
        best,
        found.loglik,
        grids,
        height,
        _wald(found, axes, grids),
        _slope(grids[0], height) if len(axes) == 1 else np.empty(0),
        tuple((float(problem.low[i]), float(problem.high[i])) for i in axes),
        _depth(found, steps, deep, near),
    )


def loglik_at(found: Maximum, x: Array) -> float:
    """Return the log-likelihood at (p,) parameters, minus infinity where it has no value.

    Parameters
    ----------
    found : Maximum
        Of which function.
    x : (p,) array
    """
    return -found._problem(np.asarray(x, dtype=np.float64))


def problem_of(found: Maximum) -> Problem:
    """Return minus the log-likelihood in its box, to search it once more."""
    old = found._problem
    return Problem(old.function, old.low, old.high)


def _axes(found: Maximum, names: Sequence[str]) -> tuple[int, ...]:
    known = found.names
    for name in names:
        if name not in known:
            raise ModelError(
                f"{brief(name)} is no parameter{nearest(str(name), known)}; there are "
                f"{', '.join(known)}."
            )
    if not 1 <= len(set(names)) == len(names) <= 2:
        raise ModelError(f"Show one parameter or two different ones, not {brief(tuple(names))}.")
    return tuple(known.index(name) for name in names)


def _span(
    found: Maximum, i: int, steps: tuple[SearchStep, ...], near: bool, deep: float
) -> tuple[float, float]:
    """How far the axis of a parameter goes."""
    problem, x = found._problem, found.par.to_numpy(dtype=np.float64)
    ends = [x[i] + side * _reach(found, i, side, deep) for side in (-1.0, 1.0)]
    if not near:
        places = [float(step.x[i]) for step in steps]
        pad = 0.06 * (max([*places, ends[1]]) - min([*places, ends[0]]))
        if min(places) < ends[0]:
            ends[0] = min(places) - pad
        if max(places) > ends[1]:
            ends[1] = max(places) + pad
    return max(ends[0], float(problem.low[i])), min(ends[1], float(problem.high[i]))


def _reach(found: Maximum, i: int, side: float, deep: float) -> float:
    """Distance along one parameter at which the log-likelihood is deep enough below its top."""
    problem, x = found._problem, found.par.to_numpy(dtype=np.float64)
    se = float(found.se.iloc[i])
    known = bool(np.isfinite(se) and se > 0.0)
    step = 0.5 * se if known else 1e-3 * (abs(float(x[i])) or 1.0)
    room = float(problem.high[i] - x[i] if side > 0 else x[i] - problem.low[i])
    reach = step
    for _ in range(60):
        if reach >= room:
            break
        moved = x.copy()
        moved[i] += side * reach
        value = -problem(moved)
        if not np.isfinite(value) or found.loglik - value >= deep:
            break
        reach *= 1.25
    if known:
        reach = min(max(reach, _REACH[0] * se), _REACH[1] * se)
    return min(reach, room)


def _depth(found: Maximum, steps: tuple[SearchStep, ...], deep: float, near: bool) -> float:
    if near:
        return deep
    return max(deep, *(1.1 * (found.loglik - step.value) for step in steps))


def _points(dimensions: int, most: float) -> int:
    low, high = CURVE if dimensions == 1 else SIDE
    return int(np.clip(most if dimensions == 1 else np.sqrt(most), low, high))


def _heights(
    problem: Problem, best: Array, axes: tuple[int, ...], grids: tuple[Floats, ...], top: float
) -> Floats:
    """Log-likelihood less its maximum on the grid; along rows the first parameter changes."""
    x = best.copy()
    if len(axes) == 1:
        out = np.empty(len(grids[0]))
        for j, value in enumerate(grids[0]):
            x[axes[0]] = value
            out[j] = -problem(x)
    else:
        out = np.empty((len(grids[1]), len(grids[0])))
        for r, up in enumerate(grids[1]):
            for c, across in enumerate(grids[0]):
                x[axes[0]], x[axes[1]] = across, up
                out[r, c] = -problem(x)
    return np.minimum(out - top, 0.0)


def _finer(grids: tuple[Floats, ...], height: Floats) -> tuple[tuple[Floats, ...], Floats]:
    """Return a surface with more points, by a bicubic spline; as it is where it has gaps."""
    if not np.isfinite(height).all():
        return grids, height
    spline = RectBivariateSpline(grids[1], grids[0], height)
    finer = tuple(np.linspace(grid[0], grid[-1], FINE) for grid in grids)
    return finer, np.minimum(spline(finer[1], finer[0]), 0.0)


def _slope(grid: Floats, height: Floats) -> Floats:
    with np.errstate(invalid="ignore"):
        slope = np.gradient(height, grid, edge_order=2)
    return np.where(np.isfinite(slope), slope, np.nan)


def _held(found: Maximum, axes: tuple[int, ...]) -> str:
    rest = [i for i in range(len(found.names)) if i not in axes]
    if not rest:
        return ""
    values = ", ".join(f"{found.names[i]} = {found.par.iloc[i]:.5g}" for i in rest)
    return f"{values} held at the maximum"


def _wald(found: Maximum, axes: tuple[int, ...], grids: tuple[Floats, ...]) -> Floats:
    """The quadratic of the maximum: its values on a curve, its 95 % ellipse on a surface."""
    information = found.information.to_numpy(dtype=np.float64)[np.ix_(axes, axes)]
    best = found.par.to_numpy(dtype=np.float64)[list(axes)]
    if not np.isfinite(information).all() or np.linalg.eigvalsh(information).min() <= 0.0:
        return np.empty(0)
    if len(axes) == 1:
        return np.asarray(-0.5 * information[0, 0] * (grids[0] - best[0]) ** 2)
    angle = np.linspace(0.0, 2.0 * np.pi, 121)
    circle = np.stack((np.cos(angle), np.sin(angle)))
    root = np.linalg.inv(np.linalg.cholesky(information)).T
    return np.asarray(best + np.sqrt(JOINT) * (root @ circle).T)
