"""The binomial likelihood over its whole range, and five intervals with what each of them cuts."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.special import betainc, logit, ndtri

from mixedwidgets.errors import ModelError
from mixedwidgets.likelihood.binary import BinaryModel
from mixedwidgets.likelihood.inputs import confidence
from mixedwidgets.likelihood.intervals import binomial_interval
from mixedwidgets.likelihood.tables import (
    BinomialConstruction,
    BinomialCurve,
    BinomialPoint,
    Floats,
)

METHODS = {
    "wald": "Wald",
    "wald-logit": "Wald on log odds",
    "score": "Score",
    "likelihood-ratio": "Likelihood ratio",
    "exact": "Exact",
}
"""Methods in the order of the picture, and what they are called there."""

_WHOLE, _NEAR = 401, 401  # points from 0 to 1, and around the estimate
_REACH = 7.0  # standard errors of the estimate within which points are close
_NONE = np.empty(0)


def binomial_curve(k: int, n: int, level: float = 0.95) -> BinomialCurve:
    """Return the likelihood of k ones among n observations, and intervals with their construction.

    The likelihood is that of the sequence of zeros and ones, ``theta^k (1 - theta)^(n - k)``.
    Wald's intervals cut a parabola in theta, or in the log odds, with the curvature of the
    log-likelihood at its maximum; the score interval cuts ``-(p - theta)^2 / (2 theta (1 - theta)
    / n)``; the likelihood-ratio interval the log-likelihood itself, all of them ``z^2 / 2`` below
    the maximum. The exact one (Clopper and Pearson 1934) cuts the probabilities of both tails.
    The methods are compared in Brown, Cai and DasGupta (2001), Statistical Science 16, 101-133.

    Parameters
    ----------
    k, n : int
        ``0 <= k <= n``, n at least 1.
    level : float, default 0.95

    Returns
    -------
    BinomialCurve

    Raises
    ------
    DataError
        k or n that are not such numbers.
    ModelError
        A level outside 0 to 1.
    """
    model = BinaryModel.from_counts(k, n)
    level = confidence(level)
    z = float(ndtri(0.5 + 0.5 * level))
    mle, information = model.mle(), float(model.information())
    peak = float(model.loglik(mle))
    theta = _grid(mle, max(model.se(), 1.0 / model.n))
    height = np.minimum(model.loglik(theta) - peak, 0.0)
    edge = not np.isfinite(information)
    missing = np.full(theta.shape, np.nan)
    parabola = missing if edge else -0.5 * information * (theta - mle) ** 2
    curves = {
        "wald": parabola,
        "wald-logit": missing if edge else _log_odds_parabola(model, theta),
        "score": _score_curve(model, theta),
        "likelihood-ratio": height,
    }
    methods = tuple(
        _construction(model, key, level, curves.get(key, _NONE), theta, z) for key in METHODS
    )
    return BinomialCurve(
        model.k,
        model.n,
        level,
        mle,
        peak,
        model.se(),
        information,
        theta,
        height,
        parabola,
        methods,
    )


def binomial_point(k: int, n: int, theta: Any) -> BinomialPoint:
    """Return log-likelihood, slope and curvature at one probability.

    Parameters
    ----------
    k, n : int
    theta : float
        From 0 to 1.

    Raises
    ------
    DataError
        k or n that are no such numbers.
    ModelError
        theta outside 0 to 1, or more than one number.
    """
    model = BinaryModel.from_counts(k, n)
    loglik = model.loglik(theta)
    if np.ndim(loglik):
        raise ModelError("theta must be a single number; BinaryModel takes arrays.")
    return BinomialPoint(
        float(theta),
        loglik,
        min(loglik - float(model.loglik(model.mle())), 0.0),
        float(model.score(theta)),
        float(model.information(theta)),
    )


def _grid(mle: float, se: float) -> Floats:
    """Probabilities from 0 to 1, many of them around the estimate, the estimate among them."""
    low, high = max(0.0, mle - _REACH * se), min(1.0, mle + _REACH * se)
    parts = (np.linspace(0.0, 1.0, _WHOLE), np.linspace(low, high, _NEAR), [mle])
    return np.unique(np.concatenate(parts))


def _log_odds_parabola(model: BinaryModel, theta: Floats) -> Floats:
    """The parabola in the log odds, whose information is ``n p (1 - p)``."""
    spread = model.k * (model.n - model.k) / model.n
    with np.errstate(divide="ignore"):
        away = logit(theta) - logit(model.mle())
    return np.asarray(-0.5 * spread * away**2)


def _score_curve(model: BinaryModel, theta: Floats) -> Floats:
    away = model.mle() - theta
    with np.errstate(divide="ignore", invalid="ignore"):
        curve = -0.5 * model.n * away**2 / (theta * (1.0 - theta))
    return np.where(away == 0.0, 0.0, curve)


def _construction(
    model: BinaryModel, key: str, level: float, height: Floats, theta: Floats, z: float
) -> BinomialConstruction:
    found = binomial_interval(model.k, model.n, level, key)
    exact = key == "exact"
    return BinomialConstruction(
        key,
        METHODS[key],
        found.lower,
        found.upper,
        found.note,
        height,
        _tails(model.k, model.n, theta) if exact else _NONE,
        0.5 * (1.0 - level) if exact else -0.5 * z * z,
    )


def _tails(k: int, n: int, theta: Floats) -> Floats:
    """Probabilities of k ones or more and of k or fewer, by the incomplete beta function."""
    ones = np.ones_like(theta)
    more = betainc(k, n - k + 1, theta) if k > 0 else ones
    fewer = 1.0 - betainc(k + 1, n - k, theta) if k < n else ones
    return np.stack((more, fewer))
