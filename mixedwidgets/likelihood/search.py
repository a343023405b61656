"""The minimum of a function of which only values are known, inside a box.

Nelder and Mead's simplex (1965, Computer Journal 7, 308-313) finds the basin, past places where the
function has no value; Newton steps with extrapolated central differences then go to the bottom, in
coordinates in which the curvature found so far is the identity, so that the scales of the
parameters do not matter. Parameters that reach a bound are pinned there until a step inwards
lowers the function.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize as scipy_minimize

from mixedwidgets.likelihood.derivatives import Array, Derivatives, axis_step, differentiate
from mixedwidgets.likelihood.userfunction import OutOfCalls

Mask = NDArray[np.bool_]

MOST_STEPS = 100
MOST_ROUNDS = 50  # of reaching and leaving bounds
LEVELS = 4  # steps h, h/2, h/4, h/8 of the derivatives that are reported
NOISE = 1e-13  # rounding of the function, relative to 1 + |value|
GOOD = 1e-7  # distance from the bottom, in units of the step of differentiation, to stop at
ENOUGH = 1e-3  # ... that counts as the bottom
ROUGH = 1e-2  # error of second derivatives, relative, above which there are none
NEAR = 1e-6  # relative to 1 + |parameter|: steps below it that show nothing end at an edge
SNAP = 1e-6  # distance from a bound, in units of a parameter's step, that counts as on it


class Objective(Protocol):
    """What is minimised: a :class:`UserFunction`, or one with a parameter held."""

    start: Array

    def __call__(self, x: Array) -> float:
        """Evaluate."""

    def on_bound(self, x: Array) -> float:
        """Evaluate where the function need not be defined."""


@dataclass
class Problem:
    """A user's function in a box, remembering the best point seen.

    Attributes
    ----------
    function : Objective
    low, high : (p,) arrays
        Bounds, infinite where there are none; ends included.
    best : (p,) array
        Where the lowest value so far was found.
    value : float
        That value.
    differentiated : int
        How often derivatives were taken.
    visited : list of (str, (p,) array, float)
        Every place the search went to: how, where, and the value there.
    """

    function: Objective
    low: Array
    high: Array
    best: Array = field(init=False)
    value: float = field(default=np.inf, init=False)
    differentiated: int = field(default=0, init=False)
    visited: list[tuple[str, Array, float]] = field(default_factory=list, init=False)

    def __post_init__(self) -> None:
        self.best = self.function.start

    def __call__(self, x: Array) -> float:
        """Evaluate; infinite outside the box."""
        if np.any(x < self.low) or np.any(x > self.high):
            return np.inf
        edge = bool(np.any(x == self.low) or np.any(x == self.high))
        value = self.function.on_bound(x) if edge else self.function(x)
        if value < self.value:
            self.best, self.value = np.array(x), value
        return value

    def visit(self, how: str, x: Array, value: float) -> None:
        """Note that the search went to a place, unless it was there."""
        if not self.visited or not np.array_equal(self.visited[-1][1], x):
            self.visited.append((how, np.array(x), value))

    def room(self, x: Array) -> Array:
        """Distance (p,) to the nearer bound of each parameter."""
        return np.minimum(x - self.low, self.high - x)


@dataclass(frozen=True)
class Bottom:
    """Where a search ended.

    Attributes
    ----------
    x : (p,) array
    value : float
    status : str
        ``"smooth"`` where the gradient vanishes, ``"sloped"`` where it does not, ``"rough"`` where
        second derivatives do not settle as steps shrink, ``"edge"`` where the function is not
        defined on all sides, ``"exhausted"`` after too many calls.
    pinned : (p,) array of bool
        Parameters on a bound.
    axes : (p, k) array
        Directions, not touching the pinned parameters, along which the derivatives are.
    derivatives : Derivatives or None
        Of the function along ``axes``; None where there are none.
    slope : float
        Length of the Newton step in units of the step of differentiation.
    """

    x: Array
    value: float
    status: str
    pinned: Mask
    axes: Array
    derivatives: Derivatives | None
    slope: float

    @property
    def lengths(self) -> Array:
        """Steps (p,) of the parameters that suit differentiation, 0 where pinned."""
        return np.asarray(np.linalg.norm(self.axes, axis=1) * np.sqrt(2.0 * unit(self.value)))


def search(problem: Problem, x: Array) -> Bottom:
    """Find a minimum from a start at which the function is finite.

    Parameters
    ----------
    problem : Problem
    x : (p,) array

    Returns
    -------
    Bottom
    """
    try:
        value = problem(x)
        problem.visit("start", x, value)
        bottom = descend(problem, *simplex(problem, x, unit(value)))
        for _ in range(2):
            if bottom.status == "smooth":
                break
            tight = 1e-12 * (1.0 + abs(bottom.value))
            again = descend(problem, *simplex(problem, bottom.x, tight))
            gain = bottom.value - again.value
            bottom = again
            if gain <= 1e-9 * (1.0 + abs(bottom.value)):
                break
        return bottom
    except OutOfCalls:
        return exhausted(problem)


def exhausted(problem: Problem) -> Bottom:
    """What there is when no more calls are allowed."""
    p = len(problem.best)
    pinned = problem.room(problem.best) == 0.0
    return Bottom(problem.best, problem.value, "exhausted", pinned, np.zeros((p, 0)), None, np.inf)


def unit(value: float) -> float:
    """Change of the function that steps of differentiation make.

    Half a unit of log-likelihood is a standard error; less where the function is small enough to
    resolve it, or is an average and not a sum.
    """
    return min(0.5, 1e-4 * max(1.0, abs(value)))


def simplex(problem: Problem, x: Array, tolerance: float) -> tuple[Array, float]:
    """Nelder and Mead's search until the values at the corners agree within ``tolerance``.

    Outside the box the function counts as infinite: corners moved onto a bound would flatten the
    simplex against it.
    """
    p = len(x)
    corners = np.vstack([x, x + np.diag(_first_steps(problem, x))])
    scipy_minimize(
        problem,
        x,
        method="Nelder-Mead",
        callback=lambda _: problem.visit("simplex", problem.best, problem.value),
        options={
            "initial_simplex": corners,
            "fatol": tolerance,
            "xatol": np.inf,
            "maxfev": 200 * p,
            "adaptive": p > 4,
        },
    )
    return problem.best, problem.value


def _first_steps(problem: Problem, x: Array) -> Array:
    """Steps (p,) of a tenth of each parameter, inside the box and to where there are values."""
    steps = np.where(x == 0.0, 0.1, 0.1 * np.abs(x))
    steps = np.minimum(steps, 0.25 * (problem.high - problem.low))
    steps = np.where(x + steps > problem.high, -steps, steps)
    for i in range(len(x)):
        for _ in range(10):
            if np.isfinite(problem(x + steps[i] * np.eye(len(x))[i])):
                break
            other = x - steps[i] * np.eye(len(x))[i]
            steps[i] *= -1.0 if np.isfinite(problem(other)) else 0.25
    return steps


def descend(
    problem: Problem,
    x: Array,
    value: float,
    first: Array | None = None,
    levels: int = LEVELS,
) -> Bottom:
    """Go to the bottom by Newton steps from a point in its basin.

    Parameters
    ----------
    problem : Problem
    x, value : (p,) array, float
        Where to start, and the function there.
    first : (p,) array, optional
        What :attr:`Bottom.lengths` of a similar function were.
    levels : int
        Steps of differentiation, halved each time, at the end.

    Returns
    -------
    Bottom
    """
    target = unit(value)
    guess = np.maximum(1e-3 * np.abs(x), 1e-4)
    guess = guess if first is None else np.where(first > 0.0, first, guess)
    lengths = _lengths(problem, x, value, guess, target)
    for _ in range(MOST_ROUNDS):
        x, value = _snap(problem, x, value, lengths)
        problem.visit("bound", x, value)
        pinned = problem.room(x) == 0.0
        bottom = _newton(problem, x, value, pinned, lengths, target, levels)
        x, value = bottom.x, bottom.value
        if np.any((problem.room(x) == 0.0) != pinned):
            continue
        freed = _release(problem, x, value, pinned, lengths)
        if freed is None:
            break
        x, value = freed
        problem.visit("bound", x, value)
    return bottom


def _lengths(problem: Problem, x: Array, value: float, first: Array, target: float) -> Array:
    """Step (p,) of each parameter that changes the function by about ``target``."""
    room = problem.room(x)
    wide = problem.high - problem.low
    steps = np.empty(len(x))
    for i in range(len(x)):
        limit = 0.9 * room[i] if room[i] > 0.0 else 0.9 * wide[i]
        steps[i] = axis_step(problem, x, value, i, float(first[i]), float(limit), target)
    return steps


def _snap(problem: Problem, x: Array, value: float, lengths: Array) -> tuple[Array, float]:
    """Put parameters that are next to a bound on it where that costs nothing."""
    for i in np.flatnonzero((problem.room(x) > 0.0) & np.isfinite(problem.room(x))):
        ends = (problem.low[i], problem.high[i])
        end = min(ends, key=lambda e: abs(x[i] - e))
        moved = x.copy()
        moved[i] = end
        # a length was found within the room there was, so that it says little next to a bound
        if abs(x[i] - end) <= SNAP * max(lengths[i], 1e-3 * (1.0 + abs(end))):
            there = problem(moved)
            if there <= value + NOISE * (1.0 + abs(value)):
                x, value = moved, there
    return x, value


def _release(
    problem: Problem, x: Array, value: float, pinned: Mask, lengths: Array
) -> tuple[Array, float] | None:
    """Leave a bound where the function falls inwards; None where it falls nowhere."""
    for i in np.flatnonzero(pinned):
        inwards = 1.0 if x[i] == problem.low[i] else -1.0
        for size in (1.0, 0.1, 1e-2, 1e-4):
            moved = x.copy()
            moved[i] += inwards * size * lengths[i]
            there = problem(moved)
            if there < value - NOISE * (1.0 + abs(value)):
                return moved, there
    return None


def _newton(
    problem: Problem,
    x: Array,
    value: float,
    pinned: Mask,
    lengths: Array,
    target: float,
    levels: int,
) -> Bottom:
    """Newton steps in the parameters that are not pinned, until one more would change nothing."""
    h = np.sqrt(2.0 * target)
    axes = np.diag(lengths / h)[:, ~pinned]
    slope, fine, status = np.inf, False, "sloped"
    found: Derivatives | None = None
    for _ in range(MOST_STEPS if axes.shape[1] else 0):
        steps = np.minimum(h, _reach(problem, x, axes))
        found = differentiate(problem, x, value, axes, steps, levels if fine else 1)
        problem.differentiated += 1
        if found is None or _is_edge(found, x, value, axes):
            found = None
            status = "edge"
            break
        turn, size = _curvature(found.hessian)
        move = -(turn.T @ found.gradient) / size
        before, slope = slope, float(np.linalg.norm(move * np.sqrt(size)) / h)
        if fine and (slope <= GOOD or (slope <= ENOUGH and slope > 0.3 * before)):
            break
        there = _step(problem, x, value, axes @ turn @ move, near=fine and slope < 1.0)
        if there is None:
            if fine:
                break
            fine = True
            continue
        x, value = there
        problem.visit("Newton", x, value)
        if np.any((problem.room(x) == 0.0) != pinned):
            break
        fine = fine or slope < 0.1
        axes = axes @ turn / np.sqrt(size)
    else:
        found = None  # no steps, or so many that these are not derivatives of this point
        slope = 0.0 if not axes.shape[1] else slope
    if found is not None and _is_rough(found):
        status = "rough"
    elif status != "edge" and slope <= ENOUGH and (found is not None or not axes.shape[1]):
        status = "smooth"
    return Bottom(x, value, status, pinned, axes, found, slope)


def _is_edge(found: Derivatives, x: Array, value: float, axes: Array) -> bool:
    """Whether places with values are so near that nothing can be seen between them."""
    seen = np.abs(np.diag(found.hessian)) * found.steps**2
    moved = np.max(np.abs(axes) * found.steps / (1.0 + np.abs(x))[:, None], axis=0)
    blind = seen < 10.0 * NOISE * (1.0 + abs(value))
    return bool(np.any(blind & (moved < NEAR)) or not np.all(np.isfinite(found.hessian)))


def _is_rough(found: Derivatives) -> bool:
    """Whether second derivatives depend on the step, as next to a kink or a jump."""
    size = np.sqrt(np.abs(np.diag(found.hessian)))
    allowed = ROUGH * np.maximum(np.outer(size, size), 1e-6)
    return bool(np.isfinite(found.error).all() and np.any(found.error > allowed))


def _curvature(hessian: Array) -> tuple[Array, Array]:
    """Eigenvectors, and sizes of the eigenvalues, kept away from zero."""
    values, vectors = np.linalg.eigh(hessian)
    sizes = np.abs(values)
    return vectors, np.maximum(sizes, max(1e-4, 1e-8 * float(sizes.max(initial=0.0))))


def _reach(problem: Problem, x: Array, axes: Array) -> Array:
    """How far (k,) one can go along two axes at once, to both sides, inside the box."""
    room = problem.room(x)[:, None]
    with np.errstate(divide="ignore", invalid="ignore"):
        far = np.where(axes == 0.0, np.inf, room / np.abs(axes))
    return np.asarray(0.45 * far.min(axis=0))


def _step(
    problem: Problem, x: Array, value: float, move: Array, near: bool
) -> tuple[Array, float] | None:
    """Take a step, shortened until it goes down or, before that, lengthened while it does."""
    if near:
        there = problem(x + move)
        if there <= value + 10.0 * NOISE * (1.0 + abs(value)):
            return x + move, there
    share = 1.0
    for _ in range(40):
        moved = np.clip(x + share * move, problem.low, problem.high)
        there = problem(moved)
        if there < value:
            break
        share *= 0.4
    else:
        return None
    while share >= 1.0:
        further = np.clip(x + 2.0 * share * move, problem.low, problem.high)
        beyond = problem(further)
        if not beyond < there - 0.1 * abs(value - there):
            break
        share, moved, there = 2.0 * share, further, beyond
    return moved, there
