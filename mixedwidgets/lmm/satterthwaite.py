"""Degrees of freedom by Satterthwaite's method, from exact derivatives.

The variance of a contrast l' beta is an estimate itself: v = l' C l with C the covariance of beta,
a function of the variance parameters. Matching its mean and variance to a multiple of chi-square
gives ``df = 2 v^2 / (g' A g)`` with g the gradient of v and A the covariance of the variance
parameters, the inverse of their observed information with beta profiled out (Giesbrecht and Burns
1985, Biometrics 41, 477-486). For several contrasts at once, Fai and Cornelius (1996, Journal of
Statistical Computation and Simulation 54, 363-378).

With V = sigma^2 (I + Z S Z') and C = sigma^2 (X' V^-1 X)^-1 = sigma^2 P^-1, in the notation of
``solved``:

    d C = sigma^2 P^-1 (sum B' dS B) P^-1 + 2 C d log sigma.

At an optimum inside the parameter space df does not depend on the choice of parameters. Here they
are the elements of the relative factor T in whitened coordinates, S = T T', and log sigma. At the
boundary, where T has columns of zeros, their elements are left out: directions of zero variance
are taken as known to have none. So does the Hessian in (theta, sigma) of R's lmerTest by itself,
because there neither C nor the criterion has a slope in a factor's element that is zero.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from mixedwidgets.errors import ModelError
from mixedwidgets.lmm.deviance import differentiate
from mixedwidgets.lmm.estimate import Estimate
from mixedwidgets.lmm.linalg import Array
from mixedwidgets.lmm.objective import Factor
from mixedwidgets.lmm.solved import Blocks, Solved

FLAT = 1e-8  # eigenvalue of the scaled information below which a direction is left out
ALIKE = 1e-8  # relative difference of degrees of freedom that counts as none
DEPENDENT = 1e-12  # relative variance of a combination of contrasts that is none of its own
ROUNDING = 1e-14  # the same where contrasts of different units are not scaled alike


@dataclass(frozen=True)
class Satterthwaite:
    """Tests of contrasts of one fit by Satterthwaite's method.

    Attributes
    ----------
    estimate : Estimate
        By either criterion.
    """

    estimate: Estimate

    @property
    def beta(self) -> Array:
        """Coefficients (p,)."""
        return self.estimate.beta

    @property
    def sigma(self) -> float:
        """Residual standard deviation."""
        return self.estimate.sigma

    @property
    def covariance(self) -> Array:
        """Covariance of the coefficients (p, p) that standard errors come from."""
        return self.estimate.vcov

    def df(self, contrasts: Array) -> Array:
        """Degrees of freedom of single contrasts.

        Parameters
        ----------
        contrasts : (c, p) array
            One contrast a row.

        Returns
        -------
        (c,) array
            NaN where the likelihood says nothing about the variance of the contrast.
        """
        inverse = np.linalg.inv(self.estimate.moments.basis.R)
        rows = contrasts @ inverse
        jacobian, covariance = self._variance_parameters
        slopes = np.einsum("ci,nij,cj->cn", rows, jacobian, rows, optimize=True)
        variance = np.einsum("ci,ij,cj->c", contrasts, self.estimate.vcov, contrasts)
        spread = np.einsum("cn,nm,cm->c", slopes, covariance, slopes)
        out = np.full(len(contrasts), np.nan)
        np.divide(2.0 * variance**2, spread, out=out, where=spread > 0.0)
        return out

    def f_test(self, contrasts: Array) -> tuple[float, int, float]:
        """F test of several contrasts being zero.

        Parameters
        ----------
        contrasts : (c, p) array
            One contrast a row, in any coordinates; what depends on others adds nothing.

        Returns
        -------
        statistic : float
        numerator : int
            Number of independent contrasts.
        denominator : float
            Degrees of freedom.
        """
        vcov = self.estimate.vcov
        rows = uncorrelated(contrasts, vcov)
        values, vectors = np.linalg.eigh(contrasts @ vcov @ contrasts.T)
        parts = vectors[:, values > ROUNDING * values[-1]].T @ contrasts
        if len(parts) != len(rows):  # lost beside contrasts of much larger units
            parts = rows
        statistic = float(np.mean((rows @ self.estimate.beta) ** 2))
        return statistic, len(rows), denominator(self.df(parts))

    @cached_property
    def _variance_parameters(self) -> tuple[Array, Array]:
        """Derivatives of the covariance of beta in basis coordinates, and A.

        Returns
        -------
        jacobian : (r, p, p) array
            In each free variance parameter.
        covariance : (r, r) array
            Of these parameters.
        """
        optimum = self.estimate.optimum
        layout = self.estimate.moments.layout
        rows, columns = layout.position
        free = np.append(np.any(optimum.T, axis=0)[columns], True)
        along = slopes_of_inverse(optimum.solved)
        through = np.einsum("abij,bc->acij", along, optimum.T)[rows, columns]
        inverse = optimum.solved.root.T @ optimum.solved.root
        jacobian = np.concatenate([through + through.transpose(0, 2, 1), 2.0 * inverse[None]])
        information = _information(self.estimate)
        return (
            self.estimate.sigma**2 * jacobian[free],
            _inverse(information[np.ix_(free, free)]),
        )


def uncorrelated(contrasts: Array, covariance: Array) -> Array:
    """Combinations of contrasts whose estimates are uncorrelated and of variance 1, (q, p).

    Which contrasts depend on others is judged with all scaled to variance 1, whatever their units.

    Parameters
    ----------
    contrasts : (c, p) array
        One contrast a row.
    covariance : (p, p) array
        Of the coefficients.

    Raises
    ------
    ModelError
        All contrasts are zero.
    """
    variances = np.einsum("ci,ij,cj->c", contrasts, covariance, contrasts)
    there = variances > 0.0
    if not there.any():
        raise ModelError("A hypothesis whose contrasts are all zero says nothing; leave it out.")
    scaled = contrasts[there] / np.sqrt(variances[there])[:, None]
    values, vectors = np.linalg.eigh(scaled @ covariance @ scaled.T)
    kept = values > DEPENDENT * values[-1]
    return np.asarray((vectors[:, kept] / np.sqrt(values[kept])).T @ scaled)


def denominator(df: Array) -> float:
    """Denominator degrees of freedom of an F test from those of its orthogonal parts (q,).

    With ``E = sum df / (df - 2)``, the mean of q F, it is ``2 E / (E - q)`` (Fai and Cornelius
    1996); 2 where some part has no more than that, and so no mean.
    """
    if np.any(np.isnan(df)):
        return float("nan")
    if np.ptp(df) <= ALIKE * df.max():
        return float(df.mean())
    if df.min() <= 2.0:
        return 2.0
    mean = float(np.sum(df / (df - 2.0)))
    return 2.0 * mean / (mean - len(df))


def sums_over_levels(left: Blocks, right: Blocks) -> Array:
    """Sums over levels of x_a y_b' for two random-effects columns a and b, (K, K, s, t).

    Zero for columns of different terms, whose covariance is no parameter.

    Parameters
    ----------
    left, right : tuple of (k, s, m) and of (k, t, m) arrays
        Vectors x and y for each column and level, by terms.
    """
    width = sum(len(block) for block in left)
    s, t = left[0].shape[1], right[0].shape[1]
    out = np.zeros((width, width, s, t))
    at = 0
    for x, y in zip(left, right, strict=True):
        k, m = len(x), x.shape[2]
        products = x.reshape(k * s, m) @ y.reshape(k * t, m).T
        here = slice(at, at + k)
        out[here, here] = products.reshape(k, s, k, t).transpose(0, 2, 1, 3)
        at += k
    return out


def slopes_of_inverse(solved: Solved) -> Array:
    """P^-1 (sum over levels of B_a' B_b) P^-1 for two random-effects columns, (K, K, p, p)."""
    inverse = solved.root.T @ solved.root
    half = tuple(np.einsum("ij,ajm->aim", inverse, block) for block in solved.B)
    return sums_over_levels(half, half)


def _information(estimate: Estimate) -> Array:
    """Half the Hessian of the criterion in the elements of T and log sigma, beta profiled out.

    Of ``logdet + N log sigma^2 + q / sigma^2``, in units of the estimated sigma.
    """
    optimum = estimate.optimum
    solved = optimum.solved
    layout = estimate.moments.layout
    factor = Factor(layout, np.eye(layout.width))
    derivatives = differentiate(solved, estimate.reml)
    per_variance = solved.N / solved.q
    first = derivatives.logdet1 + per_variance * derivatives.q1
    second = derivatives.logdet2 + per_variance * derivatives.q2
    size = layout.ntheta + 1
    out = np.empty((size, size))
    out[:-1, :-1] = 0.5 * factor.hessian(first, second, optimum.T)
    out[:-1, -1] = out[-1, :-1] = -per_variance * factor.gradient(derivatives.q1, optimum.T)
    out[-1, -1] = 2.0 * solved.N
    return out


def _inverse(information: Array) -> Array:
    """Inverse of an information matrix, without directions in which there is none."""
    scale = 1.0 / np.sqrt(np.maximum(np.abs(np.diag(information)), 1e-300))
    values, vectors = np.linalg.eigh(information * np.outer(scale, scale))
    kept = values > FLAT
    half = scale[:, None] * vectors[:, kept] / np.sqrt(values[kept])
    return np.asarray(half @ half.T)
