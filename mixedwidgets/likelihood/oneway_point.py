"""The one-way model at any mu, sigma and tau, and the surface and ranges to move them over."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from mixedwidgets.errors import ModelError, brief
from mixedwidgets.likelihood.anova import OneWay, oneway
from mixedwidgets.likelihood.groups import Groups, coded
from mixedwidgets.likelihood.inputs import numbers
from mixedwidgets.likelihood.oneway_algebra import contributions, loglik
from mixedwidgets.likelihood.tables import Floats, OneWayData, OneWayPoint

SIDE = 41  # points of the surface along each axis
DEPTH = 12.0  # of twice the log-likelihood that the surface shows along each axis
_SPREAD = 2.5  # largest sigma and tau of a slider, in multiples of an estimate


def oneway_data(y: Any, groups: Any) -> tuple[OneWayData, OneWay]:
    """Return what the picture of a one-way model shows wherever it is moved.

    Parameters
    ----------
    y : (n,) array_like
        Observations, finite.
    groups : (n,) array_like
        The group of each.

    Returns
    -------
    data : OneWayData
    analysis : OneWay
        Analysis of variance and estimates.

    Raises
    ------
    DataError
        Observations or groups that cannot be used.
    ModelError
        Data from which the two variances cannot be told apart.
    """
    analysis = oneway(y, groups)
    found = analysis.groups
    best = (analysis.ml.mu, analysis.ml.sigma, analysis.ml.tau)
    at_best = _contributions(found, *best)
    top = float(_profile(found, np.array(best[1]), np.array(best[2])))
    sigma, tau = _grids(found, best[1], best[2], top)
    surface = _profile(found, sigma[None, :], tau[:, None])
    values = numbers(y, "y")
    data = OneWayData(
        tuple(str(label) for label in found.labels),
        found.size,
        found.mean,
        values,
        coded(groups)[1],
        best,
        (found.centre + found.grand, analysis.moments.sigma, analysis.moments.tau),
        top,
        at_best,
        sigma,
        tau,
        np.maximum(2.0 * (top - surface), 0.0),
        _ranges(values, best, analysis),
    )
    return data, analysis


def oneway_point(groups: Groups, mu: float, sigma: float, tau: float) -> OneWayPoint:
    """Return the one-way model at one mu, sigma and tau.

    The shrunken mean of group j is ``w_j mean_j + (1 - w_j) mu`` with the weight ``w_j = n_j tau^2
    / (sigma^2 + n_j tau^2)`` (Searle, Casella and McCulloch 1992, Variance Components, section
    3.4).

    Parameters
    ----------
    groups : Groups
    mu : float
    sigma : float
        Standard deviation within groups, above 0.
    tau : float
        Standard deviation between groups, at least 0.

    Raises
    ------
    ModelError
        A standard deviation outside its range, or a number that is none.
    """
    mu, sigma, tau = parameters(mu, sigma, tau)
    weight = groups.size * tau**2 / (sigma**2 + groups.size * tau**2)
    each = _contributions(groups, mu, sigma, tau)
    away = groups.deviation - (mu - groups.centre)
    return OneWayPoint(mu, sigma, tau, float(each.sum()), mu + weight * away, weight, each)


def parameters(mu: Any, sigma: Any, tau: Any) -> tuple[float, float, float]:
    """Return a mean and two standard deviations as floats.

    Raises
    ------
    ModelError
        Not finite numbers, sigma not above 0, tau below 0.
    """
    values = []
    for name, given in (("mu", mu), ("sigma", sigma), ("tau", tau)):
        if isinstance(given, bool) or not isinstance(given, (int, float, np.number)):
            raise ModelError(f"{name} must be a number, not {brief(given)}.")
        if not np.isfinite(given):
            raise ModelError(f"{name} must be finite, which {brief(given)} is not.")
        values.append(float(given))
    if values[1] <= 0.0:
        raise ModelError(
            "sigma is the standard deviation within groups and must be above 0, which "
            f"{brief(sigma)} is not."
        )
    if values[2] < 0.0:
        raise ModelError(
            "tau is the standard deviation between groups and must be at least 0, which "
            f"{brief(tau)} is not."
        )
    return values[0], values[1], values[2]


def _contributions(groups: Groups, mu: float, sigma: float, tau: float) -> Floats:
    at = np.array([mu, sigma**2, tau**2])
    return np.asarray(contributions(groups, *at))


def _profile(groups: Groups, sigma: Floats, tau: Floats) -> Floats:
    """Log-likelihood with mu at its best for each pair: the mean of means weighted by precision."""
    sigma2, tau2 = np.broadcast_arrays(sigma**2, tau**2)
    weight = groups.size / (sigma2[..., None] + groups.size * tau2[..., None])
    mu = groups.centre + (weight @ groups.deviation) / weight.sum(axis=-1)
    return np.asarray(loglik(groups, mu, sigma2, tau2))


def _grids(groups: Groups, sigma: float, tau: float, top: float) -> tuple[Floats, Floats]:
    """Axes of the surface: as far as the log-likelihood is not too far down."""

    def drop(s: float, t: float) -> float:
        return 2.0 * (top - float(_profile(groups, np.array(s), np.array(t))))

    size = float(np.mean(groups.size))
    unit = tau if tau > 0.0 else sigma / np.sqrt(size)
    low_s = _end(lambda share: drop(sigma * (1.0 - share), tau), 0.95)
    high_s = _end(lambda share: drop(sigma * (1.0 + share), tau), 20.0)
    low_t = _end(lambda share: drop(sigma, max(tau - unit * share, 0.0)), tau / unit)
    high_t = _end(lambda share: drop(sigma, tau + unit * share), 50.0)
    return (
        np.linspace(sigma * (1.0 - low_s), sigma * (1.0 + high_s), SIDE),
        np.linspace(max(tau - unit * low_t, 0.0), tau + unit * high_t, SIDE),
    )


def _end(drop: Callable[[float], float], most: float) -> float:
    """Return about how far one can go until a drop is as deep as is shown, at most ``most``."""
    share = 1e-3
    while share < most and drop(share) < DEPTH:
        share *= 1.15
    return min(share, most)


def _ranges(
    y: Floats, best: tuple[float, float, float], analysis: OneWay
) -> tuple[tuple[float, float], ...]:
    """Least and largest value of each slider."""
    low, high = float(y.min()), float(y.max())
    sigma = best[1]
    size = float(np.mean(analysis.groups.size))
    tau = max(best[2], analysis.moments.tau, float(sigma / np.sqrt(size)))
    return (low, high), (0.25 * sigma, _SPREAD * sigma), (0.0, 2.0 * _SPREAD * tau)
