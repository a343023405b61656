"""Wald standard errors of standard deviations, correlations and sigma from the information."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri

from mixedwidgets.lmm.constrain import constrain
from mixedwidgets.lmm.estimate import Estimate
from mixedwidgets.lmm.linalg import Array
from mixedwidgets.lmm.parameters import Parameter, value_of


@dataclass(frozen=True)
class Information:
    """Observed information of a covariance factor F and log sigma, coefficients profiled out.

    Attributes
    ----------
    factor : (K, K) array
        F, lower triangular and not divided by sigma.
    back : (K, K) array
        ``back @ F`` is a factor of the covariance of the random effects in the user's units.
    matrix : (ntheta + 1, ntheta + 1) array
        Half the Hessian of minus twice the log-likelihood in the elements of F, column by column,
        and log sigma.
    """

    factor: Array
    back: Array
    matrix: Array


def variance_information(estimate: Estimate, natural: bool = False) -> Information:
    """Information in whitened coordinates, where large means and small units cost no digits.

    Parameters
    ----------
    estimate : Estimate
    natural : bool
        Take the user's units. So does a factor with a column of zeros that whitening would move:
        which variances are held at zero is said in the user's units.
    """
    moments, factor = estimate.moments, estimate.factor
    white = estimate.sigma * estimate.optimum.T
    natural = natural or not np.array_equal(np.any(white, axis=0), np.any(factor, axis=0))
    constraint = constrain(moments, (), estimate.reml, natural=natural)
    if natural:
        z = constraint.start(factor, estimate.sigma)
        return Information(factor, np.eye(len(factor)), 0.5 * constraint.hessian(z))
    z = np.append(moments.layout.vector(white), np.log(estimate.sigma))
    back = np.asarray(np.linalg.inv(moments.whitening))
    return Information(white, back, 0.5 * constraint.hessian(z))


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
    natural = any(p.kind == "theta" for p in chosen)
    information = variance_information(estimate, natural)
    columns = layout.position[1]
    free = np.append(np.any(information.factor, axis=0)[columns], True)
    sub = information.matrix[np.ix_(free, free)]
    scale = 1.0 / np.sqrt(np.maximum(np.abs(np.diag(sub)), 1e-300))
    covariance = np.linalg.pinv(sub * np.outer(scale, scale), hermitian=True)
    covariance = covariance * np.outer(scale, scale)
    jacobian = np.array([_gradient(estimate, p, information) for p in chosen])
    return jacobian[:, free], covariance


def _gradient(estimate: Estimate, parameter: Parameter, information: Information) -> Array:
    """Gradient of a parameter in the elements of F and log sigma; NaN at a boundary.

    Elements of theta need F in the user's units.
    """
    size = len(information.matrix)
    out = np.zeros(size)
    if parameter.kind == "sigma":
        out[-1] = estimate.sigma
        return out
    layout = estimate.moments.layout
    begin = layout.starts[parameter.block]
    factor = information.factor
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
    into = information.back[begin + parameter.i]
    left = into @ factor
    if parameter.kind == "sd":
        if value == 0.0:
            return np.full(size, np.nan)
        matrix = np.outer(into, left / value)
    else:
        if not abs(value) < 1.0 - 1e-12:
            return np.full(size, np.nan)
        other = information.back[begin + parameter.j]
        right = other @ factor
        a, b = np.linalg.norm(left), np.linalg.norm(right)
        matrix = np.outer(into, right / (a * b) - value * left / a**2)
        matrix += np.outer(other, left / (a * b) - value * right / b**2)
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
