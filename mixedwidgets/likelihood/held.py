"""Likelihood-ratio limits: one parameter held, the others at their best."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq

from mixedwidgets.likelihood.derivatives import Array
from mixedwidgets.likelihood.search import Objective, Problem, descend
from mixedwidgets.likelihood.userfunction import OutOfCalls

LEVELS = 2  # steps of differentiation: the value at the bottom needs fewer than derivatives do
FURTHEST = 80  # steps, each four times the last, before a limit counts as infinite


@dataclass
class Held:
    """A function of the parameters but one, which is held at a value.

    Attributes
    ----------
    function : Objective
        Of all p parameters.
    i : int
        The one that is held.
    at : float
        Its value.
    start : (p - 1,) array
    """

    function: Objective
    i: int
    at: float
    start: Array

    def __call__(self, x: Array) -> float:
        """Evaluate."""
        return self.function(np.insert(x, self.i, self.at))

    def on_bound(self, x: Array) -> float:
        """Evaluate where the function need not be defined."""
        return self.function.on_bound(np.insert(x, self.i, self.at))


@dataclass
class Profile:
    """The function of one parameter that is left when the others are at their best.

    Attributes
    ----------
    problem : Problem
    i : int
    others : (p - 1,) array
        Where the others last were; each search starts there.
    lengths : (p - 1,) array or None
        Steps that suited them there.
    """

    problem: Problem
    i: int
    others: Array
    lengths: Array | None = None

    def __call__(self, at: float) -> float:
        """Evaluate; infinite where the function has no value."""
        low, high = (np.delete(b, self.i) for b in (self.problem.low, self.problem.high))
        on_bound = at in (self.problem.low[self.i], self.problem.high[self.i])
        held = Held(self.problem.function, self.i, at, self.others)
        start = held.on_bound(self.others) if on_bound else held(self.others)
        if not len(self.others) or not np.isfinite(start):
            return start
        bottom = descend(Problem(held, low, high), self.others, start, self.lengths, LEVELS)
        self.others, self.lengths = bottom.x, bottom.lengths
        return bottom.value


def limit(
    problem: Problem, x: Array, value: float, i: int, drop: float, step: float
) -> tuple[float, str]:
    """Find where the profile has risen by ``drop`` above ``value``.

    Parameters
    ----------
    problem : Problem
    x, value : (p,) array, float
        The bottom.
    i : int
        Parameter.
    drop : float
        Above 0.
    step : float
        First step, negative for the lower limit.

    Returns
    -------
    limit : float
        A bound where that is reached first, infinite where none is found.
    why : str
        In words where it is one of these, else empty.
    """
    profile = Profile(problem, i, np.delete(x, i))
    bound = float(problem.low[i] if step < 0.0 else problem.high[i])
    inside = float(x[i])
    if inside == bound:
        return bound, "the estimate is on the bound"

    def excess(at: float) -> float:
        """Root of the rise, for it is nearly linear; cut off where there are no values."""
        return min(math.sqrt(max(profile(at) - value, 0.0) / drop) - 1.0, 3.0)

    try:
        for _ in range(FURTHEST):
            beyond = inside + step
            over = (beyond - bound) * np.sign(step) >= 0.0
            beyond = bound if over else beyond
            if excess(beyond) >= 0.0:
                return float(brentq(excess, inside, beyond, xtol=1e-10 * abs(step), rtol=1e-10)), ""
            if over:
                return bound, "the bound is within the interval"
            inside, step = beyond, 4.0 * step
    except OutOfCalls:
        return float("nan"), "the function was called too often"
    infinite = float(np.copysign(np.inf, step))
    return infinite, "the likelihood never falls below the limit on this side"
