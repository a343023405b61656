"""Wald standard errors of standard deviations, correlations and sigma from the information."""

from __future__ import annotations

import numpy as np
from scipy.special import ndtri

from mixedwidgets.lmm.constrain import constrain
from mixedwidgets.lmm.estimate import Estimate
from mixedwidgets.lmm.linalg import Array
from mixedwidgets.lmm.parameters import Parameter, value_of


def variance_information(estimate: Estimate) -> tuple[Array, Array]:
    """Observed information of the covariance factor and log sigma, coefficients profiled out.

    Returns
    -------
    z : (ntheta + 1,) array
        Elements of the unscaled factor, column by column, and log sigma.
    information : (ntheta + 1, ntheta + 1) array
        Half the Hessian of minus twice the log-likelihood.
    """
    constraint = constrain(estimate.moments, (), estimate.reml, natural=True)
    z = constraint.start(estimate.factor, estimate.sigma)
    return z, 0.5 * constraint.hessian(z)


def wald_covariance(estimate: Estimate, chosen: tuple[Parameter, ...]) -> Array:
    """Covariance (r, r) of the estimates of any parameters, by the delta method.

    Coefficients are uncorrelated with variance parameters in the expected information, which is
    used across the two kinds. Rows of a parameter at its boundary, where the quadratic
    approximation does not exist, are NaN.
    """
    out = np.zeros((len(chosen), len(chosen)))
    fixed = [n for n, p in enumerate(chosen) if p.kind == "fixed"]
    which = [chosen[n].i for n in fixed]
    out[np.ix_(fixed, fixed)] = estimate.vcov[np.ix_(which, which)]
    varying = [n for n, p in enumerate(chosen) if p.kind != "fixed"]
    if varying:
        jacobian, covariance = _variance_part(estimate, tuple(chosen[n] for n in varying))
        out[np.ix_(varying, varying)] = jacobian @ covariance @ jacobian.T
        lost = [varying[n] for n in np.flatnonzero(np.isnan(jacobian).any(axis=1))]
        out[lost, :] = np.nan
        out[:, lost] = np.nan
    return out


def _variance_part(estimate: Estimate, chosen: tuple[Parameter, ...]) -> tuple[Array, Array]:
    """Jacobian of the parameters in the free elements, and the covariance of those elements."""
    layout = estimate.moments.layout
    z, information = variance_information(estimate)
    columns = layout.position[1]
    free = np.append(np.any(estimate.factor, axis=0)[columns], True)
    sub = information[np.ix_(free, free)]
    scale = 1.0 / np.sqrt(np.maximum(np.abs(np.diag(sub)), 1e-300))
    covariance = np.linalg.pinv(sub * np.outer(scale, scale), hermitian=True)
    covariance = covariance * np.outer(scale, scale)
    jacobian = np.array([_gradient(estimate, p, len(z)) for p in chosen])
    return jacobian[:, free], covariance


def _gradient(estimate: Estimate, parameter: Parameter, size: int) -> Array:
    """Gradient of a parameter in the elements of the factor and log sigma; NaN at a boundary."""
    out = np.zeros(size)
    if parameter.kind == "sigma":
        out[-1] = estimate.sigma
        return out
    layout = estimate.moments.layout
    begin = layout.starts[parameter.block]
    factor = estimate.factor
    if parameter.kind == "theta":
        place = np.zeros_like(factor)
        place[begin + parameter.i, begin + parameter.j] = 1.0
        value = float(factor[begin + parameter.i, begin + parameter.j] / estimate.sigma)
        if value == 0.0 and parameter.i == parameter.j:
            return np.full(size, np.nan)
        out[:-1] = layout.vector(place) / estimate.sigma
        out[-1] = -value
        return out
    value = value_of(parameter, estimate.covariances, estimate.sigma, estimate.beta)
    left = factor[begin + parameter.i]
    matrix = np.zeros_like(factor)
    if parameter.kind == "sd":
        if value == 0.0:
            return np.full(size, np.nan)
        matrix[begin + parameter.i] = left / value
    else:
        right = factor[begin + parameter.j]
        a, b = np.linalg.norm(left), np.linalg.norm(right)
        if not abs(value) < 1.0 - 1e-12:
            return np.full(size, np.nan)
        matrix[begin + parameter.i] = right / (a * b) - value * left / a**2
        matrix[begin + parameter.j] = left / (a * b) - value * right / b**2
    out[:-1] = layout.vector(matrix)
    return out


def wald_intervals(
    estimate: Estimate, chosen: tuple[Parameter, ...], level: float
) -> tuple[Array, Array, Array]:
    """Estimates (r,), lower and upper Wald limits (r,) on the parameters' own scales.

    A limit may lie outside the possible range; that is what the method gives.
    """
    values = np.array(
        [value_of(p, estimate.covariances, estimate.sigma, estimate.beta) for p in chosen]
    )
    if not chosen:
        return values, values, values
    half = ndtri(0.5 + 0.5 * level) * np.sqrt(np.diag(wald_covariance(estimate, chosen)))
    return values, values - half, values + half
