"""First and second derivatives of a function of which only values are known.

Central differences in a few directions at steps h, h/2, h/4, ..., extrapolated to h = 0
(Richardson), element by element from the step and order whose estimated error is smallest
(Ridders 1982, Advances in Engineering Software 4, 75-76). The steps are chosen by what they do to
the function, never by the size of a parameter, and stay where it has finite values.

``scipy.differentiate.hessian`` nests first derivatives: it took 6,561 evaluations of the wheat
example's likelihood, where 48 do here, needs a function that broadcasts, and steps out of the range
of a variance near zero, which makes its answer NaN.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Function = Callable[[Array], float]

HALVINGS = 40


@dataclass(frozen=True)
class Derivatives:
    """Derivatives along k directions.

    Attributes
    ----------
    gradient : (k,) array
    hessian : (k, k) array
    error : (k, k) array
        Estimated absolute errors of ``hessian``; infinite after a single step.
    steps : (k,) array
        The largest steps taken.
    """

    gradient: Array
    hessian: Array
    error: Array
    steps: Array


def differentiate(
    function: Function, x: Array, value: float, axes: Array, steps: Array, levels: int
) -> Derivatives | None:
    """Differentiate along the columns of ``axes``.

    Parameters
    ----------
    function : callable
        Of a (p,) array; infinite where it is not defined.
    x : (p,) array
    value : float
        ``function(x)``, finite.
    axes : (p, k) array
        Directions; derivatives are with respect to multiples of each.
    steps : (k,) array
        Largest step along each, halved where a value is not finite.
    levels : int
        Number of steps h, h/2, h/4, ...; each takes k (k + 1) evaluations.

    Returns
    -------
    Derivatives or None
        None where no step leads to finite values on both sides.
    """
    for _ in range(HALVINGS):
        first = _differences(function, x, value, axes, steps)
        if first is not None:
            break
        steps = 0.5 * steps
    else:
        return None
    table = [first]
    for level in range(1, levels):
        finer = _differences(function, x, value, axes, steps * 0.5**level)
        if finer is None:
            break
        table.append(finer)
    best, error = extrapolate(np.array(table))
    return Derivatives(best[0], best[1:], error[1:], steps)


def extrapolate(rows: Array) -> tuple[Array, Array]:
    """Extrapolate estimates at steps h, h/2, h/4, ... whose errors are even powers of h.

    Parameters
    ----------
    rows : (levels, ...) array

    Returns
    -------
    best, error : (...) arrays
        Of each element the entry of the tableau that differs least from its two predecessors, and
        that difference.
    """
    best, error = rows[0].copy(), np.full(rows[0].shape, np.inf)
    previous = [rows[0]]
    for row in rows[1:]:
        current = [row]
        for order in range(1, len(previous) + 1):
            weight = 4.0**order
            finer, coarser = current[order - 1], previous[order - 1]
            candidate = (weight * finer - coarser) / (weight - 1.0)
            gap = np.maximum(np.abs(candidate - finer), np.abs(candidate - coarser))
            better = gap <= error
            best, error = np.where(better, candidate, best), np.where(better, gap, error)
            current.append(candidate)
        previous = current
    return best, error


def _differences(
    function: Function, x: Array, value: float, axes: Array, steps: Array
) -> Array | None:
    """Central differences at one step, the gradient (k,) on top of the Hessian (k, k)."""
    moves = axes * steps
    k = moves.shape[1]
    up, down = np.empty(k), np.empty(k)
    for i in range(k):
        up[i] = function(x + moves[:, i])
        down[i] = function(x - moves[:, i]) if np.isfinite(up[i]) else np.inf
        if not np.isfinite(down[i]):
            return None
    second = np.diag(up - value + (down - value))
    for i in range(k):
        for j in range(i):
            both = moves[:, i] + moves[:, j]
            ahead = function(x + both)
            behind = function(x - both) if np.isfinite(ahead) else np.inf
            if not np.isfinite(behind):
                return None
            mixed = (ahead - value) + (behind - value) - second[i, i] - second[j, j]
            second[i, j] = second[j, i] = 0.5 * mixed
    return np.vstack([0.5 * (up - down) / steps, second / np.outer(steps, steps)])


def axis_step(
    function: Function, x: Array, value: float, i: int, first: float, room: float, target: float
) -> float:
    """Find a step along one parameter that changes the function by about ``target``.

    Parameters
    ----------
    function, x, value
        As for :func:`differentiate`.
    i : int
        Which parameter.
    first : float
        Step to try first, above 0.
    room : float
        Largest step allowed to both sides.
    target : float
        Change sought, met within a factor of 10.

    Returns
    -------
    float
        At most ``room``; the largest tried where nothing changes the function enough.
    """
    step = min(first, room)
    best = step
    for _ in range(HALVINGS):
        unit = np.zeros(len(x))
        unit[i] = step
        change = max(abs(function(x + unit) - value), abs(function(x - unit) - value))
        if np.isfinite(change):
            best = step
        if 0.1 * target <= change <= 10.0 * target:
            break
        factor = 0.25 if not np.isfinite(change) else np.sqrt(target / max(change, 1e-300))
        step = min(step * float(np.clip(factor, 0.01, 30.0)), room)
        if step == best or step > 1e9 * max(first, abs(float(x[i]))):
            break
    return best
