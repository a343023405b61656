"""Starting points scattered around one, the same ones each time."""

from __future__ import annotations

import numpy as np

from mixedwidgets.likelihood.derivatives import Array
from mixedwidgets.likelihood.search import Problem

SEED = 20_200_929
TRIES = 50


def scattered(problem: Problem, start: Array, spread: Array, count: int) -> list[Array]:
    """Draw starts at which the function is finite.

    Between two bounds a start is uniform; beside one bound its distance from it is that of
    ``start`` times 1/10 to 10; elsewhere it is within three ``spread`` of ``start``.

    Parameters
    ----------
    problem : Problem
    start : (p,) array
        At which the function is finite.
    spread : (p,) array
        Above 0.
    count : int

    Returns
    -------
    list of (p,) arrays
        Of length ``count``; a point that has no value is drawn nearer and nearer to ``start``.
    """
    rng = np.random.default_rng(SEED)
    points = []
    for _ in range(count):
        far = _draw(problem, start, spread, rng.uniform(size=len(start)))
        for k in range(TRIES):
            point = start + 0.8**k * (far - start)
            if np.isfinite(problem(point)):
                points.append(point)
                break
        else:
            points.append(start)
    return points


def _draw(problem: Problem, start: Array, spread: Array, share: Array) -> Array:
    """One point from uniform numbers (p,)."""
    low, high = problem.low, problem.high
    beside = np.where(np.isfinite(low), low, high)
    away = start - beside
    away = np.where(away == 0.0, np.where(np.isfinite(low), spread, -spread), away)
    with np.errstate(invalid="ignore"):
        point = np.where(
            np.isfinite(low) & np.isfinite(high),
            low + share * (high - low),
            beside + away * 10.0 ** (2.0 * share - 1.0),
        )
    free = ~np.isfinite(low) & ~np.isfinite(high)
    return np.where(free, start + 3.0 * spread * (2.0 * share - 1.0), point)
