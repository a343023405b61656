"""moments -> Estimate: the optimum turned into sigma, coefficients and covariances."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mixedwidgets.lmm.control import DEFAULT, Control
from mixedwidgets.lmm.deviance import AnySolved
from mixedwidgets.lmm.linalg import Array
from mixedwidgets.lmm.moments import AnyMoments
from mixedwidgets.lmm.optimize import Optimum, Progress, optimise
from mixedwidgets.lmm.small import inverse


@dataclass(frozen=True)
class Estimate:
    """The estimates of one model by one criterion.

    Attributes
    ----------
    moments : Moments
        Cross-products.
    reml : bool
        Criterion: restricted likelihood or likelihood.
    optimum : Optimum
        The optimum in theta.
    solved : Solved
        The likelihood there.
    sigma : float
        Residual standard deviation, in units of the response.
    beta : (p,) array
        Fixed-effects coefficients.
    vcov : (p, p) array
        Their covariance, ``sigma^2 (X' V^-1 X)^-1``.
    factor : (K, K) array
        ``sigma * Lambda``: lower-triangular factor of the covariance of the random effects.
    """

    moments: AnyMoments
    reml: bool
    optimum: Optimum
    solved: AnySolved
    sigma: float
    beta: Array
    vcov: Array
    factor: Array

    @property
    def covariances(self) -> tuple[Array, ...]:
        """Covariance of the random effects of each term, (k, k)."""
        whole = self.factor @ self.factor.T
        return tuple(whole[c, c] for c in self.moments.layout.slices)


def estimate(
    moments: AnyMoments,
    reml: bool,
    start: Array | None = None,
    control: Control = DEFAULT,
    progress: Progress | None = None,
) -> Estimate:
    """Optimise and read off the estimates.

    Parameters
    ----------
    moments : Moments
        Cross-products.
    reml : bool
        Restricted likelihood.
    start : (ntheta,) array, optional
        theta to start from.
    control : Control
        How hard to search.
    progress : callable, optional
        Told of every accepted step.

    Returns
    -------
    Estimate
    """
    optimum = optimise(moments, reml, start, control, progress)
    solved = optimum.solved
    sigma = float(np.sqrt(solved.q / solved.N))
    back = inverse(moments.basis.R)
    half = back @ solved.root.T
    return Estimate(
        moments=moments,
        reml=reml,
        optimum=optimum,
        solved=solved,
        sigma=sigma,
        beta=moments.coefficients(solved.delta),
        vcov=sigma**2 * (half @ half.T),
        factor=sigma * moments.layout.matrix(optimum.theta),
    )
