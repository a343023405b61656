"""An ``Estimate`` anywhere in the parameter space, to ask what one asks of a fit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from mixedwidgets.lmm.constrained import FURTHEST
from mixedwidgets.lmm.crossed_deviance import SolvedCrossed
from mixedwidgets.lmm.deviance import AnySolved, solve
from mixedwidgets.lmm.estimate import Estimate
from mixedwidgets.lmm.linalg import Array, lower_triangle, semidefinite_root
from mixedwidgets.lmm.optimize import Optimum, zero_directions
from mixedwidgets.lmm.parameters import Parameter
from mixedwidgets.lmm.slice_factor import changed_factor, implied_sigma
from mixedwidgets.lmm.theta import standard_deviations

IMPOSSIBLE = -1e-10  # smallest eigenvalue of a correlation matrix that rounding may give


def moved_factor(
    fitted: Estimate, held: tuple[Parameter, ...], values: tuple[float, ...]
) -> tuple[Array, float] | None:
    """Factor of the covariance and sigma, all that is not held as in the fit.

    Parameters
    ----------
    fitted : Estimate
        The fit.
    held : tuple of Parameter
        What is held. In a term of which an element of theta is, its others stay; see
        ``slice_factor``.
    values : tuple of float

    Returns
    -------
    (factor, sigma) or None
        Factor (K, K) in the user's units; None where no model has these values.
    """
    points = np.array([values])
    sigmas = np.array([v for p, v in zip(held, values, strict=True) if p.kind == "sigma"])
    sigmas = sigmas if len(sigmas) else np.array([fitted.sigma])
    sigmas, possible = implied_sigma(held, points, sigmas)
    sigma = float(sigmas[0])
    factor = fitted.factor.copy()
    for number, (columns, covariance) in enumerate(
        zip(fitted.moments.layout.slices, fitted.covariances, strict=True)
    ):
        inside = [(p, v) for p, v in zip(held, points.T, strict=True) if p.block == number]
        if any(p.kind == "theta" for p, _ in inside):
            now = fitted.factor[columns, columns] / fitted.sigma
            relative, allowed = changed_factor(now, inside, sigmas)
            possible &= allowed
            factor[columns, columns] = sigma * relative[0]
        elif inside:
            sd, corr = standard_deviations(covariance)
            corr = np.nan_to_num(corr)
            for p, value in inside:
                if p.kind == "sd":
                    sd[p.i] = value[0]
                else:
                    corr[p.i, p.j] = corr[p.j, p.i] = value[0]
            possible &= np.linalg.eigvalsh(corr)[0] > IMPOSSIBLE
            if possible[0]:
                factor[columns, columns] = sd[:, None] * lower_triangle(semidefinite_root(corr))
    return (factor, sigma) if possible[0] else None


def estimate_at(
    fitted: Estimate, factor: Array, sigma: float, moved: Mapping[int, float], best: bool
) -> Estimate | None:
    """Estimates with another factor of the covariance and another sigma.

    Parameters
    ----------
    fitted : Estimate
        The fit.
    factor : (K, K) array
        In the user's units; any square root by blocks.
    sigma : float
    moved : dict of int to float
        Coefficients that are held, by number.
    best : bool
        Whether the other coefficients are at their best, or as in the fit.

    Returns
    -------
    Estimate or None
        None where the likelihood has no value.
    """
    moments, layout = fitted.moments, fitted.moments.layout
    Lambda = np.zeros_like(factor)
    for c in layout.slices:
        Lambda[c, c] = lower_triangle(factor[c, c] / sigma)
    half = moments.whitening @ Lambda
    if not np.abs(half).max(initial=0.0) < FURTHEST:
        return None
    try:
        solved = solve(half @ half.T, moments, fitted.reml)
    except np.linalg.LinAlgError:
        return None
    delta = _coefficients(fitted, solved, moved, best or fitted.reml)
    if delta is not solved.delta:
        solved = with_coefficients(solved, delta)
    value = solved.at_sigma2(sigma**2)
    if not np.isfinite(value):
        return None
    beta = moments.coefficients(solved.delta)
    for number, given in moved.items():
        beta[number] = given
    spread = np.linalg.inv(moments.basis.R) @ solved.root.T
    theta = layout.vector(Lambda)
    optimum = Optimum(
        theta=theta,
        T=_whitened(half, layout.slices),
        value=value,
        solved=solved,
        path=(),
        evaluations=1,
        converged=False,
        gradient=float("nan"),
        curvature=float("nan"),
        boundary=zero_directions(theta, layout),
        level=(),
        starts=0,
        agreeing=0,
        exhausted=False,
    )
    return Estimate(
        moments=moments,
        reml=fitted.reml,
        optimum=optimum,
        solved=solved,
        sigma=sigma,
        beta=beta,
        vcov=sigma**2 * (spread @ spread.T),
        factor=sigma * Lambda,
    )


def _whitened(half: Array, slices: Sequence[slice]) -> Array:
    out = np.zeros_like(half)
    for c in slices:
        out[c, c] = lower_triangle(half[c, c])
    return out


def _coefficients(
    fitted: Estimate, solved: AnySolved, moved: Mapping[int, float], best: bool
) -> Array:
    """Coefficients in basis coordinates, some held and the others at their best or as in the fit.

    With others at their best they are the generalised least-squares ones moved by
    ``C E (E' C E)^-1 (v - E' beta)``, with C the covariance of the coefficients and E the columns
    of the identity that pick those held at v.
    """
    moments = fitted.moments
    which = list(moved)
    given = np.array([moved[i] for i in which])
    if not best:
        away = given - fitted.beta[which]
        return fitted.solved.delta + moments.basis.R[:, which] @ away
    if not moved:
        return solved.delta
    spread = np.linalg.inv(moments.basis.R)[which] @ solved.root.T
    away = given - moments.coefficients(solved.delta)[which]
    return solved.delta + solved.root.T @ (spread.T @ np.linalg.solve(spread @ spread.T, away))


def with_coefficients(solved: AnySolved, delta: Array) -> AnySolved:
    """The likelihood with residuals from other coefficients than the best.

    Parameters
    ----------
    solved : Solved
        With the coefficients at their best.
    delta : (p,) array
        Others, in basis coordinates.

    Returns
    -------
    Solved
        ``q`` grows by the squared distance in the metric of X' V^-1 X, and ``u`` and ``modes`` are
        those of y - X beta.
    """
    away = delta - solved.delta
    farther = float(np.sum(np.linalg.solve(solved.root.T, away) ** 2)) if len(away) else 0.0
    q, d = solved.q + farther, solved.d - np.matmul(away, solved.D)
    if isinstance(solved, SolvedCrossed):
        return replace(solved, delta=delta, q=q, d=d, r2=solved.r2 - solved.X2 @ away)
    return replace(solved, delta=delta, q=q, d=d)
