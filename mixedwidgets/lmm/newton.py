"""A Newton minimiser that leaves saddle points and needs no bounds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.linalg.lapack import dposv

from mixedwidgets.lmm.linalg import Array
from mixedwidgets.lmm.small import eigen

# x -> value, gradient (k,), Hessian (k, k)
Objective = Callable[[Array], tuple[float, Array, Array]]

# told of every accepted point and its value, the start included
Watch = Callable[[Array, float], None]

STATIONARY = 1e-13  # Newton decrement, relative to 1 + |value|, below which a point is stationary
EXACT = 1e-12  # step, relative to the point, after which another one would tell rounding only
POLISH = 2  # steps from a stationary point: the first may start far enough for a second to tell
CLOSE = 1e-3  # decrement at which the quadratic model of a minimum can be relied on
NEAR = 0.25  # first step, relative to the point, that the Hessian can be trusted with
SOLID = 1e-5  # share of a curvature beside earlier ones from which on a Hessian is definite
NEGATIVE = 1e-7  # curvature, after scaling to unit diagonal, that counts as downhill at a saddle


@dataclass(frozen=True)
class Minimum:
    """Where a minimisation ended.

    Attributes
    ----------
    x : (k,) array
        The point.
    value : float
        The objective there.
    gradient, hessian : (k,), (k, k) arrays
        Its derivatives there.
    path : tuple of ((k,) array, float)
        Every accepted point with its value, the start included.
    evaluations : int
        How often the objective was evaluated.
    converged : bool
        Whether the point is stationary and not a saddle point.
    abandoned : bool
        Whether the search ended where it could no longer beat a value known; ``value`` is then
        what the quadratic model promises.
    """

    x: Array
    value: float
    gradient: Array
    hessian: Array
    path: tuple[tuple[Array, float], ...]
    evaluations: int
    converged: bool
    abandoned: bool = False


def minimise(
    objective: Objective,
    start: Array,
    max_steps: int = 100,
    tolerance: float = STATIONARY,
    watch: Watch | None = None,
    polish: bool = True,
    scoring: Callable[[Array], Array] | None = None,
    known: float = -np.inf,
) -> Minimum:
    """Minimise a twice differentiable function from a start.

    Steps solve the Newton equations with the Hessian's eigenvalues made positive, after scaling to
    unit diagonal, and are halved until the function falls (Nocedal and Wright 2006, Numerical
    Optimization, section 3.4). Where the gradient vanishes but the Hessian has a negative
    eigenvalue, the next step follows its eigenvector: for variance components zero is always
    stationary, so this check decides between a boundary optimum and a trap.

    Parameters
    ----------
    objective : callable
        ``x -> (value, gradient, Hessian)``; an infinite value marks a forbidden point.
    start : (k,) array
        A point with a finite value.
    max_steps : int
        Accepted steps at most.
    tolerance : float
        Newton decrement, relative to 1 + |value|, at which a point counts as stationary.
    watch : callable, optional
        Told of every accepted point and its value.
    polish : bool
        Take one or two more steps from a stationary point, below the resolution of the value.
    scoring : callable, optional
        ``x -> (k, k) array``, a positive semidefinite stand-in for the Hessian, such as Fisher's
        information: a first step that leads far away is solved with it.
    known : float
        A value that is to be beaten: a search that comes close to a minimum which does not is
        abandoned.

    Returns
    -------
    Minimum
    """
    x = np.array(start, dtype=np.float64)
    value, gradient, hessian = objective(x)
    evaluations = 1
    path = [(x, value)]
    if watch is not None:
        watch(x, value)
    converged = len(x) == 0
    if not np.isfinite(value):
        return Minimum(x, value, gradient, hessian, tuple(path), evaluations, False)
    escapes = 0
    while not converged:
        step, decrement, downhill = _direction(gradient, hessian)
        beaten = np.isfinite(known) and value - decrement > known - CLOSE
        if beaten and decrement < CLOSE and downhill is None:
            promised = value - 0.5 * decrement
            return Minimum(x, promised, gradient, hessian, tuple(path), evaluations, True, True)
        if decrement <= tolerance * (1.0 + abs(value)):
            if downhill is None or escapes >= 5:
                converged = downhill is None
                for _ in range(POLISH if polish else 0):
                    if np.abs(step).max() <= EXACT * np.abs(x).max():
                        break
                    evaluations += 1
                    better = _polish(objective, x, value, gradient, step)
                    if better is None:
                        break
                    x, value, gradient, hessian = better
                    step, _, _ = _direction(gradient, hessian)
                break
            escapes += 1
            step = downhill * max(0.1, 0.1 * float(np.abs(x).max()))
        elif scoring is not None and len(path) == 1 and _far(step, x, downhill):
            step, _, _ = _direction(gradient, scoring(x))
        if len(path) > max_steps:
            break
        found, used = _line_search(objective, x, value, step)
        evaluations += used
        if found is None:
            converged = decrement <= 1e-8 * (1.0 + abs(value)) and downhill is None
            break
        x, value, gradient, hessian = found
        path.append((x, value))
        if watch is not None:
            watch(x, value)
    return Minimum(x, value, gradient, hessian, tuple(path), evaluations, converged)


def _far(step: Array, x: Array, downhill: Array | None) -> bool:
    """Whether a first step leads far from where it starts, for what the Hessian there tells."""
    return downhill is not None or bool(np.abs(step).max() > NEAR * np.abs(x).max())


def _direction(gradient: Array, hessian: Array) -> tuple[Array, float, Array | None]:
    """Newton step, its decrement, and an eigenvector of negative curvature or None."""
    factor, step, failed = dposv(hessian, -gradient, lower=1)
    if not failed and (factor.diagonal() ** 2 > SOLID * hessian.diagonal()).all():
        return step, -float(gradient @ step), None
    return _direction_by_curvature(gradient, hessian)


def _direction_by_curvature(gradient: Array, hessian: Array) -> tuple[Array, float, Array | None]:
    """The same where the Hessian is not clearly positive definite."""
    diagonal = np.abs(np.diag(hessian))
    largest = diagonal.max(initial=0.0)
    if not largest > 0.0:
        return -gradient, float(gradient @ gradient), None
    scale = 1.0 / np.sqrt(np.maximum(diagonal, 1e-14 * largest))
    values, vectors = eigen(hessian * (scale[:, None] * scale))
    along = vectors.T @ (gradient * scale)
    positive = np.maximum(np.abs(values), 1e-9)
    step = -(vectors @ (along / positive)) * scale
    downhill = None
    if values[0] < -NEGATIVE:
        downhill = vectors[:, 0] * scale
        downhill = downhill / np.abs(downhill).max()
        if downhill @ gradient > 0.0:
            downhill = -downhill
    return step, float(np.sum(along**2 / positive)), downhill


def _line_search(
    objective: Objective, x: Array, value: float, step: Array
) -> tuple[tuple[Array, float, Array, Array] | None, int]:
    """Halve the step until the objective does not rise beyond its own rounding."""
    noise = 4.0 * np.finfo(float).eps * abs(value)
    for halving in range(30):
        candidate = x + step * 0.5**halving
        new, gradient, hessian = objective(candidate)
        if np.isfinite(new) and new <= value + noise:
            return (candidate, new, gradient, hessian), halving + 1
    return None, 30


def _polish(
    objective: Objective, x: Array, value: float, gradient: Array, step: Array
) -> tuple[Array, float, Array, Array] | None:
    """Take a last Newton step, below the resolution of the value, if it shrinks the gradient."""
    candidate = x + step
    new, new_gradient, new_hessian = objective(candidate)
    noise = 64.0 * np.finfo(float).eps * (1.0 + abs(value))
    if new <= value + noise and np.abs(new_gradient).max() <= np.abs(gradient).max():
        return candidate, new, new_gradient, new_hessian
    return None
