"""Estimates of the variances within and between groups, balanced or not."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.optimize import brentq

from mixedwidgets.errors import ModelError
from mixedwidgets.likelihood.groups import Groups
from mixedwidgets.likelihood.inputs import Array
from mixedwidgets.likelihood.oneway_algebra import loglik, reml_criterion, weighted_mean


@dataclass(frozen=True)
class Components:
    """Estimates of the one-way model by one method.

    Attributes
    ----------
    method : {"moments", "ML", "REML"}
    mu : float
        Overall mean: of all observations by moments, of the group means with weights
        ``n_j / (sigma2 + n_j tau2)`` by ML and REML.
    se_mu : float
        Its standard error, the variances taken as known.
    sigma2, tau2 : float
        Variances within and between groups, tau2 at least 0.
    loglik : float
        Log-likelihood at these estimates.
    reml_criterion : float
        Minus twice the restricted log-likelihood at sigma2 and tau2.
    """

    method: str
    mu: float
    se_mu: float
    sigma2: float
    tau2: float
    loglik: float
    reml_criterion: float

    @property
    def sigma(self) -> float:
        """Standard deviation within groups."""
        return self.sigma2**0.5

    @property
    def tau(self) -> float:
        """Standard deviation between groups."""
        return self.tau2**0.5

    @property
    def icc(self) -> float:
        """Correlation of two observations of one group, ``tau2 / (tau2 + sigma2)``."""
        return self.tau2 / (self.tau2 + self.sigma2)

    @property
    def boundary(self) -> bool:
        """Whether tau2 is zero, the smallest it can be."""
        return self.tau2 == 0.0


def needs_replication(data: Groups) -> None:
    """Refuse groups that cannot tell the two variances apart.

    Raises
    ------
    ModelError
        Fewer than two groups, one observation in every group, or no spread within any group.
    """
    if data.m < 2 or data.n == data.m:
        raise ModelError(
            f"There are {data.n} observations in {data.m} group{'s' * (data.m != 1)}; the one-way "
            "model needs at least two groups, and one of them with two observations."
        )
    if data.within == 0.0:
        raise ModelError(
            "Within every group all observations are equal, so the variance within groups is 0 "
            "and the likelihood has no maximum; give observations that differ."
        )


def effective_size(data: Groups) -> float:
    """Number of observations per group that stands for unequal ones.

    ``n0 = (n - sum n_j^2 / n) / (m - 1)``; the common size where all are equal (Searle, Casella
    and McCulloch 1992, Variance Components, section 3.6).
    """
    return (data.n - float(data.size @ data.size) / data.n) / (data.m - 1)


def mean_squares(data: Groups) -> tuple[float, float]:
    """Mean squares between and within groups, MSG and MSE."""
    return data.between / (data.m - 1), data.within / (data.n - data.m)


def by_moments(data: Groups) -> Components:
    """Method of moments: ``sigma2 = MSE``, ``tau2 = (MSG - MSE) / n0``, or 0 if that is negative.

    Both are unbiased for any group sizes, tau2 only before it is cut at 0 (Searle, Casella and
    McCulloch 1992, section 3.6).
    """
    between, within = mean_squares(data)
    tau2 = max(0.0, (between - within) / effective_size(data))
    variance = within / data.n + tau2 * float(data.size @ data.size) / data.n**2
    return _components("moments", data, data.grand, variance, within, tau2)


def by_likelihood(data: Groups, reml: bool) -> Components:
    """Maximum likelihood, or restricted maximum likelihood.

    Groups of one size have the closed form ``sigma2 = MSE``, ``tau2 = (SSG / m - MSE) / n`` (with
    m - 1 for REML), and where that is negative ``tau2 = 0``, ``sigma2 = SST / N`` (or N - 1)
    (Searle, Casella and McCulloch 1992, sections 3.7 and 3.8). Otherwise mu and sigma2 are
    profiled out and the derivative in ``tau2 / sigma2`` is solved for every root.

    Raises
    ------
    ModelError
        As `needs_replication`.
    """
    needs_replication(data)
    degrees = data.n - 1 if reml else data.n
    if data.balanced:
        sigma2, tau2 = _balanced(data, reml)
    else:
        ratio = _best_ratio(data, reml)
        sigma2 = float(_Profile(data, reml).residual(np.array([ratio]))[0]) / degrees
        tau2 = ratio * sigma2
    mu, variance = weighted_mean(data, sigma2, tau2)
    return _components("REML" if reml else "ML", data, mu, variance, sigma2, tau2)


def _components(
    method: str, data: Groups, mu: float, variance: float, sigma2: float, tau2: float
) -> Components:
    # about the centre: beside a number such as 1e12 mu would be rounded
    about = replace(data, centre=0.0)
    at = np.array([mu, sigma2, tau2])
    return Components(
        method,
        data.centre + mu,
        variance**0.5,
        sigma2,
        tau2,
        float(loglik(about, *at[:, None])[0]),
        reml_criterion(data, sigma2, tau2),
    )


def _balanced(data: Groups, reml: bool) -> tuple[float, float]:
    size = int(data.size[0])
    level = data.between / (data.m - 1 if reml else data.m)
    within = data.within / (data.n - data.m)
    if level > within:
        return within, (level - within) / size
    return (data.between + data.within) / (data.n - 1 if reml else data.n), 0.0


@dataclass(frozen=True)
class _Profile:
    """The criterion as a function of the ratio ``tau2 / sigma2`` alone; ratios have shape (k,).

    With ``h_j = n_j / (1 + n_j ratio)``: ``N log q + sum log(1 + n_j ratio)``, q the squares within
    groups and ``sum h_j (mean_j - mu)^2`` about the mean with weights h; REML has N - 1 for N and
    adds ``log sum h_j``. dh/d ratio = -h^2, and mu drops out of the derivative because q is
    smallest there.
    """

    data: Groups
    reml: bool

    def _weights(self, ratio: Array) -> tuple[Array, Array, Array]:
        h = self.data.size / (1.0 + ratio[:, None] * self.data.size)
        total = h.sum(axis=1)
        distance = self.data.deviation - (h @ self.data.deviation / total)[:, None]
        return h, total, distance

    def residual(self, ratio: Array) -> Array:
        """Squares of which sigma2 is the mean, shape (k,)."""
        h, _, distance = self._weights(ratio)
        return self.data.within + np.sum(h * distance**2, axis=1)

    def value(self, ratio: Array) -> Array:
        """Criterion, less a constant, shape (k,)."""
        h, total, distance = self._weights(ratio)
        squares = self.data.within + np.sum(h * distance**2, axis=1)
        logdet = np.sum(np.log1p(ratio[:, None] * self.data.size), axis=1)
        if self.reml:
            return (self.data.n - 1) * np.log(squares) + logdet + np.log(total)
        return self.data.n * np.log(squares) + logdet

    def slope(self, ratio: Array) -> Array:
        """Derivative of the criterion in the ratio, shape (k,)."""
        h, total, distance = self._weights(ratio)
        weighted = h * distance
        squares = self.data.within + np.sum(weighted * distance, axis=1)
        falling = np.sum(weighted**2, axis=1) / squares
        if self.reml:
            return total - np.sum(h**2, axis=1) / total - (self.data.n - 1) * falling
        return total - self.data.n * falling

    def beyond(self) -> float:
        """Return a ratio from which on the criterion only rises.

        There ``sum h - sum h^2 / sum h >= (m - 1) / (4 ratio)``, while the other term is at most
        ``N m range^2 / (ratio^2 SSE)`` because h is below 1 / ratio and q at least SSE.
        """
        data = self.data
        spread = float(np.ptp(data.deviation)) ** 2
        return max(1.0, 4.0 * data.n * data.m * spread / ((data.m - 1) * data.within))


def _best_ratio(data: Groups, reml: bool) -> float:
    """Find the ratio of variances at the lowest of all minima of the profiled criterion."""
    profile = _Profile(data, reml)
    first, last = 1e-3 / float(data.size.max()), 2.0 * profile.beyond()
    steps = max(40, int(12 * np.log10(last / first)))
    grid = np.concatenate([[0.0], np.geomspace(first, last, steps)])
    parts = 1 + len(grid) * data.m // 1_000_000  # arrays of at most some megabytes
    slopes = np.concatenate([profile.slope(part) for part in np.array_split(grid, parts)])
    candidates = [0.0] if slopes[0] >= 0.0 else []
    for i in np.flatnonzero((slopes[:-1] < 0.0) & (slopes[1:] >= 0.0)):
        root = brentq(
            lambda r: float(profile.slope(np.array([r]))[0]),
            float(grid[i]),
            float(grid[i + 1]),
            xtol=1e-300,
            rtol=4.0 * np.finfo(np.float64).eps,
            maxiter=500,
        )
        candidates.append(float(root))
    values = profile.value(np.array(candidates))
    return candidates[int(np.argmin(values))]
