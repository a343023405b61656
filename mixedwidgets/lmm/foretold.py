"""Profiles of many points at once, foretold from the optimum: for the first look at a surface.

At each point the covariances and sigma are where the tangents at the optimum lead to, and the
coefficients at their best for them. So what comes out is never below the profile likelihood's
deviance, and near the optimum equal to it up to third order.
"""

from __future__ import annotations

import numpy as np

from mixedwidgets.lmm.estimate import Estimate
from mixedwidgets.lmm.grouped import GroupedMoments
from mixedwidgets.lmm.held_fixed import all_at_once, grouped_grams, profiled
from mixedwidgets.lmm.linalg import Array
from mixedwidgets.lmm.parameters import Parameter
from mixedwidgets.lmm.surface_axes import value_at
from mixedwidgets.lmm.walk import Walker


def can_foretell(estimate: Estimate, held: tuple[Parameter, ...]) -> bool:
    """Whether there is such a first look: not for coefficients, theta or many random effects."""
    kinds = {p.kind for p in held}
    return all_at_once(estimate.moments) and kinds <= {"sd", "cor", "sigma"}


def foretold(estimate: Estimate, held: tuple[Parameter, ...], points: Array) -> Array:
    """Rise of the deviance at points (t, h), about as profiles of the held parameters have it.

    Parameters
    ----------
    estimate : Estimate
    held : tuple of h Parameter
        For which ``can_foretell`` holds.
    points : (t, h) array

    Returns
    -------
    (t,) array
    """
    moments = estimate.moments
    assert isinstance(moments, GroupedMoments)
    values = tuple(value_at(estimate, p) for p in held)
    walker = Walker(estimate, held, values)
    covariances, sigmas = _tangent_points(walker, points)
    W = moments.whitening
    S = W @ (covariances / sigmas[:, None, None] ** 2) @ W.T
    logdet, gram = grouped_grams(S, moments, np.empty((0, moments.ncoef + 1)))
    q, extra = profiled(gram, moments)
    N = moments.nobs
    if estimate.reml:
        logdet, N = logdet + extra, N - moments.ncoef
    value = logdet + N * np.log(2.0 * np.pi * sigmas**2) + q / sigmas**2 - moments.sum_log_weights
    return np.maximum(np.where(np.isfinite(value), value, np.inf) - walker.minimum, 0.0)


def _tangent_points(walker: Walker, points: Array) -> tuple[Array, Array]:
    """Covariances (t, K, K) in the user's units and sigmas (t,) on the tangents."""
    constraint = walker.constraint
    covariances, sigmas = [], np.empty(len(points))
    for n, point in enumerate(points):
        z = walker.beside(tuple(point.tolist()))
        factor = constraint.covariance_factor(z)
        covariances.append(factor @ factor.T)
        sigmas[n] = np.exp(z[-1])
    return np.array(covariances), sigmas
