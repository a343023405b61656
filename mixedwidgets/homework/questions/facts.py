"""What several questions read off a student's data and fits."""

from __future__ import annotations

import math

import numpy as np

from mixedwidgets.homework.world import World
from mixedwidgets.lmm.fit import Fit


def ones(world: World) -> tuple[int, int]:
    """Return how many outcomes are 1, and how many there are."""
    outcome = world.fits.rows.outcome
    return sum(outcome), len(outcome)


def shares(world: World) -> list[float]:
    """Return the share of ones in each group."""
    rows, start, found = world.fits.rows, 0, []
    for size in rows.sizes:
        found.append(sum(rows.outcome[start : start + size]) / size)
        start += size
    return found


def covariance(fit: Fit) -> np.ndarray:
    """Return the covariance of a group's effects, (1, 1) or (2, 2)."""
    return fit.estimate.covariances[0]


def sd(fit: Fit, effect: int = 0) -> float:
    """Return the SD of a random effect: 0 the intercept, 1 the slope."""
    return math.sqrt(float(covariance(fit)[effect, effect]))


def correlation(fit: Fit) -> float:
    """Return the correlation of a group's intercept and slope; NaN where one does not vary."""
    whole = covariance(fit)
    product = float(whole[0, 0] * whole[1, 1])
    if product <= 0.0:
        return math.nan
    return max(-1.0, min(float(whole[0, 1]) / math.sqrt(product), 1.0))


def coefficient(fit: Fit, place: int) -> float:
    """Return a fixed effect: 0 the intercept, 1 the slope."""
    return float(fit.estimate.beta[place])


def line(world: World) -> tuple[float, float]:
    """Return slope and residual SD of the least-squares line through all rows, groups ignored."""
    x = world.data[world.predictor].to_numpy(dtype=float)
    y = world.data[world.response].to_numpy(dtype=float)
    dx, dy = x - x.mean(), y - y.mean()
    slope = float(dx @ dy) / float(dx @ dx)
    return slope, math.sqrt(float(np.sum((dy - slope * dx) ** 2)) / (len(y) - 2))


def scale(world: World, name: str) -> float:
    """Return about the smallest size that a true value has in this homework, above 0.

    It does not depend on the estimates, so that precision asked for says nothing of them.
    """
    lowest = min(abs(v) for v in getattr(world.scenario.truths, name))
    return min(lowest, abs(world.truth[name]) or lowest) or 1.0


def roomy(value: float) -> float:
    """Return a limit of sensible answers: a rounded number above another."""
    return float(f"{1.2 * value:.2g}")


def slope_units(world: World) -> str:
    """Return units of the response per one unit of the predictor."""
    return f"{world.scenario.units} per {world.scenario.predictor_units.removesuffix('s')}"


def floored(value: float, digits: int = 1) -> float:
    """Round a positive number down to some significant digits."""
    step = 10.0 ** (math.floor(math.log10(value)) - digits + 1)
    return float(f"{math.floor(value / step + 1e-9) * step:.{digits}g}")
