"""A search that stops where R's ``optim(method = "L-BFGS-B", hessian = TRUE)`` stops.

The limited-memory quasi-Newton method in a box of Byrd, Lu, Nocedal and Zhu (1995, SIAM Journal on
Scientific Computing 16, 1190-1208) with the settings of R's ``optim``: central differences with
steps of 0.001 for the gradient, one-sided ones at a bound; it stops when a step lowers the function
by less than 1e7 times the precision of the machine. So it ends near the minimum, not at it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize as scipy_minimize

from mixedwidgets.likelihood.derivatives import Array
from mixedwidgets.likelihood.search import Mask, Problem

STEP = 1e-3  # of the differences
FACTOR = 1e7  # times the precision of the machine: the relative fall to stop at
MEMORY = 5  # corrections that the approximation of the Hessian keeps
MOST_ITERATIONS = 100

REDUCED = "CONVERGENCE: REL_REDUCTION_OF_F <= FACTR*EPSMCH"


@dataclass(frozen=True)
class Stop:
    """Where the search stopped.

    Attributes
    ----------
    x : (p,) array
    value : float
    evaluations : int
        Of function and gradient together, as ``optim`` counts them.
    convergence : int
        0 converged, 1 the most iterations, 52 otherwise: ``optim``'s codes.
    message : str
        As ``optim`` words it.
    hessian : (p, p) array
        By differences of the gradient; NaN where the function has no value beside the end.
    """

    x: Array
    value: float
    evaluations: int
    convergence: int
    message: str
    hessian: Array


def stop(problem: Problem, start: Array) -> Stop:
    """Search as ``optim`` does.

    Parameters
    ----------
    problem : Problem
    start : (p,) array
        In the box, where the function is finite.

    Returns
    -------
    Stop
    """
    evaluations = 0

    def both(x: Array) -> tuple[float, Array]:
        nonlocal evaluations
        evaluations += 1
        value = problem(x)
        problem.visit("L-BFGS-B", x, value)
        return value, gradient(problem, x)

    found = scipy_minimize(
        both,
        start,
        jac=True,
        method="L-BFGS-B",
        bounds=list(zip(problem.low, problem.high, strict=True)),
        options={
            "maxcor": MEMORY,
            "ftol": FACTOR * np.finfo(float).eps,
            "gtol": 0.0,
            "maxiter": MOST_ITERATIONS,
        },
    )
    x = np.asarray(found.x, dtype=np.float64)
    done = bool(found.success)
    return Stop(
        x=x,
        value=float(found.fun),
        evaluations=evaluations,
        convergence=0 if done else 1 if found.status == 1 else 52,
        message=REDUCED if done else str(found.message),
        hessian=hessian(problem, x),
    )


def gradient(problem: Problem, x: Array) -> Array:
    """Central differences, (p,); beside a bound the step ends there."""
    slope = np.empty(len(x))
    for i in range(len(x)):
        above, below = np.array(x), np.array(x)
        above[i] = min(x[i] + STEP, problem.high[i])
        below[i] = max(x[i] - STEP, problem.low[i])
        slope[i] = (problem(above) - problem(below)) / (above[i] - below[i])
    return slope


def hessian(problem: Problem, x: Array) -> Array:
    """Differences of the gradient, (p, p), made symmetric."""
    p = len(x)
    rows = np.empty((p, p))
    for i in range(p):
        beside = STEP * np.eye(p)[i]
        with np.errstate(invalid="ignore"):
            rows[i] = (gradient(problem, x + beside) - gradient(problem, x - beside)) / (2.0 * STEP)
    symmetric = 0.5 * (rows + rows.T)
    return np.where(np.isfinite(symmetric), symmetric, np.nan)


def inverse(matrix: Array, free: Mask) -> Array:
    """Inverse of the part of a matrix that is free, (p, p); NaN where there is none."""
    out = np.full_like(matrix, np.nan)
    part = matrix[np.ix_(free, free)]
    if not np.isfinite(part).all():
        return out
    try:
        np.linalg.cholesky(part)
    except np.linalg.LinAlgError:
        return out
    out[np.ix_(free, free)] = np.linalg.inv(part)
    return out
