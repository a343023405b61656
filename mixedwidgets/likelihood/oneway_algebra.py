"""The one-way normal model as functions of the groups' sizes, means and sums of squares.

The covariance matrix of group j, ``sigma2 I + tau2 11'``, has the determinant
``sigma2^(n_j - 1) lambda_j`` with ``lambda_j = sigma2 + n_j tau2``, and its inverse splits the
squares about mu into those within the group, over sigma2, and ``n_j d_j^2 / lambda_j`` with
``d_j = mean_j - mu`` (Searle, Casella and McCulloch 1992, Variance Components, section 3.7). So
no matrix is built. In all functions mu, sigma2 and tau2 are arrays of one shape (...).
"""

from __future__ import annotations

import numpy as np

from mixedwidgets.likelihood.groups import Groups
from mixedwidgets.likelihood.inputs import Array

_LOG_2PI = float(np.log(2.0 * np.pi))


def _parts(data: Groups, mu: Array, sigma2: Array, tau2: Array) -> tuple[Array, Array, Array]:
    """Return sigma2 (..., 1), lambda (..., m) and the deviations from mu (..., m)."""
    sigma2, tau2 = sigma2[..., None], tau2[..., None]
    distance = data.deviation + (data.centre - mu)[..., None]
    return sigma2, sigma2 + data.size * tau2, distance


def contributions(data: Groups, mu: Array, sigma2: Array, tau2: Array) -> Array:
    """Log-likelihood of each group, shape (..., m)."""
    n = data.size
    s, spread, d = _parts(data, mu, sigma2, tau2)
    logdet = (n - 1) * np.log(s) + np.log(spread)
    return -0.5 * (n * _LOG_2PI + logdet + data.squares / s + n * d**2 / spread)


def loglik(data: Groups, mu: Array, sigma2: Array, tau2: Array) -> Array:
    """Log-likelihood, shape (...): the sum of `contributions`."""
    n = data.size
    s, spread, d = _parts(data, mu, sigma2, tau2)
    between = np.sum(np.log(spread) + n * d**2 / spread, axis=-1)
    within = (data.n - data.m) * np.log(s[..., 0]) + data.within / s[..., 0]
    return -0.5 * (data.n * _LOG_2PI + within + between)


def score(data: Groups, mu: Array, sigma2: Array, tau2: Array) -> Array:
    """First derivatives of the log-likelihood in mu, sigma2, tau2, shape (..., 3)."""
    n = data.size
    s, spread, d = _parts(data, mu, sigma2, tau2)
    s = s[..., 0]
    excess = (n * d**2 / spread - 1.0) / spread
    within = (data.within / s - (data.n - data.m)) / s
    parts = [
        np.sum(n * d / spread, axis=-1),
        0.5 * (within + excess.sum(axis=-1)),
        0.5 * np.sum(n * excess, axis=-1),
    ]
    return np.stack(parts, axis=-1)


def information(data: Groups, mu: Array, sigma2: Array, tau2: Array) -> Array:
    """Minus the second derivatives of the log-likelihood, shape (..., 3, 3)."""
    n = data.size
    s, spread, d = _parts(data, mu, sigma2, tau2)
    s = s[..., 0]
    slope = n * d / spread**2
    bend = (n * d**2 / spread - 0.5) / spread**2
    within = (data.within / s - 0.5 * (data.n - data.m)) / s**2
    out = np.empty((*np.shape(s), 3, 3))
    out[..., 0, 0] = np.sum(n / spread, axis=-1)
    out[..., 0, 1] = out[..., 1, 0] = slope.sum(axis=-1)
    out[..., 0, 2] = out[..., 2, 0] = np.sum(n * slope, axis=-1)
    out[..., 1, 1] = within + bend.sum(axis=-1)
    out[..., 1, 2] = out[..., 2, 1] = np.sum(n * bend, axis=-1)
    out[..., 2, 2] = np.sum(n**2 * bend, axis=-1)
    return out


def weighted_mean(data: Groups, sigma2: float, tau2: float) -> tuple[float, float]:
    """Mean of the group means with weights ``n_j / lambda_j``, and its variance.

    The generalised least-squares estimate of mu (minus ``data.centre``) for known variances.
    """
    weight = data.size / (sigma2 + data.size * tau2)
    total = float(weight.sum())
    return float(weight @ data.deviation) / total, 1.0 / total


def reml_criterion(data: Groups, sigma2: float, tau2: float) -> float:
    """Minus twice the restricted log-likelihood: that of the differences free of mu.

    ``(n - 1) log(2 pi) + log|V| + log(sum n_j / lambda_j) + r' V^-1 r`` with the residuals r about
    the generalised least-squares mean, as lme4 prints it (Harville 1974, Biometrika 61, 383-385).
    """
    mu, variance = weighted_mean(data, sigma2, tau2)
    at = np.array([data.centre, sigma2, tau2])
    full = loglik(data, *at[:, None])[0]
    at_centre = mu**2 / variance  # what the squares about mu have less than those about the centre
    return float(-2.0 * full - at_centre - _LOG_2PI - np.log(variance))
